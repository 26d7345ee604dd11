"""Splits in unadjusted prices are found; days that are only wild are not."""

import numpy as np
import pandas as pd
import pytest

from tests.asset_bars import bars
from tsdeep.errors import DataError
from tsdeep.sources.splits import refuse_splits


def with_split(ratio, day=20, symbol="AAPL"):
    table = bars(symbol, days=40)
    prices = ["open", "high", "low", "close"]
    table.loc[day:, prices] = table.loc[day:, prices] / ratio
    return table


@pytest.mark.parametrize(
    ("ratio", "name"),
    [
        (2, "a 2:1 split"),
        (1.5, "a 3:2 split"),
        (7, "a 7:1 split"),
        (20, "a 20:1 split"),
        (1 / 10, "a reverse split of 1:10"),
    ],
)
def test_a_split_is_refused_by_symbol_day_ratio_and_setting(ratio, name):
    table = with_split(ratio)
    with pytest.raises(DataError) as refused:
        refuse_splits(table, "adjustment: all")
    said = str(refused.value)
    assert said.startswith("symbol 'AAPL', 2004-01-29: the price goes from ")
    assert name in said
    assert f"a ratio of {table['close'][19] / table['open'][20]:.3f}" in said
    assert said.endswith("set adjustment: all")


def test_the_second_of_two_symbols_is_named_and_all_splits_counted():
    table = pd.concat([bars("SPY", days=40), with_split(2), with_split(3, symbol="TSLA")], ignore_index=True)
    with pytest.raises(DataError, match=r"symbol 'AAPL', 2004-01-29: .* \(2 such rows\)"):
        refuse_splits(table, "adjustment: all")


def test_without_an_open_closes_are_compared():
    table = with_split(4)[["time", "symbol", "close"]]
    with pytest.raises(DataError, match="a 4:1 split"):
        refuse_splits(table, "adjustment: all")


def test_from_one_symbol_to_the_next_there_is_no_split():
    table = pd.concat([bars("A", days=5), bars("B", days=5).assign(open=50.0, close=50.0)], ignore_index=True)
    refuse_splits(table, "adjustment: all")


@pytest.mark.parametrize("jump", [0.75, 0.58, 1.3, 1.45])
def test_a_wild_day_is_no_split(jump):
    close = np.array([100.0, 100.0 * jump, 100.0 * jump])
    table = pd.DataFrame(
        {"time": pd.bdate_range("2020-01-01", periods=3), "symbol": "A", "open": close, "close": close}
    )
    refuse_splits(table, "adjustment: all")
