"""Predictions of several symbols ranked by date, from a result."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import tsdeep
from tests.synthetic import FEATURES, bars
from tsdeep.validation.result import Result

SYMBOLS = ("A", "B", "C", "D")


def result_of(symbols, horizon_rows=5):
    """A result of direction whose predictions are noise around what comes; nothing is fitted."""
    frame = pd.concat([bars(80, seed=seed).assign(symbol=name) for seed, name in enumerate(symbols)])
    samples = tsdeep.Samples(
        panel=tsdeep.Panel.from_frame(frame.reset_index()),
        features=tsdeep.FeatureBank(FEATURES),
        task=tsdeep.get_task("direction", horizon_rows=horizon_rows),
        lookback=4,
    )
    rows = samples.rows
    up = np.clip(samples.y[rows] * 0.2 + np.random.default_rng(0).uniform(0, 0.8, len(rows)), 0, 1)
    predictions = pd.DataFrame(
        {
            "fold": 0,
            "time": samples.time[rows],
            "symbol": samples.symbol[rows],
            "up": up,
            "y": samples.y[rows],
        }
    )
    empty = pd.DataFrame()
    return Result("noise", samples, None, {}, predictions, empty, empty, [], [], None)


def test_the_ranks_of_up_stand_beside_those_of_the_returns_over_the_horizon():
    result = result_of(SYMBOLS)
    found, spread = result.information(quantiles=2)
    close = result.samples.panel.to_frame().pivot(index="time", columns="symbol", values="close")
    ahead = close.shift(-5) / close - 1
    up = result.predictions.pivot(index="time", columns="symbol", values="up")
    for time in up.index:
        assert found.by_date[time] == pytest.approx(spearmanr(up.loc[time], ahead.loc[time]).statistic)
        order = up.loc[time].sort_values().index
        low, high = ahead.loc[time, order[:2]].mean(), ahead.loc[time, order[2:]].mean()
        assert spread.by_date.loc[time].tolist() == pytest.approx([low, high])
    assert found.mean.rows == len(up)
    assert f"{max(15, int(np.ceil(1.3 * np.sqrt(len(up)))))} lags" in found.mean.note


def test_two_symbols_are_too_few():
    with pytest.raises(tsdeep.SpecError, match="2 symbols, expected direction or volatility of 3 or more"):
        result_of(SYMBOLS[:2]).information()


def test_bars_are_no_book_to_trade_over():
    with pytest.raises(tsdeep.SpecError, match="found task 'direction' and tick None"):
        result_of(SYMBOLS[:1]).replay()
