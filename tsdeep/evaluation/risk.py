"""Risk figures of a series of returns, and the rows a year that annualise them."""

from __future__ import annotations

import empyrical
import numpy as np
import pandas as pd

from tsdeep.errors import DataError

TRADING_DAYS = 252
_DAY = pd.Timedelta("1D")
_YEAR = pd.Timedelta("365.25D")
_SATURDAY, _SUNDAY = 5, 6


def rows_a_year(times: pd.Index) -> float:
    """Return how many rows a year has: 252 for daily bars, or all its days, otherwise as many as the times show.

    Parameters
    ----------
    times : pandas.Index [rows]
        Times of the rows in order. A median spacing of one to three calendar days counts as daily; more than a tenth
        of Saturdays and as many Sundays, as of a market that never closes.

    Returns
    -------
    float
        252 for daily bars, and where there are fewer than two times or the index holds none; 365.25 for daily bars of
        a market that never closes; otherwise the spacings between the rows over the years (of 365.25 days) that they
        span.

    Examples
    --------
    >>> rows_a_year(pd.bdate_range("2020-01-01", periods=500))
    252.0
    >>> rows_a_year(pd.date_range("2020-01-01", periods=500))
    365.25
    >>> round(rows_a_year(pd.date_range("2020-01-03", periods=200, freq="W-FRI")), 1)
    52.2
    """
    if not isinstance(times, pd.DatetimeIndex) or len(times) < 2:
        return float(TRADING_DAYS)
    spacing = times.to_series().diff().median()
    if _DAY <= spacing <= 3 * _DAY:
        weekend = min((times.day_of_week == day).mean() for day in (_SATURDAY, _SUNDAY))
        return _YEAR / _DAY if weekend > 0.1 else float(TRADING_DAYS)
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

    Raises
    ------
    DataError
        On rows that differ, none, or returns that are NaN or infinite.
    """
    check_same_rows("risk figures", returns, benchmark)
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


def check_same_rows(
    what: str, returns: pd.Series | np.ndarray, benchmark: pd.Series | np.ndarray, *, least: int = 1
) -> None:
    """Refuse returns and a benchmark of other rows, of fewer than `least`, or with NaN or infinity among them.

    Parameters
    ----------
    what : str
        How the message begins.
    returns, benchmark : pandas.Series or numpy.ndarray [rows]
        Simple returns; indexes of two Series must be equal.
    least : int
        Rows.
    """
    first, second = np.asarray(returns, dtype=np.float64), np.asarray(benchmark, dtype=np.float64)
    same = len(first) == len(second)
    if isinstance(returns, pd.Series) and isinstance(benchmark, pd.Series):
        same = returns.index.equals(benchmark.index)
    if not same:
        raise DataError(
            f"{what}: {len(first)} returns beside {len(second)} of the benchmark, expected the same rows"
        )
    if len(first) < least:
        raise DataError(f"{what}: {len(first)} rows, expected at least {least}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise DataError(f"{what}: returns hold NaN or infinity, expected numbers")
