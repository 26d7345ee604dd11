"""The touch of an order book, row by row, as a replay reads it, and what is refused in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, SpecError

TOUCH_COLUMNS = ("row", "time", "symbol", "segment", "ask", "bid")
_OFF_THE_GRID = 1e-4  # of a tick: prices are decimal fractions in binary


@dataclass(frozen=True, eq=False)
class Touch:
    """Best ask and bid of every row of books, segment by segment.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns row (int, of the panel), time (datetime64), symbol (str), segment (int: an unbroken run of rows of
        one symbol), ask and bid (float, in the price unit of the data), with a fresh index.
    bounds : numpy.ndarray of int64 [segments, 2]
        First position of each segment in `frame`, and the one after its last.
    ask_ticks, bid_ticks : numpy.ndarray of float64 [rows]
        The same prices in ticks: whole numbers.
    tick : float
        In the price unit of the data.
    """

    frame: pd.DataFrame
    bounds: np.ndarray
    ask_ticks: np.ndarray
    bid_ticks: np.ndarray
    tick: float

    @classmethod
    def of(cls, touch: pd.DataFrame, tick: float | None) -> Touch:
        """Check a table of best prices.

        Parameters
        ----------
        touch : pandas.DataFrame
            The columns of `frame`, in the order of the rows.
        tick : float
            In the price unit of the data.

        Raises
        ------
        DataError
            On a missing column, no rows, rows not in strictly rising order, a segment in two places or of several
            symbols, times that go back in a segment, a price that is not finite or not a whole number of ticks, a
            bid that is not below the ask.
        SpecError
            If there is no tick, or it is not a positive number.
        """
        if tick is None or not (np.isfinite(tick) and tick > 0):
            raise SpecError(f"replay: tick is {tick!r}, expected a positive number, in the unit of prices")
        missing = [column for column in TOUCH_COLUMNS if column not in touch]
        if missing:
            raise DataError(f"touch: no column {missing[0]!r}; expected {', '.join(TOUCH_COLUMNS)}")
        if touch.empty:
            raise DataError("touch: no rows, expected those of the predictions and what follows them")
        frame = touch[list(TOUCH_COLUMNS)].reset_index(drop=True)
        row = frame["row"].to_numpy(dtype=np.int64)
        _refuse(frame, np.diff(row, prepend=row[0] - 1) <= 0, "follows a row not below it")
        segment = frame["segment"].to_numpy(dtype=np.int64)
        starts = np.flatnonzero(np.diff(segment, prepend=segment[0] - 1))
        bounds = np.stack([starts, np.append(starts[1:], len(frame))], axis=1).astype(np.int64)
        again = pd.Series(segment[starts]).duplicated().to_numpy()
        if again.any():
            raise DataError(f"touch: segment {segment[starts[again]][0]} is in two places, expected one")
        inside = np.ones(len(frame), bool)
        inside[starts] = False
        other = frame["symbol"].to_numpy() != frame["symbol"].shift().to_numpy()
        _refuse(frame, inside & other, "is of another symbol than the row before it in its segment")
        back = np.diff(frame["time"].to_numpy("datetime64[ns]"), prepend=np.datetime64(0, "ns"))
        _refuse(
            frame, inside & (back < np.timedelta64(0)), "is earlier than the row before it in its segment"
        )
        ticks = {}
        for side in ("ask", "bid"):
            price = frame[side].to_numpy(dtype=np.float64)
            _refuse(frame, ~np.isfinite(price), f"has {side} {{{side}}}, expected a price")
            ticks[side] = np.rint(price / tick)
            off = np.abs(price / tick - ticks[side]) > _OFF_THE_GRID
            _refuse(frame, off, f"has {side} {{{side}}}, expected a whole number of ticks of {tick}")
        crossed = ticks["bid"] >= ticks["ask"]
        _refuse(frame, crossed, "has bid {bid} and ask {ask}, expected the bid below the ask")
        return cls(frame, bounds, ticks["ask"], ticks["bid"], float(tick))

    @property
    def mid_ticks(self) -> np.ndarray:
        """Mid of each row in ticks, a multiple of a half, float64 `[rows]`."""
        return (self.ask_ticks + self.bid_ticks) / 2.0

    @property
    def last(self) -> np.ndarray:
        """Position of the last row of each row's segment, int64 `[rows]`."""
        return np.repeat(self.bounds[:, 1] - 1, np.diff(self.bounds, axis=1)[:, 0])

    def positions(self, frame: pd.DataFrame, what: str = "signals") -> np.ndarray:
        """Return where the rows of a table stand in `frame`, int64 `[rows]`.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns row, time and symbol.
        what : str
            How the message calls the table.

        Raises
        ------
        DataError
            If a row is not among those of the touch, or is of another symbol or time.
        """
        row = frame["row"].to_numpy(dtype=np.int64)
        known = self.frame["row"].to_numpy(dtype=np.int64)
        at = np.minimum(np.searchsorted(known, row), len(known) - 1)
        same = known[at] == row
        for key in ("time", "symbol"):
            same &= frame[key].to_numpy() == self.frame[key].to_numpy()[at]
        if not same.all():
            wrong = frame.iloc[int(np.argmin(same))]
            raise DataError(
                f"{what}: row {wrong['row']} of {wrong['symbol']} at {wrong['time']} is not a row of the touch, "
                "expected the same row, symbol and time"
            )
        return at


def _refuse(frame: pd.DataFrame, wrong: np.ndarray, text: str) -> None:
    if wrong.any():
        row = frame.iloc[int(np.argmax(wrong))]
        raise DataError(
            f"touch: row {row['row']} of {row['symbol']} at {row['time']} {text.format(**row.to_dict())} "
            f"({int(wrong.sum())} such rows)"
        )
