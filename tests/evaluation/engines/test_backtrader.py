"""Backtrader and the vectorised engine on one signal: the same returns, trade by trade."""

from __future__ import annotations

import sys

import backtrader
import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tests.evaluation.engines.parity import assert_same, dip
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import backtest
from tsdeep.evaluation.engines import make_cerebro, run_backtrader


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("execution", ["close", "next_open", "next_close"])
def test_backtrader_earns_what_the_vectorised_account_does(sp500, execution, short):
    chosen = {"execution": execution, "short": short, "cost_bps": 5.0}
    vectorised = backtest(*dip(sp500), rebalance="on_change", **chosen)
    assert_same(run_backtrader(*dip(sp500), **chosen), vectorised, relative=1e-9)
    if (
        execution == "close" and not short
    ):  # only the fee of an entry, on top of it, makes a position more than one
        free = backtest(*dip(sp500), **chosen)
        assert np.abs(vectorised.positions - free.positions).max().max() < 2e-3
        assert vectorised.figures().loc["net", "sharpe"] == pytest.approx(
            free.figures().loc["net", "sharpe"], abs=1e-3
        )


def test_the_later_the_fill_the_less_the_signal_earns(sp500):
    sharpe = {
        execution: run_backtrader(*dip(sp500), execution=execution, short=False)
        .figures()
        .loc["net", "sharpe"]
        for execution in ("close", "next_open", "next_close")
    }
    assert sharpe["close"] > sharpe["next_open"] > sharpe["next_close"] + 0.2


@pytest.mark.parametrize("execution", ["close", "next_open"])
def test_the_same_with_borrowing_fees_by_share_and_an_order_every_row(sp500, execution):
    predictions, prices = dip(sp500)
    few = predictions.iloc[:300], prices.iloc[:301]
    chosen = {
        "execution": execution,
        "rebalance": "every_row",
        "borrow_bps": 300.0,
        "fee_per_share": 0.02,
        "delay_rows": 1,
    }
    vectorised = backtest(*few, **chosen)
    assert vectorised.days["borrow"].sum() > 0
    assert_same(run_backtrader(*few, **chosen), vectorised, relative=1e-6)


def test_the_same_for_several_symbols_sized_by_volatility_within_limits():
    predictions = pd.concat([make_predictions(symbol="A"), make_predictions(symbol="B", seed=9)])
    prices = pd.concat([make_prices(symbol="A"), make_prices(symbol="B", seed=8)])
    later = predictions[predictions["time"] >= predictions["time"].iloc[40]]
    chosen = {"sizing": "equal_risk", "threshold": 0.53, "max_turnover": 0.5, "execution": "next_open"}
    vectorised = backtest(later, prices, rebalance="on_change", **chosen)
    assert_same(run_backtrader(later, prices, **chosen), vectorised, relative=1e-6)


def test_slippage_makes_every_fill_worse_by_its_basis_points(sp500):
    predictions, prices = dip(sp500)
    few = predictions.iloc[:300], prices.iloc[:301]
    for execution in ("close", "next_open"):
        plain = run_backtrader(*few, execution=execution)
        slipped = run_backtrader(*few, execution=execution, slippage_bps=10.0)
        worse = slipped.fills["price"] / plain.fills["price"] - 1
        assert np.allclose(worse, slipped.fills["side"] * 1e-3, atol=1e-12)
        assert (1 + slipped.net).prod() < (1 + plain.net).prod()


def test_the_feed_carries_predictions_and_targets_as_lines(predictions, prices):
    class Reader(backtrader.Strategy):
        def __init__(self):
            self.read = []

        def next(self):
            self.read.append((self.data.up[0], self.data.target[0], self.data.close[0]))

    cerebro = make_cerebro(predictions, prices)
    cerebro.addstrategy(Reader)
    _, reader = cerebro.run()
    read = np.array(reader.read)
    assert read[:-1, 0].tolist() == predictions["up"].tolist()
    assert read[:-1, 1].tolist() == np.sign(predictions["up"] - 0.5).tolist()
    assert np.isnan(read[-1, :2]).all()
    assert read[:, 2].tolist() == prices["close"].tolist()


def test_what_backtrader_cannot_do_is_refused(predictions, prices):
    for arguments, message in (
        ({"rebalance": "free"}, "Backtrader holds shares"),
        ({"min_fee": 1.0}, "charges what closes and what opens a position apart"),
        ({"slippage_bps": 1.0, "execution": "next_close"}, "fills orders for a close at that close"),
        ({"slippage_bps": -1.0}, "slippage_bps is -1.0"),
    ):
        with pytest.raises(SpecError, match=message):
            run_backtrader(predictions, prices, **arguments)
    hours = pd.date_range("2020-01-06 10:00", periods=401, freq="h")
    moved = predictions.assign(time=hours[:400]), prices.assign(time=hours)
    assert_same(run_backtrader(*moved), backtest(*moved, rebalance="on_change"), relative=1e-6)
    with pytest.raises(DataError, match="several rows a day"):
        run_backtrader(*moved, execution="next_close")


def test_without_backtrader_the_command_that_brings_it_is_named(predictions, prices, monkeypatch):
    monkeypatch.setitem(sys.modules, "backtrader", None)
    with pytest.raises(DataError, match=r"pip install \"tsdeep\[backtrader\]\""):
        run_backtrader(predictions, prices)


def test_an_engine_is_not_asked_to_trade_on_after_all_is_lost():
    prices = make_prices(101)
    prices.loc[50:, ["open", "close"]] *= 3
    down = make_predictions(100).assign(up=0.1)
    with pytest.raises(DataError, match=rf"all is lost at {prices['time'][50]}"):
        run_backtrader(down, prices)
