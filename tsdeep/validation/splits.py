"""Walk-forward folds: train on the past, validate on what follows, test on what follows that."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from functools import reduce
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tsdeep.errors import SpecError, unknown_name
from tsdeep.validation.fold import Fold
from tsdeep.validation.sizes import Size, parse_size
from tsdeep.validation.splitter import Splitter
from tsdeep.validation.timeline import Timeline, Times

MODES = ("expanding", "rolling")


class _Bounds(NamedTuple):
    """First times of a fold's blocks, and the first time behind its test block."""

    train: int
    valid: int
    test: int
    end: int


class WalkForward(Splitter):
    """Folds that move forward in time, purged by label ends at every boundary.

    A fold is three blocks that follow each other: train, valid, test. The next fold's blocks begin `step`
    later.

    Sizes are integers (rows: distinct times of labelled rows, so that all instruments of one time stay
    together), `"60%"` of the labelled rows, `"20 sessions"`, or calendar lengths: a timedelta, `"6 months"`, or
    a pandas offset. Calendar blocks are counted from the first time of the data (warm-up rows included).
    Offsets that name an end (`"YE"`, `"QE"`, `"ME"`, `"W-FRI"`, business days and ends) reach through that
    date: with data from 1999-01-04, `train="4YE"` is 1999 to 2002. Every boundary is counted from the start,
    so none drifts. Units can be mixed.

    The last test block is kept where the data end inside it.

    Parameters
    ----------
    train : int, str, pandas offset or timedelta
        Length of the train block of the first fold, and in mode `"rolling"` of every fold. Rows that are
        purged count as part of their block.
    valid : int, str, pandas offset, timedelta or None, default 0
        Length of the valid block; None or 0 for none.
    test : int, str, pandas offset or timedelta
        Length of the test block.
    step : int, str, pandas offset, timedelta or None
        Distance from fold to fold; None for `test`, where test blocks follow each other without gap or
        overlap. With a smaller step test rows are in several folds, with a larger one some are in none.
    mode : {"expanding", "rolling"}
        Whether a train block begins with the data, or is the last `train` before its valid block.
    min_train : int, str, pandas offset, timedelta or None
        First folds with fewer training rows or sessions (counted after purging), or whose train block is
        shorter on the calendar, are left out. A fold behind the first kept one that is too small is refused.
    max_folds : int or None
        Keep the last ones only.
    purge : "auto", int, str or timedelta
        `"auto"` keeps a training row only if its label ends before the first row of the valid block (of the
        test block where there is none), a validation row only if its label ends before the first row of the
        test block. A number of rows or sessions, or a time, takes that much off the end of a block instead;
        it is refused where label ends are known and one of them reaches over the boundary.
    embargo : int, str or timedelta
        A further gap: labels must end that much earlier (with a number as purge, blocks end that much
        earlier).

    Raises
    ------
    SpecError
        If a size, mode or number cannot be used; on splitting, if the data are too short, or a block has no
        rows.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4 (purge and embargo).

    Examples
    --------
    >>> import numpy as np
    >>> for fold in WalkForward(train=4, valid=2, test=2, purge=1).split(np.zeros(10)):
    ...     print(fold.train, fold.valid, fold.test)
    [0 1 2] [4] [6 7]
    [0 1 2 3 4] [6] [8 9]
    """

    def __init__(
        self,
        *,
        train: Any,
        valid: Any = 0,
        test: Any,
        step: Any = None,
        mode: str = "expanding",
        min_train: Any = None,
        max_folds: int | None = None,
        purge: Any = "auto",
        embargo: Any = 0,
    ) -> None:
        super().__init__(purge, embargo)
        if mode not in MODES:
            raise SpecError(unknown_name("mode", mode, MODES))
        if max_folds is not None and (not isinstance(max_folds, Integral) or max_folds < 1):
            raise SpecError(f"max_folds={max_folds!r}: expected a number of folds above zero, or None")
        self.train = train
        self.valid = valid
        self.test = test
        self.step = step
        self.mode = mode
        self.min_train = min_train
        self.max_folds = max_folds
        self._train = parse_size(train, "train")
        no_valid = valid is None or (isinstance(valid, Integral) and valid is not False and valid == 0)
        self._valid = None if no_valid else parse_size(valid, "valid")
        self._test = parse_size(test, "test")
        self._step = self._test if step is None else parse_size(step, "step")
        shares = [
            size.amount for size in (self._train, self._valid, self._test) if size and size.unit == "percent"
        ]
        if sum(shares) > 100:
            raise SpecError(f"train, valid and test: found {sum(shares)}% of the rows, expected at most 100%")
        self._min_train = None if min_train is None else parse_size(min_train, "min_train")

    @property
    def _sizes(self) -> list[Size] | None:
        if self._purge is not None or not self._embargo.is_zero:
            return None
        sizes = (self._train, self._valid, self._test, self._step, self._min_train)
        return [size for size in sizes if size is not None]

    def _folds(self, timeline: Timeline) -> Iterator[Fold]:
        label_end = self._label_ends(timeline)
        every = self._all_bounds(timeline)
        number = 0
        for bounds in every if self.max_folds is None else every[-int(self.max_folds) :]:
            fold = self._fold(timeline, label_end, bounds, number)
            if fold is not None:
                yield fold
                number += 1
            elif number:
                raise SpecError(
                    f"fold {number}: its train block from {timeline.text(bounds.train)} has less than "
                    f"min_train={self.min_train!r} after purging, though fold {number - 1} has enough"
                )
        if not number:
            raise SpecError(f"no fold has min_train={self.min_train!r}; the data have {timeline.describe()}")

    def _all_bounds(self, timeline: Timeline) -> list[_Bounds]:
        """Boundaries of every fold whose test block has begun when the data end."""
        sizes = [size for size in (self._train, self._valid, self._step, self._test) if size]
        first = timeline.start
        if timeline.dated and not any(size.within_day for size in sizes):
            first = int(pd.Timestamp(first).normalize().value)
        units = list(dict.fromkeys(size.key for size in sorted(sizes, key=lambda size: size.fineness)))
        valid = self._valid or Size("rows", 0)

        def at(*lengths: Size) -> int:
            """Move on from the first time, in one order of units, so that equal sums are equal times."""
            position = first
            for key in units:
                same = [length for length in lengths if length.key == key and not length.is_zero]
                if same:
                    position = timeline.advance(position, reduce(operator.add, same))
            return position

        every: list[_Bounds] = []
        while True:
            moved = self._step * len(every)
            bounds = _Bounds(
                train=first if self.mode == "expanding" else at(moved),
                valid=at(self._train, moved),
                test=at(self._train, valid, moved),
                end=at(self._train, valid, moved, self._test),
            )
            if bounds.test > timeline.time[-1]:
                break
            every.append(bounds)
        if not every:
            before = f"train={self.train!r}" + (f" and valid={self.valid!r}" if self._valid else "")
            begin = f" (it would begin at {timeline.text(bounds.test)})" if self._train.on_calendar else ""
            raise SpecError(
                f"the data are too short: {before} leave no row for a test block{begin}; "
                f"the data have {timeline.describe()}"
            )
        return every

    def _fold(self, timeline: Timeline, label_end: Times, bounds: _Bounds, number: int) -> Fold | None:
        """Fill a fold's blocks and purge them; None where less than `min_train` is left."""
        rows, time = timeline.rows, timeline.time
        start, valid, test, end = (int(index) for index in np.searchsorted(time, bounds))
        blocks = {"train": (start, valid), "valid": (valid, test), "test": (test, end)}
        for index, (name, (first, behind)) in enumerate(blocks.items()):
            if first == behind and (name != "valid" or self._valid):
                since, until = (timeline.text(bound) for bound in bounds[index : index + 2])
                raise SpecError(
                    f"fold {number}: the {name} block is empty: no labelled row from {since} to {until}"
                )

        def clear(first: int, later: int, behind: int, names: str) -> npt.NDArray[np.bool_]:
            """Whether labels of rows `first` to `behind` end before row `later` and the embargo."""
            boundary = int(time[later])
            kept = label_end[first:behind] < timeline.before(boundary, self._embargo)
            if timeline.label_end is not None:
                leaks = kept & (timeline.label_end[first:behind] >= boundary)
                self._refuse_leaks(timeline, leaks, f"fold {number}: {{}} of {names}")
            return kept

        in_train = clear(
            start,
            valid,
            valid,
            "train end in or after valid" if self._valid else "train end in or after test",
        )
        in_refit = clear(start, test, test, "train and valid end in or after test")
        in_valid = in_refit[valid - start :]
        if self._min_train and not self._large_enough(timeline, start + np.flatnonzero(in_train), bounds):
            return None
        for name, kept in (("train", in_train), ("valid", in_valid)):
            if not kept.any() and len(kept):
                raise SpecError(
                    f"fold {number}: the {name} block is empty: purge={self.purge!r} and "
                    f"embargo={self.embargo!r} took all of its {len(kept)} rows"
                )
        used = label_end[start:test][in_refit]
        return Fold(
            number=number,
            train=rows[start:valid][in_train],
            valid=rows[valid:test][in_valid],
            test=rows[test:end].copy(),
            refit=rows[start:test][in_refit],
            purged_train=rows[start:valid][~in_train],
            purged_valid=rows[valid:test][~in_valid],
            train_cutoff=timeline.value(int(label_end[start:valid][in_train].max())),
            cutoff=timeline.value(int(used.max())),
        )

    def _large_enough(self, timeline: Timeline, kept: Times, bounds: _Bounds) -> bool:
        """Whether the kept rows (their places in the timeline) reach `min_train`."""
        size = self._min_train
        if size is None:
            return True
        if size.on_calendar:
            return timeline.advance(bounds.train, size) <= bounds.valid
        if size.unit == "percent":
            return len(kept) >= size.amount * len(timeline.time) // 100
        starts = timeline.grid if size.unit == "rows" else timeline.session_start
        groups = np.searchsorted(starts, timeline.time[kept], side="right")
        return len(np.unique(groups)) >= size.amount
