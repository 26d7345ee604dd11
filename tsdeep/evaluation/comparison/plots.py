"""Figures of a comparison: each function returns a matplotlib `Figure` and touches no global state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.comparison.material import Curves
from tsdeep.evaluation.drawing import MODEL, QUIET, date_axis, line_styles, new_figure, plain_log_ticks

_HELD = "buy and hold"
_MARKS = 9


def plot_curves(curves: Curves, models: Sequence[str]) -> Figure:
    """Draw what each run earned, through time.

    Parameters
    ----------
    curves : Curves
        Of runs and references; only runs, and buy and hold where it is there, are drawn.
    models : sequence of str
        The runs.

    Returns
    -------
    matplotlib.figure.Figure
        Lines differ in lightness, dashes and marks.
    """
    names = [name for name in models if name in curves.values]
    figure, (axis,) = new_figure(1, 1, height=4.9)
    if _HELD in curves.values:
        axis.plot(curves.values.index, curves.values[_HELD], color="black", lw=1, label=_HELD)
    rows = len(curves.values)
    for place, (name, style) in enumerate(line_styles(names, names[0]).items()):
        every = max(1, rows // _MARKS)
        axis.plot(
            curves.values.index, curves.values[name], label=name,
            markevery=(place * every // max(len(names), 1), every), **(style | {"ms": 6, "lw": 1.7}),
        )  # fmt: skip
    if curves.log:
        axis.set_yscale("log")
        plain_log_ticks(axis)
    else:
        axis.axhline(0, color=QUIET, lw=0.9)
    axis.set_ylabel(f"{curves.unit}{' (log scale)' if curves.log else ''}")
    date_axis(axis)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=min(5, len(names) + 1))
    figure.suptitle("What the runs earned")
    return figure


def plot_pairs(pairs: pd.DataFrame, *, loss: str, unit: str) -> Figure:
    """Draw the mean loss differences of every two runs with their 95% intervals.

    Parameters
    ----------
    pairs : pandas.DataFrame
        See `pair_table`, of one loss.
    loss, unit : str
        Its name and unit.

    Returns
    -------
    matplotlib.figure.Figure
        A pair a line; left of zero the first of the two is better. Filled where the two differ beyond chance.
    """
    figure, (axis,) = new_figure(1, 1, height=1.5 + 0.36 * len(pairs))
    place = np.arange(len(pairs))
    axis.axvline(0, color="black", lw=0.9)
    middle = pairs["estimate"].to_numpy(dtype=float)
    reach = np.stack([middle - pairs["low"], pairs["high"] - middle])
    axis.errorbar(middle, place, xerr=reach, color=MODEL, lw=0, elinewidth=1.6, capsize=3)
    clear = (pairs["p_holm"] <= 0.05).to_numpy()
    for chosen, face, label in ((~clear, "white", "within chance"), (clear, MODEL, "p at most 0.05 (Holm)")):
        if chosen.any():
            axis.plot(
                middle[chosen], place[chosen], color=MODEL, marker="o", ms=7, mfc=face, mew=1.8, lw=0, label=label
            )  # fmt: skip
    axis.set_yticks(place, [f"{row.first} minus {row.second}" for row in pairs.itertuples()])
    axis.set_ylim(len(pairs) - 0.5, -0.5)
    axis.set_xlabel(f"difference of mean {loss}{f' ({unit})' if unit else ''}, 95% interval")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    figure.suptitle("Pairs of runs")
    return figure
