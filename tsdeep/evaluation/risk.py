"""Risk figures of a series of returns, and the rows a year that annualise them."""

from __future__ import annotations

import empyrical
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
    returns, benchmark : pandas.Series
        Simple returns of the same rows.
    periods_per_year : float, optional
        Rows a year, for annualising; by default `rows_a_year` of the index of `returns`.

    Returns
    -------
    dict of str to float
        annual_return and annual_volatility (fractions a year), sharpe, sortino, max_drawdown (a negative
        fraction), alpha (a year) and beta against the benchmark.
    """
    rows = rows_a_year(returns.index) if periods_per_year is None else periods_per_year
    alpha, beta = empyrical.alpha_beta(returns, benchmark, annualization=rows)
    return {
        "annual_return": float(empyrical.annual_return(returns, annualization=rows)),
        "annual_volatility": float(empyrical.annual_volatility(returns, annualization=rows)),
        "sharpe": float(empyrical.sharpe_ratio(returns, annualization=rows)),
        "sortino": float(empyrical.sortino_ratio(returns, annualization=rows)),
        "max_drawdown": float(empyrical.max_drawdown(returns)),
        "alpha": float(alpha),
        "beta": float(beta),
    }
