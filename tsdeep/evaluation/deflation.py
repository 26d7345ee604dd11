"""How sure a Sharpe ratio is: its odds, what the best of many trials shows by luck, and how long a record must be.

Sharpe ratios in here are a row's, not a year's: mean over standard deviation of the returns, no risk-free rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kurtosis as kurtosis_of
from scipy.stats import norm, skew

from tsdeep.errors import DataError, SpecError

_NAN = float("nan")


def sharpe_moments(returns: ArrayLike) -> dict[str, float]:
    """Return what `probabilistic_sharpe` and its like take of a series of returns.

    Parameters
    ----------
    returns : array_like [rows]
        Simple returns.

    Returns
    -------
    dict of str to float
        sharpe (a row's), rows, skewness, and kurtosis (3 for a normal distribution); sharpe and moments are NaN where
        the returns are constant.

    Raises
    ------
    DataError
        If a return is NaN or infinite, or there are fewer than two.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in sharpe_moments([0.01, 0.0, -0.01, 0.02]).items()}
    {'sharpe': 0.387, 'rows': 4, 'skewness': 0.0, 'kurtosis': 1.64}
    """
    values = np.asarray(returns, dtype=np.float64).reshape(-1)
    if len(values) < 2:
        raise DataError(f"sharpe_moments: found {len(values)} returns, expected at least two")
    if not np.isfinite(values).all():
        raise DataError("sharpe_moments: returns hold NaN or infinity, expected numbers")
    if np.ptp(values) == 0:
        return {"sharpe": _NAN, "rows": len(values), "skewness": _NAN, "kurtosis": _NAN}
    return {
        "sharpe": float(values.mean() / values.std(ddof=1)),
        "rows": len(values),
        "skewness": float(skew(values)),
        "kurtosis": float(kurtosis_of(values, fisher=False)),
    }


def probabilistic_sharpe(
    sharpe: float, rows: float, *, skewness: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark's, given the one that was measured.

    `Phi((sharpe - benchmark) sqrt(rows - 1) / sqrt(1 - skewness sharpe + (kurtosis - 1) / 4 sharpe^2))`. It allows
    for skewed and fat-tailed returns, not for returns that depend on those before, nor for having chosen the
    series among others: that is `deflated_sharpe`.

    Parameters
    ----------
    sharpe : float
        Measured, a row's.
    rows : float
        Returns that it was measured on.
    skewness, kurtosis : float
        Of the returns; of a normal distribution 0 and 3.
    benchmark : float
        Sharpe ratio to be above of, a row's.

    Returns
    -------
    float
        In [0, 1]; NaN where a figure that it is made of is.

    Raises
    ------
    DataError
        On fewer than two rows, or where no returns have such moments.

    References
    ----------
    Bailey, Lopez de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2).

    Examples
    --------
    >>> round(probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164), 3)
    0.913
    """
    if rows < 2:
        raise DataError(f"probabilistic_sharpe: found {rows} rows, expected at least two")
    variance = _variance(sharpe, skewness, kurtosis)
    return float(norm.cdf((sharpe - benchmark) * np.sqrt((rows - 1) / variance)))


def expected_maximum_sharpe(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of independent trials without any skill is expected to show.

    `sqrt(variance) ((1 - g) q(1 - 1 / trials) + g q(1 - 1 / (trials e)))`, q the standard normal quantile and g Euler
    and Mascheroni's constant. An approximation for many trials, some 8% too low for two and 1% too high for a hundred.

    Parameters
    ----------
    trials : int
        Independent trials. Trials that resemble each other count for fewer.
    variance : float
        Of the trials' Sharpe ratios, a row's.

    Returns
    -------
    float
        A row's; 0 for one trial.

    Raises
    ------
    SpecError
        On fewer than one trial, or a variance that is no number of at least 0.

    References
    ----------
    Bailey, Lopez de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5).

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    if isinstance(trials, bool) or trials != int(trials) or trials < 1:
        raise SpecError(
            f"expected_maximum_sharpe: trials is {trials!r}, expected a whole number of at least 1"
        )
    if not (np.isfinite(variance) and variance >= 0):
        raise SpecError(f"expected_maximum_sharpe: variance is {variance!r}, expected a number of at least 0")
    if trials == 1:
        return 0.0
    first, second = norm.isf(1 / trials), norm.isf(1 / (trials * np.e))
    return float(np.sqrt(variance) * ((1 - np.euler_gamma) * first + np.euler_gamma * second))


def deflated_sharpe(
    sharpe: float,
    rows: float,
    *,
    trials: int,
    variance: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Return the probability that a Sharpe ratio chosen as the best of several is more than luck.

    `probabilistic_sharpe` against `expected_maximum_sharpe`: below 0.95, the best of as many trials without skill
    might well have shown as much.

    Parameters
    ----------
    sharpe : float
        Of the trial that was chosen, a row's.
    rows : float
        Returns that it was measured on.
    trials : int
        Independent trials, the chosen one among them.
    variance : float
        Of the trials' Sharpe ratios, a row's.
    skewness, kurtosis : float
        Of the chosen trial's returns; of a normal distribution 0 and 3.

    Returns
    -------
    float
        In [0, 1].

    References
    ----------
    Bailey, Lopez de Prado (2014), The deflated Sharpe ratio, Journal of Portfolio Management 40(5).

    Examples
    --------
    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, trials=100, variance=0.5 / 250, skewness=-3, kurtosis=10), 4)
    0.9004
    """
    best = expected_maximum_sharpe(trials, variance)
    return probabilistic_sharpe(sharpe, rows, skewness=skewness, kurtosis=kurtosis, benchmark=best)


def minimum_track_record(
    sharpe: float,
    *,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    level: float = 0.95,
) -> float:
    """Return how many rows a Sharpe ratio must be measured on to be above a benchmark's with a given probability.

    The number of rows at which `probabilistic_sharpe` is `level`.

    Parameters
    ----------
    sharpe : float
        Measured, a row's.
    skewness, kurtosis : float
        Of the returns; of a normal distribution 0 and 3.
    benchmark : float
        Sharpe ratio to be above of, a row's.
    level : float
        Probability, in (0.5, 1).

    Returns
    -------
    float
        Rows; infinite where the measured ratio is not above the benchmark.

    References
    ----------
    Bailey, Lopez de Prado (2012), The Sharpe ratio efficient frontier, Journal of Risk 15(2).

    Examples
    --------
    >>> round(minimum_track_record(2 / 252**0.5, benchmark=1 / 252**0.5) / 252, 2)  # years
    2.73
    """
    if not 0.5 < level < 1:
        raise SpecError(f"minimum_track_record: level is {level!r}, expected a number in (0.5, 1)")
    variance = _variance(sharpe, skewness, kurtosis)
    if sharpe <= benchmark:
        return float("inf")
    return float(1 + variance * (norm.ppf(level) / (sharpe - benchmark)) ** 2)


def _variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Return the variance of a measured Sharpe ratio times rows less one (Mertens 2002)."""
    variance = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2
    if variance <= 0:
        raise DataError(
            f"Sharpe ratio {sharpe:.4g}, skewness {skewness:.4g} and kurtosis {kurtosis:.4g}: no returns have these; "
            "expected a kurtosis (3 for a normal distribution) above 1 + skewness^2"
        )
    return variance
