"""Folds drawn as bars over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.validation.fold import Fold, Rows, row_times
from tsdeep.validation.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Lightness falls from train to test, so that the picture reads in grey; purged rows are white with crosses.
_LOOKS: dict[str, dict[str, Any]] = {
    "train": {"facecolor": "#a6cee3", "edgecolor": "#a6cee3"},
    "valid": {"facecolor": "#f0a04b", "edgecolor": "#7a4a10", "hatch": "////"},
    "test": {"facecolor": "#1b3a57", "edgecolor": "#1b3a57"},
    "purged": {"facecolor": "white", "edgecolor": "#b2182b", "hatch": "xxxx"},
}


def plot_folds(folds: Sequence[Fold], timeline: Timeline) -> Figure:
    """Draw folds as horizontal bars, the first on top.

    Parameters
    ----------
    folds : sequence of Fold
        Folds of the timeline.
    timeline : Timeline
        Where the rows' times come from.

    Returns
    -------
    matplotlib.figure.Figure
        Over dates, or over positions where rows have none.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9.0, min(1.5 + 0.3 * len(folds), 14.0)), layout="constrained")
    axes = figure.add_subplot()
    times = row_times(timeline)
    shown = []
    for name, look in _LOOKS.items():
        places, starts, widths = [], [], []
        for fold in folds:
            for first, behind in _runs(_block(fold, name), times, timeline.grid):
                places.append(fold.number)
                starts.append(_on_axis(first, timeline))
                widths.append(_on_axis(behind, timeline) - starts[-1])
        if places:
            axes.barh(places, widths, left=starts, height=0.72, linewidth=0.8, zorder=2, **look)
            shown.append(Patch(label=name, linewidth=0.8, **look))
    axes.set_xlim(*(_on_axis(int(time), timeline) for time in timeline.grid[[0, -1]]))
    axes.set_ylim(max(len(folds), 1) - 0.4, -0.6)
    axes.set_yticks([fold.number for fold in folds][:: -(-len(folds) // 40) or 1])
    axes.set_ylabel("fold")
    axes.set_xlabel("time" if timeline.dated else "row")
    if timeline.dated:
        axes.xaxis_date()
    axes.grid(axis="x", color="#dddddd", zorder=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(handles=shown, loc="outside upper left", ncols=len(shown), frameon=False)
    return figure


def _block(fold: Fold, name: str) -> Rows:
    if name == "purged":
        return np.concatenate([fold.purged_train, fold.purged_valid])
    return np.asarray(getattr(fold, name))


def _runs(rows: Rows, times: Rows, grid: Rows) -> Iterator[tuple[int, int]]:
    """First time, and first time behind, of every stretch of neighbouring times that has such rows."""
    if not len(rows):
        return
    places = np.unique(np.searchsorted(grid, times[rows]))
    for stretch in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        behind = min(int(stretch[-1]) + 1, len(grid) - 1)
        yield int(grid[stretch[0]]), int(grid[behind])


def _on_axis(time: int, timeline: Timeline) -> float:
    from matplotlib.dates import date2num

    return float(date2num(np.datetime64(time, "ns"))) if timeline.dated else float(time)
