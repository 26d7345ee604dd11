from __future__ import annotations

import empyrical
import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import (
    backtest,
    open_warning,
    opens_equal_to_prior_close,
    position_sizes,
    risk_figures,
)


def size_of(up: float) -> float:
    return 1.0 if up > 0.5 else -1.0 if up < 0.5 else 0.0


def day_by_day(ups: list, bars: pd.DataFrame, execution: str, cost_bps: float, delay: int = 0) -> list[float]:
    """Trade with orders and an account: buy or sell at the fill's price, and mark at each close."""
    close, opened = bars["close"].tolist(), bars["open"].tolist()
    if execution == "next_close":
        delay += 1
    orders = [0.0] * delay + [size_of(up) for up in ups]
    position, returns = 0.0, []
    for t in range(len(ups)):
        target = orders[t]
        cost = cost_bps / 10_000 * abs(target - position)
        if execution == "next_open":
            gained = position * (opened[t + 1] - close[t]) + target * (close[t + 1] - opened[t + 1])
        else:
            gained = target * (close[t + 1] - close[t])
        position = target
        returns.append(gained / close[t] - cost)
    return returns


@pytest.mark.parametrize("execution", ["close", "next_open", "next_close"])
@pytest.mark.parametrize("delay", [0, 2])
def test_vectorised_execution_equals_a_loop_over_days(predictions, prices, execution, delay):
    predictions.loc[50:60, "up"] = 0.5
    result = backtest(predictions, prices, execution=execution, cost_bps=7.0, delay_rows=delay)
    loop = day_by_day(predictions["up"].tolist(), prices, execution, 7.0, delay)
    assert np.abs(result.net.to_numpy() - loop).max() < 1e-12
    assert result.net.index.equals(pd.DatetimeIndex(prices["time"][1:401]))


def test_execution_one_day_late_changes_the_result_and_is_next_close(predictions, prices):
    close = backtest(predictions, prices, execution="close")
    late = backtest(predictions, prices, execution="close", delay_rows=1)
    assert np.abs(close.net - late.net).max() > 1e-3
    pd.testing.assert_frame_equal(late.days, backtest(predictions, prices, execution="next_close").days)
    assert late.net.iloc[0] == 0.0


def test_perfect_foresight_earns_every_move_at_the_close_and_not_one_day_late(predictions, prices):
    moves = prices["close"].pct_change().to_numpy()[1:]
    seer = predictions.assign(up=np.where(moves > 0, 0.9, 0.1))
    assert np.allclose(backtest(seer, prices, cost_bps=0).gross, np.abs(moves), atol=1e-15)
    late = backtest(seer, prices, cost_bps=0, execution="next_close")
    assert late.figures().loc["gross", "sharpe"] < 3
    assert backtest(seer, prices, cost_bps=0).figures().loc["gross", "sharpe"] > 15


def test_a_position_that_never_changes_is_buy_and_hold_in_every_execution(predictions, prices):
    always = predictions.assign(up=1.0)
    close = backtest(always, prices, cost_bps=5)
    assert np.allclose(close.gross, close.benchmark, atol=1e-12)
    assert close.days["cost"].tolist() == [5e-4] + [0.0] * 399
    after_entry = backtest(always, prices, execution="next_open").gross.iloc[1:]
    assert np.allclose(after_entry, close.benchmark.iloc[1:], atol=1e-12)


def test_cost_of_a_turn_is_twice_that_of_an_entry(predictions, prices):
    flips = predictions.assign(up=np.where(np.arange(400) % 2, 0.4, 0.6))
    result = backtest(flips, prices, cost_bps=10)
    assert result.days["turnover"].tolist() == [1.0] + [2.0] * 399
    assert (result.gross - result.net).sum() == pytest.approx((1 + 2 * 399) * 10 / 1e4)


def test_rows_without_a_prediction_are_flat_and_counted(predictions, prices):
    gap = predictions.drop(index=range(100, 150)).assign(up=0.9)
    result = backtest(gap, prices)
    assert result.undecided == 50
    assert (result.positions["SPX"].iloc[100:150] == 0).all()
    assert result.days["turnover"].sum() == 3.0


def test_symbols_have_equal_shares_of_equity():
    predictions = pd.concat([make_predictions(symbol="A"), make_predictions(symbol="B", seed=9)])
    prices = pd.concat([make_prices(symbol="A"), make_prices(symbol="B", seed=8)])
    both = backtest(predictions, prices)
    alone = [
        backtest(predictions[predictions["symbol"] == s], prices[prices["symbol"] == s]) for s in ("A", "B")
    ]
    assert np.allclose(both.net, (alone[0].net + alone[1].net) / 2, atol=1e-15)
    wealth = sum((1 + one.benchmark).cumprod() for one in alone) / 2
    assert np.allclose((1 + both.benchmark).cumprod(), wealth, atol=1e-12)


