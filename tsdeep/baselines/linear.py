"""Logistic regression on the origin row's features: the linear bar for a direction model."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.linear_model import LogisticRegression as _LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler as _StandardScaler

from tsdeep.baselines.reference import check_features, check_labels
from tsdeep.errors import DataError, RunError


class LogisticRegression:
    """Logistic regression on standardised features, by scikit-learn (L2 penalty, lbfgs).

    It sees the features of the origin row alone, without the rows before it, and standardises them with the
    mean and standard deviation of the rows it is fitted on. A channel that is constant there has no
    influence.

    Parameters
    ----------
    inverse_penalty : float
        scikit-learn's `C`: smaller is a stronger penalty. With thousands of rows and a few channels
        the default of 1.0 hardly shrinks.

    Raises
    ------
    DataError
        From `fit`, if the labels hold one class only.

    References
    ----------
    scikit-learn, `sklearn.linear_model.LogisticRegression`.
    """

    name = "logistic"

    def __init__(self, inverse_penalty: float = 1.0) -> None:
        self.inverse_penalty = inverse_penalty
        self._pipeline: Pipeline | None = None

    def fit(self, x: np.ndarray, y: np.ndarray) -> Self:
        """Fit on features `x` `[rows, channels]` and labels `y` `[rows]` of 0 and 1."""
        features = check_features(x)
        labels = check_labels(y, len(features))
        if labels.min() == labels.max():
            raise DataError(f"logistic: all {len(labels)} labels are {labels[0]}, expected 0 and 1")
        self._pipeline = make_pipeline(
            _StandardScaler(), _LogisticRegression(C=self.inverse_penalty, max_iter=1000, tol=1e-8)
        ).fit(features, labels)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return P(up) `[rows]` (float64) for features `x` `[rows, channels]`."""
        if self._pipeline is None:
            raise RunError("logistic: predict before fit; call fit(x, y) first")
        return self._pipeline.predict_proba(check_features(x))[:, 1]
