"""Figures of a strategy on direction: costs and delays against its edge, exposure, and fold by fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.direction.edge import Edge
from tsdeep.evaluation.drawing import MODEL, OTHER, QUIET, date_axis, new_figure, percent_ticks
from tsdeep.evaluation.exposure import exposure_series

_WINDOW = 63


def plot_edge(edge: Edge, traded: Backtest, *, name: str = "model") -> Figure:
    """Draw the Sharpe ratio after costs, by cost and by delay, beside that of buy and hold.

    Parameters
    ----------
    edge : Edge
        See `edge_of`.
    traded : Backtest
        The strategy as it is reported: a larger marker.
    name : str
        The method's, for the legend.

    Returns
    -------
    matplotlib.figure.Figure
        Left against basis points (logarithmic above 1), right against rows of delay; one scale.
    """
    figure, (left, right) = new_figure(1, 2, height=4.1, sharey=True)
    panels = (
        (left, edge.costs, float(traded.cost_bps), "cost of what is traded (basis points)"),
        (right, edge.delays, traded.delay_rows, f"rows later than {traded.execution}"),
    )
    for axis, table, own, label in panels:
        axis.axhline(0, color="black", lw=0.9)
        axis.axhline(edge.buy_and_hold, color=OTHER, lw=1.8, ls="--", label="buy and hold")
        axis.plot(table.index, table["sharpe"], color=MODEL, marker="o", ms=4.5, lw=2, label=name)
        axis.plot(
            [own], [table.loc[own, "sharpe"]], color=MODEL, marker="D", ms=9, mfc="white", mew=2, lw=0,
            label="as reported",
        )  # fmt: skip
        axis.set_xlabel(label)
    left.set_xscale("symlog", linthresh=1.0)
    left.set_xticks(edge.costs.index.to_list(), [f"{cost:g}" for cost in edge.costs.index])
    left.minorticks_off()
    left.set_xlim(-0.15, float(edge.costs.index.max()) * 1.25)
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("Sharpe ratio a year, after costs")
    left.set_title("By cost")
    right.set_title(f"By delay, at {traded.cost_bps:g} bps")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(f"Costs and delay against the edge of {name}")
    return figure


def plot_exposure(traded: Backtest, *, name: str = "model") -> Figure:
    """Draw what is held, and below it what is traded, through time.

    Parameters
    ----------
    traded : Backtest
        What was traded.
    name : str
        The method's, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        Means over the last rows, as many as the axis says: exposures as percentages of equity, turnover in equities
        a year.
    """
    window = max(1, min(_WINDOW, len(traded.days) // 4))
    net, gross = (series.rolling(window).mean() for series in exposure_series(traded))
    turnover = traded.days["turnover"].rolling(window).mean() * traded.periods_per_year
    figure, (above, below) = new_figure(2, 1, height=5.2, sharex=True, height_ratios=[1.5, 1])
    above.axhline(0, color="black", lw=0.9)
    above.plot(gross.index, gross, color=OTHER, lw=1.8, ls="--", label="gross (long and short added up)")
    above.plot(net.index, net, color=MODEL, lw=2, label="net (long minus short)")
    above.set_ylabel(f"exposure, % of equity,\nmean of {window} rows")
    percent_ticks(above.yaxis)
    low, high = above.get_ylim()
    above.set_ylim(low - 0.02 * (high - low), high + 0.25 * (high - low))
    above.legend(loc="upper center", ncols=2)
    below.plot(turnover.index, turnover, color=MODEL, lw=1.6)
    below.fill_between(turnover.index, turnover, 0, color=MODEL, alpha=0.15, lw=0)
    below.set_ylabel(f"turnover, equities a year,\nmean of {window} rows")
    below.set_ylim(bottom=0)
    date_axis(below)
    figure.suptitle(f"Exposure and turnover of the strategy on {name}")
    return figure


def plot_stability(folds: pd.DataFrame, *, name: str = "model") -> Figure:
    """Draw each fold by itself: the loss against the base rate's, and the Sharpe ratio beside buy and hold's.

    Parameters
    ----------
    folds : pandas.DataFrame
        See `fold_stability`.
    name : str
        The method's, for the legend.

    Returns
    -------
    matplotlib.figure.Figure
        Above, where losses are compared: below zero the model is better; each seed is a small mark.
    """
    compared = "loss_difference" in folds
    figure, axes = new_figure(
        1 + compared, 1, height=3.0 + 2.6 * compared, sharex=True, height_ratios=[1.2, 1][: 1 + compared]
    )
    place = np.arange(len(folds))
    if compared:
        axis = axes[0]
        axis.axhline(0, color="black", lw=0.9)
        seeds = [column for column in folds if str(column).startswith("loss_difference_seed")]
        for number, column in enumerate(seeds):
            axis.plot(
                place + 0.2, folds[column], color=QUIET, marker="_", ms=9, mew=1.8, lw=0,
                label="each seed" if number == 0 else None,
            )  # fmt: skip
        middle = folds["loss_difference"].to_numpy(dtype=float)
        reach = np.stack([middle - folds["low"], folds["high"] - middle])
        axis.errorbar(
            place, middle, yerr=reach, color=MODEL, marker="o", ms=5.5, lw=0, elinewidth=1.5, capsize=3,
            label=f"{name} (95%)",
        )  # fmt: skip
        axis.set_ylabel("log-loss minus\nbase rate's (nats)")
        _legend_above(axis)
    axis = axes[-1]
    axis.axhline(0, color="black", lw=0.9)
    axis.plot(
        place, folds["buy_and_hold"], color=OTHER, marker="s", ms=5.5, mfc="white", lw=0, mew=1.8,
        label="buy and hold",
    )  # fmt: skip
    axis.plot(place, folds["sharpe"], color=MODEL, marker="o", ms=6, lw=0, label=f"{name}, after costs")
    axis.set_ylabel("Sharpe ratio a year")
    _legend_above(axis)
    shown = place[:: -(-len(folds) // 20)]
    axis.set_xticks(shown, [_span(folds.iloc[i]) for i in shown], rotation=45 if len(shown) > 10 else 0)
    axis.set_xlabel("test rows of the fold")
    figure.suptitle(f"{name}, fold by fold")
    return figure


def _legend_above(axis: Axes) -> None:
    """Put the legend where no fold's marks are."""
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)


def _span(fold: pd.Series) -> str:
    first, last = fold["first"], fold["last"]
    return (
        f"{first:%Y}"
        if f"{first:%Y-%m}" == f"{first:%Y}-01" and first.year == last.year
        else f"{first:%Y-%m}"
    )
