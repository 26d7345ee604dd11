"""A small network on what the scenario names: fifty days of volatility and of correlations, and nothing else."""

from __future__ import annotations

import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from tsdeep.baselines.volatility import Forecast, VolatilityReference
from tsdeep.baselines.volatility_measures import log_returns, row_variances, trailing_mean
from tsdeep.errors import DataError
from tsdeep.tables import refuse

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

DAYS = 50
_BATCH = 500
_KNOWN: weakref.WeakKeyDictionary[Panel, np.ndarray] = weakref.WeakKeyDictionary()


class FiftyDays(VolatilityReference):
    """A multilayer perceptron on fifty days of range variance and on fifty-day correlations, by scikit-learn.

    Inputs are the logs of the Parkinson variance of each of the last 50 rows of the asset, the log of its mean squared
    return over them, its mean correlation with the other assets of the basket over the last 50 returns, the mean
    correlation of all pairs of the basket and the share of the first eigenvalue: nothing longer, no VIX, no market, no
    asset's name. One network for all assets, fitted to log variance for a fixed number of epochs (validation rows
    drawn at random would overlap the training rows' labels); the mean of several seeds.

    Parameters
    ----------
    seeds : int
        Networks.
    units : int
        Hidden units.
    epochs : int
        Passes over the training rows.
    penalty : float
        scikit-learn's `alpha`, of squared weights.
    learning_rate : float
        Of Adam.
    """

    name = "fifty_days"
    needs = ("close", "high", "low", "basket_close", "asset")

    def __init__(
        self,
        seeds: int = 3,
        units: int = 16,
        epochs: int = 10,
        penalty: float = 1.0,
        learning_rate: float = 1e-2,
    ) -> None:
        super().__init__()
        self.seeds = seeds
        self.units = units
        self.epochs = epochs
        self.penalty = penalty
        self.learning_rate = learning_rate
        self._centre, self._size = 0.0, 1.0
        self.residual_variance = float("nan")
        self._scaler: Any = None
        self._networks: list[Any] = []

    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        x = fifty_days(samples.panel)[rows]
        whole = np.isfinite(x).all(axis=1)
        x, y = x[whole], np.log(realised[whole])
        if len(y) < 2:
            raise DataError(
                f"{self.name}: found {len(y)} training rows with {DAYS} returns before them, expected two or more"
            )
        self._scaler = StandardScaler().fit(x)
        self._centre, self._size = float(y.mean()), float(y.std()) or 1.0
        scaled = self._scaler.transform(x)
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")  # that it did not converge: it is stopped after its epochs
            self._networks = [
                self._network(seed).fit(scaled, (y - self._centre) / self._size) for seed in range(self.seeds)
            ]
        self.residual_variance = float((y - self._mean(scaled)).var())

    def _network(self, seed: int) -> Any:
        return MLPRegressor(
            hidden_layer_sizes=(self.units,),
            alpha=self.penalty,
            batch_size=_BATCH,
            learning_rate_init=self.learning_rate,
            max_iter=self.epochs,
            random_state=seed,
        )

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of log variance of given panel rows; NaN where there are no fifty returns before."""
        x = fifty_days(samples.panel)[rows]
        whole = np.isfinite(x).all(axis=1)
        value = np.full(len(rows), np.nan)
        if whole.any():
            value[whole] = self._mean(self._scaler.transform(x[whole]))
        return Forecast(value, self.residual_variance, "log_variance")

    def _mean(self, scaled: np.ndarray) -> np.ndarray:
        return self._centre + self._size * np.mean(
            [network.predict(scaled) for network in self._networks], axis=0
        )


def fifty_days(panel: Panel) -> np.ndarray:
    """Compute the inputs of `FiftyDays` at every row of a panel, once a panel.

    Parameters
    ----------
    panel : Panel
        With `close`, `high`, `low`, `basket_close [rows, assets]` and `asset`.

    Returns
    -------
    ndarray of float64, [rows, 54]
        NaN where fewer than 50 returns are before. Of a basket of which fewer than two assets were there for 50
        returns correlations are 0.
    """
    if panel in _KNOWN:
        return _KNOWN[panel]
    _, first, place = np.unique(panel.time, return_index=True, return_inverse=True)
    closes = panel.raw("basket_close")
    refuse(panel, "basket_close", closes <= 0, "above zero, as log returns need it")
    basket = np.log(closes[first])  # [days, assets]
    returns = np.concatenate([np.full((1, basket.shape[1]), np.nan), np.diff(basket, axis=0)])
    standard = _standardised(returns)  # [days, 50, assets]
    there = np.isfinite(standard).all(axis=1)  # [days, assets]
    standard = np.where(there[:, None], standard, 0.0)
    n = there.sum(axis=1)
    matrix = standard.transpose(0, 2, 1) @ standard / DAYS  # [days, assets, assets]
    pairs = np.maximum(n * (n - 1), 1)
    several = n > 1
    average = np.where(several, (matrix.sum(axis=(1, 2)) - np.einsum("dii->d", matrix)) / pairs, 0.0)
    share = np.where(several, np.linalg.eigvalsh(matrix)[:, -1] / np.maximum(n, 1), 0.0)

    own_returns, variance = log_returns(panel), np.log(row_variances(panel, "parkinson"))
    mean_square = np.log(trailing_mean(panel, row_variances(panel, "close"), DAYS).mean)
    x = np.full((panel.n_rows, DAYS + 4), np.nan)
    for start, stop in panel.bounds.tolist():
        if stop - start <= DAYS:
            continue
        rows = np.arange(start + DAYS, stop)
        asset = int(panel.raw("asset")[start])
        x[rows, :DAYS] = np.lib.stride_tricks.sliding_window_view(variance[start + 1 : stop], DAYS)
        own = _standardised(own_returns[start:stop, None])[DAYS:, :, 0]  # [rows, 50]
        with_each = np.einsum("rk,rka->ra", own, standard[place[rows]]) / DAYS
        others = there[place[rows]]
        if asset < others.shape[1]:
            others = others & (np.arange(others.shape[1]) != asset)
        count = others.sum(axis=1)
        x[rows, DAYS + 1] = np.where(others, with_each, 0.0).sum(axis=1) / np.maximum(count, 1)
    x[:, DAYS] = mean_square
    x[:, DAYS + 2], x[:, DAYS + 3] = average[place], share[place]
    _KNOWN[panel] = x
    return x


def _standardised(returns: np.ndarray) -> np.ndarray:
    """Return the last 50 returns of each row less their mean over their deviation, `[rows, 50, assets]`.

    NaN where fewer are known; 0 where they are all equal.
    """
    found = np.full((len(returns), DAYS, returns.shape[1]), np.nan)
    if len(returns) >= DAYS:
        windows = np.lib.stride_tricks.sliding_window_view(returns, DAYS, axis=0).transpose(0, 2, 1)
        centred = windows - windows.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True))
        found[DAYS - 1 :] = centred / np.where(deviation > 0, deviation, 1.0)
    return found
