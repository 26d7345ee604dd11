"""Straight lines between knots, by NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import RowInterpolation

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("knots", "rows"), [(2, 7), (3, 50), (4, 4), (10, 50), (6, 4)])
def test_rows_lie_on_the_lines_between_knots(knots, rows):
    values = RNG.normal(size=(2, knots, 3)).astype("float32")
    drawn = np.asarray(RowInterpolation(rows)(values))
    place = np.linspace(0, 1, rows)
    for sample in range(2):
        for channel in range(3):
            line = np.interp(place, np.linspace(0, 1, knots), values[sample, :, channel])
            np.testing.assert_allclose(drawn[sample, :, channel], line, atol=1e-5)


def test_as_many_knots_as_rows_are_the_rows():
    values = RNG.normal(size=(2, 9, 3)).astype("float32")
    np.testing.assert_array_equal(RowInterpolation(9)(values), values)


def test_one_knot_is_every_row():
    np.testing.assert_array_equal(RowInterpolation(4)(np.full((1, 1, 2), 3.0)), np.full((1, 4, 2), 3.0))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="rows: found 0"):
        RowInterpolation(0)
    with pytest.raises(ValueError, match="expected a known number of knots"):
        RowInterpolation(4)(keras.Input((None, 3)))
