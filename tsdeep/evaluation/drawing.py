"""What the figures of every task share: colours that read in grey, axes, ticks."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Dark, middle and light differ in lightness, so that they stay apart when printed in grey.
MODEL = "#123a63"
OTHER = "#d1792c"
QUIET = "#9a9a9a"
BAND = "#c9d6e6"


def new_figure(
    rows: int,
    columns: int,
    *,
    width: float = 9.0,
    height: float = 5.0,
    sharex: bool = False,
    sharey: bool = False,
    height_ratios: list[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """Return a figure (inches) outside matplotlib's global state, and its axes row by row."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=110)
    axes = figure.subplots(
        rows, columns, sharex=sharex, sharey=sharey, squeeze=False, height_ratios=height_ratios
    ).ravel()
    for axis in axes:
        axis.grid(visible=True, color="#dddddd", lw=0.6)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def percent_decimals(axes: Axes, axis: object) -> int:
    """Return the decimals that percent ticks need on an axis of shares: one where its range is narrow."""
    low, high = axes.get_xlim() if axis is axes.xaxis else axes.get_ylim()
    return 0 if high - low > 0.06 else 1
