"""The error of a mean of round trips that follow each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from tsdeep.evaluation.significance import diebold_mariano

LEAST_TRIPS = 10


def mean_interval(values: ArrayLike, *, shared_rows: int = 1) -> dict[str, float]:
    """Return the mean of values in time order, and how sure it is.

    Trades of one position at a time do not overlap; what the market's mood makes them share is in Newey and West's
    errors, see `diebold_mariano`.

    Parameters
    ----------
    values : array_like [trips]
        Of trips in the order of their closing.
    shared_rows : int
        2 where a trip shares a call with the next one: the least number of lags is one less.

    Returns
    -------
    dict of str to float
        estimate, error, low and high (95%), p_value (two-sided, of zero); all but the first NaN with fewer than 10
        trips, or where all are alike, and the first too without any.
    """
    values = np.asarray(values, dtype=np.float64)
    nan = float("nan")
    estimate = float(values.mean()) if len(values) else nan
    unsure = {"estimate": estimate, "error": nan, "low": nan, "high": nan, "p_value": nan}
    if len(values) < LEAST_TRIPS:
        return unsure
    found = diebold_mariano(values, np.zeros(len(values)), horizon_rows=shared_rows)
    if not found.defined:
        return unsure
    error = (found.high - found.low) / (2 * norm.ppf(0.975))
    return unsure | {
        "error": float(error),
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
    }
