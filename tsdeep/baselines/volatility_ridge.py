"""Ridge regression on the features of the model: what the same inputs give without a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tsdeep.baselines.volatility import Forecast, VolatilityReference
from tsdeep.errors import DataError

if TYPE_CHECKING:
    from tsdeep.samples import Samples

_BLOCKS = 5


class RidgeVolatility(VolatilityReference):
    """Realised log variance on the features of the origin row, by scikit-learn, one regression for all assets.

    Features are standardised on the training rows. The penalty, a share of the number of rows, is the one whose
    squared error is least over five blocks of time of the training rows, each forecast from the others, less the rows
    whose labels overlap the block's.

    Parameters
    ----------
    penalties : tuple of float
        To choose from, as shares of the number of rows.

    References
    ----------
    Hoerl and Kennard (1970), "Ridge regression: biased estimation for nonorthogonal problems", Technometrics 12(1);
    scikit-learn, `sklearn.linear_model.Ridge`.
    """

    name = "ridge"

    def __init__(self, penalties: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)) -> None:
        super().__init__()
        self.penalties = penalties
        self.penalty = float("nan")
        self.residual_variance = float("nan")
        self._line: Any = None

    def _learn(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        x, y = samples.x[rows].astype(np.float64), np.log(realised)
        loss = np.zeros(len(self.penalties))
        for inside, outside in time_blocks(samples, rows, _BLOCKS):
            scaler = StandardScaler().fit(x[inside])
            fit_on, check_on = scaler.transform(x[inside]), scaler.transform(x[outside])
            for number, penalty in enumerate(self.penalties):
                line = Ridge(penalty * len(inside), solver="cholesky").fit(fit_on, y[inside])
                loss[number] += ((y[outside] - line.predict(check_on)) ** 2).sum()
        self.penalty = self.penalties[int(np.argmin(loss))]
        self._line = make_pipeline(StandardScaler(), Ridge(self.penalty * len(y), solver="cholesky")).fit(
            x, y
        )
        self.residual_variance = float((y - self._line.predict(x)).var())

    def forecast(self, samples: Samples, rows: np.ndarray) -> Forecast:
        """Return the mean of log variance of given panel rows."""
        x = samples.x[rows].astype(np.float64)
        value = np.full(len(rows), np.nan)
        known = np.isfinite(x).all(axis=1)
        if known.any():
            value[known] = self._line.predict(x[known])
        return Forecast(value, self.residual_variance, "log_variance")


def time_blocks(samples: Samples, rows: np.ndarray, blocks: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split training rows into blocks of time, and leave out of the others what overlaps a block's labels.

    Parameters
    ----------
    samples : Samples
        Gives times and label ends.
    rows : ndarray of int64, [rows]
        Training rows, of any number of assets.
    blocks : int
        How many, equally long in days.

    Yields
    ------
    tuple of ndarray of int64
        Numbers among `rows`: those to fit on, and those of the block.

    Raises
    ------
    DataError
        If no block leaves rows to fit on.
    """
    start, end = samples.time[rows], samples.time[samples.label_end[rows]]
    found = 0
    for days in np.array_split(np.unique(start), blocks):
        if not len(days):
            continue
        out = (start >= days[0]) & (start <= days[-1])
        keep = (end < days[0]) | (start > end[out].max())
        if keep.sum() > 1:
            found += 1
            yield np.flatnonzero(keep), np.flatnonzero(out)
    if not found:
        raise DataError(
            f"found {len(rows)} training rows whose labels all overlap, expected rows of several horizons"
        )
