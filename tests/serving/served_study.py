"""One small model, exported for the tests of clients."""

import keras
import numpy as np

import tsdeep
from tests.serving.model_server import Model, ModelServer
from tests.synthetic import bars, samples

BARS = bars(60, seed=5)
"""Newest bars, whose prices need all digits of float64."""


def export(folder, *, seed=0, compiled=(), lookback=6):
    """Export a fitted model as the next version in a folder; the seed makes it another model."""
    market = samples(200, lookback=lookback)
    keras.utils.set_random_seed(seed)
    model = tsdeep.build("tiny", market, compile=False)
    model.set_weights(
        [np.random.default_rng(seed).normal(size=w.shape).astype(w.dtype) for w in model.get_weights()]
    )
    return tsdeep.export(
        model,
        folder,
        samples=market,
        scaler=market.fit_scaler(market.rows),
        compiled=compiled,
        verify=False,
    )


def serving(folder, **options):
    """A server of the model in a folder, named `study`."""
    return ModelServer({"study": Model(folder, **options)})
