"""The economic test: a portfolio that holds its volatility at a target by the forecasts, after costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.evaluation.volatility.basket import Basket

TARGET_VOLATILITY = 0.1
LEVERAGE_LIMIT = 3.0


@dataclass(frozen=True, eq=False)
class TargetPortfolio:
    """What a volatility-targeted portfolio held and earned.

    Parameters
    ----------
    days : pandas.DataFrame
        Index: time; gross, cost and net (simple returns of the day), turnover (sum of |change of weight|, in
        equities) and exposure (sum of weights at the latest rebalance).
    risk : pandas.DataFrame
        Index: time of the origin; realised (annualised volatility over the rows that the position then taken is
        held, before costs), exposure (its sum of weights), capped (whether the leverage limit bound).
    """

    days: pd.DataFrame
    risk: pd.DataFrame


def target_portfolio(
    basket: Basket,
    volatility: np.ndarray,
    horizon_rows: int,
    *,
    target: float = TARGET_VOLATILITY,
    leverage_limit: float = LEVERAGE_LIMIT,
    cost_bps: float = 5.0,
) -> TargetPortfolio | None:
    """Hold every asset at an equal share of risk, and all of them together at a target volatility.

    At an origin the weight of asset i is `target / (assets * volatility_i * sqrt(c))`, where c, the mean of all entries
    of the 50-day correlation, is what diversification leaves of the variance: the forecast volatility of the whole
    is then the target. It is the same for every method, so that methods differ by their forecasts of volatility alone.
    Weights that sum to more than the limit are scaled down to it. What is not invested earns nothing, and what is
    borrowed costs nothing.

    Positions are taken at the close of the origin, held for `horizon_rows` rows as prices move them, and then
    set anew. So that the day it begins on decides nothing, the portfolio is `horizon_rows` equal parts, each
    beginning a row after the one before; its returns are the mean of theirs, from the day on which all
    have begun to the last on which none has ended. A day without forecasts takes the latest.
    Costs are `cost_bps / 1e4` of the change of weights, charged to the row after the rebalance.

    Parameters
    ----------
    basket : Basket
        Days, closes and correlations.
    volatility : ndarray of float64, [days, assets]
        Forecasts of annualised volatility at `basket.origin`.
    horizon_rows : int
        Rows that a position is held, and labels look ahead.
    target : float
        Annualised fraction.
    leverage_limit : float
        Largest sum of weights, in equities.
    cost_bps : float
        Basis points of turnover.

    Returns
    -------
    TargetPortfolio or None
        None where fewer than two horizons of days have forecasts.

    Raises
    ------
    SpecError
        If target or leverage limit is not positive.
    """
    for name, setting in (("target", target), ("leverage_limit", leverage_limit)):
        if not (np.isfinite(setting) and setting > 0):
            raise SpecError(f"target portfolio: {name} is {setting!r}, expected a positive number")
    horizon, close = horizon_rows, basket.closes.close
    first, last = int(basket.origin[0]), int(basket.origin[-1])
    days = np.arange(first, last + 1)
    if len(days) < 2 * horizon or last + horizon >= len(close):
        return None
    latest = np.searchsorted(basket.origin, days, side="right") - 1
    remains = np.sqrt(
        basket.correlation.mean(axis=(1, 2))
    )  # the share of volatility that is not diversified away
    wanted = target / (volatility.shape[1] * volatility * remains[:, None])
    total = wanted.sum(axis=1, keepdims=True)
    weights = (wanted * np.minimum(1.0, leverage_limit / total))[latest]  # [origins, assets]
    held = (
        close[days[:, None] + np.arange(horizon + 1)] / close[days][:, None, :]
    )  # [origins, horizon + 1, assets]
    value = 1.0 + np.einsum("oka,oa->ok", held - 1.0, weights)
    alive = np.minimum.accumulate(value, axis=1) > 0  # what is ruined stays so
    value = np.where(alive, value, 0.0)
    gross = np.divide(value[:, 1:], value[:, :-1], out=np.ones_like(value[:, 1:]), where=alive[:, :-1]) - 1.0
    drifted = np.divide(weights * held[:, -1], value[:, -1:], out=np.zeros_like(weights), where=alive[:, -1:])
    before = np.zeros_like(weights)
    before[horizon:] = drifted[:-horizon]
    turnover = np.abs(weights - before).sum(axis=1)
    cost = turnover * cost_bps / 1e4
    # Part of origin o earns gross[o, k] on day o + k + 1; days `horizon` to the last origin have all parts.
    count = len(days) - horizon + 1
    spent = np.zeros_like(gross)
    spent[:, 0] = cost
    earned, paid = (_by_day(values, count) for values in (gross, spent))
    whole = slice(horizon - 1, horizon - 1 + count)
    index = pd.DatetimeIndex(basket.closes.time[days[0] + horizon : days[0] + horizon + count], name="time")
    parts = np.lib.stride_tricks.sliding_window_view(weights.sum(axis=1), horizon).mean(axis=1)
    table = pd.DataFrame(
        {
            "gross": earned,
            "cost": paid,
            "net": earned - paid,
            "turnover": turnover[whole] / horizon,
            "exposure": parts[:count],
        },
        index=index,
    )
    realised = np.sqrt(basket.annual_rows * np.square(gross).mean(axis=1))
    chosen = basket.origin - first
    risk = pd.DataFrame(
        {
            "realised": realised[chosen],
            "exposure": weights.sum(axis=1)[chosen],
            "capped": (total[:, 0] > leverage_limit),
        },
        index=pd.DatetimeIndex(basket.closes.time[basket.origin], name="time"),
    )
    return TargetPortfolio(table, risk)


def trade_all(
    basket: Basket,
    methods: Mapping[str, pd.DataFrame],
    horizon_rows: int,
    *,
    target: float = TARGET_VOLATILITY,
    leverage_limit: float = LEVERAGE_LIMIT,
    cost_bps: float = 5.0,
) -> dict[str, TargetPortfolio]:
    """Hold a portfolio on every method's forecasts, see `target_portfolio`; empty where there are too few days."""
    found = {}
    for method, frame in methods.items():
        volatility = frame["volatility"].to_numpy(dtype=np.float64)[basket.rows]
        portfolio = target_portfolio(
            basket,
            volatility,
            horizon_rows,
            target=target,
            leverage_limit=leverage_limit,
            cost_bps=cost_bps,
        )
        if portfolio is not None:
            found[method] = portfolio
    return found


def _by_day(values: np.ndarray, count: int) -> np.ndarray:
    """Average `[origins, horizon]` over the parts that run on each day on which all do."""
    horizon = values.shape[1]
    total = np.zeros(count)
    for k in range(horizon):
        begin = horizon - 1 - k
        total += values[begin : begin + count, k]
    return total / horizon
