"""Sets of panel rows as ranges: a year of rows in a few numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tsdeep.errors import DataError


@dataclass(frozen=True, eq=False)
class RowRanges:
    """Ascending panel rows, each once, kept as ranges; NumPy sees the array of rows.

    Parameters
    ----------
    starts, stops : ndarray of int64, [ranges]
        First row of each range and the row behind its last; ranges ascend, none is empty, none meets the next.

    Examples
    --------
    >>> rows = RowRanges.of(np.array([3, 4, 5, 9]))
    >>> rows, len(rows), np.asarray(rows)
    (RowRanges(4 rows in 2 ranges), 4, array([3, 4, 5, 9]))
    >>> (rows & RowRanges.between([(5, 9)])).starts.tolist()
    [5]
    """

    starts: np.ndarray
    stops: np.ndarray

    @classmethod
    def of(cls, rows: RowRanges | np.ndarray | Iterable[int]) -> RowRanges:
        """Take rows in any order; DataError where they are no whole numbers `[rows]`, or one is there twice."""
        if isinstance(rows, RowRanges):
            return rows
        rows = np.asarray(rows)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise DataError(
                f"rows: found dtype {rows.dtype} and shape {list(rows.shape)}, expected panel row numbers [rows]"
            )
        rows = rows.astype(np.int64)
        step = np.diff(rows)
        if (step <= 0).any():
            rows = np.sort(rows)
            step = np.diff(rows)
        if (step == 0).any():
            raise DataError(f"rows: row {rows[np.argmin(step)]} is given twice, expected each once")
        breaks = np.flatnonzero(step > 1)
        first = np.concatenate([[0], breaks + 1]) if len(rows) else np.zeros(0, np.int64)
        last = np.concatenate([breaks, [len(rows) - 1]]) if len(rows) else np.zeros(0, np.int64)
        return cls(rows[first], rows[last] + 1)

    @classmethod
    def between(cls, ranges: Iterable[tuple[int, int]]) -> RowRanges:
        """Take ranges (first, stop) in ascending order; empty ones are left out, ones that meet are joined."""
        starts: list[int] = []
        stops: list[int] = []
        for start, stop in ranges:
            if stop <= start:
                continue
            if stops and start < stops[-1]:
                raise DataError(
                    f"rows: the range from {start} begins before the one ahead ends, at {stops[-1]}"
                )
            if stops and start == stops[-1]:
                stops[-1] = stop
            else:
                starts.append(start)
                stops.append(stop)
        return cls(np.array(starts, np.int64), np.array(stops, np.int64))

    @cached_property
    def before(self) -> np.ndarray:
        """Number of rows ahead of each range, int64 [ranges]."""
        return np.concatenate([[0], np.cumsum(self.stops - self.starts)[:-1]]).astype(np.int64)

    def __len__(self) -> int:
        return int((self.stops - self.starts).sum())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("rows are made of their ranges: there is no array to share")
        offset = np.repeat(self.starts - self.before, self.stops - self.starts)
        rows = np.arange(len(self), dtype=np.int64) + offset
        return rows if dtype is None else rows.astype(dtype)

    def __and__(self, other: RowRanges) -> RowRanges:
        """Rows that are in both."""
        found: list[tuple[int, int]] = []
        mine = theirs = 0
        while mine < len(self.starts) and theirs < len(other.starts):
            start = max(int(self.starts[mine]), int(other.starts[theirs]))
            stop = min(int(self.stops[mine]), int(other.stops[theirs]))
            found.append((start, stop))
            if self.stops[mine] <= other.stops[theirs]:
                mine += 1
            else:
                theirs += 1
        return RowRanges.between(found)

    def position(self, rows: np.ndarray) -> np.ndarray:
        """Return the place of panel rows among these, int64 of the same shape; -1 where a row is not of them."""
        if not len(self.starts):
            return np.full(np.shape(rows), -1, np.int64)
        at = np.searchsorted(self.starts, rows, side="right") - 1
        inside = (at >= 0) & (rows < self.stops[at])
        return np.where(inside, self.before[at] + rows - self.starts[at], -1)

    def counts(self, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
        """Count the rows of these in each of other ranges, int64 [ranges]."""
        edges = np.stack([starts, stops])
        if not len(self.starts):
            return np.zeros(len(starts), np.int64)
        at = np.searchsorted(self.starts, edges, side="right") - 1
        within = np.clip(edges - self.starts[at], 0, (self.stops - self.starts)[at])
        below = np.where(at >= 0, self.before[at] + within, 0)  # rows of these before each edge
        return below[1] - below[0]

    def __repr__(self) -> str:
        return f"RowRanges({len(self):,} rows in {len(self.starts):,} ranges)"
