"""GARCH(1,1) and GJR-GARCH(1,1), by asset: estimated by arch once a fold, filtered through the rows after it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.baselines.volatility import LEAST_ROWS, VarianceReference, volatility_task
from tsdeep.baselines.volatility_measures import log_returns
from tsdeep.baselines.volatility_naive import ewma_variance
from tsdeep.errors import DataError

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples


@dataclass(frozen=True)
class GarchParameters:
    """h[t+1] = omega + (alpha + gamma 1(e[t] < 0)) e[t]² + beta h[t], of residuals e = return - mean.

    Parameters
    ----------
    mean : float
        Of log returns, per row.
    omega, alpha, gamma, beta : float
        Of the recursion; `gamma` is 0 without asymmetry.
    backcast : float
        Variance that stands for the rows before the first return.
    """

    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    backcast: float

    @property
    def persistence(self) -> float:
        """What of a deviation of the variance is left after a row, for symmetric returns."""
        return self.alpha + self.gamma / 2.0 + self.beta

    def filter(self, returns: np.ndarray) -> np.ndarray:
        """Return the variance of the row after each return, `[returns + 1]`: element i is known after i returns."""
        from scipy.signal import lfilter

        residual = returns - self.mean
        news = self.omega + (self.alpha + self.gamma * (residual < 0)) * residual**2
        first = self.omega + self.persistence * self.backcast
        rest, _ = lfilter([1.0], [1.0, -self.beta], news, zi=[self.beta * first])
        return np.concatenate([[first], rest])

    def mean_ahead(self, variance: np.ndarray, rows: int) -> np.ndarray:
        """Forecast the mean variance of the next rows from that of the next row, by the closed form, `[...]`.

        h[t+k] = omega (1 + p + ... + p^(k-2)) + p^(k-1) h[t+1] with p the persistence, which may be 1.
        """
        powers = self.persistence ** np.arange(rows)
        return self.omega * (np.cumsum(powers) - powers).mean() + powers.mean() * variance

    @classmethod
    def estimate(cls, returns: np.ndarray, *, asymmetric: bool = False) -> GarchParameters | None:
        """Estimate by maximum likelihood: a constant mean and normal residuals, by `arch`.

        Parameters
        ----------
        returns : ndarray of float64, [returns]
            Log returns.
        asymmetric : bool
            Whether losses weigh otherwise than gains (`gamma`).

        Returns
        -------
        GarchParameters or None
            None where the optimiser does not converge.

        Raises
        ------
        DataError
            If all returns are equal.
        """
        from arch import arch_model

        size = float(returns.std())
        if not size > 0:
            raise DataError(
                f"garch: found {len(returns)} returns that are all equal, expected some that differ"
            )
        # In units of the standard deviation, as the optimiser needs; the optimum does not depend on it.
        model = arch_model(
            returns / size, mean="Constant", vol="GARCH", p=1, o=int(asymmetric), q=1, rescale=False
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence, which is looked at here
            found: Any = model.fit(disp="off", show_warning=False)
        if found.convergence_flag != 0:
            return None
        at = dict(found.params)
        return cls(
            mean=at["mu"] * size,
            omega=at["omega"] * size**2,
            alpha=at["alpha[1]"],
            gamma=at.get("gamma[1]", 0.0),
            beta=at["beta[1]"],
            backcast=float(model.volatility.backcast(returns / size - at["mu"])) * size**2,
        )


class Garch(VarianceReference):
    """GARCH(1,1) by asset: the mean of the variance forecasts of the rows of the horizon.

    Constant mean, normal likelihood, estimated once a fold by `arch` on the log returns up to the last
    row at which a training label ends, and run through the rows to predict with these parameters. An asset with fewer
    than 250 returns until then, or whose estimation does not converge, is forecast by an exponentially weighted mean of
    decay 0.94, a GARCH whose parameters need no estimation: it has no entry in `parameters`. Where
    training rows come after test rows too, as in combinatorial purging, the returns between are among those estimated
    on.

    Parameters
    ----------
    asymmetric : bool
        GJR-GARCH, called `gjr_garch`.

    References
    ----------
    Bollerslev (1986), "Generalized autoregressive conditional heteroskedasticity", Journal of Econometrics 31(3).
    Asymmetric: Glosten, Jagannathan and Runkle (1993), "On the relation between the expected value and the
    volatility of the nominal excess return on stocks", Journal of Finance 48(5). Estimated by `arch`.
    """

    name = "garch"

    def __init__(self, asymmetric: bool = False) -> None:
        super().__init__()
        self.asymmetric = asymmetric
        if asymmetric:
            self.name = "gjr_garch"
        self._without: list[str] = []
        self.parameters: dict[str, GarchParameters] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Say which assets are forecast without an estimation."""
        if not self._without:
            return ()
        why = f"fewer than {LEAST_ROWS} returns, or no convergence"
        return (f"{self.name} is an EWMA of decay 0.94 for {', '.join(self._without)}: {why}.",)

    def _estimate(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        del realised
        panel = samples.panel
        cutoff = panel.time[samples.label_end[rows]].max()
        returns = log_returns(panel)
        known = np.isfinite(returns) & (panel.time <= cutoff)
        self.parameters = {}
        for symbol in dict.fromkeys(panel.symbol[rows].tolist()):
            own = returns[known & (panel.symbol == symbol)]
            if len(own) < LEAST_ROWS:
                continue
            found = GarchParameters.estimate(own, asymmetric=self.asymmetric)
            if found is not None:
                self.parameters[symbol] = found
        self._without = [s for s in dict.fromkeys(panel.symbol[rows].tolist()) if s not in self.parameters]

    def _variance(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        task = volatility_task(samples, self.name)
        panel = samples.panel
        asked = set(panel.symbol[rows].tolist())
        ahead = np.full(panel.n_rows, np.nan)
        if asked - set(self.parameters):
            ahead[:] = ewma_variance(panel)
        returns = log_returns(panel)
        for symbol in asked & set(self.parameters):
            parameters, own = self.parameters[symbol], rows_of(panel, symbol)
            known = np.isfinite(returns[own])
            variance = parameters.filter(returns[own][known])
            ahead[own] = parameters.mean_ahead(variance, task.horizon_rows)[np.cumsum(known)]
        return task.annual_rows * ahead[rows]


def rows_of(panel: Panel, symbol: str) -> np.ndarray:
    """Return the panel rows of an asset, all its segments, in order of time, int64 `[rows]`."""
    return np.flatnonzero(panel.symbol == symbol)
