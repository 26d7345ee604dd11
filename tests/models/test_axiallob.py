"""Axial-LOB: its size, added up layer by layer, and indifference to the order of the features."""

from __future__ import annotations

import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")


def attention(units=32, heads=4, length=40):
    width = units // heads
    norms = 2 * (2 * units) + 2 * (3 * heads) + 2 * (2 * units)
    return units * 2 * units + (2 * length - 1) * 2 * width + 4 + norms


def mixed(inputs, outputs):
    return inputs * outputs + outputs + 2 * outputs


#: Of the public port, LOBCAST's; it normalises every projection once more: 2 * 64 in each of 4 attentions.
PORT = 4 * (attention() + 2 * 64) + 2 * mixed(1, 32) + 2 * mixed(32, 4) + (1600 * 3 + 3)


def test_trained_parameters_are_the_public_ports_less_its_second_normalisation():
    # The paper states 9,615 for its network, whose sizes are not public.
    model = tsdeep.build("axiallob", input_shape=(40, 40), task=TASK)
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    assert PORT == 20_235
    assert trained == PORT - 4 * 2 * 64 == 19_723


def test_order_of_features_is_seen_by_their_distance_alone():
    model = tsdeep.build("axiallob", input_shape=(12, 8), task=TASK, filters=8, heads=2, pool=8)
    for layer in model.layers:
        if layer.name.startswith("features_"):
            layer.relative.assign(np.zeros(layer.relative.shape))
    x = np.random.default_rng(0).normal(size=(3, 12, 8)).astype("float32")
    order = np.random.default_rng(1).permutation(8)
    np.testing.assert_allclose(model(x[..., order]), model(x), atol=1e-5)


def test_filters_that_the_heads_do_not_divide_are_refused():
    with pytest.raises(SpecError, match="multiple of 8"):
        tsdeep.build("axiallob", input_shape=(12, 8), task=TASK, filters=12)
