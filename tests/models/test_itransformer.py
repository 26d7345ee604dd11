"""iTransformer: its size from a formula, and what assets, or channels, in another order give."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tests.models.test_patchtst import before_the_head, block, dense
from tsdeep.errors import SpecError
from tsdeep.tasks import Volatility

RNG = np.random.default_rng(0)
LOOKBACK, ASSETS, CHANNELS = 12, 5, 2
JOINT = Volatility().for_assets(ASSETS)
ORDER = [3, 0, 4, 2, 1]


def network(task=JOINT, channels=ASSETS * CHANNELS, **arguments):
    keras.utils.set_random_seed(0)
    shape = (LOOKBACK, channels)
    model = tsdeep.build("itransformer", input_shape=shape, task=task, compile=False, **arguments)
    model.set_weights([w + 0.1 * RNG.normal(size=w.shape) for w in model.get_weights()])
    return model


def of_assets(batch=4):
    """Windows `[batch, lookback, assets, channels]`."""
    return RNG.normal(size=(batch, LOOKBACK, ASSETS, CHANNELS)).astype("float32")


def side_by_side(x):
    return x.reshape(len(x), LOOKBACK, -1)


@pytest.mark.parametrize(("units", "layers"), [(32, 2), (8, 1)])
def test_parameters_are_those_of_the_formula(units, layers):
    shared = layers * block(units, 4 * units) + 2 * units + dense(units, 8)
    joint = dense(LOOKBACK * CHANNELS, units) + ASSETS * units + shared
    assert network(units=units, layers=layers).count_params() == joint
    assert network(units=units, layers=layers, identity=False).count_params() == joint - ASSETS * units
    alone = dense(LOOKBACK, units) + 7 * units + shared
    assert network(Volatility(), 7, units=units, layers=layers).count_params() == alone
    scored = network(Volatility(), 7, units=units, layers=layers, pooling="attention", pre_norm=False)
    assert scored.count_params() == alone + units - 2 * units


def test_representations_are_one_an_asset_or_one_in_all():
    assert before_the_head(network()).output_shape == (None, ASSETS, 32)
    assert before_the_head(network(Volatility(), 7)).output_shape == (None, 32)


def test_a_token_is_the_whole_window_of_one_asset():
    model = network()
    tokens = keras.Model(model.input, model.get_layer("embedding").input)
    x = of_assets()
    found = np.asarray(tokens(side_by_side(x)))
    assert found.shape == (4, ASSETS, CHANNELS * LOOKBACK)
    for asset in range(ASSETS):
        for channel in range(CHANNELS):
            rows = found[:, asset, channel * LOOKBACK : (channel + 1) * LOOKBACK]
            np.testing.assert_array_equal(rows, x[:, :, asset, channel])


@pytest.mark.parametrize("pre_norm", [True, False])
def test_without_identity_assets_in_another_order_give_the_logits_in_that_order(pre_norm):
    model = network(identity=False, pre_norm=pre_norm)
    x = of_assets()
    logits = np.asarray(model(side_by_side(x)))
    np.testing.assert_allclose(model(side_by_side(x[:, :, ORDER])), logits[:, ORDER], atol=1e-5)
    assert np.abs(logits[:, 0] - logits[:, 1]).max() > 1e-3


def test_with_identity_assets_are_told_apart():
    model, x = network(), of_assets()
    logits = np.asarray(model(side_by_side(x)))
    assert np.abs(np.asarray(model(side_by_side(x[:, :, ORDER]))) - logits[:, ORDER]).max() > 1e-2
    same = np.repeat(x[:, :, :1], ASSETS, axis=2)
    assert np.abs(np.diff(np.asarray(model(side_by_side(same))), axis=1)).max() > 1e-2


def test_every_asset_bears_on_every_other():
    model, x = network(), of_assets()
    logits = np.asarray(model(side_by_side(x)))
    changed = x.copy()
    changed[:, 3, 1, 0] += 3
    assert np.all(np.abs(np.asarray(model(side_by_side(changed))) - logits).max(axis=-1) > 1e-6)


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_without_identity_the_order_of_channels_does_not_matter_and_with_it_it_does(pooling):
    x = RNG.normal(size=(4, LOOKBACK, ASSETS)).astype("float32")
    for identity in (False, True):
        model = network(Volatility(), ASSETS, identity=identity, pooling=pooling)
        assert np.allclose(model(x[..., ORDER]), model(x), atol=1e-5) == (not identity)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channels": 11}, "features: found 11, expected as many for each of 5 assets"),
        ({"heads": 3}, "heads: found 3 for 32 channels"),
        ({"layers": 0}, "layers: found 0"),
        ({"pooling": "last"}, "unknown pooling 'last'"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        network(**arguments)
