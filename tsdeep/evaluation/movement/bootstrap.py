"""Errors of scores on dependent rows: a block bootstrap, and how many independent rows there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tsdeep.errors import SpecError

LEAST_BLOCKS = 10
_CHUNK = 4_000_000  # values gathered at a time


@dataclass(frozen=True)
class Blocks:
    """Bootstrap draws of blocks of rows that lie together, for sums over the rows drawn.

    Parameters
    ----------
    starts : ndarray of int64, [draws, blocks]
        First rows of the blocks drawn.
    first, rows : ndarray of int64, [rows]
        Of each row's segment: its first row, and how many rows it has.
    block_rows : int
        Rows of a block; in a shorter segment, the whole segment.
    """

    starts: np.ndarray
    first: np.ndarray
    rows: np.ndarray
    block_rows: int

    @property
    def blocks(self) -> int:
        """Blocks in a draw."""
        return self.starts.shape[1]

    def sums(self, values: ArrayLike) -> np.ndarray:
        """Sum values `[rows, columns]` over the rows of each draw: `[draws, columns]`."""
        values = np.asarray(values, dtype=np.float64)
        total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])  # [rows + 1, c]
        row = np.arange(len(values))
        end = row + np.minimum(self.block_rows, self.rows)
        stop = self.first + self.rows
        wrapped = np.maximum(end - stop, 0)  # rows that a block takes from its segment's beginning
        whole = total[np.minimum(end, stop)] - total[row] + total[self.first + wrapped] - total[self.first]
        step = max(1, _CHUNK // (self.blocks * values.shape[1]))
        parts = [
            whole[self.starts[i : i + step]].sum(axis=1) for i in range(0, len(self.starts), step)
        ]  # [draws, columns]
        return np.concatenate(parts)


def draw_blocks(segments: ArrayLike, block_rows: int, *, draws: int = 1000, seed: int = 0) -> Blocks:
    """Draw blocks of rows, with replacement, that never cross a segment.

    The circular block bootstrap within each segment: a block begins at any row and, at its segment's end, goes
    on from that segment's beginning, so that every row is drawn equally often and draws centre on what they are
    drawn from. A segment shorter than a block is one block, drawn as often as makes its rows equal to the others:
    short sessions are thus resampled whole. A draw has as many blocks as give it, on average, the rows there are.

    Parameters
    ----------
    segments : array_like [rows]
        What a block must not cross, such as the number of symbol and session; equal values lie together.
    block_rows : int
        Rows of a block: several times as many as rows depend on each other.
    draws : int
        Bootstrap samples.
    seed : int
        Of the draws: equal seeds give equal draws.

    Returns
    -------
    Blocks
        The same draws for every method make differences paired.

    References
    ----------
    Politis, Romano (1992), A circular block-resampling procedure for stationary data; Kuensch (1989), The
    jackknife and the bootstrap for general stationary observations, Annals of Statistics 17(3).

    Examples
    --------
    >>> blocks = draw_blocks([0, 0, 0, 0, 1, 1], block_rows=2, draws=3)
    >>> blocks.blocks, blocks.sums([[1.0]] * 6).ravel().tolist()
    (3, [6.0, 6.0, 6.0])
    """
    if block_rows < 1:
        raise SpecError(f"block_rows: found {block_rows!r}, expected at least 1")
    number = np.asarray(segments)
    new = np.flatnonzero(np.concatenate([[True], number[1:] != number[:-1]]))
    sizes = np.diff(np.append(new, len(number)))
    rows = np.repeat(sizes, sizes)
    first = np.repeat(new, sizes)
    weights = np.maximum(1.0, block_rows / rows)
    blocks = max(1, round(weights.sum() / block_rows))
    edges = np.cumsum(weights)
    at = np.random.default_rng(seed).uniform(0, edges[-1], (draws, blocks))
    starts = np.minimum(np.searchsorted(edges, at, side="right"), len(number) - 1)
    return Blocks(starts, first, rows, block_rows)


def non_overlapping_rows(segments: ArrayLike, horizon: int) -> float:
    """Return how many labels of `horizon` rows fit beside each other: rows over horizon, at least 1 a segment."""
    sizes = np.unique(np.asarray(segments), return_counts=True)[1]
    return float(np.maximum(sizes / horizon, 1.0).sum())


def effective_rows(values: ArrayLike, segments: ArrayLike, lags: int) -> float:
    """Return how many independent rows would give the mean of values the error that it has.

    `n * c0 / (c0 + 2 * sum_k (1 - k / (lags + 1)) * c_k)`, k = 1 to `lags`, where `c_k` is the autocovariance at
    lag k, of pairs within a segment; at most n.

    Parameters
    ----------
    values : array_like [rows]
        Such as losses, in order.
    segments : array_like [rows]
        Rows of different segments are not paired; equal values lie together.
    lags : int
        Farthest lag: a few horizons.

    Returns
    -------
    float
        n where values are constant; NaN where one is not finite.

    References
    ----------
    Thiebaux, Zwiers (1984), The interpretation and estimation of effective sample size, J. Climate Appl. Meteor.
    23; weights of Newey, West (1987).
    """
    x = np.asarray(values, dtype=np.float64)
    if not np.isfinite(x).all():
        return float("nan")
    rows = len(x)
    x = x - x.mean()
    number = np.asarray(segments)
    cuts = np.flatnonzero(number[1:] != number[:-1]) + 1
    covariance = np.zeros(lags + 1)
    for part in np.split(x, cuts):
        reach = min(lags, len(part) - 1)
        size = 1 << int(np.ceil(np.log2(2 * len(part))))
        power = np.abs(np.fft.rfft(part, size)) ** 2
        covariance[: reach + 1] += np.fft.irfft(power, size)[: reach + 1]
    if covariance[0] <= 1e-30 * rows:
        return float(rows)
    weights = 1 - np.arange(1, lags + 1) / (lags + 1)
    long_run = covariance[0] + 2 * float(weights @ covariance[1:])
    return float(np.clip(rows * covariance[0] / long_run, 1.0, rows)) if long_run > 0 else float(rows)
