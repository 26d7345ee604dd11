"""What all splitters share: reading the data, scikit-learn's interface, the table and the picture."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.validation.fold import Fold, fold_table
from tsdeep.validation.prepared_folds import PreparedRows, by_session, is_prepared, session_folds
from tsdeep.validation.sizes import Size, parse_gap
from tsdeep.validation.timeline import Timeline, Times, make_timeline

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Splitter(ABC):
    """Base of the splitters: a subclass makes folds of a :class:`Timeline`.

    Parameters
    ----------
    purge : "auto", int, str or timedelta
        `"auto"` goes by label ends. Otherwise how long a label is taken to be, in rows, sessions or time.
    embargo : int, str or timedelta
        A further gap, in rows, sessions or time.

    Raises
    ------
    SpecError
        If either is not a length.
    """

    def __init__(self, purge: Any, embargo: Any) -> None:
        self.purge = purge
        self.embargo = embargo
        self._purge = None if isinstance(purge, str) and purge == "auto" else parse_gap(purge, "purge")
        self._embargo = parse_gap(embargo, "embargo")

    @abstractmethod
    def _folds(self, timeline: Timeline) -> Iterator[Fold]:
        """Make the folds, in order."""

    def split(
        self, X: Any, y: Any = None, groups: Any = None, *, label_end_time: Any = None
    ) -> Iterator[Fold]:
        """Divide rows into folds.

        Parameters
        ----------
        X : Samples, Prepared, DataFrame, Series, DatetimeIndex or array [n, ...]
            What to split. Samples and prepared data sets give panel rows, anything else positions. Tables and
            arrays must be in time order. Of a prepared data set of sessions, divided by sessions or dates, the
            rows of folds are `RowRanges`, in memory of the number of sessions; other folds read a few numbers a row.
        y : object, optional
            Not read; here for scikit-learn.
        groups : array [n], optional
            Session of each row of a table or array; by default the calendar day of dated rows.
        label_end_time : array [n], optional
            For tables and arrays: when each label ends, as datetimes for dated rows and as positions
            otherwise.

        Yields
        ------
        Fold
            In time order; unpacks into `(refit, test)`.

        Raises
        ------
        DataError
            If times are missing or not ascending.
        SpecError
            If the settings do not fit the data, or would leak.
        """
        del y
        if is_prepared(X) and by_session(X, self._sizes):
            try:
                folds = list(session_folds(X, self._folds))
            except SpecError:  # said below in rows, not in sessions
                folds = []
            if folds:
                yield from folds
                return
        yield from self._folds(self._timeline(X, groups, label_end_time))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Count the folds that :meth:`split` yields; `X` is needed, as their number depends on its length."""
        if X is None:
            raise SpecError(f"the number of folds of {type(self).__name__} depends on the data: expected X")
        return sum(1 for _ in self.split(X, y, groups))

    def table(self, X: Any, groups: Any = None, *, label_end_time: Any = None) -> pd.DataFrame:
        """List the folds, one a row.

        Parameters
        ----------
        X, groups, label_end_time
            As for :meth:`split`.

        Returns
        -------
        DataFrame
            `fold`; first and last time of each block's rows; numbers of rows; rows purged at each boundary;
            `train_cutoff` and `cutoff`, the times at which the last label used for training, and used at
            all, ends.
        """
        timeline = self._timeline(X, groups, label_end_time)
        return fold_table(self._folds(timeline), timeline)

    def plot(self, X: Any, groups: Any = None, *, label_end_time: Any = None) -> Figure:
        """Draw the folds as bars over time, first fold on top.

        Parameters
        ----------
        X, groups, label_end_time
            As for :meth:`split`.

        Returns
        -------
        matplotlib.figure.Figure
            Train, valid, test and purged rows differ in lightness and hatching, so that it reads in grey too.
        """
        from tsdeep.validation.fold_plot import plot_folds

        timeline = self._timeline(X, groups, label_end_time)
        return plot_folds(list(self._folds(timeline)), timeline)

    def __repr__(self) -> str:
        names = inspect.signature(type(self)).parameters
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    @property
    def _sizes(self) -> list[Size] | None:
        """Lengths that boundaries are counted by, where labels alone decide what is purged; None where more does."""
        return None

    def _timeline(self, data: Any, groups: Any, label_end_time: Any) -> Timeline:
        data = PreparedRows(data) if is_prepared(data) else data
        timeline = make_timeline(data, sessions=groups, label_end_time=label_end_time)
        if self._purge is None and timeline.label_end is None:
            raise SpecError(
                "purge='auto' needs to know when labels end: give label_end_time= to split, or the label's "
                "length as purge=<rows> (purge=0 where the label is known at its own row)"
            )
        return timeline

    def _label_ends(self, timeline: Timeline) -> Times:
        """Time at which each label ends, as known or, with a number as purge, as the user says."""
        if self._purge is not None:
            return timeline.ends(self._purge)
        assert timeline.label_end is not None
        return timeline.label_end

    def _refuse_leaks(self, timeline: Timeline, leaks: npt.NDArray[np.bool_], where: str) -> None:
        """Refuse a purge by number that lets labels reach into later rows; `where` has {} for how many."""
        if self._purge is None or timeline.label_end is None or not leaks.any():
            return
        if self._purge.unit == "span":
            enough = f"pd.Timedelta('{pd.Timedelta(int((timeline.label_end - timeline.time).max()))}')"
        elif self._purge.unit == "rows":
            enough = f"{_longest(timeline.grid, timeline)}"
        else:
            enough = f"'{_longest(timeline.session_start, timeline)} sessions'"
        labels = f"{leaks.sum()} label" + ("s" if leaks.sum() > 1 else "")
        raise SpecError(
            f"purge={self.purge!r} is too small in {where.format(labels)}; "
            f"use purge='auto', or {enough} or more"
        )


def _longest(starts: Times, timeline: Timeline) -> int:
    assert timeline.label_end is not None
    first = np.searchsorted(starts, timeline.time, side="right")
    last = np.searchsorted(starts, timeline.label_end, side="right")
    return int((last - first).max())
