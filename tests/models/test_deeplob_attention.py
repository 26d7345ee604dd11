"""DeepLOB with attention: published size, and the decoder written with loops."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.tasks.movement import Movement

SEVERAL = Movement(labels="raw", horizon_rows=(2, 5, 9))
#: DeepLOB's convolutions (the notebook's 142,435 less its LSTM and head), both LSTMs and the dense layer.
PARTS = (142_435 - 65_792 - 195) + 65_792 + 4 * ((64 + 3 + 64) * 64 + 64) + (128 * 3 + 3)


@pytest.mark.parametrize("task", [Movement(labels="raw"), SEVERAL], ids=["one", "several"])
def test_parameters_are_those_of_the_parts_whatever_the_horizons(task):
    model = tsdeep.build("deeplob_attention", input_shape=(50, 40), task=task)
    assert model.count_params() == PARTS == 176_419
    normed = tsdeep.build("deeplob_attention", input_shape=(50, 40), task=task, context_norm=True)
    assert normed.count_params() == PARTS + 256 * len(task.horizons)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_decoder_is_its_definition_written_with_loops():
    keras.utils.set_random_seed(0)
    model = tsdeep.build(
        "deeplob_attention", input_shape=(20, 8), task=SEVERAL, filters=4, inception_filters=4, units=6
    )
    for weight in model.get_layer("decoder").weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    x = np.random.default_rng(0).normal(size=(3, 20, 8)).astype("float32")
    encoder = keras.Model(model.input, model.get_layer("encoder").output)
    kernel, recurrent, bias = (np.asarray(w, "float64") for w in model.get_layer("decoder").weights)
    head, shift = (np.asarray(w, "float64") for w in model.get_layer("by_horizon_logits").weights)
    found = np.asarray(model(x))
    encoded, outputs, states = (np.asarray(part, "float64") for part in encoder(x))
    for window in range(3):
        output, state, context, chance = outputs[window], states[window], outputs[window], np.zeros(3)
        for horizon in range(3):
            gates = np.concatenate([chance, context]) @ kernel + output @ recurrent + bias
            enter, forget, candidate, leave = np.split(gates, 4)
            state = sigmoid(forget) * state + sigmoid(enter) * np.tanh(candidate)
            output = sigmoid(leave) * np.tanh(state)
            weights = np.exp(encoded[window] @ output)
            context = (weights / weights.sum()) @ encoded[window]
            logits = np.concatenate([context, output]) @ head + shift
            np.testing.assert_allclose(found[window, horizon], logits, atol=1e-5)
            chance = np.exp(logits) / np.exp(logits).sum()
