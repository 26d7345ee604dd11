"""A combination of references of volatility: the mean of their log forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tsdeep.baselines.volatility import VarianceReference, VolatilityReference, variance_of
from tsdeep.errors import SpecError

if TYPE_CHECKING:
    from tsdeep.samples import Samples


class VolatilityCombination(VarianceReference):
    """The geometric mean of several forecasts of the mean of variance, equal weights.

    Equal weights are hard to beat by estimated ones (Timmermann 2006). Members are named, not chosen by a
    score; they are fitted here, on the same rows.

    Parameters
    ----------
    members : sequence of VolatilityReference
        Two or more, unfitted.

    Raises
    ------
    SpecError
        If there are fewer than two.

    References
    ----------
    Timmermann (2006), "Forecast combinations", Handbook of Economic Forecasting 1.
    """

    name = "combination"

    def __init__(self, members: Sequence[VolatilityReference]) -> None:
        super().__init__()
        if len(members) < 2:
            raise SpecError(f"combination: found {len(members)} members, expected two or more")
        self.members = tuple(members)
        self.needs = tuple(dict.fromkeys(name for member in members for name in member.needs))

    def _estimate(self, samples: Samples, rows: np.ndarray, realised: np.ndarray) -> None:
        del realised
        for member in self.members:
            member.fit(samples, rows)

    def _variance(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        return np.exp(
            np.mean([np.log(variance_of(member.forecast(samples, rows))) for member in self.members], axis=0)
        )
