from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.evaluation import backtest
from tsdeep.evaluation.costs import borrow_cost, calendar_days


def by_hand(ups, bars, execution, cost_bps, per_share=0.0, least=0.0, borrow_bps=0.0, capital=1e6):
    """An account in shares, order by order, written out with plain numbers."""
    close, opened, days = bars["close"].tolist(), bars["open"].tolist(), bars["time"].dt.date.tolist()
    cash, shares, last, equity, returns, paid = capital, 0.0, 0.0, capital, [], []
    for t, up in enumerate(ups):
        target = 1.0 if up > 0.5 else -1.0 if up < 0.5 else 0.0
        buy = 0.0 if target == last else target * equity / close[t] - shares
        last = target
        price = {"close": close[t], "next_open": opened[t + 1], "next_close": close[t + 1]}[execution]
        fee = 0.0
        if buy:
            fee = max(abs(buy) * price * cost_bps / 10_000 + abs(buy) * per_share, least)
        over_night = shares + buy if execution == "close" else shares
        nights = (days[t + 1] - days[t]).days
        rent = -over_night * close[t] * nights * borrow_bps / 10_000 / 365 if over_night < 0 else 0.0
        cash -= buy * price + fee + rent
        shares += buy
        before, equity = equity, cash + shares * close[t + 1]
        returns.append(equity / before - 1)
        paid.append((fee / before, rent / before))
    return np.array(returns), np.array(paid)


@pytest.mark.parametrize("execution", ["close", "next_open", "next_close"])
@pytest.mark.parametrize(
    "costs", [{}, {"borrow_bps": 250.0}, {"fee_per_share": 0.05, "min_fee": 600.0, "borrow_bps": 80.0}]
)
def test_an_account_equals_one_kept_by_hand(predictions, prices, execution, costs):
    predictions.loc[50:60, "up"] = 0.5
    made = backtest(
        predictions, prices, execution=execution, rebalance="on_change", cost_bps=7.0, capital=2e5, **costs
    )
    returns, paid = by_hand(
        predictions["up"].tolist(),
        prices,
        execution,
        7.0,
        costs.get("fee_per_share", 0.0),
        costs.get("min_fee", 0.0),
        costs.get("borrow_bps", 0.0),
        2e5,
    )
    assert np.abs(made.net.to_numpy() - returns).max() < 1e-12
    assert np.abs(made.days[["cost", "borrow"]].to_numpy() - paid).max() < 1e-12
    rest = made.gross - made.days["cost"] - made.days["borrow"] - made.net
    assert np.abs(rest).max() < 1e-15


def test_without_costs_a_position_of_one_earns_the_same_however_it_is_kept(predictions, prices):
    long = predictions.assign(up=np.where(predictions["up"] > 0.5, 0.6, 0.5))
    free = backtest(long, prices, cost_bps=0)
    for rebalance in ("on_change", "every_row"):
        kept = backtest(long, prices, cost_bps=0, rebalance=rebalance)
        assert np.abs(kept.net - free.net).max() < 1e-12
        assert kept.fills["price"].tolist() == free.fills["price"].tolist()
        assert kept.fills["side"].tolist() == free.fills["side"].tolist()


def test_a_short_kept_at_its_size_trades_every_row_and_one_kept_in_shares_once(predictions, prices):
    short = predictions.assign(up=0.1)
    every = backtest(short, prices, rebalance="every_row", cost_bps=10)
    free = backtest(short, prices, cost_bps=10)
    once = backtest(short, prices, rebalance="on_change", cost_bps=10)
    assert (len(every.fills), len(free.fills), len(once.fills)) == (400, 1, 1)
    assert np.abs(every.gross - free.gross).max() < 1e-12
    close = prices["close"].to_numpy()
    shares = -1e6 / close[0]
    value = 1e6 - 1e3 + shares * (close[1:] - close[0])
    assert np.allclose((1 + once.net).cumprod() * 1e6, value, rtol=1e-12)
    assert np.allclose(once.positions["SPX"], shares * close[1:] / value, rtol=1e-12)


