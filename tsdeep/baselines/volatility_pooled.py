"""The pooled log-HAR: one regression for all assets, with an intercept each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.baselines.volatility import Forecast
from tsdeep.baselines.volatility_regression import QUARTER, LogRegression, Regressors, log_vix, trailing
from tsdeep.errors import DataError

if TYPE_CHECKING:
    from tsdeep.samples import Samples

_MARKET = "market_"


class PooledLogHar(LogRegression):
    """Log-HAR on ranges, pooled over assets with an intercept each; with VIX and the market's range where there.

    Realised log variance on logs of the asset's own mean Parkinson variance over 1, 5, 22 and 66 rows, on log VIX
    (where the panel has the field `vix`), and on the log of the market's mean Parkinson variance over its own rows
    (where it has `market_high` and `market_low`): slopes are the same for all assets, and so is the residual
    variance. An asset that no training row has gets the mean of the intercepts.

    Parameters
    ----------
    market_windows : tuple of int
        Rows of the market's means; by default a month.
    vix_lag_rows : int
        Rows before the row predicted of which VIX's close is read: 0 for a forecast made after the close of both
        VIX and the stock market, 1 for one made at the market's close.

    References
    ----------
    Corsi (2009), "A simple approximate long-memory model of realized volatility", Journal of Financial Econometrics
    7(2); Parkinson (1980), Journal of Business 53(1).
    """

    name = "pooled_log_har"
    needs: tuple[str, ...] = ("close", "high", "low")

    def __init__(self, market_windows: tuple[int, ...] = (22,), vix_lag_rows: int = 0) -> None:
        super().__init__("parkinson", QUARTER)
        self.market_windows = market_windows
        self.vix_lag_rows = vix_lag_rows
        self.intercepts: dict[str, float] = {}
        self.slopes = np.empty(0)
        self.residual_variance = float("nan")

    def regressors(self, samples: Samples) -> Regressors:
        """Return own log variances, log VIX and the market's log variances at every panel row."""
        panel = samples.panel
        own = super().regressors(samples)
        parts, whole = [own.x], own.whole
        if "vix" in panel.fields:
            vix = log_vix(panel, self.vix_lag_rows, self.name)
            parts.append(vix[:, None])
            whole = whole & np.isfinite(vix)
        if {_MARKET + "high", _MARKET + "low"} <= set(panel.fields) and self.market_windows:
            market = trailing(panel, self.measure, self.market_windows, _MARKET)
            parts.append(np.log(market.x))
            whole = whole & market.whole
        return Regressors(np.concatenate(parts, axis=1), whole)

    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        from statsmodels.regression.linear_model import OLS

        found = self.regressors(samples)
        keep = found.whole[rows]
        x, y = found.x[rows][keep], np.log(realised[keep])
        symbol = samples.panel.symbol[rows][keep]
        names = list(dict.fromkeys(symbol))
        n_coefficients = len(names) + x.shape[1]
        if len(y) <= n_coefficients:
            raise DataError(
                f"{self.name}: found {len(y)} training rows with whole means before them, expected more than "
                f"{n_coefficients}, the number of coefficients"
            )
        own = (symbol[:, None] == np.array(names, object)).astype(np.float64)  # [rows, assets]
        fitted: Any = OLS(y, np.concatenate([own, x], axis=1)).fit()
        self.intercepts = dict(zip(map(str, names), fitted.params[: len(names)].tolist(), strict=True))
        self.slopes = np.asarray(fitted.params[len(names) :])
        self.residual_variance = float(fitted.scale)

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of log variance of given panel rows."""
        other = float(np.mean(list(self.intercepts.values())))
        constants = np.array([self.intercepts.get(name, other) for name in samples.panel.symbol[rows]])
        x = self.regressors(samples).x[rows]
        if x.shape[1] != len(self.slopes):
            raise DataError(
                f"{self.name}: found {x.shape[1]} regressors, expected the {len(self.slopes)} that it was fitted on"
            )
        return Forecast(constants + (x * self.slopes).sum(axis=1), self.residual_variance, self.unit)
