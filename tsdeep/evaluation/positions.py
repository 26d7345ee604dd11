"""Positions from probabilities: sizes by probability and by volatility, and limits on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.errors import DataError, SpecError, unknown_name
from tsdeep.evaluation.risk import rows_a_year

if TYPE_CHECKING:
    from tsdeep.evaluation.strategy import Strategy

VOLATILITY_SIZINGS = ("volatility_target", "equal_risk")
SIZINGS = ("sign", "threshold", "probability", *VOLATILITY_SIZINGS)
_ROUNDING = 1e-9


def position_sizes(
    up: ArrayLike, sizing: str = "sign", *, threshold: float | None = None, short: bool = True
) -> np.ndarray:
    """Turn probabilities into positions.

    Parameters
    ----------
    up : array_like [rows]
        P(up).
    sizing : str
        `"sign"`: 1 above one half, -1 below, 0 at one half. `"threshold"`: 1 above `threshold`, -1 below
        `1 - threshold`, 0 between. `"probability"`: `2 P(up) - 1`, the Kelly fraction of an even bet; with
        daily probabilities near one half it holds a few percent of equity. `"volatility_target"` and
        `"equal_risk"`: as `"sign"`, or as `"threshold"` where one is given; `backtest` scales them.
    threshold : float, optional
        For `"threshold"` and the sizings by volatility: in [0.5, 1).
    short : bool
        False: negative positions become 0 (long or flat).

    Returns
    -------
    numpy.ndarray [rows]
        Fractions of equity in [-1, 1].

    Raises
    ------
    SpecError
        On an unknown sizing, or a threshold that is missing, out of range, or given where it does nothing.

    Examples
    --------
    >>> position_sizes([0.6, 0.5, 0.4]), position_sizes([0.6, 0.4], "probability", short=False).round(3)
    (array([ 1.,  0., -1.]), array([0.2, 0. ]))
    """
    up = np.asarray(up, dtype=np.float64)
    if sizing not in SIZINGS:
        raise SpecError(unknown_name("sizing", sizing, SIZINGS))
    by_threshold = sizing == "threshold" or (sizing in VOLATILITY_SIZINGS and threshold is not None)
    if by_threshold:
        if threshold is None or not 0.5 <= threshold < 1:
            raise SpecError(f"sizing {sizing!r}: threshold is {threshold!r}, expected a number in [0.5, 1)")
        size = (up > threshold).astype(np.float64) - (up < 1 - threshold)
    else:
        if threshold is not None:
            raise SpecError(f"sizing {sizing!r}: threshold is {threshold!r}, but only 'threshold' uses it")
        size = 2 * up - 1 if sizing == "probability" else np.sign(up - 0.5)
    return size if short else np.maximum(size, 0.0)


def past_volatility(closes: pd.Series, decided: pd.Index, halflife_rows: float, symbol: str) -> pd.Series:
    """Estimate annual volatility from returns up to each row, with weights that halve every `halflife_rows`.

    The root of the exponentially weighted mean of squared simple returns, of mean zero (RiskMetrics Technical
    Document, 4th edition, 1996, section 5.2, with weights that sum to one), times the root of the rows a year
    that the times up to the first decision show.

    Parameters
    ----------
    closes : pandas.Series
        Closes by time, from before the first decision.
    decided : pandas.Index [rows]
        Times at which it is wanted.
    halflife_rows : float
        Half-life of the weights.
    symbol : str
        For errors.

    Returns
    -------
    pandas.Series [rows]
        Fractions a year; the value at t reads closes up to t.

    Raises
    ------
    DataError
        If fewer returns than a half-life come before the first decision, a close is not a price, or the volatility
        is 0.
    """
    before = closes.index[: int(closes.index.searchsorted(decided[0])) + 1]
    needed = math.ceil(halflife_rows)
    if len(before) - 1 < needed:
        raise DataError(
            f"backtest: {len(before) - 1} returns of {symbol} up to its first prediction, {decided[0]}, expected at "
            f"least {needed}, the half-life of its volatility: give earlier prices, or a shorter half-life"
        )
    unusable = ~(np.isfinite(closes) & (closes > 0))
    if unusable.any():
        at = closes.index[unusable][0]
        raise DataError(f"backtest: close of {symbol} at {at} is {closes[at]}, expected a price")
    squared = closes.pct_change(fill_method=None).iloc[1:] ** 2
    volatility = np.sqrt(squared.ewm(halflife=halflife_rows).mean() * rows_a_year(before)).reindex(decided)
    wrong = ~(np.isfinite(volatility) & (volatility > 0))
    if wrong.any():
        at = decided[wrong.to_numpy()][0]
        raise DataError(
            f"backtest: volatility of {symbol} at {at} is {volatility[at]}, expected a number above 0"
        )
    return volatility


def decide(
    sizes: pd.DataFrame, predicted: pd.DataFrame, volatility: pd.DataFrame | None, strategy: Strategy
) -> pd.DataFrame:
    """Scale sizes by volatility, then apply the limits: on holding, on leverage, on turnover, in this order.

    Parameters
    ----------
    sizes : pandas.DataFrame [rows, symbols]
        Of `position_sizes`, 0 where there is none; as fractions of a symbol's equal share of equity.
    predicted : pandas.DataFrame [rows, symbols]
        Whether a symbol is predicted.
    volatility : pandas.DataFrame [rows, symbols], optional
        A year, as fractions, of the sizings by volatility; it is read where a symbol is predicted.
    strategy : Strategy
        Sizing and limits.

    Returns
    -------
    pandas.DataFrame [rows, symbols]
        The positions decided at each row, from that row and those before it; fractions of a symbol's equal share.
    """
    if volatility is not None:
        if strategy.sizing == "volatility_target":
            scale = strategy.target_volatility / volatility
        else:
            inverse = (1.0 / volatility).where(predicted)
            scale = inverse.div(inverse.sum(axis=1), axis=0) * sizes.shape[1]
        sizes = (sizes * scale).where(predicted, 0.0)
    values = sizes.to_numpy(dtype=np.float64).copy()
    if strategy.min_holding_rows > 1 or strategy.max_holding_rows is not None:
        for column in range(values.shape[1]):
            values[:, column] = limit_holding(
                values[:, column], strategy.min_holding_rows, strategy.max_holding_rows
            )
    values = limit_leverage(values, strategy.max_leverage)
    if strategy.max_turnover is not None:
        values = limit_turnover(values, strategy.max_turnover)
    return pd.DataFrame(values, sizes.index, sizes.columns)


def limit_holding(wanted: np.ndarray, least: int, most: int | None) -> np.ndarray:
    """Keep each position at least `least` and at most `most` rows.

    Before `least` rows a position is neither closed nor turned, and keeps its size where another direction is
    wanted. After `most` rows it is closed, and not taken up again until the wanted direction has changed.

    Parameters
    ----------
    wanted : numpy.ndarray [rows]
        Positions as decided.
    least, most : int
        Rows; None: without end.

    Returns
    -------
    numpy.ndarray [rows]
        Positions within the limits; the value at t reads `wanted` up to t.

    Examples
    --------
    >>> limit_holding(np.array([1.0, -1.0, -1.0, -1.0, -1.0, 1.0]), 2, 2)
    array([ 1.,  1., -1., -1.,  0.,  1.])
    """
    held, age, barred = 0.0, 0, 0.0
    kept = np.empty_like(wanted)
    for row, size in enumerate(wanted):
        direction = np.sign(size)
        if direction != barred:
            barred = 0.0
        if held and direction != np.sign(held) and age < least:
            size, direction = held, np.sign(held)
        elif barred:
            size = 0.0
        if held and direction == np.sign(held):
            if most is not None and age >= most:
                size, barred = 0.0, direction
            age += 1
        else:
            age = 1
        kept[row] = held = size
    return kept


def limit_leverage(wanted: np.ndarray, most: float) -> np.ndarray:
    """Scale the positions of a row down together where their gross exposure exceeds `most` times equity.

    Parameters
    ----------
    wanted : numpy.ndarray [rows, symbols]
        Fractions of a symbol's equal share of equity, so that gross exposure is the mean of their sizes.
    most : float
        A multiple of equity.

    Returns
    -------
    numpy.ndarray [rows, symbols]
        Positions within the limit.

    Examples
    --------
    >>> limit_leverage(np.array([[3.0, -1.0], [1.0, 1.0]]), 1.0)
    array([[ 1.5, -0.5], [ 1. ,  1. ]])
    """
    gross = np.abs(wanted).mean(axis=1, keepdims=True)
    over = gross > most * (1 + _ROUNDING)
    return np.where(over, wanted * (most / np.where(over, gross, 1.0)), wanted)


def limit_turnover(wanted: np.ndarray, most: float) -> np.ndarray:
    """Move towards the wanted positions by at most `most` times equity a row, all symbols in proportion.

    Parameters
    ----------
    wanted : numpy.ndarray [rows, symbols]
        Fractions of a symbol's equal share of equity.
    most : float
        A multiple of equity.

    Returns
    -------
    numpy.ndarray [rows, symbols]
        Positions within the limit, from none before the first row; the value at t reads `wanted` up to t.

    Examples
    --------
    >>> limit_turnover(np.array([[1.0], [1.0], [-1.0]]), 0.5).ravel()
    array([0.5, 1. , 0.5])
    """
    held = np.zeros(wanted.shape[1])
    kept = np.empty_like(wanted)
    for row, target in enumerate(wanted):
        change = target - held
        traded = np.abs(change).mean()
        held = target if traded <= most else held + change * (most / traded)
        kept[row] = held
    return kept


def delayed(targets: np.ndarray, rows: int) -> np.ndarray:
    """Move decisions `rows` rows later, flat before the first.

    Parameters
    ----------
    targets : numpy.ndarray [rows, ...]
        Positions as decided.
    rows : int
        At least 0.

    Returns
    -------
    numpy.ndarray [rows, ...]
        Positions as ordered.
    """
    return np.concatenate([np.zeros((rows, *targets.shape[1:])), targets])[: len(targets)]
