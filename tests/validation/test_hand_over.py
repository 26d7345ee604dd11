"""A result's predictions as positions, with the settings of its spec."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.specs import spec
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import backtest
from tsdeep.validation.result import Result


def result_of(**changes) -> Result:
    samples = tsdeep.load(spec(**changes))
    prices = samples.prices()
    rows = prices.iloc[1000:1300]
    up = np.random.default_rng(0).uniform(0.4, 0.6, len(rows))
    predictions = rows[["time", "symbol"]].assign(fold=0, cutoff=prices["time"].iloc[999], y=1, up=up)
    return Result("tcn", samples, None, {}, predictions, pd.DataFrame(), pd.DataFrame(), [], [], None)


def test_the_strategy_is_the_spec_s_unless_told_otherwise():
    chosen = {"sizing": "volatility_target", "target_volatility": 0.1, "cost_bps": 3, "max_holding_rows": 4}
    result = result_of(backtest=chosen)
    prices = result.samples.prices()
    expected = backtest(result.predictions, prices, **chosen)
    pd.testing.assert_frame_equal(result.backtest().days, expected.days)
    pd.testing.assert_series_equal(result.returns(), expected.returns("tcn"))
    other = result.backtest(cost_bps=0, execution="next_close").strategy
    assert (other.cost_bps, other.execution, other.target_volatility) == (0, "next_close", 0.1)


def test_backtrader_is_given_the_spec_s_strategy_and_an_account():
    result = result_of(backtest={"cost_bps": 3, "execution": "next_open", "borrow_bps": 50})
    made, same = result.to_backtrader(), result.backtest(rebalance="on_change")
    assert np.abs(made.net - same.net).max() < 1e-12
    assert made.strategy == same.strategy


def test_zipline_is_asked_for_its_own_execution(tmp_path):
    result = result_of(backtest={"cost_bps": 3, "execution": "close"})
    with pytest.raises(DataError, match="has no zipline-reloaded"):
        result.to_zipline(tmp_path, python=sys.executable)
    with pytest.raises(DataError, match="cannot be run"):
        result.to_zipline(tmp_path, python=tmp_path / "nothing")


def test_a_task_without_a_direction_is_refused():
    result = result_of()
    volatility = tsdeep.load(spec(task={"kind": "volatility", "horizon_rows": 5}, model=..., hparams=...))
    other = Result("har", volatility, None, {}, result.predictions, *[pd.DataFrame()] * 2, [], [], None)
    for trade in (other.backtest, other.returns, other.to_backtrader):
        with pytest.raises(SpecError, match="task is 'volatility', expected 'direction'"):
            trade()


def test_settings_that_do_nothing_are_refused_where_the_spec_is_read():
    for chosen, message in (
        ({"target_volatility": 0.1}, "backtest: .*target_volatility is 0.1"),
        ({"min_fee": 1}, "backtest: min_fee is 1.0, but rebalance 'free'"),
        ({"max_leverage": 0}, "backtest.max_leverage: found 0, expected a number greater than 0"),
    ):
        with pytest.raises(SpecError, match=message):
            spec(backtest=chosen)
