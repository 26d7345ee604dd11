"""The probability of backtest overfitting: whether what was best on some rows is better than the others on the rest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import linregress

from tsdeep.errors import DataError, SpecError

_MOST_BLOCKS = 20  # 184,756 ways to choose half of them
_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What choosing the best of several trials was worth on rows that did not choose it.

    Parameters
    ----------
    probability : float
        Probability of backtest overfitting: share of the splits in which the trial chosen on one half was
        at or below the median on the other. For trials of equal worth it is one half on average.
    logits : numpy.ndarray [splits]
        `ln(w / (1 - w))`, w the chosen trial's rank on the other half, in (0, 1): below zero, it was worse there
        than the median.
    in_sample, out_of_sample : numpy.ndarray [splits]
        Sharpe ratio (a row's) of the chosen trial on the rows that chose it, and on the others.
    slope, intercept : float
        Performance degradation: the second on the first, by least squares.
    probability_of_loss : float
        Share of the splits in which the chosen trial lost on the rows that did not choose it.
    rows, trials, blocks : int
        Of the returns, and how many blocks they were cut into.
    """

    probability: float
    logits: np.ndarray
    in_sample: np.ndarray
    out_of_sample: np.ndarray
    slope: float
    intercept: float
    probability_of_loss: float
    rows: int
    trials: int
    blocks: int


def backtest_overfitting(returns: ArrayLike | pd.DataFrame, *, blocks: int = 16) -> Overfitting:
    """Cross-validate the choice of the best trial, by combinatorially symmetric cross-validation (CSCV).

    The rows are cut into blocks. For each choice of half of the blocks, the trial with the highest Sharpe ratio on
    them is ranked among all trials on the other half. Nothing is fitted again: what is tested is choosing by results.

    Parameters
    ----------
    returns : array_like or pandas.DataFrame [rows, trials]
        Simple returns of every trial on the same rows, in time order: all that were tried, not the good ones.
    blocks : int
        An even number from 2 to 20. Blocks follow each other and differ by one row at most.

    Returns
    -------
    Overfitting
        A trial that earned nothing on some half, as it held nothing, has a Sharpe ratio of 0 there. Equal ranks
        are averaged; of equally good trials the first is chosen.

    Raises
    ------
    DataError
        On fewer than two trials or two rows a block, NaN, or returns that are constant and not zero through half of
        the blocks.
    SpecError
        On blocks that are not even or out of range.

    References
    ----------
    Bailey, Borwein, Lopez de Prado, Zhu (2017), The probability of backtest overfitting, Journal of Computational
    Finance 20(4), section 4.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(512, 20))
    >>> found = backtest_overfitting(noise + 0.3 * np.eye(20)[0], blocks=8)  # the first has skill
    >>> found.probability, len(found.logits)
    (0.0, 70)
    """
    values = _checked(returns, blocks)
    rows, trials = values.shape
    mean = values.mean(axis=0)
    centred = values - mean  # so that no digits are lost in sums of squares
    parts = np.array_split(centred, blocks)
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    sums = np.stack([part.sum(axis=0) for part in parts])  # [blocks, trials]
    squares = np.stack([(part**2).sum(axis=0) for part in parts])
    held = np.stack([(part != 0).any(axis=0) for part in np.array_split(values, blocks)]).astype(np.float64)

    def sharpe(chosen: np.ndarray) -> np.ndarray:
        n = (chosen @ counts)[:, None]  # [splits, 1]
        average = chosen @ sums / n  # [splits, trials]
        variance = np.maximum(chosen @ squares - n * average**2, 0.0) / (n - 1)
        idle = chosen @ held == 0
        return np.where(idle, 0.0, (average + mean) / np.sqrt(np.where(idle, 1.0, variance)))

    splits = np.zeros((comb(blocks, blocks // 2), blocks))
    for number, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        splits[number, chosen] = 1.0
    inside, outside, ranks = [], [], []
    for start in range(0, len(splits), _AT_ONCE):
        some = splits[start : start + _AT_ONCE]
        first, second = sharpe(some), sharpe(1.0 - some)
        best = first.argmax(axis=1)[:, None]
        inside.append(np.take_along_axis(first, best, axis=1)[:, 0])
        its = np.take_along_axis(second, best, axis=1)
        outside.append(its[:, 0])
        ranks.append((second < its).sum(axis=1) + ((second == its).sum(axis=1) + 1) / 2)
    in_sample, out_of_sample = np.concatenate(inside), np.concatenate(outside)
    rank = np.concatenate(ranks) / (trials + 1)
    logits = np.log(rank / (1.0 - rank))
    slope, intercept = _line(in_sample, out_of_sample)
    return Overfitting(
        probability=float((logits <= 0).mean()),
        logits=logits,
        in_sample=in_sample,
        out_of_sample=out_of_sample,
        slope=slope,
        intercept=intercept,
        probability_of_loss=float((out_of_sample < 0).mean()),
        rows=rows,
        trials=trials,
        blocks=blocks,
    )


def _checked(returns: ArrayLike | pd.DataFrame, blocks: int) -> np.ndarray:
    values = np.asarray(returns, dtype=np.float64)
    if isinstance(blocks, bool) or blocks != int(blocks) or blocks % 2 or not 2 <= blocks <= _MOST_BLOCKS:
        raise SpecError(
            f"backtest_overfitting: blocks is {blocks!r}, expected an even number from 2 to {_MOST_BLOCKS}"
        )
    if values.ndim != 2 or values.shape[1] < 2:
        raise DataError(
            f"backtest_overfitting: returns have the shape {values.shape}, expected [rows, trials] and two trials"
        )
    if len(values) < 2 * blocks:
        raise DataError(
            f"backtest_overfitting: {len(values)} rows, expected at least two in each of {blocks} blocks"
        )
    names = returns.columns if isinstance(returns, pd.DataFrame) else np.arange(values.shape[1])
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise DataError(
            f"backtest_overfitting: trial {names[column]}, row {row}: found {values[row, column]}, expected a return"
        )
    parts = np.array_split(values, blocks)
    constant = np.sum([(np.ptp(part, axis=0) == 0) & (part[0] != 0) for part in parts], axis=0)
    if (constant >= blocks // 2).any():
        column = int(np.flatnonzero(constant >= blocks // 2)[0])
        raise DataError(
            f"backtest_overfitting: trial {names[column]} earns the same on every row in {constant[column]} of "
            f"{blocks} blocks, and not zero: such returns have no Sharpe ratio"
        )
    return values


def _line(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the second on the first; NaN where the first does not vary."""
    if np.ptp(first) == 0:
        return float("nan"), float("nan")
    fit = linregress(first, second)
    return float(fit.slope), float(fit.intercept)
