"""The rows that a splitter divides, in time order, and how to move along them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.validation.sizes import DAY_NANOSECONDS, Size

Times = npt.NDArray[np.int64]
BEFORE_ALL = int(np.iinfo(np.int64).min)
AFTER_ALL = int(np.iinfo(np.int64).max)


@runtime_checkable
class SamplesLike(Protocol):
    """What a splitter reads of samples.

    Attributes
    ----------
    rows : int64 [n]
        Panel rows of the labelled origins, in time order within a symbol's session.
    time : datetime64[ns] [N]
        Time of every panel row.
    label_end : int64 [N]
        Panel row at which the label of a row ends; -1 where it has none.
    session : int64 [N]
        Session of every panel row, ascending in time.
    symbol : [N]
        Instrument of every panel row.
    """

    rows: Any
    time: Any
    label_end: Any
    session: Any
    symbol: Any


@dataclass(frozen=True, eq=False)
class Timeline:
    """Labelled rows in time order. Times are nanoseconds since 1970, or positions where rows have no dates.

    Parameters
    ----------
    rows : int64 [n]
        What a fold holds: panel rows of samples, positions of a table or array.
    time : int64 [n]
        Time of each row, ascending.
    label_end : int64 [n] or None
        Time at which the row's label ends; None where nobody knows.
    session : [n] or None
        Session of each row.
    start : int
        First time of the data, which may be before the first labelled row; calendar blocks count from it.
    dated : bool
        Whether times are nanoseconds, not positions.
    """

    rows: Times
    time: Times
    label_end: Times | None
    session: npt.NDArray[Any] | None
    start: int
    dated: bool

    @cached_property
    def grid(self) -> Times:
        """Distinct times, ascending: the rows that integer sizes count."""
        return np.unique(self.time)

    @cached_property
    def session_start(self) -> Times:
        """Time of each session's first labelled row, ascending."""
        if self.session is None:
            raise SpecError(
                "sizes in sessions need sessions: samples, a DatetimeIndex (a calendar day is a session), "
                "or groups= with the session of each row"
            )
        changes = np.flatnonzero(self.session[1:] != self.session[:-1]) + 1
        first = np.concatenate([[0], changes])
        names = self.session[first]
        starts = self.time[first]
        if len(np.unique(names)) != len(names) or (starts[1:] == self.time[first[1:] - 1]).any():
            raise DataError(
                "sizes in sessions need sessions that follow each other in time: two sessions overlap; "
                "give all instruments of one trading day the same session"
            )
        return starts

    def advance(self, position: int, size: Size) -> int:
        """Move a block boundary forward.

        Parameters
        ----------
        position : int
            First time of what is being measured.
        size : Size
            How far.

        Returns
        -------
        int
            First time that is no longer part of it; past the last row, any later time.

        Raises
        ------
        SpecError
            If the size is on the calendar and the rows have no dates.
        """
        if size.is_zero:
            return position
        if size.unit == "percent":
            # Of all labelled rows; those of one time stay together, in the block that the time begins.
            index = int(np.searchsorted(self.time, position)) + size.amount * len(self.time) // 100
            return int(self.time[index]) if index < len(self.time) else int(self.time[-1]) + 1
        if size.unit in ("rows", "sessions"):
            starts = self.grid if size.unit == "rows" else self.session_start
            index = int(np.searchsorted(starts, position)) + size.amount
            return int(starts[index]) if index < len(starts) else int(self.time[-1]) + 1
        if not self.dated:
            raise SpecError("sizes on the calendar need samples, or a table with a DatetimeIndex")
        try:
            if size.unit == "anchors":
                return _advance_anchors(position, size)
            months = pd.DateOffset(months=size.amount)
            return int((pd.Timestamp(position) + months).value) + size.nanoseconds
        except (pd.errors.OutOfBoundsDatetime, OverflowError):
            return int(self.time[-1]) + 1

    def before(self, boundary: int, gap: Size) -> int:
        """Where a gap that reaches up to `boundary` begins: what is before this time is outside it."""
        if gap.is_zero:
            return boundary
        if gap.unit == "span":
            return boundary - self._nanoseconds(gap)
        starts = self.grid if gap.unit == "rows" else self.session_start
        index = int(np.searchsorted(starts, boundary, side="right")) - 1 - gap.amount
        return int(starts[index]) if index >= 0 else BEFORE_ALL

    def after(self, last: int, gap: Size) -> int:
        """Where a gap that begins behind `last` is over: rows from this time on are outside it."""
        if gap.unit == "span":
            return last + self._nanoseconds(gap) + 1
        starts = self.grid if gap.unit == "rows" or gap.is_zero else self.session_start
        index = int(np.searchsorted(starts, last, side="right")) + gap.amount
        return int(starts[index]) if index < len(starts) else AFTER_ALL

    def ends(self, gap: Size) -> Times:
        """Time at which every row's label would end, were it `gap` long; at most the last row's time."""
        if gap.is_zero:
            return self.time
        if gap.unit == "span":
            return self.time + self._nanoseconds(gap)
        starts = self.grid if gap.unit == "rows" else self.session_start
        index = np.searchsorted(starts, self.time, side="right") - 1 + gap.amount
        beyond = index >= len(starts)
        return np.where(beyond, self.time[-1], starts[np.minimum(index, len(starts) - 1)])

    def value(self, time: int) -> pd.Timestamp | int:
        """Give a time as a user knows it: a Timestamp, or a position."""
        return pd.Timestamp(time) if self.dated else int(time)

    def text(self, time: int) -> str:
        """Write a time for a message; a date alone where the clock says midnight."""
        value = self.value(time)
        return str(value).removesuffix(" 00:00:00")

    def describe(self) -> str:
        """Say how long the data are."""
        rows = f"{len(self.rows)} labelled rows"
        if len(self.grid) != len(self.rows):
            rows += f" at {len(self.grid)} times"
        if not self.dated:
            return rows
        return f"{rows} from {self.text(self.grid[0])} to {self.text(self.grid[-1])}"

    def _nanoseconds(self, gap: Size) -> int:
        if not self.dated and not gap.is_zero:
            raise SpecError("a purge or embargo in time needs samples, or a table with a DatetimeIndex")
        return gap.nanoseconds


