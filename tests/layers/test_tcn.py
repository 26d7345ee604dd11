"""The TCN's receptive field, causality, and its short way to the last row."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep.layers import TCN, CausalConv1D, TemporalBlock

SETTINGS = [
    (2, (1,), 1),
    (3, (1, 2, 4), 1),
    (2, (1, 2, 4, 8), 2),
    (3, (1, 3, 5), 1),
    (4, (2, 1), 2),
    (1, (1, 2), 1),
]


def rows(length, batch=2, channels=3, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, length, channels)).astype("float32")


def measured_receptive_field(layer, length):
    """Rows up to the last one that change the last row's output when they are changed."""
    x = rows(length)
    before = np.asarray(layer(x))[:, -1]
    reach = 0
    for back in range(length):
        changed = x.copy()
        changed[:, length - 1 - back] += np.random.default_rng(back).normal(size=(2, 3)) * 10
        if np.any(np.asarray(layer(changed))[:, -1] != before):
            reach = back + 1
    return reach


@pytest.mark.parametrize(("kernel_size", "dilations", "stacks"), SETTINGS)
def test_receptive_field_measured_by_perturbation_is_the_formula(kernel_size, dilations, stacks):
    # With an activation that is never flat every row in reach shows, the weakest of them in float64 alone.
    layer = TCN(8, kernel_size, dilations, stacks, activation="leaky_relu", dtype="float64")
    formula = 1 + 2 * (kernel_size - 1) * stacks * sum(dilations)
    assert layer.receptive_field == formula
    assert measured_receptive_field(layer, formula + 5) == formula


def test_receptive_field_of_a_block():
    assert TemporalBlock(4, 3, dilation_rate=4).receptive_field == 17
    assert measured_receptive_field(TemporalBlock(4, 3, dilation_rate=4, activation="leaky_relu"), 22) == 17


@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize(("kernel_size", "dilations", "stacks"), SETTINGS)
def test_later_rows_change_nothing_at_all(kernel_size, dilations, stacks, weight_norm):
    layer = TCN(5, kernel_size, dilations, stacks, weight_norm=weight_norm)
    x = rows(24)
    before = np.asarray(layer(x))
    for t in (0, 7, 15, 22):
        changed = x.copy()
        changed[:, t + 1 :] = 1e4
        assert np.abs(np.asarray(layer(changed))[:, : t + 1] - before[:, : t + 1]).max() == 0.0


@settings(max_examples=25, deadline=None)
@given(
    kernel_size=st.integers(1, 3),
    dilations=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    stacks=st.integers(1, 2),
    length=st.integers(1, 30),
    masked=st.integers(0, 10),
)
def test_the_last_row_alone_equals_the_last_row_of_all(kernel_size, dilations, stacks, length, masked):
    arguments = {"filters": 4, "kernel_size": kernel_size, "dilations": dilations, "stacks": stacks}
    every, last = TCN(**arguments), TCN(**arguments, return_sequences=False)
    x = rows(length)
    every.build(x.shape)
    last.build(x.shape)
    last.set_weights(every.get_weights())
    mask = np.arange(length) >= min(masked, length - 1)
    for given_mask in (None, np.stack([mask, mask])):
        np.testing.assert_allclose(last(x, mask=given_mask), every(x, mask=given_mask)[:, -1], atol=1e-5)


def test_the_last_row_with_an_open_number_of_rows():
    layer = TCN(4, 3, (1, 2, 4, 8), return_sequences=False)
    inputs = keras.Input((None, 3))
    model = keras.Model(inputs, layer(inputs))
    for length in (1, 5, 16, 33):
        x = rows(length)
        np.testing.assert_allclose(model.predict(x, verbose=0), layer(x), atol=1e-5)


def test_rows_masked_at_the_front_are_as_if_they_were_not_there():
    layer = TCN(4, 3, (1, 2, 4), kernel_initializer="he_normal")
    x = rows(20)
    mask = np.repeat([np.arange(20) >= 6], 2, axis=0)
    np.testing.assert_allclose(layer(x, mask=mask)[:, 6:], layer(x[:, 6:]), atol=1e-5)


def test_the_dilations_are_the_ones_given():
    given_dilations = [1, 3, 5]
    layer = TCN(4, 3, given_dilations, stacks=2)
    given_dilations.append(7)
    assert layer.dilations == (1, 3, 5)
    assert [block.dilation_rate for block in layer.blocks] == [1, 3, 5, 1, 3, 5]
    assert keras.layers.deserialize(keras.layers.serialize(layer)).dilations == (1, 3, 5)


def test_dropout_acts_in_training_only():
    layer = TCN(8, 3, (1, 2), dropout=0.5)
    x = rows(12)
    assert np.any(np.asarray(layer(x, training=True)) != np.asarray(layer(x)))


@pytest.mark.parametrize("dilations", [(), (0, 1), (1.5,)])
def test_dilations_that_are_none_are_refused(dilations):
    with pytest.raises(ValueError, match="dilations: found"):
        TCN(4, 3, dilations)


def test_block_equals_the_two_convolutions_of_keras_and_the_residual():
    block = TemporalBlock(4, 3, dilation_rate=2)
    x = rows(15)
    outputs = np.asarray(block(x))
    kernels = block.get_weights()
    hidden = x
    for number in range(2):
        theirs = keras.layers.Conv1D(4, 3, dilation_rate=2, padding="causal", activation="relu")
        theirs.build(hidden.shape)
        theirs.set_weights(kernels[2 * number : 2 * number + 2])
        hidden = np.asarray(theirs(hidden))
    shortcut = x @ kernels[4] + kernels[5]
    np.testing.assert_allclose(outputs, np.maximum(hidden + shortcut, 0), atol=1e-5)


@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize("kind", ["convolution", "block", "network", "network of the last row"])
def test_rows_one_at_a_time_give_what_all_rows_at_once_do(kind, weight_norm):
    layer = {
        "convolution": lambda: CausalConv1D(4, 3, dilation_rate=2, weight_norm=weight_norm),
        "block": lambda: TemporalBlock(4, 2, dilation_rate=3, weight_norm=weight_norm),
        "network": lambda: TCN(4, 3, (1, 2), 2, weight_norm=weight_norm),
        "network of the last row": lambda: TCN(4, 2, (1, 3), weight_norm=weight_norm, return_sequences=False),
    }[kind]()
    x = rows(30)
    whole = layer(x)  # which builds it
    assert sum(shape[0] for shape in layer.stream_shapes().values()) == layer.receptive_field - 1
    state = {name: keras.ops.zeros((2, *shape)) for name, shape in layer.stream_shapes().items()}
    for row in range(30):
        out, state = layer.stream_step(state, x[:, row : row + 1])
        expected = whole[:, row : row + 1] if len(whole.shape) == 3 else layer(x[:, : row + 1])
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-5)
