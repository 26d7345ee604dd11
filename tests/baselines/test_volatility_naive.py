from __future__ import annotations

import numpy as np

from tests.baselines.volatility_samples import asset_samples, split_at
from tsdeep.baselines.volatility_naive import Ewma, RandomWalkVolatility

SAMPLES = asset_samples(400, horizon_rows=10, annual_rows=250)
TRAIN, TEST = split_at(SAMPLES, 330)
CLOSE = SAMPLES.panel.fields["close"]
ROWS = np.array([25, 350, 405, 790, 1199])


def squares(row):
    """Squared log returns of a row's segment up to it, oldest first; at least one basis point each."""
    start = SAMPLES.panel.bounds[SAMPLES.panel.segment[row], 0]
    return np.maximum(np.diff(np.log(CLOSE[start : row + 1])) ** 2, 1e-8)


def test_random_walk_is_what_was_realised_over_as_many_rows_as_the_horizon():
    found = RandomWalkVolatility().fit(SAMPLES, TRAIN).predict(SAMPLES, ROWS)["variance"]
    np.testing.assert_allclose(found, [250.0 * squares(row)[-10:].mean() for row in ROWS], rtol=1e-9)


def test_ewma_weighs_squared_returns_by_powers_of_the_decay():
    found = Ewma().fit(SAMPLES, TRAIN).predict(SAMPLES, ROWS)["variance"]
    brute = []
    for row in ROWS:
        own = squares(row)
        weights = 0.94 ** np.arange(len(own))[::-1]
        brute.append(250.0 * (weights * own).sum() / weights.sum())
    np.testing.assert_allclose(found, brute, rtol=1e-9)


def test_residual_variance_is_that_of_the_log_of_realised_over_forecast_by_asset():
    reference = RandomWalkVolatility().fit(SAMPLES, TRAIN)
    forecast = reference.forecast(SAMPLES, TRAIN).value
    realised = np.exp(SAMPLES.y[TRAIN].astype(float))
    for symbol in SAMPLES.panel.symbols:
        own = SAMPLES.symbol[TRAIN] == symbol
        spread = reference.forecast(SAMPLES, TRAIN[own][:1]).residual_variance[0]
        np.testing.assert_allclose(spread, np.var(np.log(realised[own] / forecast[own])), rtol=1e-5)
