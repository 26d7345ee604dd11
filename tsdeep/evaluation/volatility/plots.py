"""Figures of volatility forecasts: each function returns a matplotlib `Figure` and touches no global state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from tsdeep.errors import DataError
from tsdeep.evaluation.drawing import MODEL, OTHER, line_styles, new_figure, percent_ticks
from tsdeep.evaluation.volatility.losses import POINTS
from tsdeep.evaluation.volatility.predictions import CONFORMAL, NOMINAL, interval_columns

_REALISED = "#bdbdbd"
_MOST_PANELS = 20
_ONE_COLUMN = 3  # panels that stand below each other, each as wide as the figure


def plot_volatility_forecasts(
    predictions: pd.DataFrame, *, name: str = "model", basket: pd.DataFrame | None = None, share: float = 0.8
) -> Figure:
    """Draw what was forecast on what came, a panel an asset.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As `check_volatility` returns them. Assets beyond the twentieth are left out, and counted in the title.
    name : str
        The method's.
    basket : pandas.DataFrame, optional
        The same of the basket, which is drawn last.
    share : float
        Of the central interval that is drawn: conformal where the method has it, else nominal, else none.

    Returns
    -------
    matplotlib.figure.Figure
        Realised volatility as a grey surface, the forecast as a dark line, the interval as a bright band; all stand
        at the origin, so that a forecast without skill follows the surface late.
    """
    tables = {str(symbol): rows for symbol, rows in predictions.groupby("symbol", sort=False)}
    total = len(tables)
    tables = dict(list(tables.items())[:_MOST_PANELS])
    if basket is not None:
        tables["basket, equal weight"] = basket
    columns = 1 if len(tables) <= _ONE_COLUMN else 2
    lines = -(-len(tables) // columns)
    each = 2.3 if columns == 1 else 1.75  # inches
    figure, axes = new_figure(lines, columns, width=10.5, height=1.0 + each * lines, sharex=True)
    kind = CONFORMAL if interval_columns(predictions, share, CONFORMAL) else NOMINAL
    for axis, (symbol, rows) in zip(axes, tables.items(), strict=False):
        time = rows["time"].to_numpy()
        breaks = _with_breaks(time)
        y, forecast = (
            _broken(POINTS * rows[column].to_numpy(float), breaks) for column in ("y", "volatility")
        )
        at = _broken(time.astype("datetime64[ns]"), breaks)
        axis.fill_between(at, 0, y, color=_REALISED, lw=0, label="realised")
        bounds = interval_columns(rows, share, kind)
        if bounds is not None:
            low, high = (_broken(POINTS * rows[column].to_numpy(float), breaks) for column in bounds)
            label = f"{kind} {share:.0%} interval"
            axis.fill_between(at, low, high, color=OTHER, alpha=0.3, lw=0, label=label)
        axis.plot(at, forecast, color=MODEL, lw=1.0, label=f"forecast by {name}")
        axis.set_title(symbol.replace("$", r"\$"), fontsize=10, loc="left", pad=3)
        top = np.nanquantile(np.concatenate([y, forecast]), 0.999)
        axis.set_ylim(0, 1.08 * top)
        _dates(axis)
    for axis in axes[len(tables) :]:
        axis.set_visible(False)
        axes[len(tables) - 2].tick_params(labelbottom=True)
    figure.supylabel("volatility (% a year)", fontsize=10)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    more = f" (the first {_MOST_PANELS} of {total} assets)" if total > _MOST_PANELS else ""
    figure.suptitle(f"Forecast against realised volatility{more}")
    return figure


def plot_loss_differences(
    losses: Mapping[str, pd.DataFrame], *, model: str, regimes: np.ndarray | None = None, most: int = 4
) -> Figure:
    """Draw how the model's losses gained or fell behind those of the strongest references, day by day.

    Parameters
    ----------
    losses : mapping of str to pandas.DataFrame [days, methods]
        By loss, see `daily_losses`.
    model : str
        Its column.
    regimes : numpy.ndarray of object [days], optional
        Days of `"crisis"` are shaded.
    most : int
        References of the lowest mean loss that are drawn, of each loss.

    Returns
    -------
    matplotlib.figure.Figure
        Sums of differences up to each day over the number of all days: a line that falls, the model gains; its
        right end is the mean difference that is tested.
    """
    names = {"qlike": "QLIKE", "squared_error": "squared error (squared points)"}
    best = {
        loss: list(table.drop(columns=model).mean().sort_values(kind="stable").index[:most])
        for loss, table in losses.items()
    }
    if not any(best.values()):
        raise DataError("loss differences: there is no reference, expected at least one")
    styles = line_styles(dict.fromkeys(name for of_loss in best.values() for name in of_loss), model)
    figure, axes = new_figure(len(losses), 1, width=10.0, height=3.0 * len(losses) + 0.8, sharex=True)
    shown: dict[str, Any] = {}
    for axis, (loss, table) in zip(axes, losses.items(), strict=True):
        days = table.index
        if regimes is not None:
            crisis = np.array([name == "crisis" for name in regimes])
            axis.fill_between(
                days, 0, 1, where=crisis, transform=axis.get_xaxis_transform(), color="#ececec", lw=0, step="mid",
                label="crisis (highest third of past volatility)", zorder=0,
            )  # fmt: skip
        for reference in best[loss]:
            style = {key: value for key, value in styles[reference].items() if key not in ("marker", "ms")}
            path = (table[model] - table[reference]).cumsum() / len(table)
            every = max(1, len(table) // 12)
            axis.plot(
                days,
                path,
                label=reference,
                marker=styles[reference]["marker"],
                ms=4,
                markevery=every,
                **style,
            )
        axis.axhline(0, color="black", lw=1)
        axis.set_ylabel(f"{names.get(loss, loss)},\n{model} minus reference", fontsize=9)
        axis.margins(x=0.01)
        shown |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
        _dates(axis)
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=3)
    figure.suptitle("Loss differences, cumulated over all test days: a line that falls, the model gains")
    return figure


def plot_interval_coverage(
    coverage: pd.DataFrame,
    quantiles: pd.DataFrame,
    *,
    model: str,
    folds: Mapping[object, str],
) -> Figure:
    """Draw how often intervals held, by test fold, and how often what came lay below each quantile.

    Parameters
    ----------
    coverage, quantiles : pandas.DataFrame
        See `interval_coverage` and `quantile_shares`.
    model : str
        The method that is drawn.
    folds : mapping of object to str
        How each fold is called on the axis, in order.

    Returns
    -------
    matplotlib.figure.Figure
        Nominal as dark circles, conformal as bright triangles; what was promised as lines.
    """
    figure, (left, right) = new_figure(1, 2, width=10.0, height=4.4)
    looks: dict[str, dict[str, Any]] = {
        NOMINAL: {"color": MODEL, "marker": "o", "ls": "-"},
        CONFORMAL: {"color": OTHER, "marker": "^", "ls": "--"},
    }
    rows = coverage[(coverage["method"] == model) & (coverage["by"] == "fold")]
    at = np.arange(len(folds))
    for (kind, _), part in rows.groupby(["kind", "share"], sort=False):
        values = part.set_index("value")["coverage"].reindex(list(folds))
        left.plot(at, values.to_numpy(float), lw=1.5, ms=5, **looks[kind])
    for share in sorted(rows["share"].unique()):
        left.axhline(share, color="black", lw=1, ls=":")
        left.annotate(
            f"{share:.0%} promised", (0.01, share), xycoords=("axes fraction", "data"),
            xytext=(0, 3), textcoords="offset points", fontsize=8,
        )  # fmt: skip
    left.set_xticks(at, list(folds.values()), rotation=45 if len(folds) > 6 else 0, fontsize=9)
    left.set(xlabel="test fold", ylabel="share of rows within the interval")
    percent_ticks(left.yaxis)
    right.plot([0, 1], [0, 1], color="black", lw=1, ls=":", label="as promised")
    for kind, part in quantiles[quantiles["method"] == model].groupby("kind", sort=False):
        right.plot(part["level"], part["observed"], lw=1.5, ms=6, label=f"{kind} quantiles", **looks[kind])
    right.set(xlabel="level of the quantile", ylabel="share of rows at or below it")
    percent_ticks(right.xaxis, right.yaxis)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle(f"Do the intervals of {model} hold what they promise?")
    return figure


def _dates(axis: Axes) -> None:
    locator = AutoDateLocator(minticks=3, maxticks=8)
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axis.tick_params(labelsize=8.5)


def _with_breaks(time: np.ndarray) -> np.ndarray:
    """Return where rows lie so far apart that no line should join them: over ten times the usual distance."""
    steps = np.diff(time).astype("timedelta64[s]").astype(float)
    return np.flatnonzero(steps > 10 * max(np.median(steps), 1.0)) + 1 if len(steps) else np.array([], int)


def _broken(values: np.ndarray, breaks: np.ndarray) -> np.ndarray:
    """Put a gap before each of the rows in `breaks`."""
    gap = np.datetime64("NaT") if values.dtype.kind == "M" else np.nan
    return np.insert(values, breaks, gap)