def make_timeline(data: Any, *, sessions: Any = None, label_end_time: Any = None) -> Timeline:
    """Read the rows, times, sessions and label ends of samples, a table or an array.

    Parameters
    ----------
    data : Samples, DataFrame, Series, DatetimeIndex or array [n, ...]
        A pandas object is dated when its index, or one level of it, is a DatetimeIndex; times with a zone
        count by their wall clock.
    sessions : array [n], optional
        Session of each row of a table or array; by default the calendar day of dated rows.
    label_end_time : array [n], optional
        Time at which each label of a table or array ends: datetimes for dated rows, otherwise positions.

    Returns
    -------
    Timeline

    Raises
    ------
    DataError
        If there are no rows, times are missing or not ascending, a row has no label end or one before its
        time.
    SpecError
        If `sessions` or `label_end_time` is given for samples, which have their own, or does not fit.
    """
    if not isinstance(data, (pd.DataFrame, pd.Series, pd.Index)) and isinstance(data, SamplesLike):
        if sessions is not None or label_end_time is not None:
            raise SpecError(
                "samples have their own sessions and label ends: expected no groups, label_end_time"
            )
        return _timeline_of_samples(data)
    return _timeline_of_table(data, sessions, label_end_time)


def _timeline_of_samples(samples: SamplesLike) -> Timeline:
    rows = np.asarray(samples.rows, dtype=np.int64)
    if len(rows) == 0:
        raise DataError("the samples have no labelled row to split")
    panel_time = _nanoseconds_of(samples.time, "time")
    panel_label_end = np.asarray(samples.label_end)
    session = np.asarray(samples.session)[rows]
    symbol = np.asarray(samples.symbol)[rows]
    time, label_end_row = panel_time[rows], panel_label_end[rows]
    same_segment = (session[1:] == session[:-1]) & (symbol[1:] == symbol[:-1])
    _refuse(rows, np.r_[False, same_segment & (time[1:] < time[:-1])], "time goes back within its session")
    _refuse(rows, label_end_row < 0, "the row is listed as labelled but its label has no end")
    label_end = panel_time[label_end_row]
    _refuse(rows, label_end < time, "the label ends before its row")
    order = np.lexsort((rows, time))
    return Timeline(rows[order], time[order], label_end[order], session[order], int(panel_time.min()), True)


