"""Heterogeneous autoregressions (HAR): realised variance regressed on its means over a day, a week, a month, ..."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tsdeep.baselines.volatility import LEAST_ROWS, Forecast, VolatilityReference, volatility_task
from tsdeep.baselines.volatility_measures import Measure, row_variances, trailing_mean
from tsdeep.errors import DataError
from tsdeep.tables import refuse
from tsdeep.units import VolatilityUnit

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

WEEKS = (1, 5, 22)
"""Rows of the means of Corsi (2009): a day, a week and a month."""
QUARTER = (1, 5, 22, 66)
"""The same and a quarter."""


@dataclass(frozen=True)
class Regressors:
    """What is regressed on, at every panel row.

    Parameters
    ----------
    x : ndarray of float64, [rows, regressors]
        Without a constant; NaN where nothing is known yet.
    whole : ndarray of bool, [rows]
        Where every mean is over all its rows: rows to fit on.
    """

    x: np.ndarray
    whole: np.ndarray


@dataclass(frozen=True)
class Line:
    """A least-squares fit.

    Parameters
    ----------
    constant : float
        Intercept.
    slopes : ndarray of float64, [regressors]
        Coefficients.
    residual_variance : float
        Of the regression, with its degrees of freedom.
    least, most : float
        Range of what was regressed among the training rows.
    """

    constant: float
    slopes: np.ndarray
    residual_variance: float
    least: float
    most: float


class HarRegression(VolatilityReference):
    """The base of regressions of what is realised on means of past variance, by ordinary least squares, by asset.

    An asset with fewer than 250 training rows is forecast by one line for all assets. Training rows whose means are
    not whole yet are left out; a row to predict takes means over the rows there are.
    """

    unit: ClassVar[VolatilityUnit]
    """What is regressed: realised log variance, variance or volatility, on measures in the same unit."""

    def __init__(self, measure: Measure, windows: tuple[int, ...]) -> None:
        super().__init__()
        self.measure = measure
        self.windows = windows
        self._lines: dict[str, Line] = {}
        self._common: Line | None = None

    @property
    def lines(self) -> dict[str, Line]:
        """The fit of each asset that has one of its own."""
        return dict(self._lines)

    def regressors(self, samples: Samples) -> Regressors:
        """Return the regressors of every panel row."""
        return trailing_measures(samples, self)

    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        found = self.regressors(samples)
        keep = found.whole[rows]
        x, y = found.x[rows][keep], in_unit(realised[keep], self.unit)
        symbol = samples.panel.symbol[rows][keep]
        self._common = least_squares(x, y, self.name)
        self._lines = {
            str(name): least_squares(x[symbol == name], y[symbol == name], self.name)
            for name in dict.fromkeys(symbol)
            if (symbol == name).sum() >= LEAST_ROWS
        }

    def _lined(self, samples: Samples, rows: np.ndarray) -> tuple[np.ndarray, list[Line]]:
        """Return the values on the lines, `[rows]`, and the line of each row."""
        assert self._common is not None
        x = self.regressors(samples).x[rows]
        lines = [self._lines.get(name, self._common) for name in samples.panel.symbol[rows]]
        constants = np.array([line.constant for line in lines])
        slopes = np.array([line.slopes for line in lines]).reshape(x.shape)
        return constants + (x * slopes).sum(axis=1), lines


def trailing_measures(samples: Samples, method: HarRegression, prefix: str = "") -> Regressors:
    """Return the means of a method's measure over its windows in its unit, annualised, at every panel row."""
    annual_rows = volatility_task(samples, method.name).annual_rows
    means = trailing(samples.panel, method.measure, method.windows, prefix)
    return Regressors(in_unit(annual_rows * means.x, method.unit), means.whole)


def trailing(panel: Panel, measure: Measure, windows: tuple[int, ...], prefix: str = "") -> Regressors:
    """Return means of the variance of rows over trailing windows, per row, `[rows, windows]`."""
    variance = row_variances(panel, measure, prefix)
    means = [trailing_mean(panel, variance, rows) for rows in windows]
    return Regressors(
        np.stack([mean.mean for mean in means], axis=1), np.all([mean.whole for mean in means], axis=0)
    )


def log_vix(panel: Panel, lag_rows: int, name: str) -> np.ndarray:
    """Return the log of the field `vix` some rows before, float64 `[rows]`; NaN at the first of a segment."""
    vix = panel.raw("vix")
    refuse(panel, "vix", ~(vix > 0), f"above zero, as {name} takes its log")
    known = np.full(panel.n_rows, np.nan)
    for start, stop in panel.bounds.tolist():
        known[min(start + lag_rows, stop) : stop] = np.log(vix[start : max(stop - lag_rows, start)])
    return known


def in_unit(variance: np.ndarray, unit: VolatilityUnit) -> np.ndarray:
    """Turn variance into its log, into volatility, or leave it."""
    if unit == "log_variance":
        return np.log(variance)
    return np.sqrt(variance) if unit == "volatility" else variance


def least_squares(x: np.ndarray, y: np.ndarray, name: str) -> Line:
    """Fit a line with a constant by statsmodels.

    Parameters
    ----------
    x : ndarray of float64, [rows, regressors]
        Regressors without a constant; those that are linearly dependent share their coefficient.
    y : ndarray of float64, [rows]
        What is regressed.
    name : str
        Who asks, for messages.

    Raises
    ------
    DataError
        If there are not more rows than coefficients.
    """
    from statsmodels.regression.linear_model import OLS

    n_rows, n_regressors = x.shape
    if n_rows <= n_regressors + 1:
        raise DataError(
            f"{name}: found {n_rows} training rows with whole means before them, expected more than "
            f"{n_regressors + 1}, the number of coefficients"
        )
    found: Any = OLS(y, np.column_stack([np.ones(n_rows), x])).fit()
    return Line(
        float(found.params[0]),
        np.asarray(found.params[1:]),
        float(found.scale),
        float(y.min()),
        float(y.max()),
    )


def residual_variance(lines: list[Line]) -> np.ndarray:
    """Return the residual variance of each row's line, float64 `[rows]`."""
    return np.array([line.residual_variance for line in lines])


class LogRegression(HarRegression):
    """The base of regressions of log variance: forecast is its mean, and residuals are normal."""

    unit = "log_variance"

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of log variance of given panel rows."""
        value, lines = self._lined(samples, rows)
        return Forecast(value, residual_variance(lines), self.unit)
