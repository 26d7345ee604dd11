"""What the references of volatility share: the labels they learn from, and forecasts in every unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from tsdeep.errors import DataError, RunError, SpecError
from tsdeep.tasks.volatility import Volatility
from tsdeep.tasks.volatility_labels import realised_variance as realised_of_panel
from tsdeep.units import VolatilityUnit, convert_units, volatility_quantiles

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

LEAST_ROWS = 250
"""Training rows, or returns, below which an asset has no fit of its own: about a year of days."""


def volatility_task(samples: Samples, name: str) -> Volatility:
    """Return the task of samples; SpecError unless it is of volatility, or of assets that stand side by side."""
    task = samples.task
    if not isinstance(task, Volatility):
        raise SpecError(f"{name}: found samples of task {task}, expected a volatility")
    if task.assets != 1:
        raise SpecError(f"{name}: found samples of {task.assets} assets a row, expected one (samples.pooled)")
    return task


def realised_variance(samples: Samples, rows: np.ndarray, name: str) -> np.ndarray:
    """Return the variance that was realised after given rows, whatever the target of the task.

    Parameters
    ----------
    samples : Samples
        Pooled, of a task of volatility.
    rows : ndarray of int64, [rows]
        Panel rows that have a label.
    name : str
        Who asks, for messages.

    Returns
    -------
    ndarray of float64, [rows]
        Annualised, as a fraction squared.

    Raises
    ------
    DataError
        If there is no row, a row has no label, or no price moved after it: its variance has no log.
    """
    task, panel = volatility_task(samples, name), samples.panel
    if not len(rows):
        raise DataError(f"{name}: found no row to learn from, expected rows with labels")
    variance = realised_of_panel(panel, task.horizon_rows, task.annual_rows)[rows]
    for bad, fault in ((np.isnan(variance), "no label"), (variance == 0, "a realised variance of zero")):
        if bad.any():
            place = panel.place(int(rows[np.argmax(bad)]))
            raise DataError(f"{name}: {place}: found {fault}, expected rows after which prices moved")
    return variance


class Forecast(NamedTuple):
    """What a method says of rows, in its own unit.

    Attributes
    ----------
    value : ndarray of float64, [rows]
        The mean of what `unit` names, annualised; NaN where a row has too little before it.
    residual_variance : float or ndarray of float64, [rows]
        Variance of the realised log variance around its mean.
    unit : {"log_variance", "variance", "volatility"}
        What the value is the mean of.
    """

    value: np.ndarray
    residual_variance: float | np.ndarray
    unit: VolatilityUnit = "variance"


class VolatilityReference(ABC):
    """A reference of volatility: it says what it forecasts in its own unit, and is converted as models are.

    `predict` gives the mean of variance, the mean of volatility, its median and its quantiles, log-normal around the
    forecast with the residual variance of the method's own training rows.

    Raises
    ------
    DataError
        From `fit`, if a row has no label or nothing moved after it; from `predict`, if a row has too few rows before
        it; with the place.
    SpecError
        If the task of the samples is not of volatility.
    RunError
        From `predict`, before `fit`.
    """

    name: str
    needs: tuple[str, ...] = ("close",)
    """Fields of the panel that the method reads."""

    def __init__(self) -> None:
        self._fitted = False

    def fit(self, samples: Samples, rows: np.ndarray) -> Self:
        """Fit on given panel rows, and on no row after the last at which one of their labels ends.

        Parameters
        ----------
        samples : Samples
            Pooled: a row of the panel is one asset on one day.
        rows : ndarray of int64, [rows]
            Rows with labels that may be learnt from; those of assets that are only trained on are left out.
        """
        rows = samples.scored(np.asarray(rows, np.int64))
        realised = realised_variance(samples, rows, self.name)
        self._learn(samples, rows, realised)
        self._fitted = True
        return self

    def predict(self, samples: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return `variance`, `volatility`, `median` and quantiles, annualised fractions, float64 `[rows]` each."""
        if not self._fitted:
            raise RunError(f"{self.name}: predict before fit; call fit(samples, rows) first")
        rows = np.asarray(rows, np.int64)
        forecast = self.forecast(samples, rows)
        short = np.isnan(forecast.value)
        if short.any():
            place = samples.panel.place(int(rows[np.argmax(short)]))
            raise DataError(f"{self.name}: {place}: found too few rows before this one to forecast from")
        levels = volatility_task(samples, self.name).levels
        value, spread, unit = forecast.value, forecast.residual_variance, forecast.unit
        return {
            **convert_units(value, unit, spread),
            **volatility_quantiles(value, unit, spread, levels),
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what the method had to do that a reader should know; by default none."""
        return ()

    @abstractmethod
    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the forecast of given panel rows in the method's own unit, from these rows and rows before them."""

    @abstractmethod
    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        """Take what the method needs from training rows and the variance realised after them, both `[rows]`."""


class BySymbol:
    """Residual variance of log variance by asset, and that of all for an asset with few training rows."""

    def __init__(self) -> None:
        self._own: dict[str, float] = {}
        self._all = float("nan")

    def fit(self, panel: Panel, rows: np.ndarray, realised: np.ndarray, variance: np.ndarray) -> Self:
        """Take the residuals ln realised - ln forecast of training rows, `[rows]`; NaN forecasts are left out."""
        known = np.isfinite(variance)
        residual = np.log(realised[known]) - np.log(variance[known])
        if len(residual) < 2:
            raise DataError(f"found {len(residual)} training rows with a forecast, expected two or more")
        symbol = panel.symbol[rows][known]
        self._all = float(np.mean([residual[symbol == name].var() for name in dict.fromkeys(symbol)]))
        self._own = {
            str(name): float(residual[symbol == name].var())
            for name in dict.fromkeys(symbol)
            if (symbol == name).sum() >= LEAST_ROWS
        }
        return self

    def of(self, panel: Panel, rows: np.ndarray) -> np.ndarray:
        """Return the residual variance of given panel rows, float64 `[rows]`."""
        return np.array([self._own.get(name, self._all) for name in panel.symbol[rows]])


class VarianceReference(VolatilityReference):
    """A reference whose forecast is a mean of variance; its residuals are those of log variance, by asset."""

    def __init__(self) -> None:
        super().__init__()
        self._residuals = BySymbol()

    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        self._estimate(samples, rows, realised)
        self._residuals = BySymbol().fit(samples.panel, rows, realised, self._variance(samples, rows))

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of variance of given panel rows."""
        return Forecast(self._variance(samples, rows), self._residuals.of(samples.panel, rows))

    def _estimate(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        """Estimate parameters; by default there are none."""
        del samples, rows, realised

    @abstractmethod
    def _variance(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        """Forecast the mean of variance of given panel rows, annualised, `[rows]`."""


def variance_of(forecast: Forecast) -> np.ndarray:
    """Return the mean of variance of a forecast, float64 `[rows]`; NaN where it has none."""
    known = np.isfinite(forecast.value)
    spread = np.broadcast_to(forecast.residual_variance, forecast.value.shape)[known]
    variance = np.full(len(forecast.value), np.nan)
    variance[known] = convert_units(forecast.value[known], forecast.unit, spread)["variance"]
    return variance
