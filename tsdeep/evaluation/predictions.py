"""The prediction tables that evaluation reads, and what is refused in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.errors import DataError

_REQUIRED = ("fold", "cutoff", "time", "symbol", "y", "up")


def check_predictions(frame: pd.DataFrame, what: str = "predictions") -> pd.DataFrame:
    """Return direction predictions sorted by time and symbol, or refuse them with their place.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns fold (int), cutoff (datetime64), time (datetime64 of the origin row), symbol (str),
        y (0 or 1) and up (float64, P(up)); further columns, such as `up_seed0`, are kept.
    what : str
        How the message calls the table.

    Returns
    -------
    pandas.DataFrame
        The same rows, sorted by time then symbol, with a fresh index.

    Raises
    ------
    DataError
        On a missing column, no rows, NaN, `up` outside [0, 1], `y` other than 0 or 1, or one (symbol, time)
        given twice.
    """
    missing = [column for column in _REQUIRED if column not in frame.columns]
    if missing:
        raise DataError(f"{what}: no column {missing[0]!r}; expected {', '.join(_REQUIRED)}")
    if frame.empty:
        raise DataError(f"{what}: no rows, expected at least one test row")
    frame = frame.sort_values(["time", "symbol"], kind="stable", ignore_index=True)
    up = frame["up"].to_numpy(dtype=np.float64)
    y = frame["y"].to_numpy(dtype=np.float64)
    _refuse(frame, ~((up >= 0) & (up <= 1)), what, "up", "a probability in [0, 1]")
    _refuse(frame, (y != 0) & (y != 1), what, "y", "0 or 1")
    twice = frame.duplicated(["symbol", "time"], keep=False)
    if twice.any():
        rows = frame[twice].iloc[:2]
        raise DataError(
            f"{what}: {rows['symbol'].iloc[0]} at {rows['time'].iloc[0]} is given twice (folds "
            f"{rows['fold'].iloc[0]} and {rows['fold'].iloc[1]}), expected each row in one test fold: "
            "let test folds not overlap, or evaluate each path by itself"
        )
    return frame


def check_references(references: pd.DataFrame | None, predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return each reference method's predictions, on the same rows as the model's.

    Parameters
    ----------
    references : pandas.DataFrame or None
        Columns of the predictions and `method`; None or no rows: there are none.
    predictions : pandas.DataFrame
        The model's, as `check_predictions` returns them.

    Returns
    -------
    dict of str to pandas.DataFrame
        Method name to its rows, sorted as `predictions`, in order of first appearance.

    Raises
    ------
    DataError
        As `check_predictions`, or where a method's rows or labels differ from the model's.
    """
    if references is None or references.empty:
        return {}
    if "method" not in references.columns:
        raise DataError("references: no column 'method'; expected the name of the reference method")
    tables = {}
    keys = ["time", "symbol", "fold", "y"]
    for method in references["method"].unique():
        rows = references[references["method"] == method].drop(columns="method")
        table = check_predictions(rows, f"references, method {method!r}")
        for key in keys:
            if len(table) != len(predictions) or (table[key].to_numpy() != predictions[key].to_numpy()).any():
                raise DataError(
                    f"references, method {method!r}: {len(table)} rows whose {key} differs from that of "
                    f"the {len(predictions)} rows of the predictions, expected the same test rows"
                )
        tables[str(method)] = table
    return tables


def gives_probabilities(up: ArrayLike) -> bool:
    """Whether values `up` `[rows]` are probabilities, rather than classes: 0, 1, and 0.5 for undecided.

    Examples
    --------
    >>> gives_probabilities([1.0, 1.0, 0.5]), gives_probabilities([0.5, 0.5]), gives_probabilities([0.6, 1.0])
    (False, True, True)
    """
    up = np.asarray(up, dtype=np.float64)
    certain = (up == 0) | (up == 1)
    return not (certain.any() and (certain | (up == 0.5)).all())


def _refuse(frame: pd.DataFrame, wrong: np.ndarray, what: str, column: str, expected: str) -> None:
    if wrong.any():
        row = frame.iloc[int(np.flatnonzero(wrong)[0])]
        raise DataError(
            f"{what}: {column} of {row['symbol']} at {row['time']} (fold {row['fold']}) is {row[column]}, "
            f"expected {expected}"
        )
