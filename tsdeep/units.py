"""Units of volatility forecasts: mean of variance, mean of volatility and its median, under log-normality.

A forecast of volatility is a forecast of one of these, by what its method minimises, and each is scored by losses
that ask for one of them. With x the log annualised variance, normal around its mean with the residual variance s2:

======================== ================================
mean of variance         exp(mean of x + s2 / 2)
mean of volatility       exp(mean of x / 2 + s2 / 8)
median of volatility     exp(mean of x / 2)
======================== ================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np

from tsdeep.errors import DataError, SpecError, unknown_name

VolatilityUnit = Literal["log_variance", "variance", "volatility"]
"""What a forecast is the mean of."""

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""Levels of the quantiles that every method forecasts unless asked for others."""


def mean_log_variance(log_value: Any, unit: VolatilityUnit, residual_variance: Any) -> Any:
    """Return the mean of log variance that belongs to a forecast given as a log variance.

    Parameters
    ----------
    log_value : ndarray or tensor, [...]
        The mean of log variance; or the log of the mean variance; or twice the log of the mean volatility.
    unit : {"log_variance", "variance", "volatility"}
        Which of these.
    residual_variance : float or ndarray, [...]
        Variance of the realised log variance around its mean.

    Returns
    -------
    ndarray or tensor, [...]

    Raises
    ------
    SpecError
        For an unknown unit.

    Examples
    --------
    >>> float(mean_log_variance(np.log(0.04), "variance", 0.2) - np.log(0.04))
    -0.1...
    """
    if unit == "log_variance":
        return log_value
    if unit == "variance":
        return log_value - residual_variance / 2.0
    if unit == "volatility":
        return log_value - residual_variance / 4.0
    raise SpecError(unknown_name("unit of volatility", str(unit), get_args(VolatilityUnit)))


def convert_units(
    value: Any, unit: VolatilityUnit, residual_variance: Any, *, exp: Callable[[Any], Any] = np.exp
) -> dict[str, Any]:
    """Turn a forecast into the mean of variance, the mean of volatility and its median.

    Parameters
    ----------
    value : ndarray, or tensor of `unit` "log_variance", [...]
        The forecast, annualised, as a fraction: a mean of log variance, of variance or of volatility.
    unit : {"log_variance", "variance", "volatility"}
        What it is the mean of. The median of volatility is "log_variance" too: twice its log.
    residual_variance : float or ndarray, [...]
        Variance of the realised log variance around its mean, of the method's own residuals.
    exp : callable, default numpy.exp
        `keras.ops.exp` for tensors.

    Returns
    -------
    dict of str to ndarray or tensor, [...]
        `variance`, `volatility` and `median`, annualised, as fractions.

    Raises
    ------
    DataError
        If a forecast of variance or volatility is not above zero: a floor is the method's to choose and to state.
    SpecError
        For an unknown unit.

    Examples
    --------
    >>> found = convert_units(np.log(0.04), "log_variance", 0.2)
    >>> {name: round(float(value), 4) for name, value in found.items()}
    {'variance': 0.0442, 'volatility': 0.2051, 'median': 0.2}
    """
    centre = mean_log_variance(_log(value, unit), unit, residual_variance)
    return {
        "variance": exp(centre + residual_variance / 2.0),
        "volatility": exp(centre / 2.0 + residual_variance / 8.0),
        "median": exp(centre / 2.0),
    }


def volatility_quantiles(
    value: Any,
    unit: VolatilityUnit,
    residual_variance: Any,
    levels: Sequence[float] = QUANTILES,
) -> dict[str, np.ndarray]:
    """Return the log-normal quantiles of volatility around a forecast.

    Parameters
    ----------
    value : ndarray, [...]
        The forecast, annualised, as in `convert_units`.
    unit : {"log_variance", "variance", "volatility"}
        What it is the mean of.
    residual_variance : float or ndarray, [...]
        Variance of the realised log variance around its mean.
    levels : sequence of float, default `QUANTILES`
        Levels between 0 and 1.

    Returns
    -------
    dict of str to ndarray of float64, [...]
        By `quantile_name`, annualised volatility as a fraction.

    Raises
    ------
    DataError
        If a forecast of variance or volatility is not above zero.
    SpecError
        For an unknown unit.

    Examples
    --------
    >>> found = volatility_quantiles(np.log(0.04), "log_variance", 0.25, (0.5, 0.975))
    >>> {name: round(float(value), 4) for name, value in found.items()}
    {'q500': 0.2, 'q975': 0.3265}
    """
    centre = mean_log_variance(_log(value, unit), unit, residual_variance)
    deviation = np.sqrt(residual_variance)
    return {
        quantile_name(level): np.exp((centre + normal_quantile(level) * deviation) / 2.0) for level in levels
    }


def normal_quantile(level: float) -> float:
    """Return the quantile of the standard normal distribution at a level between 0 and 1.

    Examples
    --------
    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    from scipy.special import ndtri

    return float(ndtri(level))


def quantile_name(level: float) -> str:
    """Name a quantile by its level in thousandths.

    Raises
    ------
    SpecError
        If the level is not a whole number of thousandths between 0 and 1.

    Examples
    --------
    >>> quantile_name(0.025), quantile_name(0.5)
    ('q025', 'q500')
    """
    thousandths = Fraction(repr(float(level))) * 1000
    if thousandths.denominator != 1 or not 0 < thousandths < 1000:
        raise SpecError(f"quantile {level!r}: expected a level from 0.001 to 0.999 of at most three decimals")
    return f"q{int(thousandths):03d}"


def _log(value: Any, unit: str) -> Any:
    """Return a forecast as a log variance."""
    if unit not in ("variance", "volatility"):
        return value
    value = np.asarray(value, np.float64)
    bad = ~(value > 0)
    if bad.any():
        raise DataError(
            f"a forecast of {unit} is {value[bad].flat[0]} ({int(bad.sum())} of {value.size} are not above zero), "
            "expected positive ones"
        )
    return np.log(value) * (2.0 if unit == "volatility" else 1.0)
