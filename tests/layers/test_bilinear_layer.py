"""The bilinear layer equals its equation, written with loops over windows."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import BilinearLayer

X = np.random.default_rng(0).normal(size=(4, 10, 8)).astype("float32")


def test_output_is_the_published_equation():
    keras.utils.set_random_seed(0)
    layer = BilinearLayer(6, 3)
    outputs = np.asarray(layer(X))
    layer.bias.assign(np.random.default_rng(1).normal(size=(3, 6)))
    outputs = np.asarray(layer(X))
    first, second = np.asarray(layer.channel_kernel).T, np.asarray(layer.row_kernel)  # W1 and W2 of the paper
    for window, found in zip(X, outputs, strict=True):
        expected = np.maximum(first @ window.T @ second + np.asarray(layer.bias).T, 0)  # [units, rows]
        np.testing.assert_allclose(found, expected.T, atol=1e-5)


def test_training_keeps_the_norm_of_every_column_below_its_bound():
    layer = BilinearLayer(6, 3, max_norm=0.5)
    model = keras.Sequential([keras.Input((10, 8)), layer, keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.fit(X, np.full(4, 100.0), epochs=2, verbose=0)
    for kernel in (layer.channel_kernel, layer.row_kernel):
        assert np.linalg.norm(np.asarray(kernel), axis=0).max() <= 0.5 + 1e-5


def test_open_lookback_and_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="known rows"):
        BilinearLayer(6, 3)(keras.Input((None, 8)))
    for arguments in ((0, 3), (6, 0)):
        with pytest.raises(ValueError, match="at least 1"):
            BilinearLayer(*arguments)
