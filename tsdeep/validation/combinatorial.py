"""Combinatorial purged cross-validation: every choice of test groups, and the backtest paths they make up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations, pairwise
from numbers import Integral
from typing import Any

import numpy as np

from tsdeep.errors import SpecError
from tsdeep.validation.fold import Fold, Rows
from tsdeep.validation.splitter import Splitter
from tsdeep.validation.timeline import Timeline, Times, make_timeline


class CombinatorialPurged(Splitter):
    """Every choice of `n_test_groups` out of `n_groups` groups in time is tested once, trained on the others.

    Training rows lie before, between and behind the test blocks (neighbouring test groups are one block). A
    training row is purged where its time to its label's end overlaps a test block's first time to its last
    label's end; the embargo takes further rows behind that end. There is no valid block. Since it trains on
    rows behind its test rows, it compares strategies on many paths; it does not say what a model would have
    earned.

    Parameters
    ----------
    n_groups : int
        Groups, of equal numbers of distinct times (the first ones have one more where they do not divide).
    n_test_groups : int
        Groups that a fold tests; at least 1 and fewer than `n_groups`.
    purge : "auto", int, str or timedelta
        `"auto"` goes by label ends. Otherwise how long every label is taken to be, in rows, sessions or time;
        refused where label ends are known and one that is kept overlaps a test block.
    embargo : int, str or timedelta
        Gap behind the last label end of each test block, in rows, sessions or time.

    Raises
    ------
    SpecError
        If a number cannot be used; on splitting, if there are fewer times than groups, or purge and embargo
        leave no row to train on.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, sections 7.4 and 12.4.

    Examples
    --------
    >>> import numpy as np
    >>> for fold in CombinatorialPurged(n_groups=3, n_test_groups=1, purge=1).split(np.zeros(9)):
    ...     print(fold.train, fold.test)
    [4 5 6 7 8] [0 1 2]
    [0 1 7 8] [3 4 5]
    [0 1 2 3 4] [6 7 8]
    """

    def __init__(
        self, n_groups: int = 6, n_test_groups: int = 2, purge: Any = "auto", embargo: Any = 0
    ) -> None:
        super().__init__(purge, embargo)
        for name, value, least in (("n_groups", n_groups, 2), ("n_test_groups", n_test_groups, 1)):
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise SpecError(f"{name}={value!r}: expected an integer, at least {least}")
        if n_test_groups >= n_groups:
            raise SpecError(f"n_test_groups={n_test_groups}: expected fewer than n_groups={n_groups}")
        self.n_groups = int(n_groups)
        self.n_test_groups = int(n_test_groups)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Count the folds, `n_groups` choose `n_test_groups`; nothing of the data is needed."""
        del X, y, groups
        return math.comb(self.n_groups, self.n_test_groups)

    def paths(self) -> Rows:
        """Say which fold provides each group on each backtest path.

        Returns
        -------
        int64 [paths, n_groups]
            Fold numbers. Each path passes once through all groups, and each fold's prediction of a group is
            on exactly one path, so that there are C(n_groups, n_test_groups) n_test_groups / n_groups of
            them.

        Examples
        --------
        >>> CombinatorialPurged(n_groups=4, n_test_groups=2).paths()
        array([[0, 0, 1, 2],
               [1, 3, 3, 4],
               [2, 4, 5, 5]])
        """
        testing: list[list[int]] = [[] for _ in range(self.n_groups)]
        for number, chosen in enumerate(combinations(range(self.n_groups), self.n_test_groups)):
            for group in chosen:
                testing[group].append(number)
        return np.array(testing, dtype=np.int64).T

    def groups(self, X: Any) -> list[Rows]:
        """List the rows of each group, which `paths` refers to.

        Parameters
        ----------
        X : Samples, DataFrame, Series, DatetimeIndex or array [n, ...]
            As for `split`.

        Returns
        -------
        list of int64 [rows]
            `n_groups` arrays, in time order; a fold's `test` is those of its groups.
        """
        timeline = make_timeline(X)
        return [timeline.rows[first:behind] for first, behind in self._group_bounds(timeline)]

    def _group_bounds(self, timeline: Timeline) -> list[tuple[int, int]]:
        """Places in the timeline of each group's first row, and behind its last."""
        if len(timeline.grid) < self.n_groups:
            raise SpecError(f"n_groups={self.n_groups} is more than the data have: {timeline.describe()}")
        firsts = [part[0] for part in np.array_split(timeline.grid, self.n_groups)]
        places = [*np.searchsorted(timeline.time, firsts).tolist(), len(timeline.time)]
        return list(pairwise(places))

    def _folds(self, timeline: Timeline) -> Iterator[Fold]:
        label_end = self._label_ends(timeline)
        bounds = self._group_bounds(timeline)
        for number, chosen in enumerate(combinations(range(self.n_groups), self.n_test_groups)):
            yield self._fold(timeline, label_end, [bounds[group] for group in chosen], number)

    def _fold(self, timeline: Timeline, label_end: Times, chosen: list[tuple[int, int]], number: int) -> Fold:
        in_test = np.zeros(len(timeline.rows), dtype=bool)
        for first, behind in chosen:
            in_test[first:behind] = True
        blocks = _joined(chosen)
        in_train = ~in_test
        for first, behind in blocks:
            ended = label_end < timeline.time[first]
            over = timeline.after(int(label_end[first:behind].max()), self._embargo)
            in_train &= ended | (timeline.time >= over)
        if timeline.label_end is not None:
            for first, behind in blocks:
                last = timeline.label_end[first:behind].max()
                overlap = (timeline.label_end >= timeline.time[first]) & (timeline.time <= last)
                self._refuse_leaks(timeline, in_train & overlap, f"fold {number}: {{}} of train overlap test")
        if not in_train.any():
            raise SpecError(
                f"fold {number}: the train block is empty: purge={self.purge!r} and embargo={self.embargo!r} "
                f"took all of its {(~in_test).sum()} rows"
            )
        train = timeline.rows[in_train]
        cutoff = timeline.value(int(label_end[in_train].max()))
        none = np.empty(0, dtype=np.int64)
        return Fold(
            number=number,
            train=train,
            valid=none,
            test=timeline.rows[in_test],
            refit=train.copy(),
            purged_train=timeline.rows[~in_train & ~in_test],
            purged_valid=none,
            train_cutoff=cutoff,
            cutoff=cutoff,
        )


def _joined(blocks: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join blocks that follow each other without a row between."""
    joined = [blocks[0]]
    for first, behind in blocks[1:]:
        if first == joined[-1][1]:
            joined[-1] = (joined[-1][0], behind)
        else:
            joined.append((first, behind))
    return joined
