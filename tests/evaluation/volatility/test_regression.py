from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f as fisher

from tsdeep.evaluation import check_volatility, mincer_zarnowitz, overlap_lags
from tsdeep.evaluation.volatility.regression import regressions


def long_run(scores: np.ndarray, lags: int) -> np.ndarray:
    """Sum of autocovariances of `[rows, k]` with Bartlett weights, by the definition."""
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total = total + (1 - lag / (lags + 1)) * (cross + cross.T)
    return total


def sandwich(y: np.ndarray, x: np.ndarray, lags: int, day: np.ndarray | None = None):
    design = np.column_stack([np.ones(len(y)), x])
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ design.T @ y
    scores = design * (y - design @ b)[:, None]
    if day is not None:
        scores = np.stack([scores[day == d].sum(axis=0) for d in np.unique(day)])
    return b, inverse @ long_run(scores, lags) @ inverse


def test_one_asset_by_the_definition_of_hac_errors():
    rng = np.random.default_rng(0)
    x = 15 + np.cumsum(0.3 * rng.normal(size=300))
    y = 1 + 0.9 * x + np.convolve(rng.normal(size=304), np.ones(5), "valid")
    found = mincer_zarnowitz(y, x, lags=12)
    b, covariance = sandwich(y, x, 12)
    assert [found["intercept"], found["slope"]] == pytest.approx(b)
    errors = np.sqrt(np.diag(covariance))
    assert [found["intercept_error"], found["slope_error"]] == pytest.approx(errors)
    gap = b - [0, 1]
    wald = gap @ np.linalg.inv(covariance) @ gap / 2
    assert found["statistic"] == pytest.approx(wald)
    assert found["p_value"] == pytest.approx(fisher.sf(wald, 2, 1.5 * 300 / 13))
    assert found["r2"] == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)


def test_several_assets_by_the_definition_of_driscoll_and_kraay():
    rng = np.random.default_rng(1)
    day = np.tile(np.arange(120), 3)
    x = rng.gamma(4, 4, 360)
    y = 0.5 + x + 3 * rng.normal(size=120)[day] + rng.normal(size=360)
    found = mincer_zarnowitz(y, x, lags=8, time=day)
    b, covariance = sandwich(y, x, 8, day)
    assert [found["intercept"], found["slope"]] == pytest.approx(b)
    errors = np.sqrt(np.diag(covariance))
    assert [found["intercept_error"], found["slope_error"]] == pytest.approx(errors)


def test_an_unbiased_forecast_is_seldom_rejected_and_a_biased_one_nearly_always():
    rejected = np.zeros(2)
    for seed in range(120):
        rng = np.random.default_rng(seed)
        x = np.exp(rng.normal(2.7, 0.3, 600))
        y = x * np.convolve(rng.normal(1, 0.5, 604), np.ones(5) / 5, "valid")
        lags = overlap_lags(600, 5)
        rejected += [
            mincer_zarnowitz(y, x, lags=lags)["p_value"] < 0.05,
            mincer_zarnowitz(y, 1.2 * x, lags=lags)["p_value"] < 0.05,
        ]
    assert rejected[0] / 120 < 0.15
    assert rejected[1] / 120 > 0.9


def test_a_constant_forecast_has_no_regression():
    found = mincer_zarnowitz(np.arange(50.0), np.ones(50), lags=3)
    assert np.isnan(list(found.values())).all()


def test_the_table_has_each_asset_all_together_and_the_basket(made):
    frame = check_volatility(made[0])
    one = frame[frame["symbol"] == "AAA"]
    table = regressions({"a": frame, "b": frame}, {"a": one, "b": one}, 5)
    assert table.groupby("method")["group"].apply(list).iloc[0] == ["asset"] * 3 + ["pooled", "basket"]
    row = table[(table["group"] == "asset") & (table["symbol"] == "AAA")].iloc[0]
    b, _ = sandwich(100 * one["y"].to_numpy(), 100 * one["volatility"].to_numpy(), 5)
    assert [row["intercept"], row["slope"]] == pytest.approx(b)
    basket = table[table["group"] == "basket"].iloc[0]
    columns = ["slope", "slope_error", "p_value"]
    pd.testing.assert_series_equal(row[columns], basket[columns], check_names=False)
