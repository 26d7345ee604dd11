"""Figures of direction predictions: each function returns a matplotlib `Figure` and touches no global state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.calibration import calibration_table, wilson_interval
from tsdeep.evaluation.direction.metrics import predicted_class
from tsdeep.evaluation.drawing import (
    BAND,
    MODEL,
    OTHER,
    QUIET,
    date_axis,
    new_figure,
    percent_ticks,
    plain_log_ticks,
)


def plot_calibration(y: ArrayLike, up: ArrayLike, *, name: str = "model", bins: int = 10) -> Figure:
    """Draw a reliability diagram above the histogram of the probabilities.

    Parameters
    ----------
    y : array_like [rows]
        0 or 1.
    up : array_like [rows]
        P(up).
    name : str
        The method's, for the legend.
    bins : int
        Bins of about equally many rows, see `calibration_table`.

    Returns
    -------
    matplotlib.figure.Figure
        Observed share of ups against mean P(up), with 95% Wilson intervals and the rows of each bin.
    """
    y, up = np.asarray(y, dtype=float), np.asarray(up, dtype=float)
    table = calibration_table(y, up, bins)
    figure, axes = new_figure(2, 1, width=7.0, height=6.4, sharex=True, height_ratios=[3, 1])
    above, below = axes
    left, right = _reach(up)
    above.plot([0, 1], [0, 1], color="black", lw=1, ls="--", label="perfectly calibrated")
    above.axhline(y.mean(), color=QUIET, lw=1.5, ls=":", label=f"share of ups, {y.mean():.1%}")
    errors = np.abs(table[["low", "high"]].to_numpy().T - table["observed"].to_numpy())
    above.errorbar(
        table["predicted"], table["observed"], yerr=errors, color=MODEL, marker="o", ms=6, lw=0,
        elinewidth=1.5, capsize=3, label=f"{name}, bins of about {table['rows'].median():.0f} rows (95%)",
    )  # fmt: skip
    low, high = min(table["low"].min(), y.mean()), max(table["high"].max(), y.mean())
    above.set_ylim(max(0, low - 0.1 * (high - low)), min(1, high + 0.45 * (high - low)))
    above.set_xlim(left, right)
    above.set_ylabel("observed share of ups")
    above.legend(loc="upper left", ncols=1)
    below.hist(
        np.clip(up, left, right), bins=40, range=(left, right), color=BAND, edgecolor=MODEL, linewidth=0.6
    )
    below.axvline(0.5, color="black", lw=1, ls="--")
    below.set(xlabel="predicted P(up)", ylabel="rows")
    percent_ticks(above.yaxis, below.xaxis)
    figure.suptitle(f"Calibration of {name}: stated against observed frequency")
    return figure


def plot_equity(result: Backtest, *, name: str = "model") -> Figure:
    """Draw the strategy's equity, before and after costs, beside buy and hold, and both drawdowns.

    Parameters
    ----------
    result : Backtest
        What was traded.
    name : str
        The method's, for the legend.

    Returns
    -------
    matplotlib.figure.Figure
        Growth of 1 on a logarithmic scale above, loss from the last peak below.
    """
    figure, (above, below) = new_figure(2, 1, height=6.4, sharex=True, height_ratios=[2.2, 1])
    lines = (
        (f"{name}, after costs of {result.cost_bps:g} bps", result.net, MODEL, "-", 2.0),
        (f"{name}, before costs", result.gross, MODEL, ":", 1.5),
        ("buy and hold", result.benchmark, OTHER, "-", 1.5),
    )
    for label, returns, colour, style, width in lines:
        equity = (1 + returns).cumprod()
        above.plot(equity.index, equity, color=colour, ls=style, lw=width, label=label)
        if label != lines[1][0]:
            drawdown = equity / equity.cummax().clip(lower=1.0) - 1
            below.plot(drawdown.index, drawdown, color=colour, lw=1.2)
            below.fill_between(drawdown.index, drawdown, 0, color=colour, alpha=0.15, lw=0)
    above.set_yscale("log")
    plain_log_ticks(above)
    above.set_ylabel("growth of 1 (log scale)")
    below.set_ylabel("drawdown")
    percent_ticks(below.yaxis)
    date_axis(below)
    side = "long and short" if result.short else "long or flat"
    late = f", {result.delay_rows} rows late" if result.delay_rows else ""
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(
        f"Equity and drawdown of the strategy on {name}: {side}, filled at {result.execution}{late}"
    )
    return figure


def plot_rolling_accuracy(predictions: pd.DataFrame, *, name: str = "model", window: int = 250) -> Figure:
    """Draw accuracy over the last `window` times, with its 95% band, beside always calling up.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Columns time, y, up; several symbols at one time are averaged.
    name : str
        The method's, for the legend.
    window : int
        Times that each point looks back over; where there are fewer than twice as many, half of them.

    Returns
    -------
    matplotlib.figure.Figure
        Always-up inside the band: the two cannot be told apart on those rows.
    """
    right = pd.Series(predicted_class(predictions["up"]) == predictions["y"].to_numpy(), dtype=float)
    frame = pd.DataFrame(
        {"time": predictions["time"].to_numpy(), "right": right, "y": predictions["y"].to_numpy()}
    )
    by_time = frame.groupby("time").mean()
    window = max(1, min(window, len(by_time) // 2))
    rolled = by_time.rolling(window).mean().dropna()
    low, high = wilson_interval(rolled["right"].to_numpy(), np.full(len(rolled), window))
    figure, (axis,) = new_figure(1, 1, height=4.0)
    axis.fill_between(rolled.index, low, high, color=BAND, lw=0, label=f"95% interval of {name}")
    axis.plot(rolled.index, rolled["right"], color=MODEL, lw=2, label=name)
    axis.plot(rolled.index, rolled["y"], color=OTHER, lw=1.5, ls="--", label="always up")
    axis.axhline(0.5, color="black", lw=0.8, ls=":")
    axis.set_ylabel(f"accuracy, last {window} rows")
    percent_ticks(axis.yaxis)
    low_limit, high_limit = axis.get_ylim()
    axis.set_ylim(low_limit, high_limit + 0.15 * (high_limit - low_limit))
    axis.legend(loc="upper center", ncols=3)
    date_axis(axis)
    figure.suptitle(f"Rolling accuracy: each point is the share of right calls over {window} rows")
    return figure


def plot_confusion(y: ArrayLike, up: ArrayLike, *, name: str = "model") -> Figure:
    """Draw how often each direction was called and came.

    Parameters
    ----------
    y : array_like [rows]
        0 or 1.
    up : array_like [rows]
        P(up); called up above one half.
    name : str
        The method's, for the title.

    Returns
    -------
    matplotlib.figure.Figure
        Two by two: rows, and their share of what came (a row adds to 100%).
    """
    y = np.asarray(y, dtype=int)
    called = predicted_class(up)
    counts = np.array([[np.sum((y == i) & (called == j)) for j in (0, 1)] for i in (0, 1)])
    totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, (axis,) = new_figure(1, 1, width=5.4, height=4.6)
    axis.imshow(counts / totals, cmap="Blues", vmin=0, vmax=1.6)
    for i in (0, 1):
        for j in (0, 1):
            share = counts[i, j] / totals[i, 0]
            axis.text(j, i, f"{counts[i, j]:,} rows\n{share:.1%}", ha="center", va="center", fontsize=13)
    axis.set_xticks([0, 1], ["called down", "called up"])
    axis.set_yticks([0, 1], [f"came down\n({totals[0, 0]:,})", f"came up\n({totals[1, 0]:,})"])
    axis.grid(visible=False)
    axis.tick_params(length=0)
    figure.suptitle(f"Confusion matrix of {name}")
    return figure


def plot_probabilities(frames: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how the stated probabilities are distributed, by what came.

    Parameters
    ----------
    frames : mapping of str to pandas.DataFrame
        Method to its predictions (columns y, up); a panel each, on one scale.

    Returns
    -------
    matplotlib.figure.Figure
        Outlines that lie on each other: the probabilities do not separate ups from downs. The outermost
        0.5% on each side are counted in the outermost bins.
    """
    values = np.concatenate([frame["up"].to_numpy() for frame in frames.values()])
    edges = np.linspace(*_reach(values), 41).tolist()
    figure, axes = new_figure(1, len(frames), height=3.8, sharex=True, sharey=True)
    for axis, (method, frame) in zip(axes, frames.items(), strict=True):
        for came, label, colour, style in ((1, "came up", MODEL, "-"), (0, "came down", OTHER, "--")):
            shown = frame["up"][frame["y"] == came].clip(edges[0], edges[-1])
            if len(shown):
                weights = np.full(len(shown), 1 / len(shown))
                axis.hist(
                    shown,
                    bins=edges,
                    weights=weights,
                    histtype="step",
                    color=colour,
                    ls=style,
                    lw=1.8,
                    label=label,
                )
        axis.axvline(0.5, color="black", lw=1, ls=":")
        axis.set(title=method, xlabel="predicted P(up)")
        percent_ticks(axis.xaxis)
    axes[0].set_ylabel("share of the rows that came so")
    percent_ticks(axes[0].yaxis)
    axes[0].legend(loc="upper left")
    figure.suptitle("Predicted probabilities, by what came")
    return figure


def _reach(up: np.ndarray) -> tuple[float, float]:
    """Return the range that shows all but the outermost 0.5% of probabilities on each side."""
    low, high = (float(edge) for edge in np.quantile(up, [0.005, 0.995]))
    pad = max(0.06 * (high - low), 0.01)
    return max(0.0, low - pad), min(1.0, high + pad)
