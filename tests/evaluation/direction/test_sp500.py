"""Reference figures on real prices, each beside a calculation written out here."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from tsdeep.baselines import AlwaysUp, BaseRate, LogisticRegression
from tsdeep.evaluation import (
    backtest,
    metrics_table,
    open_warning,
    opens_equal_to_prior_close,
    pesaran_timmermann,
    predicted_class,
)


def test_test_rows_are_the_3774_days_whose_next_close_is_known(sp500_rows):
    assert len(sp500_rows) == 3774
    assert sp500_rows["time"].iloc[0] == pd.Timestamp("2004-01-02")
    assert sp500_rows["time"].iloc[-1] == pd.Timestamp("2018-12-28")


def test_always_up_and_base_rate_equal_an_independent_calculation(sp500, sp500_rows):
    close = sp500.set_index("time")["close"]
    went_up = (close.shift(-1) > close).iloc[:-1].astype(float)
    ends = pd.Series(close.index[1:], index=went_up.index)
    tables, losses = [], []
    for year in range(2004, 2019):
        # Labels that end in the test year are not yet known when it starts.
        train = went_up[ends < pd.Timestamp(year, 1, 1)]
        test = went_up[went_up.index.year == year]
        losses.append(-(test * np.log(train.mean()) + (1 - test) * np.log(1 - train.mean())))
        rows = sp500_rows[sp500_rows["time"].dt.year == year]
        for reference in (AlwaysUp(), BaseRate()):
            fitted = reference.fit(np.zeros((len(train), 1)), train.to_numpy())
            up = fitted.predict(np.zeros((len(rows), 1)))
            tables.append(rows.assign(method=reference.name, up=up))
    table = metrics_table(sp500_rows, pd.concat(tables), name="reversal")
    pooled = table.loc["pooled"]
    right = went_up[went_up.index.year >= 2004].mean()
    assert pooled["accuracy", "always_up"] == pytest.approx(right, abs=1e-15)
    assert round(pooled["accuracy", "always_up"], 4) == 0.5445
    assert pooled["log_loss", "base_rate"] == pytest.approx(pd.concat(losses).mean(), abs=1e-14)
    assert round(pooled["log_loss", "base_rate"], 4) == 0.6909
    assert np.isnan(pooled["log_loss", "always_up"])


def test_one_day_reversal_equals_an_independent_calculation(sp500, sp500_rows):
    close = sp500["close"].to_numpy()
    move = close[1:] / close[:-1] - 1
    first = int(np.flatnonzero(sp500["time"] == "2004-01-02")[0])
    position = -np.sign(move[first - 1 : -1])
    earned = position * move[first:]
    assert len(earned) == 3774
    turned = np.abs(np.diff(np.concatenate([[0.0], position])))
    after = earned - 0.0005 * turned
    sharpe, sharpe_after = (r.mean() / r.std(ddof=1) * np.sqrt(252) for r in (earned, after))

    result = backtest(sp500_rows, sp500, cost_bps=5.0)
    assert np.abs(result.net.to_numpy() - after).max() < 1e-12
    figures = result.figures()
    assert figures.loc["gross", "sharpe"] == pytest.approx(sharpe, abs=1e-10)
    assert figures.loc["net", "sharpe"] == pytest.approx(sharpe_after, abs=1e-10)
    assert (round(sharpe, 2), round(sharpe_after, 2)) == (0.78, 0.05)

    called, came = position > 0, move[first:] > 0
    p_x, p_y = called.mean(), came.mean()
    covariance = np.mean(called * came) - p_x * p_y
    z = covariance / np.sqrt(p_x * (1 - p_x) * p_y * (1 - p_y)) * np.sqrt(len(came) ** 2 / (len(came) - 1))
    tested = pesaran_timmermann(sp500_rows["y"], predicted_class(sp500_rows["up"]))
    assert tested.statistic == pytest.approx(z, rel=1e-10)
    assert round(tested.statistic, 2) == 3.97


def test_reversal_earns_less_the_later_it_is_filled(sp500, sp500_rows):
    sharpe = {
        execution: backtest(sp500_rows, sp500, execution=execution).figures().loc["gross", "sharpe"]
        for execution in ("close", "next_open", "next_close")
    }
    assert sharpe["close"] > sharpe["next_open"] > sharpe["next_close"]
    assert sharpe["close"] - sharpe["next_close"] > 0.3


def test_vectorised_close_execution_equals_a_loop_over_real_days(sp500, sp500_rows):
    close = dict(zip(sp500["time"], sp500["close"], strict=True))
    days = sp500["time"].tolist()
    after = dict(itertools.pairwise(days))
    wealth, held, net = 1.0, 0.0, []
    for time, up in zip(sp500_rows["time"], sp500_rows["up"], strict=True):
        wanted = 1.0 if up > 0.5 else -1.0 if up < 0.5 else 0.0
        before = wealth
        wealth -= before * abs(wanted - held) * 5 / 10_000
        wealth += before * wanted * (close[after[time]] - close[time]) / close[time]
        held = wanted
        net.append(wealth / before - 1)
    assert np.abs(backtest(sp500_rows, sp500).net.to_numpy() - net).max() < 1e-12


def test_98_percent_of_opens_before_2006_repeat_the_prior_close_and_the_report_says_so(sp500):
    before = sp500[sp500["time"] < "2006"]
    same = np.isclose(before["open"].to_numpy()[1:], before["close"].to_numpy()[:-1], rtol=2e-5, atol=0)
    assert round(same.mean(), 2) == 0.98
    assert opens_equal_to_prior_close(sp500).loc[:2005].mean() == pytest.approx(same.mean(), abs=1e-3)
    assert "1999 to 2005 98%" in open_warning(sp500)


def test_logistic_regression_on_close_and_volume_does_not_beat_the_base_rate(sp500, sp500_rows):
    close, volume = np.log(sp500["close"]), np.log(sp500["volume"])
    features = {f"return_{n}": close.diff(n) for n in (1, 2, 3, 5, 10, 21)}
    features |= {f"volatility_{n}": close.diff().rolling(n).std() for n in (5, 21)}
    features |= {f"volume_{n}": volume - volume.rolling(n).mean() for n in (5, 21)}
    features["volume_1"] = volume.diff()
    x = pd.DataFrame(features).to_numpy()
    y = (close.shift(-1) > close).to_numpy()
    year = sp500["time"].dt.year.to_numpy()
    tables = []
    for test_year in range(2004, 2019):
        train = np.flatnonzero((year < test_year) & np.isfinite(x).all(axis=1))[:-1]
        rows = sp500_rows[sp500_rows["time"].dt.year == test_year]
        test = np.flatnonzero(year == test_year)[: len(rows)]
        up = LogisticRegression().fit(x[train], y[train]).predict(x[test])
        tables.append(rows.assign(method="logistic", up=up))
    pooled = metrics_table(sp500_rows, pd.concat(tables), name="reversal").loc["pooled"]
    # An orientation of .529 / .514 / .6912 was measured with other features of close and volume.
    assert pooled["accuracy", "logistic"] == pytest.approx(0.529, abs=0.012)
    assert pooled["auc", "logistic"] == pytest.approx(0.514, abs=0.012)
    assert pooled["log_loss", "logistic"] == pytest.approx(0.6912, abs=0.0008)
