"""Folds of a prepared data set: by sessions, in memory of their number, or by rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tsdeep.validation.fold import Fold
from tsdeep.validation.sizes import DAY_NANOSECONDS, Size
from tsdeep.validation.timeline import Timeline

if TYPE_CHECKING:
    from tsdeep.pipeline import Prepared


def is_prepared(data: Any) -> bool:
    """Tell whether data are a prepared data set; without TensorFlow where nothing has read one yet."""
    pipeline = sys.modules.get("tsdeep.pipeline")
    return pipeline is not None and isinstance(data, pipeline.Prepared)


def by_session(prepared: Prepared, sizes: list[Size] | None) -> bool:
    """Tell whether folds of whole sessions are the folds of the rows: no boundary and no label is within one.

    Parameters
    ----------
    prepared : Prepared
        The data set.
    sizes : list of Size, optional
        All lengths that boundaries are counted by; None where that is not all that decides.
    """
    if (
        sizes is None
        or not prepared.has_sessions
        or not all(size.unit == "sessions" or size.on_calendar for size in sizes)
    ):
        return False
    first, last = _label_times(prepared)
    known = first >= 0
    number = prepared.run_sessions[known]
    sessions = np.unique(number)
    begin = np.array([first[known][number == each].min() for each in sessions])
    end = np.array([last[known][number == each].max() for each in sessions])
    if (begin[1:] <= end[:-1]).any():
        return False  # a label, or another instrument, reaches into the next session
    if all(size.unit == "sessions" for size in sizes):
        return True
    one_day = begin // DAY_NANOSECONDS == end // DAY_NANOSECONDS
    return bool(one_day.all()) and not any(size.within_day for size in sizes)


def session_folds(prepared: Prepared, folds: Callable[[Timeline], Iterator[Fold]]) -> Iterator[Fold]:
    """Make folds whose rows are ranges, of the folds of whole sessions.

    Parameters
    ----------
    prepared : Prepared
        For which `by_session` holds.
    folds : callable
        From a timeline to folds.
    """
    from tsdeep.pipeline import RowRanges

    first, last = _label_times(prepared)
    edges = np.array([run[1:] for run in prepared.runs], np.int64)
    sampled = np.flatnonzero(prepared.rows.counts(edges[:, 0], edges[:, 1]))
    order = sampled[np.lexsort((sampled, first[sampled]))]
    start = min(piece.start for piece in prepared.pieces if piece.rows)
    timeline = Timeline(order, first[order], last[order], prepared.run_sessions[order], start, True)

    def rows(runs: npt.NDArray[np.int64]) -> Any:
        return RowRanges.between((int(a), int(b)) for a, b in edges[np.sort(runs)]) & prepared.rows

    for fold in folds(timeline):
        names = ("train", "valid", "test", "refit", "purged_train", "purged_valid")
        yield replace(fold, **{name: rows(getattr(fold, name)) for name in names})


def _label_times(prepared: Prepared) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Time of the first labelled row, and of the end of the last label, of each run; -1 where it has none."""
    times = np.array([each for piece in prepared.pieces for each in piece.times], np.int64)
    return times[:, 0], times[:, 1]


@dataclass(frozen=True, eq=False)
class PreparedRows:
    """What a splitter reads of samples, read from a prepared data set in one pass: a few numbers a row.

    Parameters
    ----------
    prepared : Prepared
        The data set.
    """

    prepared: Prepared

    @cached_property
    def _read(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        time = np.zeros(self.prepared.n_rows, np.int64)
        end = np.full(self.prepared.n_rows, -1, np.int64)
        for first, record in self.prepared.chunks(("time", "label_rows")):
            rows = np.arange(first, first + len(record["time"]))
            time[rows] = record["time"]
            end[rows] = np.where(record["label_rows"] < 0, -1, rows + record["label_rows"])
        return time, end

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Labelled origins."""
        return np.asarray(self.prepared.rows)

    @cached_property
    def time(self) -> npt.NDArray[Any]:
        """Time of every row; that of the first row of the data for warm-up rows, which have no record."""
        time, start = self._read[0], min(piece.start for piece in self.prepared.pieces if piece.rows)
        return np.where(time == 0, start, time).astype("datetime64[ns]")

    @property
    def label_end(self) -> npt.NDArray[np.int64]:
        """Row at which each label ends; -1 for none."""
        return self._read[1]

    @cached_property
    def session(self) -> npt.NDArray[np.int64]:
        """Session of every row."""
        if not self.prepared.has_sessions:
            return np.unique(self.time.astype("datetime64[D]"), return_inverse=True)[1].astype(np.int64)
        session = np.zeros(self.prepared.n_rows, np.int64)
        for number, (_, start, stop) in zip(self.prepared.run_sessions, self.prepared.runs, strict=True):
            session[start:stop] = number
        return session

    @cached_property
    def symbol(self) -> npt.NDArray[Any]:
        """Instrument of every row."""
        lengths = self.prepared.bounds[:, 1] - self.prepared.bounds[:, 0]
        return np.repeat(np.array(self.prepared.segment_symbols, object), lengths)
