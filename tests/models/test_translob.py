"""TransLOB: its size, added up from the layers of its author's code, and its attention by loops."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")
CONVOLUTIONS = (2 * 40 * 14 + 14) + 4 * (2 * 14 * 14 + 14)
BLOCK = 15 * 45 + (15 * 60 + 60) + (60 * 15 + 15) + 2 * 30
HEAD = (1500 * 64 + 64) + (64 * 3 + 3)


def test_parameters_are_those_of_its_authors_layers():
    model = tsdeep.build("translob", input_shape=(100, 40), task=TASK)
    assert model.count_params() == CONVOLUTIONS + 28 + 2 * BLOCK + HEAD == 104_265
    shared = tsdeep.build("translob", input_shape=(100, 40), task=TASK, shared_blocks=True)
    assert shared.count_params() == 104_265 - BLOCK


def normed(values, layer):
    z = (values - values.mean(-1, keepdims=True)) / np.sqrt(values.var(-1, keepdims=True) + 1e-5)
    return z * np.asarray(layer.gamma) + np.asarray(layer.beta)


def test_block_is_its_definition_written_with_loops():
    keras.utils.set_random_seed(0)
    model = tsdeep.build("translob", input_shape=(12, 8), task=TASK, filters=5, heads=2, blocks=1)
    x = np.random.default_rng(0).normal(size=(3, 12, 8)).astype("float32")
    parts = keras.Model(
        model.input, [model.get_layer("norm").output, model.get_layer("block_1_network_norm").output]
    )
    before, after = (np.asarray(part, "float64") for part in parts(x))
    kernel = np.asarray(model.get_layer("block_1_project").kernel, "float64")
    place = np.array([2 * row / 11 - 1 for row in range(12)])
    for window in range(3):
        hidden = np.concatenate([before[window], place[:, None]], axis=1)
        attended = np.zeros((12, 6))
        for head in range(2):
            columns = slice(3 * head, 3 * head + 3)
            query, key, value = (hidden @ part[:, columns] for part in np.split(kernel, 3, axis=1))
            for row in range(12):
                scores = np.exp(key[: row + 1] @ query[row] / np.sqrt(3))
                attended[row, columns] = (scores / scores.sum()) @ value[: row + 1]
        hidden = normed(hidden + attended, model.get_layer("block_1_attention_norm"))
        expand, contract = (model.get_layer(f"block_1_{name}") for name in ("expand", "contract"))
        branch = np.maximum(hidden @ np.asarray(expand.kernel) + np.asarray(expand.bias), 0)
        branch = branch @ np.asarray(contract.kernel) + np.asarray(contract.bias)
        expected = normed(hidden + branch, model.get_layer("block_1_network_norm"))
        np.testing.assert_allclose(after[window], expected, atol=1e-5)


def test_penalty_is_that_of_the_dense_layer():
    model = tsdeep.build("translob", input_shape=(12, 8), task=TASK, l2=0.1)
    kernel = np.asarray(model.get_layer("dense").kernel)
    np.testing.assert_allclose(sum(model.losses), 0.1 * (kernel**2).sum(), rtol=1e-5)


def test_heads_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(SpecError, match="heads: found 2 for 14 filters"):
        tsdeep.build("translob", input_shape=(12, 8), task=TASK, heads=2)
