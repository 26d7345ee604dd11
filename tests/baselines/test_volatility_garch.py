from __future__ import annotations

import warnings

import numpy as np
import pytest
from arch import arch_model

from tests.baselines.volatility_samples import asset_samples, split_at
from tsdeep.baselines.volatility_garch import Garch, GarchParameters
from tsdeep.baselines.volatility_measures import log_returns
from tsdeep.baselines.volatility_naive import Ewma
from tsdeep.errors import DataError

SAMPLES = asset_samples(700, symbols=("SPY", "GLD"))
TRAIN, TEST = split_at(SAMPLES, 500)
PANEL = SAMPLES.panel


@pytest.mark.parametrize("asymmetric", [False, True])
def test_filter_and_forecast_are_those_of_arch_with_the_same_parameters(asymmetric):
    reference = Garch(asymmetric).fit(SAMPLES, TRAIN)
    cutoff = SAMPLES.label_end[TRAIN[SAMPLES.symbol[TRAIN] == "SPY"]].max()
    assert cutoff == 500
    returns = 100.0 * log_returns(PANEL)[1:700]
    settings = {"mean": "Constant", "vol": "GARCH", "p": 1, "o": int(asymmetric), "q": 1, "rescale": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = arch_model(returns[:cutoff], **settings).fit(disp="off")
        found = reference.parameters["SPY"]
        own = {"mu": found.mean * 100.0, "omega": found.omega * 1e4, "alpha[1]": found.alpha}
        own |= {"gamma[1]": found.gamma} if asymmetric else {}
        own |= {"beta[1]": found.beta}
        known = arch_model(returns, **settings).fix(list(own.values()))
        ahead = known.forecast(horizon=21, start=0, reindex=False).variance.to_numpy().mean(axis=1)
    # The same optimum, on returns in other units; on data without any GARCH it is flat.
    logs = arch_model(returns[:cutoff], **settings).fix(list(own.values())).loglikelihood
    assert logs == pytest.approx(fitted.loglikelihood, abs=0.5)
    rows = np.arange(200, 700)
    np.testing.assert_allclose(
        reference.forecast(SAMPLES, rows).value, 252.0 * ahead[rows - 1] / 1e4, rtol=1e-6
    )


@pytest.mark.parametrize("persistence", [0.5, 0.98, 1.0])
def test_the_mean_of_the_next_rows_is_that_of_the_recursion(persistence):
    found = GarchParameters(0.0, 1e-6, 0.1, 0.06, persistence - 0.13, 1e-4)
    assert found.persistence == pytest.approx(persistence)
    variance = np.array([1e-5, 4e-4])
    path = [variance]
    for _ in range(20):
        path.append(found.omega + found.persistence * path[-1])
    np.testing.assert_allclose(found.mean_ahead(variance, 21), np.mean(path, axis=0), rtol=1e-12)


def test_the_filter_is_the_recursion():
    found = GarchParameters(5e-4, 2e-6, 0.05, 0.08, 0.88, 1e-4)
    returns = np.random.default_rng(0).normal(0.0, 0.01, 300)
    h = [found.omega + (found.alpha + found.gamma / 2 + found.beta) * found.backcast]
    for value in returns:
        residual = value - found.mean
        h.append(
            found.omega + (found.alpha + found.gamma * (residual < 0)) * residual**2 + found.beta * h[-1]
        )
    np.testing.assert_allclose(found.filter(returns), h, rtol=1e-12)


def test_parameters_are_of_returns_up_to_the_last_training_label_alone(monkeypatch):
    seen = []

    def watched(returns, *, asymmetric=False):
        seen.append(len(returns))

    monkeypatch.setattr(GarchParameters, "estimate", staticmethod(watched))
    Garch().fit(SAMPLES, TRAIN)
    assert seen == [500, 500]


def test_an_asset_with_few_returns_or_no_optimum_is_forecast_by_ewma(monkeypatch):
    train = TRAIN[SAMPLES.time[SAMPLES.label_end[TRAIN]] <= SAMPLES.time[249]]
    expected = Ewma().fit(SAMPLES, train).predict(SAMPLES, TEST)["variance"]
    reference = Garch().fit(SAMPLES, train)
    assert reference.parameters == {}
    np.testing.assert_allclose(reference.predict(SAMPLES, TEST)["variance"], expected)
    monkeypatch.setattr(GarchParameters, "estimate", staticmethod(lambda *_, **__: None))
    np.testing.assert_array_equal(
        Garch().fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"],
        Ewma().fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"],
    )


def test_sessions_of_one_asset_are_one_series_without_the_returns_between_them():
    bounds = np.array([[0, 300], [300, 700]], np.int64)
    whole = SAMPLES.panel.take(SAMPLES.symbol == "SPY")
    parts = type(whole)(fields=whole.fields, time=whole.time, bounds=bounds, symbols=("SPY", "SPY"))
    samples = SAMPLES.replace(panel=parts)
    reference = Garch().fit(samples, samples.rows[samples.label_end[samples.rows] <= 500])
    found = reference.parameters["SPY"]
    returns = log_returns(parts)
    assert np.isnan(returns[300])
    variance = found.filter(np.delete(returns, [0, 300]))
    rows = np.array([250, 299, 300, 301, 699])
    after = np.array([250, 299, 299, 300, 698])  # returns that are known
    np.testing.assert_allclose(
        reference.forecast(samples, rows).value, 252.0 * found.mean_ahead(variance[after], 21), rtol=1e-12
    )


def test_returns_that_are_all_equal_are_refused():
    with pytest.raises(DataError, match=r"found 300 returns that are all equal"):
        GarchParameters.estimate(np.zeros(300))