def test_sizes():
    up = [0.7, 0.55, 0.5, 0.45, 0.2]
    assert position_sizes(up).tolist() == [1, 1, 0, -1, -1]
    assert position_sizes(up, "threshold", threshold=0.6).tolist() == [1, 0, 0, 0, -1]
    assert np.allclose(position_sizes(up, "probability"), [0.4, 0.1, 0, -0.1, -0.6])
    assert position_sizes(up, short=False).tolist() == [1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizing": "signs"}, "did you mean 'sign'"),
        ({"sizing": "threshold"}, "threshold is None"),
        ({"sizing": "threshold", "threshold": 0.3}, "threshold is 0.3"),
        ({"threshold": 0.6}, "only 'threshold' uses it"),
        ({"execution": "nextopen"}, "did you mean 'next_open'"),
        ({"cost_bps": -1.0}, "cost_bps is -1.0"),
        ({"cost_bps": float("nan")}, "cost_bps is nan"),
        ({"cost_bps": float("inf")}, "cost_bps is inf"),
        ({"delay_rows": -1}, "delay_rows is -1"),
        ({"delay_rows": 1.0}, "delay_rows is 1.0, expected an integer"),
        ({"short": "no"}, "short is 'no', expected True or False"),
        ({"costs_bps": 5.0}, "unknown setting of a strategy 'costs_bps': did you mean 'cost_bps'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(predictions, prices, arguments, message):
    with pytest.raises(SpecError, match=message):
        backtest(predictions, prices, **arguments)


def test_predictions_given_twice_are_refused(predictions, prices):
    with pytest.raises(DataError, match=r"SPX at 2010-01-06.*predicted twice"):
        backtest(pd.concat([predictions, predictions.iloc[[2]]]), prices)


def test_prices_that_do_not_fit_are_refused(predictions, prices):
    with pytest.raises(DataError, match="no price of SPX after its last prediction"):
        backtest(predictions, prices.iloc[:400])
    with pytest.raises(DataError, match="has no price there"):
        backtest(predictions, prices.drop(index=17))
    with pytest.raises(DataError, match="no prices of SPX"):
        backtest(predictions, prices.assign(symbol="NDX"))
    with pytest.raises(DataError, match="not in strictly increasing"):
        backtest(predictions, prices.iloc[::-1])
    prices.loc[9, "close"] = 0.0
    with pytest.raises(DataError, match=r"close of SPX at 2010-01-15.*is 0.0"):
        backtest(predictions, prices)
    with pytest.raises(DataError, match="needs column 'open'"):
        backtest(predictions, prices.drop(columns="open"), execution="next_open")


def test_risk_figures_equal_their_definitions(prices):
    returns = prices["close"].pct_change().dropna()
    benchmark = returns.sample(frac=1, random_state=0).set_axis(returns.index)
    figures = risk_figures(returns, benchmark)
    assert figures["sharpe"] == pytest.approx(returns.mean() / returns.std() * np.sqrt(252))
    downside = np.sqrt(np.mean(np.minimum(returns, 0) ** 2))
    assert figures["sortino"] == pytest.approx(returns.mean() / downside * np.sqrt(252))
    equity = np.concatenate([[1.0], (1 + returns).cumprod()])
    assert figures["max_drawdown"] == pytest.approx((equity / np.maximum.accumulate(equity) - 1).min())
    beta = np.cov(returns, benchmark)[0, 1] / np.var(benchmark, ddof=1)
    assert figures["beta"] == pytest.approx(beta)
    alpha = (1 + returns.mean() - beta * benchmark.mean()) ** 252 - 1
    assert figures["alpha"] == pytest.approx(alpha)
    assert figures["annual_return"] == pytest.approx(equity[-1] ** (252 / 400) - 1)
    assert figures["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns))


def test_opens_that_repeat_the_prior_close_are_named_by_year(prices):
    assert open_warning(prices) == ""
    copied = prices.assign(open=prices["close"].shift(1).fillna(100.0))
    copied.loc[copied["time"].dt.year == 2011, "open"] *= 1.01
    assert opens_equal_to_prior_close(copied).to_dict() == {2010: 1.0, 2011: 0.0}
    assert open_warning(copied).startswith("In 2010 100% of the opens equal the prior close.")
    assert "no opens" in open_warning(prices.drop(columns="open"))


def test_nothing_is_traded_on_after_all_is_lost():
    time = pd.bdate_range("2020-01-01", periods=4, name="time")
    prices = pd.DataFrame({"time": time, "symbol": "A", "close": [10.0, 12.0, 25.0, 20.0]})
    short = pd.DataFrame({"time": time[:3], "symbol": "A", "up": 0.1})
    for rebalance in ("free", "every_row", "on_change"):
        made = backtest(short, prices, rebalance=rebalance)
        assert made.ruined == time[2]
        assert made.net.tolist() == pytest.approx([-0.2005, -1.0, 0.0])
        assert (made.gross - made.days["cost"]).tolist() == pytest.approx(made.net.tolist())
        assert made.positions["A"].iloc[1:].tolist() == [0, 0]
        assert made.fills["time"].max() < time[2]
        assert made.figures().loc["net", ["annual_return", "max_drawdown"]].tolist() == [-1, -1]
    assert backtest(short.iloc[:1], prices).net.tolist() == pytest.approx([-0.2005])
    assert backtest(short.iloc[:1], prices).ruined is None


@pytest.mark.parametrize("value", [1.5, -0.1, np.nan, "high"])
def test_what_is_no_probability_is_refused(predictions, prices, value):
    changed = predictions.assign(up=predictions["up"].astype(object))
    changed.loc[3, "up"] = value
    with pytest.raises(DataError, match=rf"up of SPX at 2010-01-07.* is {value!r}, expected a probability"):
        backtest(changed, prices)


@pytest.mark.parametrize(("what", "column"), [("predictions", "up"), ("prices", "close")])
def test_a_table_without_a_column_is_refused(predictions, prices, what, column):
    tables = {"predictions": predictions, "prices": prices}
    tables[what] = tables[what].drop(columns=column)
    with pytest.raises(DataError, match=f"{what} have no column '{column}', expected time, symbol, {column}"):
        backtest(**tables)


def test_symbols_of_a_category_that_has_more_are_those_that_are_there(predictions, prices):
    kind = pd.CategoricalDtype(["NDX", "SPX"])
    made = backtest(predictions.astype({"symbol": kind}), prices.astype({"symbol": kind}))
    assert made.net.equals(backtest(predictions, prices).net)