def _timeline_of_table(data: Any, sessions: Any, label_end_time: Any) -> Timeline:
    length = int(data.shape[0]) if hasattr(data, "shape") else len(data)
    if length == 0:
        raise DataError("there is no row to split")
    rows = np.arange(length, dtype=np.int64)
    index = _dates(data)
    dated = index is not None
    time = rows if index is None else _nanoseconds_of(_wall_clock(index), "the index")
    _refuse(
        rows,
        np.r_[False, time[1:] < time[:-1]],
        "time goes back; sort the rows (where only a clock change does it, use tz_convert('UTC'))",
    )
    session = np.asarray(sessions) if sessions is not None else (time // DAY_NANOSECONDS if dated else None)
    if session is not None and len(session) != length:
        raise SpecError(f"groups has {len(session)} values for {length} rows")
    label_end = None
    if label_end_time is not None:
        label_end = _label_ends(label_end_time, dated)
        if len(label_end) != length:
            raise SpecError(f"label_end_time has {len(label_end)} values for {length} rows")
        _refuse(rows, label_end < time, "the label ends before its row")
    return Timeline(rows, time, label_end, session, int(time[0]), dated)


def _dates(data: Any) -> pd.DatetimeIndex | None:
    if isinstance(data, np.ndarray) and data.ndim == 1 and data.dtype.kind == "M":
        return pd.DatetimeIndex(data)
    index = data if isinstance(data, pd.Index) else getattr(data, "index", None)
    if isinstance(index, pd.MultiIndex):
        levels = [index.get_level_values(level) for level in range(index.nlevels)]
        dates = [level for level in levels if isinstance(level, pd.DatetimeIndex)]
        index = dates[0] if len(dates) == 1 else None
    return index if isinstance(index, pd.DatetimeIndex) else None


def _wall_clock(values: Any) -> Any:
    index = pd.DatetimeIndex(values)
    return index.tz_localize(None) if index.tz is not None else index


def _label_ends(values: Any, dated: bool) -> Times:
    kind = getattr(pd.Series(values).dtype, "kind", "O")
    if dated and kind == "M":
        return _nanoseconds_of(_wall_clock(values), "label_end_time")
    if not dated and kind in "iu":
        return np.asarray(values, dtype=np.int64)
    expected = (
        "datetimes, as the rows are dated" if dated else "positions (integers), as the rows have no dates"
    )
    raise SpecError(f"label_end_time: expected {expected}, found {pd.Series(values).dtype}")


def _nanoseconds_of(values: Any, what: str) -> Times:
    times = np.asarray(values).astype("datetime64[ns]")
    missing = np.flatnonzero(np.isnat(times))
    if len(missing):
        raise DataError(f"{what} has no time at row {missing[0]} (rows without one: {len(missing)})")
    return times.astype(np.int64)


def _refuse(rows: Times, wrong: npt.NDArray[np.bool_], reason: str) -> None:
    found = np.flatnonzero(wrong)
    if len(found):
        raise DataError(f"row {rows[found[0]]}: {reason} (rows like it: {len(found)})")


def _advance_anchors(position: int, size: Size) -> int:
    """Behind the n-th anchor date from the position's day on; before it, where a block begins on anchors."""
    day = pd.Timestamp(position).normalize()
    if type(size.anchor).__name__.endswith("Begin"):
        return int((day + size.amount * size.anchor).value)
    last = size.anchor.rollforward(day)
    if size.amount > 1:
        last = last + (size.amount - 1) * size.anchor
    return int(last.normalize().value) + DAY_NANOSECONDS
