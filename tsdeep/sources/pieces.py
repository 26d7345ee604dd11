"""Pieces: parts of a source that are read one at a time, for data that does not fit in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.tables import stamp


@dataclass(frozen=True)
class Piece:
    """A part of what a source has, in whole segments, that can be read alone.

    Parameters
    ----------
    name : str
        What it is, such as "GOOG 2012-06-21", or "all"; no two pieces of a source have the same.
    read : callable
        Reads the piece: a Panel, or None where the source's options (trims, halts, crossed rows) leave no row
        of it. Raises DataError as the source does.
    """

    name: str
    read: Callable[[], Panel | None]


def in_period(dates: np.ndarray, start: pd.Timestamp | None, end: pd.Timestamp | None) -> np.ndarray:
    """Tell which sessions are in a period, by the same rule as `Panel.select`.

    Parameters
    ----------
    dates : ndarray of datetime64[D], [pieces]
        The session of each piece.
    start, end : Timestamp, optional
        First and last time, both included; a session is at the midnight of its date.

    Returns
    -------
    ndarray of bool, [pieces]

    Raises
    ------
    DataError
        If none is.
    """
    when = dates.astype("datetime64[ns]")
    keep = np.ones(len(dates), bool)
    if start is not None:
        keep &= when >= start.to_datetime64()
    if end is not None:
        keep &= when <= end.to_datetime64()
    if not keep.any():
        raise DataError(
            f"no session in the period {start} to {end}; the data has {stamp(when.min())} to {stamp(when.max())}"
        )
    return keep


def distinct(names: list[str], more: list[str]) -> list[str]:
    """Return names, with more said where one is there several times.

    Examples
    --------
    >>> distinct(["A 2012-06-21", "A 2012-06-21", "B 2012-06-21"], ["morning", "noon", "morning"])
    ['A 2012-06-21 morning', 'A 2012-06-21 noon', 'B 2012-06-21']
    """
    count = Counter(names)
    return [name if count[name] == 1 else f"{name} {said}" for name, said in zip(names, more, strict=True)]
