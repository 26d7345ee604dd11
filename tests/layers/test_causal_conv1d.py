"""CausalConv1D against a loop over the definition and against Keras' own convolution."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep.layers import CausalConv1D

RNG = np.random.default_rng(0)


def rows(batch=2, length=15, channels=3):
    return RNG.normal(size=(batch, length, channels)).astype("float32")


def brute_force(x, kernel, bias, dilation):
    taps, _, filters = kernel.shape
    outputs = np.zeros((*x.shape[:2], filters))
    for t in range(x.shape[1]):
        for tap in range(taps):
            row = t - (taps - 1 - tap) * dilation
            if row >= 0:
                outputs[:, t] += x[:, row].astype(float) @ kernel[tap].astype(float)
    return outputs + bias


@settings(max_examples=15, deadline=None)
@given(kernel_size=st.integers(1, 4), dilation=st.integers(1, 7), length=st.integers(1, 16))
def test_equals_the_sum_over_taps(kernel_size, dilation, length):
    layer = CausalConv1D(4, kernel_size, dilation_rate=dilation, bias_initializer="normal")
    x = rows(length=length)
    outputs = np.asarray(layer(x))
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(outputs, brute_force(x, kernel, bias, dilation), atol=2e-6)


@pytest.mark.parametrize(("kernel_size", "dilation"), [(3, 1), (2, 4), (3, 8)])
def test_equals_the_causal_convolution_of_keras_with_the_same_weights(kernel_size, dilation):
    layer = CausalConv1D(4, kernel_size, dilation_rate=dilation, activation="tanh")
    theirs = keras.layers.Conv1D(4, kernel_size, dilation_rate=dilation, padding="causal", activation="tanh")
    x = rows(length=40)
    layer.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(x), theirs(x), atol=2e-6)


@pytest.mark.parametrize("weight_norm", [False, True])
def test_later_rows_change_nothing_at_all(weight_norm):
    layer = CausalConv1D(4, 3, dilation_rate=2, weight_norm=weight_norm)
    x = rows()
    before = np.asarray(layer(x))
    for t in range(x.shape[1] - 1):
        changed = x.copy()
        changed[:, t + 1 :] = 1e6
        np.testing.assert_array_equal(np.asarray(layer(changed))[:, : t + 1], before[:, : t + 1])


def test_weight_normalisation_is_gain_times_direction():
    layer = CausalConv1D(4, 3, weight_norm=True, bias_initializer="normal")
    x = rows()
    layer.build(x.shape)
    v, gain, bias = layer.get_weights()
    np.testing.assert_allclose(gain, np.linalg.norm(v.reshape(-1, 4), axis=0), rtol=1e-6)
    gain = np.array([0.5, -1.0, 2.0, 0.0], "float32")
    layer.set_weights([v, gain, bias])
    kernel = gain * v.astype(float) / np.linalg.norm(v.reshape(-1, 4).astype(float), axis=0)
    np.testing.assert_allclose(layer.effective_kernel(), kernel, atol=1e-6)
    np.testing.assert_allclose(layer(x), brute_force(x, kernel, bias, 1), atol=1e-5)


def test_weight_normalisation_starts_as_the_plain_layer():
    x = rows()
    outputs = []
    for weight_norm in (False, True):
        layer = CausalConv1D(
            4, 3, weight_norm=weight_norm, kernel_initializer=keras.initializers.HeNormal(seed=3)
        )
        outputs.append(np.asarray(layer(x)))
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-6)


def test_rows_masked_at_the_front_are_as_if_they_were_not_there():
    layer = CausalConv1D(4, 3, dilation_rate=2)
    x = rows()
    layer.build(x.shape)
    mask = np.ones(x.shape[:2], bool)
    mask[:, :5] = False
    np.testing.assert_allclose(layer(x, mask=mask)[:, 5:], layer(x[:, 5:]), atol=1e-6)


def test_an_open_number_of_rows_gives_the_same_as_a_fixed_one():
    layer = CausalConv1D(4, 3, dilation_rate=4)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, layer(inputs))
    for length in (1, 4, 8, 20):
        x = rows(length=length)
        np.testing.assert_allclose(model(x), layer(x), atol=1e-6)
        assert model.predict(x, verbose=0).shape == (2, length, 4)


@pytest.mark.parametrize("argument", ["filters", "kernel_size", "dilation_rate"])
@pytest.mark.parametrize("value", [0, -1, 1.5])
def test_sizes_that_are_no_sizes_are_refused_by_name(argument, value):
    with pytest.raises(ValueError, match=f"{argument}: found {value}"):
        CausalConv1D(**{"filters": 4, "kernel_size": 3, argument: value})
