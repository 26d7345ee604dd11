"""Gradient-boosted trees: the bar that deep models of movements seldom pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from tsdeep.baselines.movement_fitted import MovementClassifier


class MovementBoosting(MovementClassifier):
    """Gradient-boosted trees on imbalance, order flow and past returns, by scikit-learn (histograms, log-loss).

    Features are those of `movement_features`, scaled by symbol, at the origin row alone; of books that
    were normalised before (the panel has no tick) they are the levels as they are, and the mid's change. A fixed
    number of small trees on random thirds of the features, without early stopping: overlapping labels make any random
    share of the rows too easy to stop on.

    Parameters
    ----------
    trees : int
        Rounds of boosting, a tree a class each.
    learning_rate : float
        Share of each tree that is added.
    leaves : int
        Leaves of a tree, at most.
    leaf_rows : int
        Training rows in a leaf, at least.
    seed : int
        Of the features that a split may choose from.
    threads : int
        Threads at most; 1 by default, since threads that wait for a busy core take many times longer.

    References
    ----------
    scikit-learn, `sklearn.ensemble.HistGradientBoostingClassifier`, after LightGBM: Ke et al. (2017), "LightGBM: a
    highly efficient gradient boosting decision tree", NIPS.
    """

    name = "boosting"

    def __init__(
        self,
        trees: int = 100,
        learning_rate: float = 0.05,
        leaves: int = 8,
        leaf_rows: int = 200,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        super().__init__()
        self.trees = trees
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.leaf_rows = leaf_rows
        self.seed = seed
        self.threads = threads

    def make(self) -> Any:
        """Return an unfitted classifier."""
        return HistGradientBoostingClassifier(
            max_iter=self.trees,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf_rows,
            max_features=0.3,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )

    def _fit(self, x: np.ndarray, y: np.ndarray) -> Any:
        with threadpool_limits(self.threads):
            return super()._fit(x, y)

    def _probabilities(self, classifier: Any, x: np.ndarray) -> np.ndarray:
        with threadpool_limits(self.threads):
            return super()._probabilities(classifier, x)
