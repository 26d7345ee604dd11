"""From calls to round trips: which rows decide to open and to close, one position at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsdeep.errors import SpecError

CLOSED_BY = ("opposite", "hold", "end")


@dataclass(frozen=True, eq=False)
class Decisions:
    """Round trips as they are decided; how late and at what price they are filled does not change them.

    Parameters
    ----------
    opened, closed : numpy.ndarray of int64 [trades]
        Positions of the rows that decide to open and to close; `closed` is behind `opened`.
    side : numpy.ndarray of int8 [trades]
        1 long, -1 short.
    closed_by : numpy.ndarray of int8 [trades]
        Index into `CLOSED_BY`: the opposite call, the rows held, or the segment's end.
    hold_rows, opposite
        By which they were decided, see `decide`.
    """

    opened: np.ndarray
    closed: np.ndarray
    side: np.ndarray
    closed_by: np.ndarray
    hold_rows: int | None
    opposite: bool


def decide(
    signal: np.ndarray, bounds: np.ndarray, *, hold_rows: int | None = None, opposite: bool = True
) -> Decisions:
    """Decide round trips from calls, one position at a time.

    Without a position, the first row that calls a side opens it. It is closed at the first of these rows:

    - with `opposite`, the next one that calls the other side, which opens that side at once;
    - with `hold_rows`, the one `hold_rows` rows behind the one that opened it, unless that calls the position's own
      side: then it is kept for as many rows again, since to close and reopen it would pay the spread for nothing;
    - the segment's last row, known beforehand as closing times are. Calls of that row open nothing.

    A row at which a position is closed may open the next one.

    Parameters
    ----------
    signal : numpy.ndarray [rows]
        1, -1, or 0 for neither.
    bounds : numpy.ndarray of int64 [segments, 2]
        First row of each segment and the row after its last; no position crosses one.
    hold_rows : int, optional
        Rows after which a position is closed.
    opposite : bool
        Whether a call of the other side closes a position.

    Returns
    -------
    Decisions
        In the order of the rows.

    Raises
    ------
    SpecError
        If `hold_rows` is not a positive whole number, or nothing but the segment's end would close a position.

    Examples
    --------
    >>> made = decide(np.array([0, 1, 1, 0, -1, 0, 0]), np.array([[0, 7]]))
    >>> made.opened.tolist(), made.closed.tolist(), made.side.tolist()
    ([1, 4], [4, 6], [1, -1])
    """
    if hold_rows is not None and (hold_rows != int(hold_rows) or hold_rows < 1):
        raise SpecError(f"replay: hold_rows is {hold_rows!r}, expected a whole number of at least 1, or None")
    if hold_rows is None and not opposite:
        raise SpecError("replay: found neither hold_rows nor opposite; expected one that closes a position")
    calls = np.asarray(signal, dtype=np.int8)
    rows = len(calls)
    following = {side: _next(calls == side) for side in (1, -1)}
    either = np.minimum(following[1], following[-1])
    made: list[tuple[int, int, int, int]] = []
    for start, stop in np.asarray(bounds, dtype=np.int64).tolist():
        last = stop - 1
        row = int(either[start])
        while row < last:
            side = int(calls[row])
            other = int(following[-side][row]) if opposite else rows
            over = rows
            if hold_rows is not None:
                over = row + int(hold_rows)
                while over < min(other, last) and calls[over] == side:
                    over += int(hold_rows)
            close = min(other, over, last)
            by = 2 if close == last else 0 if close == other else 1
            made.append((row, close, side, by))
            row = int(either[close])
    table = np.array(made, dtype=np.int64).reshape(-1, 4)
    sides, reasons = table[:, 2].astype(np.int8), table[:, 3].astype(np.int8)
    return Decisions(table[:, 0], table[:, 1], sides, reasons, hold_rows, opposite)


def _next(there: np.ndarray) -> np.ndarray:
    """Return the first row at or behind each row where `there` `[rows]` holds, int64 `[rows]`; `rows` for none."""
    at = np.where(there, np.arange(len(there)), len(there))
    return np.minimum.accumulate(at[::-1])[::-1]
