"""p_T: the probability that a round trip opened and closed by calls is right at both of its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsdeep.errors import DataError
from tsdeep.evaluation.replay.intervals import mean_interval


@dataclass(frozen=True, eq=False)
class RoundTrips:
    """Round trips of calls, and which of them are right.

    Parameters
    ----------
    opened, closed : numpy.ndarray of int64 [trips]
        The rows of the calls that open and close.
    side : numpy.ndarray of int8 [trips]
        1 long, -1 short.
    correct : numpy.ndarray of bool [trips]
        Whether what was called at both rows came.
    potential : int
        Round trips of perfect calls: those of the labels themselves.
    """

    opened: np.ndarray
    closed: np.ndarray
    side: np.ndarray
    correct: np.ndarray
    potential: int

    @property
    def probability(self) -> float:
        """p_T: the share of round trips that are right at both ends; NaN without any."""
        return float(self.correct.mean()) if len(self.correct) else float("nan")

    def summary(self) -> dict[str, float]:
        """Return the figures.

        Returns
        -------
        dict of str to float
            trips, correct and potential (numbers); p_t, its error and its low and high (95%, within 0 and 1), see
            `mean_interval`; trips that follow each other share a call.
        """
        found = mean_interval(self.correct, shared_rows=2)
        return {
            "trips": len(self.correct),
            "correct": int(self.correct.sum()),
            "potential": self.potential,
            "p_t": self.probability,
            "error": found["error"],
            "low": float(np.maximum(found["low"], 0.0)),
            "high": float(np.minimum(found["high"], 1.0)),
        }


def round_trips(y: ArrayLike, called: ArrayLike, segments: ArrayLike) -> RoundTrips:
    """Pair calls of movements into round trips, and tell which are right.

    Calls of stationary are left out, and of equal calls that then follow each other the first is kept. Of the calls
    that remain, up and down by turns, each opens a position (up: long, down: short) that the next one of its segment
    closes, and turns round. The last of a segment, which none closes, is no round trip. A trip is correct where the
    movement that was called came at both of its rows, and `p_T = correct / trips`. That both ends have to be right is
    this package's reading of the source; published figures of p_T were not reproduced.

    Parameters
    ----------
    y : array_like [rows]
        What came: 0 down, 1 stationary, 2 up; rows in order.
    called : array_like [rows]
        What was called.
    segments : array_like [rows]
        What no trip crosses; equal values lie together.

    Returns
    -------
    RoundTrips

    Raises
    ------
    DataError
        If the three differ in length, or there are other classes.

    References
    ----------
    Briola, Bartolucci, Aste (2025), Deep limit order book forecasting: a microstructural guide, Quantitative
    Finance 25(7), arXiv:2403.09267: "the probability of accurately forecasting complete transactions". How calls
    become transactions is that of the authors' simulator (`LOBFrame`, simulator/market_sim.py).

    Examples
    --------
    >>> made = round_trips(y=[2, 2, 0, 1, 2], called=[2, 2, 0, 1, 2], segments=[0] * 5)
    >>> made.opened.tolist(), made.closed.tolist(), made.probability
    ([0, 2], [2, 4], 1.0)
    """
    came, calls, number = (np.asarray(values).reshape(-1) for values in (y, called, segments))
    if not len(came) == len(calls) == len(number):
        raise DataError(
            f"round trips: {len(came)} labels, {len(calls)} calls and {len(number)} segments, expected a row each"
        )
    for what, values in (("label", came), ("call", calls)):
        wrong = ~np.isin(values, (0, 1, 2))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"round trips: {what} of row {row} is {values[row]}, expected 0, 1 or 2")
    opened, closed = _turns(calls, number)
    right = came == calls
    side = (calls[opened].astype(np.int64) - 1).astype(np.int8)
    return RoundTrips(opened, closed, side, right[opened] & right[closed], len(_turns(came, number)[0]))


def _turns(calls: np.ndarray, segments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of calls that open, and those of the opposite ones that close, of each segment."""
    rows = np.flatnonzero(calls != 1)
    kept, number = calls[rows], segments[rows]
    first = np.ones(len(rows), bool)
    first[1:] = (kept[1:] != kept[:-1]) | (number[1:] != number[:-1])
    rows = rows[first]
    pairs = segments[rows[1:]] == segments[rows[:-1]]
    return rows[:-1][pairs], rows[1:][pairs]
