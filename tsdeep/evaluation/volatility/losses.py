"""What each forecast of volatility lost, row by row, in annualised percentage points."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.evaluation.volatility.predictions import CONFORMAL, NOMINAL, interval_columns, quantile_columns

INTERVALS = (0.8, 0.95)
POINTS = 100.0  # annualised fractions to percentage points


def share_name(share: float) -> str:
    """Return an interval's share as names of scores have it: 80 for 0.8."""
    return f"{round(100 * share)}"


def qlike_losses(y: ArrayLike, variance: ArrayLike) -> np.ndarray:
    """Return QLIKE `[rows]`: `r - log(r) - 1` with `r = y^2 / variance`; 0 for a perfect forecast.

    It ranks forecasts of variance as their true mean would, whatever the noise of the realised one, and
    counts being too low more than being too high.

    Parameters
    ----------
    y : array_like [rows]
        Realised volatility, above zero.
    variance : array_like [rows]
        Forecast of the mean of variance, in the unit of `y` squared.

    References
    ----------
    Patton (2011), Volatility forecast comparison using imperfect volatility proxies, J. Econometrics 160(1).

    Examples
    --------
    >>> qlike_losses([0.2, 0.2], [0.04, 0.02]).round(4)
    array([0.    , 0.3069])
    """
    ratio = np.square(np.asarray(y, dtype=np.float64)) / np.asarray(variance, dtype=np.float64)
    return ratio - np.log(ratio) - 1.0


def pinball_losses(y: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> np.ndarray:
    """Return the pinball losses `[rows, levels]`: `max(p (y - q), (p - 1) (y - q))`.

    Parameters
    ----------
    y : array_like [rows]
        What came.
    quantiles : array_like [rows, levels]
        Forecasts of its quantiles.
    levels : array_like [levels]
        In (0, 1).
    """
    gap = np.asarray(y, dtype=np.float64)[:, None] - np.asarray(quantiles, dtype=np.float64)
    p = np.asarray(levels, dtype=np.float64)
    return np.maximum(p * gap, (p - 1.0) * gap)


def past_labels(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return what each row's symbol had shown at the origin: of the labels that had ended by then.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Sorted by symbol and time, as `check_volatility` returns them: time, symbol, end, y.

    Returns
    -------
    pandas.DataFrame
        On the same index, float64: last (realised volatility of the label that ended last) and mean (of all that
        had ended), both NaN on the first rows of a symbol, before any label has ended.
    """
    parts = []
    for _, rows in predictions.groupby("symbol", sort=False):
        time, end = rows["time"].to_numpy(), rows["end"].to_numpy()
        order = np.argsort(end, kind="stable")
        y = rows["y"].to_numpy(dtype=np.float64)[order]
        ended = np.searchsorted(end[order], time, side="right")
        last = np.where(ended > 0, y[ended - 1], np.nan)
        mean = np.where(ended > 0, np.cumsum(y)[ended - 1] / np.maximum(ended, 1), np.nan)
        parts.append(pd.DataFrame({"last": last, "mean": mean}, index=rows.index))
    return pd.concat(parts).loc[predictions.index]


def row_losses(frame: pd.DataFrame, past_mean: ArrayLike) -> dict[str, np.ndarray]:
    """Return what the forecasts of one method lost on each row; means of these make all scores.

    Parameters
    ----------
    frame : pandas.DataFrame
        Predictions of one method, as `check_volatility` returns them.
    past_mean : array_like [rows]
        Column mean of `past_labels`.

    Returns
    -------
    dict of str to numpy.ndarray [rows]
        float64, in percentage points: qlike; squared and absolute (of the square root of variance),
        squared_units (of volatility) and absolute_units (of median); squared_known and squared_mean: of
        volatility and of the past mean, 0 where there is no past mean; and, of each kind of quantile that
        the method states, crps_<kind> (twice the mean pinball loss over its levels), covered_<share>_<kind>
        (1.0 or 0.0) and width_<share>_<kind>.
    """
    y = frame["y"].to_numpy(dtype=np.float64)
    error = POINTS * (np.sqrt(frame["variance"].to_numpy(dtype=np.float64)) - y)
    of_mean = np.square(POINTS * (frame["volatility"].to_numpy(dtype=np.float64) - y))
    past = POINTS * (np.asarray(past_mean, dtype=np.float64) - y)
    known = np.isfinite(past)
    losses = {
        "qlike": qlike_losses(y, frame["variance"]),
        "squared": np.square(error),
        "absolute": np.abs(error),
        "squared_units": of_mean,
        "absolute_units": np.abs(POINTS * (frame["median"].to_numpy(dtype=np.float64) - y)),
        "squared_known": np.where(known, of_mean, 0.0),
        "squared_mean": np.where(known, np.square(past), 0.0),
    }
    for kind in (NOMINAL, CONFORMAL):
        columns = quantile_columns(frame, kind)
        if columns:
            stated = frame[list(columns)].to_numpy(dtype=np.float64)
            losses[f"crps_{kind}"] = (
                2 * POINTS * pinball_losses(y, stated, list(columns.values())).mean(axis=1)
            )
        for share in INTERVALS:
            bounds = interval_columns(frame, share, kind)
            if bounds is not None:
                low, high = (frame[name].to_numpy(dtype=np.float64) for name in bounds)
                losses[f"covered_{share_name(share)}_{kind}"] = ((low <= y) & (y <= high)).astype(np.float64)
                losses[f"width_{share_name(share)}_{kind}"] = POINTS * (high - low)
    return losses
