"""Losses and portfolios of several methods on volatility, to be compared."""

from __future__ import annotations

import pandas as pd

from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.risk import risk_figures, rows_a_year
from tsdeep.evaluation.significance import overlap_lags
from tsdeep.evaluation.volatility.basket import make_basket
from tsdeep.evaluation.volatility.comparison import BLOCK_HORIZONS, LEAST_WINDOWS, daily_losses
from tsdeep.evaluation.volatility.portfolio import TARGET_VOLATILITY, trade_all
from tsdeep.evaluation.volatility.predictions import check_volatility, check_volatility_references

_LOSSES = {"qlike": ("QLIKE", ""), "squared_error": ("squared error", "squared percentage points")}


def compared_volatility(evidence: Evidence) -> tuple[MethodLosses, ...]:
    """Return QLIKE and squared errors of each day, averaged over its assets."""
    methods, horizon = _methods(evidence), evidence.horizon_rows
    found = []
    for loss, (name, unit) in _LOSSES.items():
        table = daily_losses(methods, loss)
        block = max(evidence.block_rows or BLOCK_HORIZONS * horizon, horizon)
        found.append(
            MethodLosses(
                name, unit, "days", table, overlap_lags(len(table), horizon), block,
                least=LEAST_WINDOWS * horizon, fixed_b=True,
            )
        )  # fmt: skip
    return tuple(found)


def volatility_curves(evidence: Evidence) -> tuple[Curves, ...]:
    """Return what the portfolio at a target volatility earned on each method's forecasts; none without a basket."""
    methods = _methods(evidence)
    if evidence.prices is None or evidence.predictions["symbol"].nunique() < 2:
        return ()
    basket = make_basket(methods, evidence.prices)
    portfolios = (
        {}
        if basket is None
        else trade_all(basket, methods, evidence.horizon_rows, cost_bps=evidence.cost_bps)
    )
    if not portfolios:
        return ()
    returns = pd.DataFrame({method: portfolio.days["net"] for method, portfolio in portfolios.items()})
    year = rows_a_year(returns.index)
    figures = {}
    for method, portfolio in portfolios.items():
        net = returns[method]
        found = risk_figures(net, net, periods_per_year=year)
        figures[method] = {
            "return a year": found["annual_return"],
            "volatility a year": found["annual_volatility"],
            "Sharpe a year": found["sharpe"],
            "largest drawdown": found["max_drawdown"],
            "turnover, equities a year": float(portfolio.days["turnover"].mean() * year),
        }
    title = (
        f"equal shares of risk, held at {TARGET_VOLATILITY:.0%} a year by each method's forecasts, after costs of "
        f"{evidence.cost_bps:g} bps"
    )
    return (Curves(title, "growth of 1", (1 + returns).cumprod(), pd.DataFrame(figures).T, log=True),)


def _methods(evidence: Evidence) -> dict[str, pd.DataFrame]:
    predictions = check_volatility(evidence.predictions)
    return {evidence.model: predictions, **check_volatility_references(evidence.references, predictions)}
