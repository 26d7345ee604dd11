"""The bilinear layer with temporal attention equals its equations, written with loops over windows."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import TemporalAttentionBilinear

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 8)).astype("float32")


def filled(**arguments):
    layer = TemporalAttentionBilinear(3, 2, **arguments)
    layer.build((None, 5, 8))
    for weight in (layer.channel_kernel, layer.score_kernel, layer.row_kernel, layer.bias):
        weight.assign(RNG.normal(size=weight.shape))
    layer.mix.assign([0.3])
    return layer


def test_output_is_the_published_equations():
    layer = filled()
    first, scores, second = (
        np.asarray(weight, "float64")
        for weight in (layer.channel_kernel, layer.score_kernel, layer.row_kernel)
    )
    scores = scores.copy()
    np.fill_diagonal(scores, 1 / 5)
    for window, found in zip(X.astype("float64"), np.asarray(layer(X)), strict=True):
        mapped = first.T @ window.T  # [units, rows], as the paper has it
        energy = mapped @ scores
        attention = np.exp(energy) / np.exp(energy).sum(axis=1, keepdims=True)
        weighed = 0.3 * (mapped * attention) + 0.7 * mapped
        expected = weighed @ second + np.asarray(layer.bias).T
        np.testing.assert_allclose(found, expected.T, atol=1e-5)


def test_diagonal_of_the_score_kernel_is_not_read():
    layer = filled()
    before = np.asarray(layer(X))
    layer.score_kernel.assign(np.asarray(layer.score_kernel) + 7 * np.eye(5))
    np.testing.assert_allclose(layer(X), before, rtol=0, atol=0)


def test_training_keeps_the_mix_between_zero_and_one():
    for target in (1e3, -1e3):
        layer = TemporalAttentionBilinear(1)
        model = keras.Sequential([keras.Input((5, 8)), layer])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(X, np.full((4, 1, 1), target), epochs=2, verbose=0)
        assert 0 <= float(layer.mix[0]) <= 1


def test_open_lookback_and_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="known rows"):
        TemporalAttentionBilinear(3)(keras.Input((None, 8)))
    with pytest.raises(ValueError, match="at least 1"):
        TemporalAttentionBilinear(0)
