"""Patches of rows, by slices."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import Patches

X = np.random.default_rng(0).normal(size=(2, 17, 3)).astype("float32")


@pytest.mark.parametrize(("rows", "stride"), [(5, 3), (4, 4), (17, 2), (1, 1), (6, 5), (16, 16)])
def test_patches_end_at_the_newest_row_and_the_oldest_row_fills_the_front(rows, stride):
    longer = np.concatenate([np.repeat(X[:, :1], 17, axis=1), X], axis=1)
    expected, end = [], 34
    while True:
        expected.insert(0, longer[:, end - rows : end])
        if end - rows <= 17:  # the patch has reached the oldest row
            break
        end -= stride
    layer = Patches(rows, stride)
    cut = np.asarray(layer(X))
    np.testing.assert_array_equal(cut, np.stack(expected, axis=1).transpose(0, 3, 1, 2))
    assert layer.compute_output_shape(X.shape) == cut.shape
    np.testing.assert_array_equal(cut[:, :, -1, -1], X[:, -1])


@pytest.mark.parametrize(
    ("rows", "stride", "message"),
    [
        (0, 1, "rows: found 0"),
        (4, 0, "stride: found 0"),
        (4, 5, "stride: found 5 for patches of 4 rows, which would skip rows"),
        (18, 2, "patches of 18 rows: found 17 rows"),
    ],
)
def test_what_cannot_be_cut_is_refused(rows, stride, message):
    with pytest.raises(ValueError, match=message):
        Patches(rows, stride)(X)
    with pytest.raises(ValueError, match="patches of 4 rows: found None rows"):
        Patches(4, 2)(keras.Input((None, 3)))
