"""Stated against observed frequency of one class, and the interval of a share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def calibration_table(y: ArrayLike, up: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Compare stated with observed frequency in bins that hold about equally many rows.

    Bins of equal width would leave nearly all of a daily direction model's probabilities in one or two of
    them. Equal probabilities share a bin, so there may be fewer than asked.

    Parameters
    ----------
    y : array_like [rows]
        0 or 1.
    up : array_like [rows]
        P(up).
    bins : int
        At most this many, by quantiles of `up`.

    Returns
    -------
    pandas.DataFrame
        A bin a row, by rising probability: predicted (mean P(up)), observed (share of ups), rows, and
        low and high (95% Wilson interval of the observed share).
    """
    y, up = np.asarray(y, dtype=np.float64), np.asarray(up, dtype=np.float64)
    edges = np.unique(np.quantile(up, np.linspace(0, 1, bins + 1)))
    number = np.clip(np.searchsorted(edges, up, side="left"), 1, None)
    rows = np.bincount(number)
    held = rows > 0
    rows = rows[held]
    observed = np.bincount(number, y)[held] / rows
    low, high = wilson_interval(observed, rows)
    predicted = np.bincount(number, up)[held] / rows
    return pd.DataFrame(
        {"predicted": predicted, "observed": observed, "rows": rows, "low": low, "high": high}
    )


def calibration_error(y: ArrayLike, up: ArrayLike, bins: int = 10) -> float:
    """Return the expected calibration error: mean |observed - stated| over `calibration_table`'s bins.

    It is not zero for a perfect model on few rows: with ten bins of n rows each, about 0.4 / sqrt(n).
    """
    table = calibration_table(y, up, bins)
    gap = (table["observed"] - table["predicted"]).abs()
    return float(np.average(gap, weights=table["rows"]))


def wilson_interval(
    share: ArrayLike, rows: ArrayLike, z: float = 1.959963984540054
) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's score interval (1927) of a share observed on independent rows.

    Parameters
    ----------
    share : array_like
        Observed shares.
    rows : array_like
        How many rows each was observed on.
    z : float
        Standard normal quantile; the default gives 95%.

    Returns
    -------
    tuple of numpy.ndarray
        Low and high.

    Examples
    --------
    >>> low, high = wilson_interval(0.5, 100)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4038, 0.5962)
    """
    share, rows = np.asarray(share, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return centre - half, centre + half
