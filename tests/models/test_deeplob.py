"""DeepLOB: published sizes, and the numbers of the convolutions as they are published."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.models.deeplob import book_convolutions, deeplob
from tsdeep.tasks.movement import Movement

TASK = Movement(labels="raw")
NAMES = [f"block{block}_{number}" for block in (1, 2, 3) for number in (1, 2, 3)]
NAMES += ["inception3_1", "inception3_2", "inception5_1", "inception5_2", "inception1_1"]


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({}, 60_691),  # the paper's sizes
        ({"variant": "notebook"}, 142_435),  # printed by the authors' TensorFlow notebook
        # The PyTorch notebook: the same layers, and scale and shift of 9 x 32 + 5 x 64 channels; Keras counts
        # their moving mean and variance too.
        ({"variant": "pytorch"}, 142_435 + 4 * (9 * 32 + 5 * 64)),
    ],
)
def test_parameters_as_published(arguments, parameters):
    model = tsdeep.build("deeplob", input_shape=(100, 40), task=TASK, **arguments)
    assert model.count_params() == parameters


def plain(rows, levels, filters, inception, padding="same", second="leaky_relu"):
    """Write the convolutions as two-dimensional ones, as they are published."""
    inputs = keras.Input((rows, 4 * levels))
    hidden = keras.layers.Reshape((rows, 4 * levels, 1))(inputs)

    def convolve(hidden, filters, kernel, strides=(1, 1), padding=padding, activation="leaky_relu"):
        hidden = keras.layers.Conv2D(filters, kernel, strides=strides, padding=padding)(hidden)
        return keras.layers.LeakyReLU(0.01)(hidden) if activation == "leaky_relu" else keras.ops.tanh(hidden)

    for kernel, activation in (((1, 2), "leaky_relu"), ((1, 2), second), ((1, levels), "leaky_relu")):
        strides = (1, 2) if kernel == (1, 2) and hidden.shape[2] > levels else (1, 1)
        hidden = convolve(hidden, filters, kernel, strides, "valid", activation)
        for _ in range(2):
            hidden = convolve(hidden, filters, (4, 1), activation=activation)
    first = convolve(convolve(hidden, inception, (1, 1), padding="same"), inception, (3, 1), padding="same")
    second = convolve(convolve(hidden, inception, (1, 1), padding="same"), inception, (5, 1), padding="same")
    pooled = keras.layers.MaxPooling2D((3, 1), (1, 1), padding="same")(hidden)
    third = convolve(pooled, inception, (1, 1), padding="same")
    hidden = keras.layers.Concatenate()([first, second, third])
    return keras.Model(inputs, keras.layers.Reshape((-1, 3 * inception))(hidden))


@pytest.mark.parametrize("levels", [1, 2, 10])
@pytest.mark.parametrize(("padding", "second"), [("same", "leaky_relu"), ("valid", "tanh")])
def test_convolutions_equal_the_two_dimensional_ones(levels, padding, second):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    inputs = keras.Input((24, 4 * levels))
    outputs = book_convolutions(
        inputs, filters=4, inception_filters=5, padding=padding, second_activation=second
    )
    mine, theirs = keras.Model(inputs, outputs), plain(24, levels, 4, 5, padding, second)
    kernels = [layer for layer in theirs.layers if isinstance(layer, keras.layers.Conv2D)]
    by_name = {layer.name: layer for layer in mine.layers if layer.name in NAMES}
    assert len(kernels) == len(by_name) == len(NAMES)
    for name, theirs_alike in zip(NAMES, _by_making(kernels), strict=True):
        kernel, bias = by_name[name].get_weights()
        theirs_alike.set_weights([kernel.reshape(theirs_alike.kernel.shape), bias])
    x = np.random.default_rng(0).normal(size=(3, 24, 4 * levels)).astype("float32")
    np.testing.assert_allclose(mine(x), theirs(x), atol=1e-5)


def _by_making(layers):
    """Sort layers by the number that Keras put at the end of their names."""
    return sorted(layers, key=lambda layer: int(layer.name.rpartition("_")[2]) if "_" in layer.name else 0)


def test_valid_padding_shortens_by_eighteen_rows_and_refuses_shorter_windows():
    outputs = book_convolutions(keras.Input((30, 8)), filters=2, inception_filters=3, padding="valid")
    assert outputs.shape == (None, 12, 9)
    with pytest.raises(SpecError, match="found a lookback of 18, expected at least 19"):
        tsdeep.build("deeplob", input_shape=(18, 8), task=TASK, variant="pytorch")


def test_single_choices_override_the_variant():
    model = tsdeep.build(
        "deeplob", input_shape=(10, 8), task=TASK, variant="notebook", filters=3, dropout=0.0
    )
    assert model.get_layer("block1_1").units == 3
    assert model.get_layer("inception1_1").units == 64
    assert not any(isinstance(layer, keras.layers.SpatialDropout1D) for layer in model.layers)


def test_dropout_of_the_notebook_drops_whole_channels_and_only_in_training():
    model = tsdeep.build("deeplob", input_shape=(10, 8), task=TASK, variant="notebook")
    dropped = keras.Model(model.input, model.get_layer("dropout").output)
    x = np.random.default_rng(0).normal(size=(5, 10, 8)).astype("float32")
    np.testing.assert_array_equal(model(x), model(x))
    zero = np.asarray(dropped(x, training=True)) == 0
    assert zero.all(axis=1).any()
    np.testing.assert_array_equal(zero.all(axis=1), zero.any(axis=1))


@pytest.mark.parametrize("argument", ["variant", "padding"])
def test_unknown_choices_are_refused_by_name(argument):
    with pytest.raises(SpecError, match=argument):
        tsdeep.build("deeplob", input_shape=(20, 8), task=TASK, **{argument: "papr"})


def test_channels_that_are_no_levels_are_refused_by_name():
    names = ("order_flow_imbalance_1_over_10", "spread", "microprice", "depth_imbalance_10")
    with pytest.raises(SpecError, match=r"deeplob: found the channels order_flow.*kind: book_levels"):
        deeplob(keras.Input((20, 4)), feature_names=names)
    levels = tuple(
        f"{part}_{level}" for level in (1, 2) for part in ("ask_price", "ask_size", "bid_price", "bid_size")
    )
    assert deeplob(keras.Input((20, 8)), feature_names=levels).shape == (None, 64)
