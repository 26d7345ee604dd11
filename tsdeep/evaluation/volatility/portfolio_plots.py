"""The figure of costs against what forecasts of volatility are worth to a portfolio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from tsdeep.evaluation.drawing import line_styles, new_figure
from tsdeep.evaluation.risk import rows_a_year
from tsdeep.evaluation.significance import sharpe_ratio
from tsdeep.evaluation.volatility.portfolio import TargetPortfolio

COSTS_BPS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)


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
