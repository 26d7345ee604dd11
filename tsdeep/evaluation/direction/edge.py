"""Costs and delays against the edge: at what cost, and how late, a strategy still earns anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.significance import sharpe_ratio

COSTS_BPS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
DELAYS_ROWS = (0, 1, 2, 3, 5, 10)
_DEAREST_BPS = 1e4
_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Edge:
    """What is left of a strategy's Sharpe ratio as it costs more, or is carried out later.

    Parameters
    ----------
    costs : pandas.DataFrame
        Index cost_bps (basis points of what is traded), rising, the strategy's own among them; sharpe (a year, after
        costs) and annual_return (mean return of a row times rows a year, after costs); NaN where all is lost.
    delays : pandas.DataFrame
        Index delay_rows (rows later than the execution says), rising from the strategy's own; the same columns, at its
        own cost.
    buy_and_hold : float
        Sharpe ratio of the benchmark.
    break_even_bps : float
        Cost at which the mean return is zero; NaN where nothing is traded, or it is not above zero without costs.
    matches_bps : float
        Cost at which the Sharpe ratio falls to that of buy and hold; NaN where it is not above it without costs.
    """

    costs: pd.DataFrame
    delays: pd.DataFrame
    buy_and_hold: float
    break_even_bps: float
    matches_bps: float


def edge_of(
    traded: Backtest, trade: Callable[..., Backtest], *, costs_bps: tuple[float, ...] = COSTS_BPS
) -> Edge:
    """Trade the same decisions at other costs and with other delays.

    Parameters
    ----------
    traded : Backtest
        The strategy as it is reported.
    trade : callable
        Returns the backtest of the same predictions with `cost_bps` or `delay_rows` set otherwise.
    costs_bps : tuple of float
        Costs to trade at, beside the strategy's own.

    Returns
    -------
    Edge
        Delays of a quarter of the rows and more are left out. The two costs of `Edge` charge what the reported
        strategy trades at another price; an account, whose shares depend a little on what it has paid, is
        close to that.
    """
    own = float(traded.cost_bps)
    late = [
        delay for delay in DELAYS_ROWS if delay == 0 or 4 * (traded.delay_rows + delay) < len(traded.days)
    ]
    costs = {cost: _figures(trade, cost_bps=cost) for cost in sorted({*costs_bps, own})}
    delays = {
        traded.delay_rows + delay: _figures(trade, delay_rows=traded.delay_rows + delay) for delay in late
    }
    held = float(sharpe_ratio(traded.benchmark.to_numpy(), traded.periods_per_year))
    break_even, matches = _thresholds(traded, held)
    return Edge(_table(costs, "cost_bps"), _table(delays, "delay_rows"), held, break_even, matches)


def _figures(trade: Callable[..., Backtest], **changed: float) -> dict[str, float]:
    traded = trade(**changed)
    if traded.ruined is not None:
        return {"sharpe": _NAN, "annual_return": _NAN}
    year = traded.periods_per_year
    return {
        "sharpe": float(sharpe_ratio(traded.net.to_numpy(), year)),
        "annual_return": float(traded.net.mean() * year),
    }


def _table(rows: dict[float, dict[str, float]] | dict[int, dict[str, float]], name: str) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index.name = name
    return table


def _thresholds(traded: Backtest, held: float) -> tuple[float, float]:
    """Return the costs, in basis points, at which the mean return is zero, and the Sharpe ratio is `held`."""
    days = traded.days
    turnover = days["turnover"].to_numpy()
    free = (days["net"] + days["cost"]).to_numpy()
    if traded.ruined is not None or not turnover.any():
        return _NAN, _NAN
    break_even = float(free.mean() / turnover.mean() * 1e4)

    def above(cost_bps: float) -> float:
        return float(sharpe_ratio(free - turnover * cost_bps / 1e4, traded.periods_per_year)) - held

    ends = above(0.0), above(_DEAREST_BPS)
    crosses = bool(np.isfinite(ends).all()) and ends[0] > 0 > ends[1]
    matches = float(brentq(above, 0.0, _DEAREST_BPS)) if crosses else _NAN
    return break_even if break_even > 0 else _NAN, matches
