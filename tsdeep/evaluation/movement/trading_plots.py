"""The figure of replays: what the calls earn at the mid, and what at the touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tsdeep.evaluation.drawing import MODEL, OTHER, QUIET, new_figure
from tsdeep.evaluation.replay import Replay, in_time

_STYLES = (
    {"color": MODEL, "ls": "-", "lw": 2.2},
    {"color": "#6b6b6b", "ls": "--", "lw": 1.7},
    {"color": "#5d8aa8", "ls": "-.", "lw": 1.7},
    {"color": QUIET, "ls": ":", "lw": 1.9},
)
_MOST_SESSIONS = 12
_LINE = "#c4c4c4"


def plot_replays(
    replays: Sequence[Replay], *, fees: Sequence[float] = (), model: str = "model", title: str = ""
) -> Figure:
    """Draw what calls earn through the test rows, and a trade, by where and how late they are filled.

    Parameters
    ----------
    replays : sequence of Replay
        Of the same calls, without a fee: at the mid, at the touch at once, at the touch a row later, ...
    fees : sequence of float
        Ticks a side: lines of what a trade must earn for them, named where there is room.
    model : str
        Whose calls they are.
    title : str
        Of the figure, behind "Calls of model as trades".

    Returns
    -------
    matplotlib.figure.Figure
        Left: ticks earned by the trades closed so far, over the rows in the order of their times. Right: gross ticks of
        the mean trade with 95% intervals (none with fewer than 10 trades).
    """
    figure, (left, right) = new_figure(1, 2, width=10.5, height=4.4)
    rows = replays[0].rows
    times = np.sort(rows["time"].to_numpy())
    touched = [replay for replay in replays if replay.fills != "mid"]
    for replay in replays:
        trades = in_time(replay.trades)
        at = np.searchsorted(times, trades["exit_time"].to_numpy(), side="right")
        earned = np.concatenate([[0.0], trades["gross_ticks"].cumsum()])
        left.step(
            [*np.concatenate([[0], at]), len(times)], [*earned, earned[-1]], where="post",
            label=_name(replay), **_style(replay, touched),
        )  # fmt: skip
    left.axhline(0, color="black", lw=0.9)
    days = pd.to_datetime(times).normalize()
    begun = np.flatnonzero(days[1:] != days[:-1]) + 1
    for row in begun.tolist() if len(begun) < _MOST_SESSIONS else ():
        left.axvline(row, color=_LINE, lw=0.9, zorder=0)
    more = "; lines: days" if 0 < len(begun) < _MOST_SESSIONS else ""
    left.set(xlabel=f"rows of the book in time order{more}", ylabel="ticks earned, no fee")
    left.xaxis.set_major_locator(MaxNLocator(5))
    left.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    left.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    for place, replay in enumerate(replays):
        figures = replay.summary()
        style = _style(replay, touched)
        estimate, low, high = (figures[key] for key in ("net_per_trade", "low", "high"))
        spread = [[estimate - low], [high - estimate]] if np.isfinite(low) else None
        right.errorbar(
            [place], [estimate], yerr=spread, color=style["color"], marker="s" if replay.fills == "mid" else "o",
            ms=6, lw=0, elinewidth=1.6, capsize=4,
        )  # fmt: skip
    bottom, top = right.get_ylim()
    right.set_ylim(min(bottom, -0.05 * (top - bottom)), max(top, 2.3 * max(fees, default=0.0)))
    apart = 0.05 * float(np.diff(right.get_ylim())[0])
    labelled = -np.inf
    for fee in sorted(fees):
        right.axhline(2 * fee, color="black", lw=0.9, ls="-" if fee == 0 else (0, (4, 3)))
        if fee and 2 * fee - labelled > apart:
            right.annotate(
                f"pays a fee of {fee:g} a side", (0.99, 2 * fee), xycoords=("axes fraction", "data"),
                xytext=(0, 2), textcoords="offset points", ha="right", fontsize=8,
            )  # fmt: skip
            labelled = 2 * fee
    names = [f"{_name(r, short=True)}\n{len(r.trades):,}" for r in replays]
    right.set_xticks(range(len(replays)), names, fontsize=8.5)
    right.set(xlim=(-0.6, len(replays) - 0.4), ylabel="ticks of the mean trade, no fee (95%)")
    right.set_xlabel("filled at, rows late, and trades")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    figure.suptitle(f"Calls of {model} as trades{title}")
    return figure


def _style(replay: Replay, touched: Sequence[Replay]) -> dict[str, object]:
    if replay.fills == "mid":
        return {"color": OTHER, "ls": "-", "lw": 1.3}
    return dict(_STYLES[[other is replay for other in touched].index(True) % len(_STYLES)])


def _name(replay: Replay, short: bool = False) -> str:
    late = replay.latency_rows
    if replay.fills == "mid":
        return "mid" if short else "at the mid (fiction)"
    if short:
        return f"touch, {late}"
    return f"at the touch, {late} row{'' if late == 1 else 's'} late"
