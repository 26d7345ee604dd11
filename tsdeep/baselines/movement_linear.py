"""Multinomial logistic regression: the linear bar for models of movements."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LogisticRegression

from tsdeep.baselines.movement_fitted import MovementClassifier


class MovementLogistic(MovementClassifier):
    """Multinomial logistic regression on imbalance, order flow and past returns, by scikit-learn (L2, lbfgs).

    Features are those of `movement_features`, scaled by symbol, at the origin row alone; of books that
    were normalised before (the panel has no tick) they are the levels as they are, and the mid's change.

    Parameters
    ----------
    inverse_penalty : float
        scikit-learn's `C`: smaller is a stronger penalty.

    References
    ----------
    scikit-learn, `sklearn.linear_model.LogisticRegression`.
    """

    name = "logistic"

    def __init__(self, inverse_penalty: float = 1.0) -> None:
        super().__init__()
        self.inverse_penalty = inverse_penalty

    def make(self) -> Any:
        """Return an unfitted classifier."""
        return LogisticRegression(C=self.inverse_penalty, max_iter=1000, tol=1e-4)
