"""Movement predictions as evaluation reads them, and what is refused in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.errors import DataError
from tsdeep.evaluation.prediction_tables import (
    refuse_repeats,
    refuse_rows,
    require_columns,
    seed_numbers,
    split_references,
)

CLASSES = ("down", "stationary", "up")
_REQUIRED = ("fold", "cutoff", "time", "symbol", "row", "session", "horizon", "y", *CLASSES)
_PRIORS = tuple(f"prior_{name}" for name in CLASSES)
_TOLERANCE = 1e-4  # of the sum of three float32 probabilities
MAJORITY = "majority"
CALL = "call"


def check_movement(frame: pd.DataFrame, what: str = "predictions") -> pd.DataFrame:
    """Return movement predictions sorted by horizon, symbol and row, or refuse them with their place.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a test row and horizon: fold (int), cutoff and time (datetime64), symbol (str), row (int, of the
        panel), session (the trading day), horizon (rows ahead), y (0 down, 1 stationary, 2 up), and the
        probabilities down, stationary and up (float64). Where they are there: spread_ticks (of the row) and
        seconds (since the session's first row); `down_seed<k>`, `stationary_seed<k>`, `up_seed<k>`, a seed's
        own; prior_down, prior_stationary, prior_up (class shares of the training rows); call (0, 1 or 2), the
        class that the method calls where it is not the one of the largest probability, on all rows or, NaN, on none.
        Further columns are kept.
    what : str
        How the message calls the table.

    Returns
    -------
    pandas.DataFrame
        The same rows, sorted, with a fresh index: the rows of a horizon, and in it of a symbol, are together. `call`
        is int8; it is left out where no row has one.

    Raises
    ------
    DataError
        On a missing column, no rows, NaN, a probability outside [0, 1], three that do not sum to 1
        (to 1e-4), another `y` or call, a horizon below 1, or one (symbol, row, horizon) given twice.
    """
    require_columns(frame, _REQUIRED, what)
    frame = frame.sort_values(["horizon", "symbol", "row"], kind="stable", ignore_index=True)
    y = frame["y"].to_numpy(dtype=np.float64)
    refuse_rows(frame, ~np.isin(y, (0, 1, 2)), what, "y", "0 (down), 1 (stationary) or 2 (up)")
    horizon = frame["horizon"].to_numpy(dtype=np.float64)
    refuse_rows(frame, ~((horizon >= 1) & (horizon % 1 == 0)), what, "horizon", "a whole number of rows")
    names = [CLASSES, *(_of_seed(seed) for seed in movement_seeds(frame))]
    if any(column in frame for column in _PRIORS):
        names.append(_PRIORS)
    for columns in names:
        missing = [column for column in columns if column not in frame]
        if missing:
            raise DataError(f"{what}: no column {missing[0]!r}, expected all of {', '.join(columns)}")
        for column in columns:
            p = frame[column].to_numpy(dtype=np.float64)
            refuse_rows(frame, ~((p >= 0) & (p <= 1 + _TOLERANCE)), what, column, "a probability in [0, 1]")
        total = frame[list(columns)].to_numpy(dtype=np.float64).sum(axis=1)
        summed = " + ".join(columns)
        refuse_rows(frame.assign(**{summed: total}), np.abs(total - 1) > _TOLERANCE, what, summed, "1")
    frame = _check_calls(frame, what)
    refuse_repeats(
        frame, ["symbol", "row", "horizon"], what, "row {row} of {symbol} at {time}, horizon {horizon},"
    )
    return frame


def check_movement_references(
    references: pd.DataFrame | None, predictions: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return each reference's rows by method, as `check_movement` returns the model's, see `split_references`."""
    keys = ("horizon", "symbol", "row", "fold", "y")
    return split_references(references, predictions, check_movement, keys)


def movement_seeds(predictions: pd.DataFrame) -> tuple[int, ...]:
    """Return the seeds `k` of the columns `up_seed<k>`."""
    return seed_numbers(predictions, "up")


def class_probabilities(frame: pd.DataFrame, seed: int | None = None) -> np.ndarray:
    """Return the probabilities `[rows, 3]` (down, stationary, up), of all seeds' mean or of one seed."""
    columns = CLASSES if seed is None else _of_seed(seed)
    return frame[list(columns)].to_numpy(dtype=np.float64)


def stated_calls(frame: pd.DataFrame) -> np.ndarray | None:
    """Return the classes that a method states as its calls, int8 `[rows]`; None where it states none."""
    return frame[CALL].to_numpy(dtype=np.int8) if CALL in frame else None


def training_shares(methods: dict[str, pd.DataFrame]) -> np.ndarray | None:
    """Return the class shares of each row's training rows `[rows, 3]`, by which argmax is corrected.

    They are the first table's columns prior_down, prior_stationary and prior_up; else what the reference
    `majority` states, which is these shares; None where there are neither.
    """
    model = next(iter(methods.values()))
    if _PRIORS[0] in model:
        return model[list(_PRIORS)].to_numpy(dtype=np.float64)
    return class_probabilities(methods[MAJORITY]) if MAJORITY in methods else None


def states_probabilities(probabilities: ArrayLike) -> bool:
    """Whether rows `[rows, 3]` state probabilities, rather than one class each with certainty.

    Examples
    --------
    >>> states_probabilities([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), states_probabilities([[0.2, 0.3, 0.5]])
    (False, True)
    """
    return not bool((np.asarray(probabilities, dtype=np.float64).max(axis=1) == 1.0).all())


def _check_calls(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return the table with calls as int8, or without where it has none; refuse another class, and some without."""
    if CALL not in frame:
        return frame
    calls = frame[CALL].to_numpy(dtype=np.float64)
    if np.isnan(calls).all():
        return frame.drop(columns=CALL)
    refuse_rows(
        frame, ~np.isin(calls, (0, 1, 2)), what, CALL, "0 (down), 1 (stationary) or 2 (up), on every row"
    )
    return frame.astype({CALL: np.int8})


def _of_seed(seed: int) -> tuple[str, ...]:
    return tuple(f"{name}_seed{seed}" for name in CLASSES)
