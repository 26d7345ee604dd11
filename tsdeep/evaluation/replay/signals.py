"""Signals on the rows of a book, and what is refused in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.evaluation.replay.touch import Touch

SIGNAL_COLUMNS = ("row", "time", "symbol", "signal")


@dataclass(frozen=True, eq=False)
class SignalledBook:
    """The rows of a book, and what is called at each.

    Parameters
    ----------
    touch : Touch
        The rows.
    signal : numpy.ndarray of int8 [rows]
        1 buys, -1 sells, 0 neither.
    seen : numpy.ndarray of bool [rows]
        Whether the row is the first of its segment with a signal, 0 included, or behind it.
    """

    touch: Touch
    signal: np.ndarray
    seen: np.ndarray

    @classmethod
    def of(cls, signals: pd.DataFrame, touch: Touch) -> SignalledBook:
        """Check signals, and put them on the rows of the touch; arguments and errors as of `replay_book`."""
        missing = [column for column in SIGNAL_COLUMNS if column not in signals]
        if missing:
            raise DataError(f"signals: no column {missing[0]!r}; expected {', '.join(SIGNAL_COLUMNS)}")
        at = touch.positions(signals)
        values = signals["signal"].to_numpy()
        for wrong, text in (
            (~np.isin(values, (-1, 0, 1)), "has signal {signal}, expected 1, -1 or 0"),
            (signals.duplicated(["row"]).to_numpy(), "is there twice, expected once"),
        ):
            if wrong.any():
                row = signals.iloc[int(np.argmax(wrong))]
                place = f"row {row['row']} of {row['symbol']} at {row['time']}"
                raise DataError(f"signals: {place} {text.format(**row.to_dict())}")
        calls, given = np.zeros(len(touch.frame), np.int8), np.zeros(len(touch.frame), bool)
        calls[at], given[at] = values.astype(np.int8), True
        seen = np.zeros(len(given), bool)
        for start, stop in touch.bounds.tolist():
            seen[start:stop] = np.maximum.accumulate(given[start:stop])
        return cls(touch, calls, seen)
