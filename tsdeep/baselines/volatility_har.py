"""Heterogeneous autoregressions by asset: on squared returns, on volatilities, on logs, on ranges, with VIX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tsdeep.baselines.volatility import BySymbol, Forecast
from tsdeep.baselines.volatility_measures import MEASURE_FIELDS
from tsdeep.baselines.volatility_regression import (
    QUARTER,
    WEEKS,
    HarRegression,
    Line,
    LogRegression,
    Regressors,
    log_vix,
    residual_variance,
)

if TYPE_CHECKING:
    from tsdeep.samples import Samples


class _InLevels(HarRegression):
    """A regression in levels: a forecast below the least label of an asset's training rows is raised to it."""

    def __init__(self) -> None:
        super().__init__("close", WEEKS)
        self.floored = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """Say how many forecasts of the last prediction were raised."""
        return (
            (f"{self.name} was raised to the least training label on {self.floored} rows.",)
            if self.floored
            else ()
        )

    def _raised(self, samples: Samples, rows: np.ndarray) -> tuple[np.ndarray, list[Line]]:
        value, lines = self._lined(samples, rows)
        least = np.array([line.least for line in lines])
        self.floored = int((value < least).sum())
        return np.maximum(value, least), lines


class HarRv(_InLevels):
    """HAR-RV: realised variance on the means of the last 1, 5 and 22 squared log returns, in levels.

    With daily squared returns where Corsi has intraday ones. Levels give a mean of variance with no correction,
    and weigh crises most. A forecast below the least variance realised after an asset's training rows is raised to it
    (`floored` counts those of the last prediction).

    References
    ----------
    Corsi (2009), "A simple approximate long-memory model of realized volatility", Journal of Financial Econometrics
    7(2).
    """

    name = "har_rv"
    unit = "variance"

    def __init__(self) -> None:
        super().__init__()
        self._residuals = BySymbol()

    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        super()._learn(samples, rows, realised)
        self._residuals = BySymbol().fit(samples.panel, rows, realised, self._raised(samples, rows)[0])

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of variance of given panel rows."""
        return Forecast(self._raised(samples, rows)[0], self._residuals.of(samples.panel, rows), self.unit)


class HarVol(_InLevels):
    """HAR on volatilities: realised volatility on roots of the means of the last 1, 5 and 22 squared log returns.

    As `har_rv`, in roots. Its mean of variance is the forecast squared plus the variance of the
    regression's residuals, E[v²] = E[v]² + Var[v], which is one number an asset: on calm days it is the larger part.
    To be log-normal with both moments the residual variance of log variance is 4 ln(1 + Var[v] / E[v]²), row by row.
    A forecast below the least volatility realised after an asset's training rows is raised to it (`floored` counts
    those of the last prediction).

    References
    ----------
    Corsi (2009), "A simple approximate long-memory model of realized volatility", Journal of Financial Econometrics
    7(2).
    """

    name = "har_vol"
    unit = "volatility"

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of volatility of given panel rows."""
        value, lines = self._raised(samples, rows)
        return Forecast(value, 4.0 * np.log1p(residual_variance(lines) / value**2), self.unit)


class LogHar(LogRegression):
    """Log-HAR: realised log variance on logs of the means of the last 5, 22 and 66 squared log returns.

    One squared return is no measure of its day's variance in logs: it is often nearly zero. So there is no window of
    one day, and there is one of a quarter.

    References
    ----------
    Corsi (2009), "A simple approximate long-memory model of realized volatility", Journal of Financial Econometrics
    7(2).
    """

    name = "log_har"

    def __init__(self) -> None:
        super().__init__("close", QUARTER[1:])


class LogHarRange(LogRegression):
    """Log-HAR on ranges: realised log variance on logs of mean range variances over 1, 5, 22 and 66 rows.

    Parameters
    ----------
    measure : {"parkinson", "garman_klass"}
        Variance of a row: by Parkinson, from high and low; or by Garman and Klass plus the squared overnight return,
        from open, high, low and close, called `log_har_garman_klass`.

    References
    ----------
    Corsi (2009), as `LogHar`; Parkinson (1980), Journal of Business 53(1); Garman and Klass (1980), Journal of
    Business 53(1).
    """

    name = "log_har_range"
    needs: tuple[str, ...] = ("close", "high", "low")

    def __init__(self, measure: Literal["parkinson", "garman_klass"] = "parkinson") -> None:
        super().__init__(measure, QUARTER)
        if measure == "garman_klass":
            self.name = "log_har_garman_klass"
            self.needs = MEASURE_FIELDS[measure]


class LogHarRangeVix(LogRegression):
    """Log-HAR on Parkinson ranges over 1, 5, 22 and 66 rows, and on the log of VIX.

    Parameters
    ----------
    vix_lag_rows : int
        Rows before the row predicted of which VIX's close is read. VIX closes 15 minutes after the stock market: 0 is
        what a forecast made after the close of both knows, 1 what one made at the market's close does.

    References
    ----------
    Corsi (2009), as `LogHar`; Parkinson (1980), Journal of Business 53(1).
    """

    name = "log_har_range_vix"
    needs: tuple[str, ...] = ("close", "high", "low", "vix")

    def __init__(self, vix_lag_rows: int = 0) -> None:
        super().__init__("parkinson", QUARTER)
        self.vix_lag_rows = vix_lag_rows

    def regressors(self, samples: Samples) -> Regressors:
        """Return the logs of range variances and of VIX at every panel row."""
        own = super().regressors(samples)
        vix = log_vix(samples.panel, self.vix_lag_rows, self.name)
        return Regressors(np.column_stack([own.x, vix]), own.whole & np.isfinite(vix))
