"""Channels by number."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import ChannelSelection
from tsdeep.models import receptive_field

X = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")


def test_channels_come_in_the_order_given():
    np.testing.assert_array_equal(ChannelSelection((3, 0, 3))(X), X[..., [3, 0, 3]])
    np.testing.assert_array_equal(ChannelSelection((1,))(X[:, -1]), X[:, -1, 1:2])


def test_it_reads_each_row_alone():
    inputs = keras.Input((6, 4))
    assert receptive_field(keras.Model(inputs, ChannelSelection((2,))(inputs))) == 1


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ((), r"indices: found \(\), expected one or more"),
        ((-1,), r"indices: found \(-1,\)"),
        ((0.5,), r"indices: found \(0.5,\)"),
        ((1, 4), "indices: found 4 for 4 channels, counted from 0"),
    ],
)
def test_channels_that_are_not_there_are_refused(indices, message):
    with pytest.raises(ValueError, match=message):
        ChannelSelection(indices)(X)
