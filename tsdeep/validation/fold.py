"""One fold, and the table of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from tsdeep.validation.timeline import Timeline

Rows = npt.NDArray[np.int64]

TABLE_COLUMNS = (
    *("fold", "train_start", "train_end", "valid_start", "valid_end", "test_start", "test_end"),
    *("train_rows", "valid_rows", "test_rows", "refit_rows", "purged_train", "purged_valid"),
    *("train_cutoff", "cutoff"),
)


@dataclass(frozen=True, eq=False)
class Fold:
    """The rows of one fold, each in time order.

    Rows are panel rows where samples were split, positions where a table or an array was. Iterating gives
    `(refit, test)`, as scikit-learn expects: an estimator that has no use for validation rows trains on all
    that the fold allows. With no validation block that is `(train, test)`.

    Parameters
    ----------
    number : int
        From 0, in time order.
    train, valid, test : int64 [rows]
        What is fitted on, what stops the fit, what is predicted. No label of `train` ends at or after the
        first time of the valid or test block, none of `valid` at or after that of the test block.
    refit : int64 [rows]
        Train and valid together, with the rows that were purged only between them: for a second fit.
    purged_train, purged_valid : int64 [rows]
        What purge and embargo took from the train and valid block.
    train_cutoff : Timestamp or int
        Time at which the last label of `train` ends; a position where rows have no dates.
    cutoff : Timestamp or int
        Time at which the last label of `train`, `valid` and `refit` ends. Before the test block, except in
        combinatorial folds, which also train on rows behind it.
    """

    number: int
    train: Rows
    valid: Rows
    test: Rows
    refit: Rows
    purged_train: Rows
    purged_valid: Rows
    train_cutoff: pd.Timestamp | int
    cutoff: pd.Timestamp | int

    def __iter__(self) -> Iterator[Rows]:
        yield self.refit
        yield self.test

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}={len(getattr(self, name))}" for name in ("train", "valid", "test"))
        return f"Fold({self.number}, {counts} rows, cutoff={self.cutoff})"


def fold_table(folds: Iterable[Fold], timeline: Timeline) -> pd.DataFrame:
    """List folds, one a row.

    Parameters
    ----------
    folds : iterable of Fold
        Folds of the timeline.
    timeline : Timeline
        Where the rows' times come from.

    Returns
    -------
    DataFrame
        `fold`; first and last time of the rows of each block (`train_start`, `train_end`, ...; missing where
        a block is not used); `train_rows`, `valid_rows`, `test_rows`, `refit_rows`; rows taken at each
        boundary by purge and embargo (`purged_train`, `purged_valid`); `train_cutoff` and `cutoff`.
    """
    times = row_times(timeline)
    records = []
    for fold in folds:
        record: dict[str, object] = {"fold": fold.number}
        for name in ("train", "valid", "test"):
            rows = getattr(fold, name)
            record[f"{name}_start"] = timeline.value(times[rows[0]]) if len(rows) else None
            record[f"{name}_end"] = timeline.value(times[rows[-1]]) if len(rows) else None
        for name in ("train", "valid", "test", "refit"):
            record[f"{name}_rows"] = len(getattr(fold, name))
        record["purged_train"] = len(fold.purged_train)
        record["purged_valid"] = len(fold.purged_valid)
        record["train_cutoff"] = fold.train_cutoff
        record["cutoff"] = fold.cutoff
        records.append(record)
    table = pd.DataFrame.from_records(records, columns=list(TABLE_COLUMNS))
    times_as = "datetime64[ns]" if timeline.dated else "Int64"
    return table.astype(
        {name: times_as for name in TABLE_COLUMNS if name.endswith(("_start", "_end", "cutoff"))}
    )


def row_times(timeline: Timeline) -> Rows:
    """Time of every row that a fold of the timeline can hold, looked up by the row's number."""
    times = np.zeros(int(timeline.rows.max()) + 1, dtype=np.int64)
    times[timeline.rows] = timeline.time
    return times
