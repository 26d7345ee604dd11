"""Figures of portfolios held at a target volatility: risk, wealth and drawdown, and costs against the edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tsdeep.evaluation.drawing import QUIET, date_axis, line_styles, new_figure, plain_log_ticks
from tsdeep.evaluation.risk import rows_a_year
from tsdeep.evaluation.significance import sharpe_ratio
from tsdeep.evaluation.volatility.losses import POINTS
from tsdeep.evaluation.volatility.portfolio import TargetPortfolio

AVERAGED = 3  # horizons of origins
COSTS_BPS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


def plot_target_portfolio(
    portfolios: Mapping[str, TargetPortfolio],
    *,
    methods: Sequence[str],
    model: str,
    target: float,
    horizon_rows: int,
    benchmark: pd.Series | None = None,
) -> Figure:
    """Draw the risk that volatility-targeted portfolios had, what became of one unit of money, and drawdowns.

    Parameters
    ----------
    portfolios : mapping of str to TargetPortfolio
        By method.
    methods : sequence of str
        Those that are drawn; the model is among them.
    model : str
        The method that is drawn foremost, and whose drawdown is.
    target : float
        Annualised fraction.
    horizon_rows : int
        Rows that a position is held.
    benchmark : pandas.Series, optional
        Simple returns of the day, by time, beside which wealth and drawdown are shown: see `equal_weight_returns`.

    Returns
    -------
    matplotlib.figure.Figure
        From above: realised volatility while positions were held, averaged over three horizons of the days on which
        they were taken; wealth, on a logarithmic scale; loss from the last peak.
    """
    figure, (above, middle, below) = new_figure(
        3, 1, width=10.0, height=8.0, sharex=True, height_ratios=[1.2, 1.2, 0.8]
    )
    styles = line_styles(methods, model)
    for method, style in styles.items():
        portfolio = portfolios[method]
        look = {key: style[key] for key in ("color", "ls")} | {"lw": 2.0 if method == model else 1.2}
        held = portfolio.risk["realised"].rolling(AVERAGED * horizon_rows, min_periods=horizon_rows).mean()
        above.plot(portfolio.risk.index, POINTS * held, label=method, **look)
        middle.plot(portfolio.days.index, (1 + portfolio.days["net"]).cumprod(), **look)
    above.axhline(POINTS * target, color="black", lw=1, ls="--", label=f"target, {target:.0%}")
    net = portfolios[model].days["net"]
    drawdowns: list[tuple[pd.Series, dict[str, Any]]] = [
        (net, {"color": styles[model]["color"], "ls": "-", "lw": 1.4})
    ]
    if benchmark is not None:
        days = benchmark.reindex(net.index)
        look = {"color": "black", "ls": (0, (1, 1)), "lw": 1.8}
        middle.plot(days.index, (1 + days).cumprod(), label="equal weights, no target", **look)
        drawdowns.append((days, look))
    for returns, look in drawdowns:
        wealth = (1 + returns).cumprod()
        drawdown = wealth / wealth.cummax().clip(lower=1.0) - 1
        below.plot(drawdown.index, drawdown, **look)
        if returns is net:
            below.fill_between(drawdown.index, drawdown, 0, color=look["color"], alpha=0.2, lw=0)
    above.set_ylabel(f"volatility while held,\nmean of {AVERAGED * horizon_rows} origins,\n% a year")
    middle.set_yscale("log")
    plain_log_ticks(middle)
    middle.set_ylabel("growth of 1 after costs\n(log scale)")
    middle.axhline(1, color=QUIET, lw=0.8)
    below.set_ylabel(f"drawdown of {model}" + ("\nand of equal weights" if benchmark is not None else ""))
    below.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axis in (above, middle, below):
        date_axis(axis)
    found = [axis.get_legend_handles_labels() for axis in (above, middle)]
    handles, labels = ([*first, *second] for first, second in zip(*found, strict=True))
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    figure.suptitle("A portfolio held at a target volatility by the forecasts")
    return figure


def sharpe_by_cost(
    portfolio: TargetPortfolio, cost_bps: float, costs_bps: Sequence[float] = COSTS_BPS
) -> np.ndarray:
    """Return the Sharpe ratio (a year) of a portfolio had its trades cost something else.

    Parameters
    ----------
    portfolio : TargetPortfolio
        Weights do not depend on costs, so that only the price of what is traded changes.
    cost_bps : float
        What it was charged, above zero.
    costs_bps : sequence of float
        What it is charged instead, basis points of turnover.

    Returns
    -------
    numpy.ndarray [costs]
        float64.
    """
    days = portfolio.days
    paid = days["cost"].to_numpy() / cost_bps
    net = days["gross"].to_numpy()[:, None] - paid[:, None] * np.asarray(costs_bps)  # [days, costs]
    return sharpe_ratio(net, rows_a_year(days.index))


def plot_portfolio_costs(
    portfolios: Mapping[str, TargetPortfolio], *, methods: Sequence[str], model: str, cost_bps: float
) -> Figure:
    """Draw the Sharpe ratio of each method's portfolio by what trading costs.

    Parameters
    ----------
    portfolios : mapping of str to TargetPortfolio
        By method.
    methods : sequence of str
        Those drawn.
    model : str
        The one drawn foremost.
    cost_bps : float
        What they were charged, above zero: a vertical line.

    Returns
    -------
    matplotlib.figure.Figure
        Against basis points, logarithmic above 1.
    """
    figure, (axis,) = new_figure(1, 1, height=4.0)
    axis.axvline(cost_bps, color="black", lw=0.9, ls=":", label=f"as reported, {cost_bps:g} bps")
    for name, style in line_styles(methods, model).items():
        axis.plot(COSTS_BPS, sharpe_by_cost(portfolios[name], cost_bps), label=name, **style)
    axis.set_xscale("symlog", linthresh=1.0)
    axis.set_xticks(COSTS_BPS, [f"{cost:g}" for cost in COSTS_BPS])
    axis.minorticks_off()
    axis.set_xlim(-0.15, max(COSTS_BPS) * 1.25)
    axis.set_xlabel("cost of what is traded (basis points)")
    axis.set_ylabel("Sharpe ratio a year, after costs")
    axis.legend(loc="best")
    figure.suptitle("Costs against the portfolio's edge")
    return figure