def test_shorts_cost_their_rate_for_each_calendar_day(predictions, prices):
    short = predictions.assign(up=0.1)
    made = backtest(short, prices, cost_bps=0, borrow_bps=365.0)
    assert made.days["borrow"].iloc[:5].round(12).tolist() == [1e-4, 1e-4, 1e-4, 1e-4, 3e-4]
    assert backtest(predictions.assign(up=0.9), prices, borrow_bps=365.0).days["borrow"].sum() == 0
    years = (prices["time"].iloc[-1] - prices["time"].iloc[0]).days / 365
    assert made.days["borrow"].sum() == pytest.approx(years * 0.0365)
    late = backtest(short, prices, cost_bps=0, borrow_bps=365.0, execution="next_open")
    assert late.days["borrow"].iloc[0] == 0.0


def test_days_within_a_session_borrow_nothing():
    times = pd.DatetimeIndex(["2020-01-03 15:00", "2020-01-03 16:00", "2020-01-06 10:00"])
    assert calendar_days(times).tolist() == [0.0, 3.0]
    assert borrow_cost(np.array([-2.0, 2.0]), np.array([365.0, 365.0]), 100.0).tolist() == [0.02, 0.0]


def test_several_symbols_share_one_account():
    predictions = pd.concat([make_predictions(symbol="A"), make_predictions(symbol="B", seed=9)])
    prices = pd.concat([make_prices(symbol="A"), make_prices(symbol="B", seed=8)])
    made = backtest(predictions.assign(up=0.9), prices, rebalance="on_change", cost_bps=0)
    assert np.allclose(made.net, made.benchmark, atol=1e-12)
    assert made.fills["fraction"].tolist() == pytest.approx([0.5, 0.5], abs=1e-15)


def test_an_account_that_loses_all_trades_no_more(predictions, prices):
    bars = prices.copy()
    bars.loc[10:, "close"] *= 3
    made = backtest(predictions.assign(up=0.1), bars, rebalance="on_change")
    assert made.ruined == bars["time"][10]
    assert made.net[made.ruined] == -1
    after = made.days.loc[made.days.index > made.ruined].drop(columns="benchmark")
    assert not after.to_numpy().any()
    assert not made.positions.loc[made.ruined :].to_numpy().any()


def test_fills_say_when_they_were_ordered_and_filled(predictions, prices):
    time = prices["time"]
    turn = predictions.assign(up=np.where(np.arange(400) < 3, 0.6, 0.4))
    expected = {"close": (3, 3), "next_open": (3, 4), "next_close": (3, 4)}
    for execution, (ordered, filled) in expected.items():
        for rebalance in ("free", "on_change"):
            fill = backtest(turn, prices, execution=execution, rebalance=rebalance).fills.iloc[1]
            assert (fill["ordered"], fill["time"]) == (time[ordered], time[filled])
            assert fill["price"] == prices["open" if execution == "next_open" else "close"][filled]
            assert fill["side"] == -1
            late = backtest(turn, prices, execution=execution, rebalance=rebalance, delay_rows=2).fills.iloc[
                1
            ]
            assert (late["ordered"], late["time"]) == (time[ordered + 2], time[filled + 2])


def test_returns_are_a_named_daily_series_without_a_time_zone(predictions, prices):
    made = backtest(predictions, prices)
    returns = made.returns("tcn")
    assert (returns.name, returns.index.name, returns.index.tz) == ("tcn", "date", None)
    assert returns.tolist() == pytest.approx(made.net.tolist(), abs=1e-15)
    hours = pd.date_range("2020-01-06 10:00", periods=401, freq="h", tz="America/New_York")
    moved = {"predictions": predictions.assign(time=hours[:400]), "prices": prices.assign(time=hours)}
    within = backtest(**moved)
    daily = within.returns()
    assert daily.index.tz is None
    assert daily.index.is_unique
    assert len(daily) == 18
    assert (1 + daily).prod() == pytest.approx((1 + within.net).prod(), rel=1e-12)
    first = within.net[within.net.index < pd.Timestamp("2020-01-07", tz="America/New_York")]
    assert daily.iloc[0] == pytest.approx((1 + first).prod() - 1, abs=1e-15)
