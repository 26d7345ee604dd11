"""Positional encodings against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tsdeep.layers import LearnedPosition, SinusoidalPosition


@pytest.mark.parametrize("channels", [6, 7])
def test_sinusoidal_positions_are_those_of_the_formula(channels):
    x = np.random.default_rng(0).normal(size=(2, 300, channels)).astype("float32")
    added = np.asarray(SinusoidalPosition(max_wavelength=1000.0)(x)) - x
    for position in (0, 1, 7, 299):
        for channel in range(channels):
            angle = position / 1000.0 ** ((channel - channel % 2) / channels)
            expected = math.cos(angle) if channel % 2 else math.sin(angle)
            assert added[0, position, channel] == pytest.approx(expected, abs=5e-5)


def test_learned_positions_are_added_and_end_at_the_newest_row():
    layer = LearnedPosition()
    x = np.zeros((2, 9, 4), "float32")
    layer.build(x.shape)
    (position,) = layer.get_weights()
    np.testing.assert_array_equal(layer(x)[1], position)
    np.testing.assert_array_equal(layer(x[:, :5])[0], position[4:])


def test_learned_positions_need_a_number_of_rows():
    with pytest.raises(ValueError, match="open number of rows"):
        LearnedPosition().build((None, None, 4))


def test_a_wavelength_base_of_one_is_refused():
    with pytest.raises(ValueError, match="max_wavelength: found 1"):
        SinusoidalPosition(max_wavelength=1)
