"""Direction predictions as evaluation reads them, and what is refused in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.evaluation.prediction_tables import (
    refuse_repeats,
    refuse_rows,
    require_columns,
    split_references,
)

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
    require_columns(frame, _REQUIRED, what)
    frame = frame.sort_values(["time", "symbol"], kind="stable", ignore_index=True)
    up = frame["up"].to_numpy(dtype=np.float64)
    y = frame["y"].to_numpy(dtype=np.float64)
    refuse_rows(frame, ~((up >= 0) & (up <= 1)), what, "up", "a probability in [0, 1]")
    refuse_rows(frame, (y != 0) & (y != 1), what, "y", "0 or 1")
    refuse_repeats(frame, ["symbol", "time"], what, "{symbol} at {time}")
    return frame


def check_references(references: pd.DataFrame | None, predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return each reference's rows by method, as `check_predictions` returns the model's, see `split_references`."""
    return split_references(references, predictions, check_predictions, ("time", "symbol", "fold", "y"))


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
