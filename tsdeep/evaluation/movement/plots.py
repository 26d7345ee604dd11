"""Figures of movement predictions: each function returns a matplotlib `Figure` and touches no global state."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tsdeep.evaluation.calibration import calibration_table, wilson_interval
from tsdeep.evaluation.drawing import MODEL, QUIET, line_styles, new_figure, percent_ticks
from tsdeep.evaluation.movement.predictions import CLASSES

# Of references, in order: colour, line, marker; told apart in grey by line and marker.


def plot_confusions(confusions: Mapping[str, np.ndarray], *, title: str = "") -> Figure:
    """Draw how often each class was called and came, a panel a method.

    Parameters
    ----------
    confusions : mapping of str to numpy.ndarray [3, 3]
        By method; a row is what came, a column what was called.
    title : str
        Of the figure, behind "Confusion matrices".

    Returns
    -------
    matplotlib.figure.Figure
        Rows, and their share of what came (a row adds to 100%).
    """
    columns = min(3, len(confusions))
    lines = -(-len(confusions) // columns)
    figure, axes = new_figure(lines, columns, width=3.6 * columns + 0.6, height=3.3 * lines + 0.5)
    for axis, (method, counts) in zip(axes, confusions.items(), strict=False):
        totals = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axis.imshow(counts / totals, cmap="Blues", vmin=0, vmax=1.6)
        for i, j in np.ndindex(3, 3):
            text = f"{counts[i, j]:,}\n{counts[i, j] / totals[i, 0]:.1%}"
            axis.text(j, i, text, ha="center", va="center", fontsize=9.5)
        axis.set_xticks(range(3), CLASSES)
        axis.set_yticks(
            range(3), [f"{name}\n({int(n):,})" for name, n in zip(CLASSES, totals[:, 0], strict=True)]
        )
        axis.set_title(method, fontsize=11)
        axis.grid(visible=False)
        axis.tick_params(length=0, labelsize=9)
    for axis in axes[len(confusions) :]:
        axis.set_visible(False)
    for i in range(lines):
        axes[i * columns].set_ylabel("came")
    for axis in axes[max(0, len(confusions) - columns) : len(confusions)]:
        axis.set_xlabel("called")
    figure.suptitle(f"Confusion matrices{title}")
    return figure


def plot_class_calibration(
    y: ArrayLike,
    probabilities: ArrayLike,
    *,
    horizon: int = 1,
    name: str = "model",
    bins: int = 10,
    title: str = "",
) -> Figure:
    """Draw a reliability diagram of each class.

    Parameters
    ----------
    y : array_like [rows]
        0, 1 or 2.
    probabilities : array_like [rows, 3]
        Of down, stationary and up.
    horizon : int
        Rows ahead; intervals are those of rows / horizon independent rows, since labels overlap.
    name : str
        The method's, for the legend.
    bins : int
        Bins of about equally many rows, see `calibration_table`.
    title : str
        Of the figure, behind "Calibration".

    Returns
    -------
    matplotlib.figure.Figure
        Observed share against mean probability, a panel a class, with 95% Wilson intervals.
    """
    y, p = np.asarray(y), np.asarray(probabilities, dtype=np.float64)
    figure, axes = new_figure(1, 3, height=3.9)
    for k, axis in enumerate(axes):
        came = y == k
        table = calibration_table(came, p[:, k], bins)
        observed = table["observed"].to_numpy()
        low, high = wilson_interval(observed, table["rows"].to_numpy() / horizon)
        errors = np.maximum(np.abs(np.stack([observed - low, high - observed])), 0)
        points = np.concatenate([table["predicted"].to_numpy(), observed])
        pad = max(0.05 * float(np.ptp(points)), 0.02)
        reach = [max(0.0, points.min() - pad), min(1.0, points.max() + pad)]
        axis.plot(reach, reach, color="black", lw=1, ls="--", label="perfectly calibrated")
        axis.axhline(came.mean(), color=QUIET, lw=1.5, ls=":", label="share on the test rows")
        axis.errorbar(
            table["predicted"], observed, yerr=errors, color=MODEL, marker="o", ms=5, lw=0, elinewidth=1.3,
            capsize=2.5, label=f"{name} (95%)",
        )  # fmt: skip
        axis.set(title=f"{CLASSES[k]} ({came.mean():.1%} came)", xlabel=f"predicted P({CLASSES[k]})")
        axis.set_xlim(*reach)
        percent_ticks(axis.xaxis, axis.yaxis)
    axes[0].set_ylabel("observed share")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    figure.suptitle(f"Calibration by class{title}")
    return figure


def plot_coverage(coverage: pd.DataFrame, *, model: str = "model", title: str = "") -> Figure:
    """Draw accuracy and MCC of the most confident rows against the share of rows that they are.

    Parameters
    ----------
    coverage : pandas.DataFrame
        Columns method, share, accuracy, mcc, of one horizon; methods with one confidence only are left out.
    model : str
        The method that is drawn foremost.
    title : str
        Of the figure, behind "Confidence".

    Returns
    -------
    matplotlib.figure.Figure
        A line that rises to the left: rows of which the method is surer are called better.
    """
    figure, axes = new_figure(1, 2, height=4.2)
    told = {method: rows for method, rows in coverage.groupby("method", sort=False) if len(rows) > 1}
    for method, style in line_styles(told, model).items():
        rows = told[method].sort_values("share")
        for axis, metric in zip(axes, ("accuracy", "mcc"), strict=True):
            axis.plot(rows["share"], rows[metric], label=method, **style)
    for axis, metric in zip(axes, ("accuracy", "MCC"), strict=True):
        axis.set(xlabel="share of rows kept, the most confident first", ylabel=metric, xlim=(0, 1.03))
        percent_ticks(axis.xaxis)
    percent_ticks(axes[0].yaxis)
    if told:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    else:
        axes[0].text(0.5, 0.5, "every row has one confidence", ha="center", transform=axes[0].transAxes)
    figure.suptitle(f"Confidence{title}: the rows of which a method is surest")
    return figure


def plot_time_of_day(table: pd.DataFrame, *, model: str = "model", title: str = "") -> Figure:
    """Draw log-loss by time of day, and the model's difference from each reference.

    Parameters
    ----------
    table : pandas.DataFrame
        As `breakdown` returns it by time of day.
    model : str
        The method that is drawn foremost.
    title : str
        Of the figure, behind "Log-loss by time of day".

    Returns
    -------
    matplotlib.figure.Figure
        Below zero in the lower panel: the model is better there.
    """
    losses = table["log_loss"].dropna(axis=1, how="all")
    figure, (above, below) = new_figure(2, 1, height=6.0, sharex=True, height_ratios=[1.5, 1])
    at = np.arange(len(losses))
    for method, style in line_styles(losses, model).items():
        above.plot(at, losses[method], label=method, **style)
        if method != model and model in losses:
            below.plot(at, losses[model] - losses[method], label=method, **style)
    below.axhline(0, color="black", lw=1)
    above.set_ylabel("log-loss (nats)")
    below.set_ylabel(f"{model} minus\nreference (nats)")
    rows = [f"{name}\n{int(n):,}" for name, n in zip(losses.index, table["test", "rows"], strict=True)]
    below.set_xticks(at, rows, fontsize=8, rotation=30 if len(at) > 10 else 0)
    below.set_xlabel("time since the session's first row (h:mm), and rows")
    if len(losses.columns):
        figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(f"Log-loss by time of day{title}")
    return figure
