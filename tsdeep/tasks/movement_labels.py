"""The arithmetic of mid-price movements: differences of mids and of means of mids, exact, and their classes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np

from tsdeep.errors import DataError
from tsdeep.panel import Panel

LabelKind = Literal["raw", "anchored", "smoothed", "decoupled"]

DOWN, STATIONARY, UP = 0, 1, 2

# Of a tick: decimal prices in binary are that near to a whole number of ticks, or off the grid.
_OFF_THE_GRID = 1e-4


@dataclass(frozen=True)
class Mids:
    """Mids as multiples of a unit.

    Parameters
    ----------
    values : ndarray of float64, [rows]
        Mids in the unit.
    unit : float
        The unit in the price unit of the data: half a tick, or 1 where there is no tick.
    """

    values: np.ndarray
    unit: float


@dataclass(frozen=True)
class Moves:
    """By how much the mid moves, as sums over a number of mids; the move itself is `difference / count`.

    Parameters
    ----------
    difference : ndarray of float64, [rows]
        Sum of later mids less sum of as many earlier ones, in units of the mids; NaN where there is no label.
    base : ndarray of float64, [rows]
        The sum of the earlier ones: the return is `difference / base`.
    count : int
        Mids in each sum.
    """

    difference: np.ndarray
    base: np.ndarray
    count: int


def mids(ask: np.ndarray, bid: np.ndarray, tick: float | None) -> Mids:
    """Return the mid of best ask and bid `[rows]` in half ticks, or as it is where there is no tick.

    Where both prices are whole ticks it is a whole number, so that sums of mids are exact.

    Examples
    --------
    >>> mids(np.array([580.24, 580.25]), np.array([580.23, 580.23]), 0.01).values
    array([116047., 116048.])
    """
    if tick is None:
        return Mids((ask + bid) / 2.0, mid_unit(tick))
    ticks = (ask + bid) / tick
    whole = np.rint(ticks)
    return Mids(np.where(np.abs(ticks - whole) < _OFF_THE_GRID, whole, ticks), mid_unit(tick))


def mid_unit(tick: float | None) -> float:
    """Return the unit of `mids` in the price unit of the data."""
    return 1.0 if tick is None else tick / 2.0


def window_sums(values: np.ndarray, rows: int) -> np.ndarray:
    """Sum every window of a number of rows, by doubling: a window reads its own rows alone.

    Parameters
    ----------
    values : ndarray of float64, [length]
        Whole numbers give exact sums (below 2**53); others carry an error of log2(rows) roundings.
    rows : int
        Rows of a window, 1 or more.

    Returns
    -------
    ndarray of float64, [length - rows + 1]
        Element i is the sum of values i to i + rows - 1; empty if the window is longer than the values.

    Examples
    --------
    >>> window_sums(np.array([1.0, 2.0, 4.0, 8.0]), 3)
    array([ 7., 14.])
    """
    if len(values) < rows:
        return np.empty(0)
    length = len(values) - rows + 1
    total, done = np.zeros(length), 0
    block, size = values, 1
    while done < rows:
        if rows & size:
            total = total + block[done : done + length]
            done += size
        if done < rows:
            block, size = block[:-size] + block[size:], 2 * size
    return total


def moves(
    values: np.ndarray, bounds: np.ndarray, kind: LabelKind, horizon_rows: int, smoothing_rows: int = 1
) -> Moves:
    """Find the move of the mid of every row that has one within its segment.

    Parameters
    ----------
    values : ndarray of float64, [rows]
        Mids.
    bounds : ndarray of int64, [segments, 2]
        First row of each segment and the row after its last.
    kind : {"raw", "anchored", "smoothed", "decoupled"}
        With k the horizon and h the smoothing rows, at row t: the mid at t + k less that at t; the mean of t + 1
        to t + k less the mid at t; the same less the mean of t - k + 1 to t; the mean of t + k - h + 1 to t + k
        less the mean of t - h + 1 to t.
    horizon_rows : int
        k; the move of row t ends at row t + k.
    smoothing_rows : int
        h, read by "decoupled" alone.

    Returns
    -------
    Moves
        NaN at the last k rows of a segment, and at the first k - 1 ("smoothed") or h - 1 ("decoupled").
    """
    later, earlier, count = _windows(kind, horizon_rows, smoothing_rows)
    difference = np.full(len(values), np.nan)
    base = np.full(len(values), np.nan)
    for start, stop in bounds.tolist():
        first, last = start + earlier - 1, stop - horizon_rows  # rows first to last - 1 have a move
        if first >= last:
            continue
        own = values[start:stop]
        ahead = window_sums(own[earlier + horizon_rows - later :], later)
        behind = window_sums(own[: last - start], earlier) * (count // earlier)
        difference[first:last] = ahead * (count // later) - behind
        base[first:last] = behind
    return Moves(difference, base, count)


def _windows(kind: LabelKind, horizon_rows: int, smoothing_rows: int) -> tuple[int, int, int]:
    """Mids in the later window, in the earlier one, and in both sums."""
    if kind == "raw":
        return 1, 1, 1
    if kind == "anchored":
        return horizon_rows, 1, horizon_rows
    if kind == "smoothed":
        return horizon_rows, horizon_rows, horizon_rows
    return smoothing_rows, smoothing_rows, smoothing_rows


def mids_in_sums(kind: LabelKind, horizon_rows: int, smoothing_rows: int = 1) -> int:
    """Return how many mids are in each of the two sums whose difference is the move: `Moves.count`."""
    return _windows(kind, horizon_rows, smoothing_rows)[2]


def limit_in_ticks(threshold: float, count: int) -> float:
    """Return the largest difference of sums of mids in half ticks that is within a threshold in ticks.

    The threshold is the decimal number that it was written as, so that a move of just as much is within.

    Examples
    --------
    >>> limit_in_ticks(0.55, 10)
    11.0
    """
    return float(Fraction(repr(float(threshold))) * 2 * count)


def balanced_limit(size: np.ndarray, share: float) -> float:
    """Return the limit that about a share of absolute differences is within.

    Parameters
    ----------
    size : ndarray of float64, [samples]
        Absolute differences, at least one.
    share : float
        Share that should be within, 0 to 1.

    Returns
    -------
    float
        Halfway from the value at which the share is met most closely (the smaller of two that are equally close) to
        the next larger one; at the largest value, that value.
    """
    values, counts = np.unique(size, return_counts=True)
    within = np.cumsum(counts) / len(size)
    best = int(np.argmin(np.abs(within - share)))
    return float(values[best] if best + 1 == len(values) else (values[best] + values[best + 1]) / 2.0)


def classes(difference: np.ndarray, limit: np.ndarray | float) -> np.ndarray:
    """Return 0 down, 1 stationary or 2 up as float32 `[rows]`; NaN where there is no difference.

    A difference of exactly the limit is stationary.
    """
    moved = np.where(difference > limit, UP, np.where(difference < -limit, DOWN, STATIONARY))
    return np.where(np.isnan(difference), np.nan, moved).astype(np.float32)


def given_classes(panel: Panel, horizon_rows: int) -> np.ndarray:
    """Return the labels that came with the data as classes 0 down, 1 stationary, 2 up.

    Parameters
    ----------
    panel : Panel
        With the field `label_<horizon_rows>`: 0 down, 1 stationary, 2 up, NaN where there is none, as at rows
        whose label would look beyond their segment.
    horizon_rows : int
        Rows ahead that they look.

    Returns
    -------
    ndarray of float64, [rows]

    Raises
    ------
    DataError
        If a label is another value; with the place.
    """
    name = f"label_{horizon_rows}"
    values = panel.raw(name).astype(np.float64)
    wrong = np.flatnonzero(~(np.isin(values, (0.0, 1.0, 2.0)) | np.isnan(values)))
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{panel.place(row)}: {name} is {values[row]}, expected 0 (down), 1 (stationary) or 2 (up)"
        )
    return values
