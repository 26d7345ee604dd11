"""Tables of predictions as every task reads them: what is refused, and references beside the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tsdeep.errors import DataError


def require_columns(frame: pd.DataFrame, required: Sequence[str], what: str) -> None:
    """Refuse a table that has no rows or lacks a column; `what` is how the message calls it."""
    missing = [column for column in required if column not in frame.columns]
    if missing:
        raise DataError(f"{what}: no column {missing[0]!r}; expected {', '.join(required)}")
    if frame.empty:
        raise DataError(f"{what}: no rows, expected at least one test row")


def refuse_rows(frame: pd.DataFrame, wrong: np.ndarray, what: str, column: str, expected: str) -> None:
    """Raise DataError with the first row where `wrong` `[rows]` holds: its place, value, what was expected."""
    if wrong.any():
        row = frame.iloc[int(np.flatnonzero(wrong)[0])]
        raise DataError(
            f"{what}: {column} of {row['symbol']} at {row['time']} (fold {row['fold']}) is {row[column]}, "
            f"expected {expected}"
        )


def refuse_repeats(frame: pd.DataFrame, keys: Sequence[str], what: str, place: str) -> None:
    """Refuse a table in which rows share their `keys`; `place` formats the first one's, from its columns."""
    twice = frame.duplicated(list(keys), keep=False).to_numpy()
    if twice.any():
        rows = frame[twice].sort_values(list(keys), kind="stable").iloc[:2]
        raise DataError(
            f"{what}: {place.format(**rows.iloc[0])} is given twice (folds "
            f"{rows['fold'].iloc[0]} and {rows['fold'].iloc[1]}), expected each row in one test fold: "
            "let test folds not overlap, or evaluate each path by itself"
        )


def split_references(
    references: pd.DataFrame | None,
    predictions: pd.DataFrame,
    check: Callable[[pd.DataFrame, str], pd.DataFrame],
    keys: Sequence[str],
) -> dict[str, pd.DataFrame]:
    """Return each reference method's predictions, on the same rows as the model's.

    Parameters
    ----------
    references : pandas.DataFrame or None
        Columns of the predictions and `method`; None or no rows: there are none.
    predictions : pandas.DataFrame
        The model's, as `check` returns them.
    check : callable
        Takes a table and what to call it; returns it sorted, or refuses it.
    keys : sequence of str
        Columns that must equal those of the predictions, row by row.

    Returns
    -------
    dict of str to pandas.DataFrame
        Method name to its rows, sorted as `predictions`, in order of first appearance.

    Raises
    ------
    DataError
        As `check` raises, or where a method's rows or labels differ from the model's.
    """
    if references is None or references.empty:
        return {}
    if "method" not in references.columns:
        raise DataError("references: no column 'method'; expected the name of the reference method")
    tables = {}
    for method in references["method"].unique():
        rows = references[references["method"] == method].drop(columns="method")
        table = check(rows, f"references, method {method!r}")
        for key in keys:
            if len(table) != len(predictions) or (table[key].to_numpy() != predictions[key].to_numpy()).any():
                raise DataError(
                    f"references, method {method!r}: {len(table)} rows whose {key} differs from that of "
                    f"the {len(predictions)} rows of the predictions, expected the same test rows"
                )
        tables[str(method)] = table
    return tables


def distinct_rows(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return each test row once, where a table has it for several horizons."""
    return predictions.drop_duplicates(["symbol", "row"]) if "horizon" in predictions else predictions


def seed_numbers(predictions: pd.DataFrame, output: str) -> tuple[int, ...]:
    """Return the seeds `k` of the columns `<output>_seed<k>`, in order.

    Examples
    --------
    >>> seed_numbers(pd.DataFrame(columns=["up", "up_seed0", "up_seed1"]), "up")
    (0, 1)
    """
    start = f"{output}_seed"
    names = (str(column).removeprefix(start) for column in predictions if str(column).startswith(start))
    return tuple(sorted(int(name) for name in names if name.isdigit()))
