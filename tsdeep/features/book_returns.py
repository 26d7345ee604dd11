"""How mid and clock moved over the last rows: returns, deviations from means, volatility, elapsed time."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.features.base import Feature
from tsdeep.features.book import QUOTE_FIELDS, Tick, mid
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import State, rolling_reduce_each, rolling_sums
from tsdeep.features.row_windows import Windows, channels, kept, windows_of

TwoRows = Annotated[int, Field(strict=True, ge=2, description="Number of rows, 2 or more.")]

_SHORTEST_SECONDS = 1e-6


class _OfMid(Feature):
    """A feature of the mid over windows of rows, in ticks."""

    fields = QUOTE_FIELDS

    def _read(self, kind: str, rows: Any, tick: float, before: int) -> None:
        """Take windows and tick, name the channels; `before` is 1 if a window of n rows reads n + 1 mids."""
        self.rows = kept(rows)
        self.tick = tick
        self._windows = windows_of(rows, kind)
        self.warmup = max(self._windows) - 1 + before
        self.names = tuple(f"{kind}_{window}" for window in self._windows)


@register_feature("mid_return")
class MidReturn(_OfMid):
    """Mid less the mid some rows before, in ticks.

    Parameters
    ----------
    tick : float
        Price units of one tick.
    rows : int or sequence of int
        Rows between the two mids, 1 or more.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = -1

    def __init__(self, tick: Tick, rows: Windows = (10, 20, 50, 100, 200, 500), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("mid_return", rows, tick, before=1)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        return channels([change / self.tick for change in _changes(mid(fields), self._windows)])


@register_feature("mid_deviation")
class MidDeviation(_OfMid):
    """Mid less its mean over the last rows, in ticks; 0 exactly where the mid stood still.

    Parameters
    ----------
    tick : float
        Price units of one tick.
    rows : int or sequence of int
        Rows of the mean, the current one included, 2 or more.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = -1

    def __init__(
        self,
        tick: Tick,
        rows: TwoRows | Annotated[tuple[TwoRows, ...], Field(min_length=1)] = (10, 20, 50, 100, 200, 500),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._read("mid_deviation", rows, tick, before=0)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        middle = mid(fields)
        states = rolling_reduce_each((middle, keras.ops.zeros_like(middle)), self._windows, _merge)
        return channels(
            [total / (self.tick * window) for (_, total), window in zip(states, self._windows, strict=True)]
        )


def _merge(older: State, newer: State, older_rows: int, _: int) -> State:
    """Join two blocks: last mid, and the sum over the block of the last mid less each mid."""
    return newer[0], older[1] + (newer[0] - older[0]) * older_rows + newer[1]


@register_feature("mid_volatility")
class MidVolatility(_OfMid):
    """Root of the mean squared change of the mid from row to row over the last rows, in ticks a row.

    Parameters
    ----------
    tick : float
        Price units of one tick.
    rows : int or sequence of int
        Changes in the window, 1 or more; one more mid is read.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = 1

    def __init__(self, tick: Tick, rows: Windows = (10, 20, 50, 100, 200, 500), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._read("mid_volatility", rows, tick, before=1)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        middle = mid(fields)
        squares = keras.ops.square((middle[:, 1:] - middle[:, :-1]) / self.tick)
        sums = rolling_sums(squares, self._windows)
        return channels([_root(total / n) for total, n in zip(sums, self._windows, strict=True)])


@register_feature("elapsed_time")
class ElapsedTime(Feature):
    """Log of the seconds that the last rows took.

    From the field `time`, seconds since 1970, float64, which is exact to about 0.2 microseconds; rows that took
    less than a microsecond count as one.

    Parameters
    ----------
    rows : int or sequence of int
        Rows between the two times, 1 or more.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = 1
    fields = ("time",)

    def __init__(self, rows: Windows = (10, 20, 50, 100, 200, 500), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rows = kept(rows)
        self._windows = windows_of(rows, "elapsed_time")
        self.warmup = max(self._windows)
        self.names = tuple(f"elapsed_time_{window}" for window in self._windows)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows]`."""
        seconds = channels(_changes(fields["time"], self._windows))
        return keras.ops.log(keras.ops.maximum(seconds, _SHORTEST_SECONDS))


def _changes(values: Any, windows: tuple[int, ...]) -> list[Any]:
    """Change over each number of rows, `[batch, rows - longest]` each."""
    longest = max(windows)
    return [values[:, longest:] - values[:, longest - window : -window] for window in windows]


def _root(values: Any) -> Any:
    """Square root, whose gradient at 0 is 0."""
    some = values > 0
    root = keras.ops.sqrt(keras.ops.where(some, values, keras.ops.ones_like(values)))
    return keras.ops.where(some, root, keras.ops.zeros_like(root))
