"""PatchTST: its size from a formula, channels that do not meet, assets that share all weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.tasks import Volatility

RNG = np.random.default_rng(0)


def network(lookback=50, channels=6, task=None, **arguments):
    keras.utils.set_random_seed(0)
    task = task or Volatility()
    model = tsdeep.build("patchtst", input_shape=(lookback, channels), task=task, compile=False, **arguments)
    model.set_weights([w + 0.1 * RNG.normal(size=w.shape) for w in model.get_weights()])
    return model


def before_the_head(model):
    """The model up to its representation."""
    return keras.Model(model.input, model.get_layer("logits").input)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def block(units, feedforward):
    """Add up attention, both normalisations and the network."""
    return 4 * dense(units, units) + 2 * 2 * units + dense(units, feedforward) + dense(feedforward, units)


@pytest.mark.parametrize(
    ("lookback", "patch_rows", "stride", "units", "layers", "patches"),
    [(50, 10, 5, 16, 2, 9), (64, 16, 8, 8, 1, 7), (23, 4, 3, 8, 3, 8)],
)
def test_parameters_are_those_of_the_formula(lookback, patch_rows, stride, units, layers, patches):
    arguments = {"patch_rows": patch_rows, "stride": stride, "units": units, "layers": layers}
    shared = dense(patch_rows, units) + patches * units + layers * block(units, 4 * units) + 2 * units
    assert network(lookback, **arguments).count_params() == shared + dense(6 * units, 8)
    own = network(lookback, feedforward_units=5, pre_norm=False, pooling="attention", **arguments)
    expected = dense(patch_rows, units) + patches * units + layers * block(units, 5) + units
    assert own.count_params() == expected + dense(6 * units, 8)


def test_more_channels_and_more_assets_cost_no_weights_before_the_head():
    counts = {before_the_head(network(channels=channels)).count_params() for channels in (1, 6, 40)}
    counts.add(before_the_head(network(task=Volatility().for_assets(3))).count_params())
    assert len(counts) == 1


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
def test_a_channel_moves_its_own_part_of_the_representation_alone(pooling):
    body = before_the_head(network(units=8, pooling=pooling))
    x = RNG.normal(size=(2, 50, 6)).astype("float32")
    changed = x.copy()
    changed[:, :, 2] += RNG.normal(size=(2, 50))
    moved = np.asarray(body(changed) != body(x)).reshape(2, 6, 8)
    assert moved[:, 2].all()
    assert not moved[:, [0, 1, 3, 4, 5]].any()


def test_the_same_channel_twice_is_represented_the_same():
    x = np.repeat(RNG.normal(size=(2, 50, 1)).astype("float32"), 6, axis=2)
    parts = np.asarray(before_the_head(network(units=8))(x)).reshape(2, 6, 8)
    np.testing.assert_allclose(parts, np.broadcast_to(parts[:, :1], parts.shape), atol=1e-6)


def test_assets_in_another_order_give_the_logits_in_that_order():
    model = network(task=Volatility().for_assets(3))
    x = RNG.normal(size=(4, 50, 3, 2)).astype("float32")
    order = [2, 0, 1]
    logits = np.asarray(model(x.reshape(4, 50, 6)))
    assert logits.shape == (4, 3, 8)
    np.testing.assert_allclose(model(x[:, :, order].reshape(4, 50, 6)), logits[:, order], atol=1e-5)
    assert np.abs(logits[:, 0] - logits[:, 1]).max() > 1e-3


def test_an_asset_side_by_side_is_predicted_as_it_is_alone():
    alone = network(channels=2)
    joint = network(task=Volatility().for_assets(3))
    joint.set_weights(alone.get_weights())
    x = RNG.normal(size=(4, 50, 3, 2)).astype("float32")
    each = np.stack([alone(x[:, :, asset]) for asset in range(3)], axis=1)
    np.testing.assert_allclose(joint(x.reshape(4, 50, 6)), each, atol=1e-5)


@pytest.mark.parametrize("lookback", [50, 47])
def test_every_row_of_the_window_is_read(lookback):
    model = network(lookback=lookback, channels=1)
    x = RNG.normal(size=(1, lookback, 1)).astype("float32")
    changed = x + 3 * np.eye(lookback, dtype="float32")[:, :, None]  # another row in each window
    assert np.all(np.abs(np.asarray(model(changed)) - np.asarray(model(x))).max(axis=1) > 1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lookback": 9}, "patches of 10 rows: found 9 rows"),
        ({"stride": 11}, "stride: found 11 for patches of 10 rows"),
        ({"heads": 3}, "heads: found 3 for 16 channels"),
        ({"layers": 0}, "layers: found 0"),
        ({"pooling": "flatten"}, "unknown pooling 'flatten'"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        network(**arguments)
