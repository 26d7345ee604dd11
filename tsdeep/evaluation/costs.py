"""What trading and borrowing cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from tsdeep.evaluation.strategy import Strategy

_DAY = pd.Timedelta("1D")
DAYS_A_YEAR = 365.0


def calendar_days(times: pd.Series | pd.Index) -> np.ndarray:
    """Return the calendar days from each row to the next.

    Parameters
    ----------
    times : pandas.Series or pandas.Index [rows]
        Times in order.

    Returns
    -------
    numpy.ndarray [rows - 1]
        Differences of the dates, in whole days: a weekend counts, a row of the same day does not.

    Examples
    --------
    >>> calendar_days(pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"]))
    array([1., 3.])
    """
    dates = pd.DatetimeIndex(times).normalize()
    return np.asarray((dates[1:] - dates[:-1]) / _DAY, dtype=np.float64)


def borrow_cost(held: np.ndarray, days: np.ndarray, borrow_bps: float) -> np.ndarray:
    """Return what the shorts held over each interval cost to borrow.

    Parameters
    ----------
    held : numpy.ndarray
        Signed positions at the start of the interval, after the fills there; money or fractions of equity.
    days : numpy.ndarray
        Calendar days of the interval, of a shape that broadcasts.
    borrow_bps : float
        Basis points a year of 365 days.

    Returns
    -------
    numpy.ndarray
        In the unit of `held`, at least 0.

    Examples
    --------
    >>> borrow_cost(np.array([-1.0, 1.0]), np.array([3.0, 3.0]), 365.0).round(6)
    array([0.0003, 0.    ])
    """
    return np.maximum(-held, 0.0) * days * (borrow_bps / 1e4 / DAYS_A_YEAR)


def fill_fees(shares: np.ndarray, prices: np.ndarray, strategy: Strategy) -> np.ndarray:
    """Return the fees of fills: `cost_bps` of the value and `fee_per_share`, at least `min_fee`.

    Parameters
    ----------
    shares : numpy.ndarray [fills]
        Shares traded, signed; 0 is no fill and costs nothing.
    prices : numpy.ndarray [fills]
        Money a share.
    strategy : Strategy
        The schedule.

    Returns
    -------
    numpy.ndarray [fills]
        Money, at least 0.
    """
    size = np.abs(shares)
    fees = size * prices * (strategy.cost_bps / 1e4) + size * strategy.fee_per_share
    return np.where(size > 0, np.maximum(fees, strategy.min_fee), 0.0)
