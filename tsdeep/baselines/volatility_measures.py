"""What references of volatility measure in the past: variance of single rows, and its means over trailing rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from tsdeep.panel import Panel
from tsdeep.tables import refuse
from tsdeep.tasks.movement_labels import window_sums

FLOOR = 1e-8
"""Least variance of a row, a standard deviation of one basis point, that of the features of a model: a thin day without
a range or a change has a log, and no forecast is zero."""

Measure = Literal["close", "parkinson", "garman_klass"]
"""How the variance of one row is estimated."""

MEASURE_FIELDS: Mapping[str, tuple[str, ...]] = {
    "close": ("close",),
    "parkinson": ("high", "low"),
    "garman_klass": ("open", "high", "low", "close"),
}
"""Fields of bars that each measure reads."""


class Trailing(NamedTuple):
    """Means over trailing rows.

    Attributes
    ----------
    mean : ndarray of float64, [rows]
        Over the last rows of the segment, over fewer where it has no more; NaN where it has none.
    whole : ndarray of bool, [rows]
        Where the mean is over all the rows asked for.
    """

    mean: np.ndarray
    whole: np.ndarray


def row_variances(panel: Panel, measure: Measure, prefix: str = "") -> np.ndarray:
    """Estimate the variance of the log return of each row of a panel.

    Parameters
    ----------
    panel : Panel
        Bars.
    measure : {"close", "parkinson", "garman_klass"}
        The squared log return from close to close; ln(H / L)² / (4 ln 2) of Parkinson (1980, Journal of Business
        53(1)); ½ ln(H / L)² - (2 ln 2 - 1) ln(C / O)² of Garman and Klass (1980, the same journal) plus the squared
        overnight return ln(O / C before)². The first and the last read the close before: NaN at the first row of a
        segment.
    prefix : str
        Of the fields: "market_" for the market's bars.

    Returns
    -------
    ndarray of float64, [rows]
        Per row, not annualised; below `FLOOR` it is raised to it.

    Raises
    ------
    DataError
        If a price is not above zero; with the place.
    """
    fields = {}
    for name in MEASURE_FIELDS[measure]:
        fields[name] = panel.raw(prefix + name)
        refuse(panel, prefix + name, ~(fields[name] > 0), "above zero, as logs need it")
    if measure == "parkinson":
        variance = _log_ratio(fields["high"], fields["low"]) ** 2 / (4.0 * math.log(2.0))
    else:
        before = np.empty(panel.n_rows)
        before[1:] = fields["close"][:-1]
        before[panel.bounds[:, 0]] = np.nan
        if measure == "close":
            variance = _log_ratio(fields["close"], before) ** 2
        else:
            day = 0.5 * _log_ratio(fields["high"], fields["low"]) ** 2
            body = (2.0 * math.log(2.0) - 1.0) * _log_ratio(fields["close"], fields["open"]) ** 2
            variance = day - body + _log_ratio(fields["open"], before) ** 2
    return np.maximum(variance, FLOOR)


def log_returns(panel: Panel) -> np.ndarray:
    """Return log returns from close to close, float64 `[rows]`; NaN at the first row of each segment."""
    close = panel.raw("close")
    refuse(panel, "close", ~(close > 0), "above zero, as logs need it")
    returns = np.empty(panel.n_rows)
    returns[1:] = _log_ratio(close[1:], close[:-1])
    returns[panel.bounds[:, 0]] = np.nan
    return returns


def trailing_mean(panel: Panel, values: np.ndarray, rows: int) -> Trailing:
    """Average values over each row and the rows before it in its segment.

    Parameters
    ----------
    panel : Panel
        Gives the segments.
    values : ndarray of float64, [rows]
        NaN at the first row of a segment where it has none.
    rows : int
        Rows to average, the current one included.

    Returns
    -------
    Trailing
    """
    mean = np.full(panel.n_rows, np.nan)
    whole = np.zeros(panel.n_rows, bool)
    for start, stop in panel.bounds.tolist():
        first = start + int(np.isnan(values[start]))
        full = min(first + rows - 1, stop)
        mean[full:stop] = window_sums(values[first:stop], rows) / rows
        whole[full:stop] = True
        mean[first:full] = np.cumsum(values[first:full]) / np.arange(1, full - first + 1)
    return Trailing(mean, whole)


def by_segment(panel: Panel, function: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Apply a causal function to the known values of each segment, `[n]` to `[n]`; NaN stays at its first row."""
    found = np.full(panel.n_rows, np.nan)
    for start, stop in panel.bounds.tolist():
        first = start + int(np.isnan(values[start]))
        if first < stop:
            found[first:stop] = function(values[first:stop])
    return found


def _log_ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Log of a ratio of prices, precise where they are close."""
    return np.log1p((numerator - denominator) / denominator)
