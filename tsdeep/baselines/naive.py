"""References that look at no feature: always up, and the base rate of the training rows."""

from __future__ import annotations

from typing import Self

import numpy as np

from tsdeep.baselines.reference import check_features, check_labels
from tsdeep.errors import RunError


class AlwaysUp:
    """Say "up" on every row, with certainty.

    It states a class, not a probability: P(up) = 1 has an infinite log-loss as soon as one row goes down.
    The tables of `tsdeep.evaluation` therefore leave its probability scores (log-loss, Brier, calibration)
    empty; nothing is clipped to make them finite. On an index that mostly rises its accuracy is the
    bar that a direction model has to pass.

    Examples
    --------
    >>> AlwaysUp().fit(np.zeros((3, 1)), np.array([0, 1, 1])).predict(np.zeros((2, 1)))
    array([1., 1.])
    """

    name = "always_up"

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """Check features `[rows, channels]` and labels `[rows]`; nothing is learnt."""
        check_labels(y, len(check_features(x)))
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return 1.0 for every row of `x` `[rows, channels]`: `[rows]`, float64."""
        return np.ones(len(check_features(x)))


class BaseRate:
    """Predict the share of ups among the training rows: the best constant, in log-loss, that was known.

    A model whose log-loss is not below this one's knows nothing beyond how often prices rose before.
    Where all training rows have one class the base rate is 0 or 1, and stays so.

    Examples
    --------
    >>> BaseRate().fit(np.zeros((4, 1)), np.array([0, 1, 1, 1])).predict(np.zeros((2, 1)))
    array([0.75, 0.75])
    """

    name = "base_rate"

    def __init__(self) -> None:
        self.rate: float | None = None

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """Take the mean of the labels `y` `[rows]`; features `x` `[rows, channels]` are only checked."""
        self.rate = float(check_labels(y, len(check_features(x))).mean(dtype=np.float64))
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return the base rate for every row of `x` `[rows, channels]`: `[rows]`, float64."""
        if self.rate is None:
            raise RunError("base_rate: predict before fit; call fit(x, y) first")
        return np.full(len(check_features(x)), self.rate)
