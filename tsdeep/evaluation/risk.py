"""Risk figures of a series of returns, and the rows a year that annualise them."""

from __future__ import annotations

import empyrical
import numpy as np
import pandas as pd

TRADING_DAYS = 252
_DAY = pd.Timedelta("1D")
_YEAR = pd.Timedelta("365.25D")


def rows_a_year(times: pd.Index) -> float:
    """Return how many rows a year has: 252 for daily bars, otherwise as many as the times show.

    Parameters
    ----------
    times : pandas.Index [rows]
        Times of the rows in order. A median spacing of one to three calendar days counts as daily.

    Returns
    -------
    float
        252 for daily bars, and where there are fewer than two times or the index holds none; otherwise the
        spacings between the rows over the years (of 365.25 days) that they span.

    Examples
    --------
    >>> rows_a_year(pd.bdate_range("2020-01-01", periods=500))
    252.0
    >>> round(rows_a_year(pd.date_range("2020-01-03", periods=200, freq="W-FRI")), 1)
    52.2
    """
    if not isinstance(times, pd.DatetimeIndex) or len(times) < 2:
        return float(TRADING_DAYS)
    spacing = times.to_series().diff().median()
    if _DAY <= spacing <= 3 * _DAY:
        return float(TRADING_DAYS)
    return float((len(times) - 1) / ((times[-1] - times[0]) / _YEAR))


def risk_figures(
    returns: pd.Series, benchmark: pd.Series, *, periods_per_year: float | None = None
) -> dict[str, float]:
    """Return the risk figures of simple returns, by `empyrical`, no risk-free rate.

    Parameters
    ----------
    returns, benchmark : pandas.Series [rows]
        Simple returns of the same rows. Arrays do where `periods_per_year` is given.
    periods_per_year : float, optional
        Rows a year, for annualising; by default `rows_a_year` of the index of `returns`.

    Returns
    -------
    dict of str to float
        annual_return (compound) and annual_volatility (fractions a year); sharpe (mean over standard deviation) and
        sortino (mean over the root mean square of returns below zero), both times the root of rows a year; calmar
        (annual return over the largest drawdown; NaN without one); max_drawdown (a negative fraction); alpha
        (a year) and beta against the benchmark, by least squares; tail_ratio (95th percentile of returns over
        the size of the 5th; NaN where that is zero).
    """
    rows = rows_a_year(returns.index) if periods_per_year is None else periods_per_year
    alpha, beta = empyrical.alpha_beta(returns, benchmark, annualization=rows)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail_ratio = float(empyrical.tail_ratio(returns))
    return {
        "annual_return": float(empyrical.annual_return(returns, annualization=rows)),
        "annual_volatility": float(empyrical.annual_volatility(returns, annualization=rows)),
        "sharpe": float(empyrical.sharpe_ratio(returns, annualization=rows)),
        "sortino": float(empyrical.sortino_ratio(returns, annualization=rows)),
        "calmar": float(empyrical.calmar_ratio(returns, annualization=rows)),
        "max_drawdown": float(empyrical.max_drawdown(returns)),
        "alpha": float(alpha),
        "beta": float(beta),
        "tail_ratio": tail_ratio if np.isfinite(tail_ratio) else float("nan"),
    }
