"""Pooling of rows in groups that end at the newest, by a loop."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import RowPooling

X = np.random.default_rng(0).normal(size=(2, 11, 3)).astype("float32")


@pytest.mark.parametrize(("mode", "reduce"), [("mean", np.mean), ("max", np.max)])
@pytest.mark.parametrize("rate", [1, 2, 3, 5, 11, 20])
def test_groups_are_counted_back_from_the_newest_row_and_the_oldest_may_have_fewer(rate, mode, reduce):
    groups = []
    end = 11
    while end > 0:
        groups.insert(0, reduce(X[:, max(end - rate, 0) : end], axis=1))
        end -= rate
    layer = RowPooling(rate, mode)
    np.testing.assert_allclose(layer(X), np.stack(groups, axis=1), rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape((None, 11, 3)) == (None, len(groups), 3)


def test_maxima_of_half_precision_stay_finite_below_zero():
    low = RowPooling(4, "max", dtype="float16")(-1000 * np.ones((1, 5, 1), "float16"))
    np.testing.assert_array_equal(low, -1000 * np.ones((1, 2, 1)))


def test_what_cannot_be_pooled_is_refused():
    with pytest.raises(ValueError, match="rate: found 0"):
        RowPooling(0)
    with pytest.raises(ValueError, match="mode: found 'min', expected one of mean, max"):
        RowPooling(2, "min")
    with pytest.raises(ValueError, match="expected a known number of rows"):
        RowPooling(2)(keras.Input((None, 3)))
