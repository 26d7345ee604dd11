"""What the figures of every task share: colours that read in grey, axes, ticks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, FuncFormatter, MaxNLocator

# Dark, middle and light differ in lightness, so that they stay apart when printed in grey.
MODEL = "#123a63"
OTHER = "#d1792c"
QUIET = "#9a9a9a"
BAND = "#c9d6e6"

# Of references, in order: colour, line, marker; told apart in grey by line and marker.
_STYLES = (
    (OTHER, "-", "s"),
    ("#6b6b6b", "--", "^"),
    ("#b98a00", ":", "D"),
    ("#5d8aa8", "-.", "v"),
    ("#8c4a2f", (0, (5, 1)), "P"),
    (QUIET, (0, (1, 1)), "X"),
)


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


def date_axis(axes: Axes) -> None:
    """Write the dates below a panel briefly, and let its lines reach nearly from side to side."""
    locator = AutoDateLocator(minticks=4, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.margins(x=0.01)


def plain_log_ticks(axes: Axes) -> None:
    """Write plain numbers beside a logarithmic axis, such as 0.5, 1 and 2; a narrow range has even steps."""
    low, high = axes.get_ylim()
    steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 7, 10, 20, 50, 100, 200, 500, 1000]
    if high < 4 * low:
        steps = [float(step) for step in MaxNLocator(7).tick_values(low, high)]
    inside = [step for step in steps if low <= step <= high]
    if len(inside) >= 3:
        axes.set_yticks(inside)
        axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))


class _Percent(Formatter):
    """Shares as per cent, with the decimals that the ticks of the axis need to be told exactly."""

    def format_ticks(self, values: Iterable[float]) -> list[str]:
        ticks = [100 * float(share) for share in values]
        decimals = next((d for d in range(4) if all(abs(round(t, d) - t) < 1e-6 for t in ticks)), 4)
        return [self.fix_minus(f"{round(tick, decimals) + 0.0:.{decimals}f}%") for tick in ticks]

    def __call__(self, share: float, pos: int | None = None) -> str:
        del pos
        return self.format_ticks([share])[0]


def percent_ticks(*axes: Axis) -> None:
    """Write shares beside axes as per cent: 40%, 50%, or 40.0%, 42.5%."""
    for axis in axes:
        axis.set_major_formatter(_Percent())


def line_styles(methods: Iterable[Any], model: str) -> dict[str, dict[str, Any]]:
    """Return how each method's line looks; the model's last, so that it lies on top."""
    names = [str(name) for name in methods]
    references = [name for name in names if name != model]
    styles: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(references):
        colour, line, marker = _STYLES[i % len(_STYLES)]
        styles[name] = {"color": colour, "ls": line, "marker": marker, "ms": 4, "lw": 1.4}
    if model in names:
        styles[model] = {"color": MODEL, "ls": "-", "marker": "o", "ms": 5, "lw": 2.4}
    return styles
