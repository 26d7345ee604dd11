"""References of volatility that estimate nothing: what was realised of late goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tsdeep.baselines.volatility import VarianceReference, volatility_task
from tsdeep.baselines.volatility_measures import by_segment, row_variances, trailing_mean

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

DECAY = 0.94
"""Of RiskMetrics for daily returns."""


class RandomWalkVolatility(VarianceReference):
    """The last realised variance again: the mean of the last squared log returns, as many as the horizon has rows.

    At the first rows of a segment it is the mean of those there are. Its residual variance is by asset, of the log of
    what was realised after the training rows.
    """

    name = "random_walk"

    def _variance(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        task = volatility_task(samples, self.name)
        squares = row_variances(samples.panel, "close")
        return task.annual_rows * trailing_mean(samples.panel, squares, task.horizon_rows).mean[rows]


class Ewma(VarianceReference):
    """Exponentially weighted squared log returns, weights that fall by a fixed decay, for whatever horizon.

    Weights sum to 1 from the first return of a segment on.

    Parameters
    ----------
    decay : float
        Weight of a row beside the one after it.

    References
    ----------
    J.P. Morgan (1996), RiskMetrics Technical Document, section 5.2.
    """

    name = "ewma"

    def __init__(self, decay: float = DECAY) -> None:
        super().__init__()
        self.decay = decay

    def _variance(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        return (
            volatility_task(samples, self.name).annual_rows * ewma_variance(samples.panel, self.decay)[rows]
        )


def ewma_variance(panel: Panel, decay: float = DECAY) -> np.ndarray:
    """Return exponentially weighted means of squared log returns, per row, float64 `[rows]`; NaN before a return."""
    return by_segment(
        panel,
        lambda squares: pd.Series(squares).ewm(alpha=1.0 - decay).mean().to_numpy(),
        row_variances(panel, "close"),
    )
