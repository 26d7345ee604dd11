"""Positions as fractions of equity, set anew at each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tsdeep.evaluation.costs import borrow_cost, calendar_days
from tsdeep.evaluation.positions import delayed

if TYPE_CHECKING:
    from tsdeep.evaluation.strategy import Strategy


def trade_fractions(
    targets: pd.DataFrame, bars: Mapping[str, pd.DataFrame], strategy: Strategy
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Trade positions that are kept at their fraction of equity at no cost.

    Parameters
    ----------
    targets : pandas.DataFrame [rows, symbols]
        Decided positions, as fractions of a symbol's equal share of equity.
    bars : mapping of str to pandas.DataFrame
        Columns time, symbol, close and, with `"next_open"`, open, one row more than the symbol's decisions.
    strategy : Strategy
        Execution, delay and costs.

    Returns
    -------
    tuple of pandas.DataFrame
        Positions, days and fills, as in `Backtest`. An interval that costs all ends at -1, and nothing is held after.

    """
    parts = {symbol: _trade(targets[symbol], frame, strategy) for symbol, frame in bars.items()}
    share = 1.0 / len(parts)
    wide = pd.concat({symbol: part for symbol, (part, _) in parts.items()}, axis=1).fillna(0.0).sort_index()
    totals = {key: wide.xs(key, axis=1, level=1).sum(axis=1) for key in ("gross", "turnover", "borrow")}
    days = share * pd.DataFrame(totals)
    days["cost"] = days["turnover"] * strategy.cost_bps / 1e4
    days["net"] = days["gross"] - days["cost"] - days["borrow"]
    days.index.name = "time"
    fills = pd.concat([fills.assign(fraction=fills["fraction"] * share) for _, fills in parts.values()])
    positions = wide.xs("position", axis=1, level=1).copy()
    lost = days["net"] <= -1
    if lost.any():
        at = days.index[lost][0]
        days.loc[at, "net"] = -1.0
        days.loc[at, "gross"] = days.loc[at, "cost"] + days.loc[at, "borrow"] - 1.0
        days.loc[days.index > at] = 0.0
        positions.loc[positions.index >= at] = 0.0
        within = fills["time"] <= at if strategy.execution == "next_open" else fills["time"] < at
        fills = fills[within]
    fills = fills.sort_values(["time", "symbol"], kind="stable", ignore_index=True)
    return positions, days[["gross", "cost", "borrow", "net", "turnover"]], fills


def _trade(decided: pd.Series, bars: pd.DataFrame, strategy: Strategy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return position, gross, turnover and borrow of a symbol's intervals, and its fills."""
    time = pd.DatetimeIndex(bars["time"], name="time")
    close = bars["close"].to_numpy(dtype=np.float64)
    late = int(strategy.execution == "next_close")
    new = delayed(decided.reindex(time[:-1]).to_numpy(), strategy.delay_rows + late)
    old = np.concatenate([[0.0], new[:-1]])
    if strategy.execution == "next_open":
        opened = bars["open"].to_numpy(dtype=np.float64)[1:]
        gross = old * (opened - close[:-1]) / close[:-1] + new * (close[1:] - opened) / close[:-1]
        held, price, at = old, opened, time[1:]
    else:
        gross = new * (close[1:] / close[:-1] - 1.0)
        held, price, at = new, close[:-1], time[:-1]
    borrow = borrow_cost(held, calendar_days(time), strategy.borrow_bps)
    part = pd.DataFrame(
        {"position": new, "gross": gross, "turnover": np.abs(new - old), "borrow": borrow}, index=time[1:]
    )
    rows = np.flatnonzero(new != old)
    fills = pd.DataFrame(
        {
            "ordered": time[rows - late],
            "time": at[rows],
            "symbol": bars["symbol"].iloc[0],
            "side": np.sign(new - old)[rows].astype(int),
            "price": price[rows],
            "fraction": (new - old)[rows],
        }
    )
    return part, fills
