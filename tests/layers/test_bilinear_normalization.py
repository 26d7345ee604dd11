"""Bilinear normalisation equals its definition, and survives windows that do not move."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from tsdeep.layers import BilinearNormalization

RNG = np.random.default_rng(0)
X = (100 + RNG.normal(size=(4, 10, 6))).astype("float32")


@pytest.mark.parametrize("unbiased", [False, True])
def test_output_is_the_definition(unbiased):
    layer = BilinearNormalization(unbiased=unbiased)
    layer.build((None, 10, 6))
    layer.set_weights([RNG.uniform(0.1, 2, size=weight.shape) for weight in layer.weights])
    weights = {weight.name: np.asarray(weight, "float64") for weight in layer.weights}
    for window, found in zip(X.astype("float64"), np.asarray(layer(X)), strict=True):
        expected = np.zeros_like(window)
        for channel in range(6):
            values = window[:, channel]
            z = (values - values.mean()) / values.std(ddof=int(unbiased))
            z = weights["channel_scale"][0, channel] * z + weights["channel_shift"][0, channel]
            expected[:, channel] += weights["over_rows"] * z
        for row in range(10):
            values = window[row]
            z = (values - values.mean()) / values.std(ddof=int(unbiased))
            z = weights["row_scale"][row, 0] * z + weights["row_shift"][row, 0]
            expected[row] += weights["over_channels"] * z
        np.testing.assert_allclose(found, expected, atol=2e-4)


def test_windows_that_do_not_move_give_the_shifts_and_finite_gradients():
    layer = BilinearNormalization()
    flat = tf.fill((2, 10, 6), 3.0)
    with tf.GradientTape() as tape:
        tape.watch(flat)
        outputs = layer(flat)
        loss = tf.reduce_sum(outputs**2)
    np.testing.assert_array_equal(outputs, np.zeros((2, 10, 6)))
    assert np.isfinite(tape.gradient(loss, flat)).all()


def test_one_window_does_not_act_on_another():
    layer = BilinearNormalization()
    changed = X.copy()
    changed[0] *= 5
    np.testing.assert_array_equal(layer(X)[1:], layer(changed)[1:])


def test_training_keeps_both_weights_from_falling_below_zero():
    layer = BilinearNormalization()
    model = keras.Sequential([keras.Input((10, 6)), layer])
    model.compile(keras.optimizers.SGD(100.0), "mse")
    model.fit(X, -X, verbose=0)
    assert min(float(layer.over_rows[0]), float(layer.over_channels[0])) >= 0
    with pytest.raises(ValueError, match="known rows"):
        BilinearNormalization()(keras.Input((None, 8)))
