"""The base of references for movements that fit a classifier of scikit-learn on features, one a horizon."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tsdeep.baselines.movement import N_CLASSES, movement_labels, movement_task
from tsdeep.baselines.movement_features import SymbolScaler, movement_features, scaler_of
from tsdeep.errors import DataError, RunError
from tsdeep.tasks.movement_outputs import named

if TYPE_CHECKING:
    from tsdeep.samples import Samples


class MovementClassifier(ABC):
    """A classifier on the features of `movement_features`, scaled by symbol, fitted for each horizon.

    Raises
    ------
    DataError
        From `fit`, if the labels of a horizon hold one class only.
    """

    name: str

    def __init__(self) -> None:
        self._scaler: SymbolScaler | None = None
        self._classifiers: list[Any] | None = None
        self._n_rows = 0

    @abstractmethod
    def make(self) -> Any:
        """Return an unfitted classifier, with `fit`, `predict_proba` and `classes_`."""

    def fit(self, samples: Samples, rows: np.ndarray) -> Self:
        """Fit on given panel rows of samples."""
        task = movement_task(samples, self.name)
        y = movement_labels(samples, rows, self.name)
        for number, horizon in enumerate(task.horizons):
            if y[:, number].min() == y[:, number].max():
                raise DataError(
                    f"{self.name}: all {len(y)} labels of horizon {horizon} are {y[0, number]}, "
                    "expected two classes or more"
                )
        x, symbol = movement_features(samples.panel, task.horizons)[rows], samples.panel.symbol[rows]
        self._n_rows = len(rows)
        self._scaler = scaler_of(samples.panel).fit(x, symbol)
        scaled = self._scaler.transform(x, symbol)
        self._classifiers = [self._fit(scaled, y[:, number]) for number in range(y.shape[1])]
        return self

    def _fit(self, x: np.ndarray, y: np.ndarray) -> Any:
        return self.make().fit(x, y)

    def predict(self, samples: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probabilities of the classes by output name, each float64 `[rows]`."""
        if self._classifiers is None or self._scaler is None:
            raise RunError(f"{self.name}: predict before fit; call fit(samples, rows) first")
        horizons = movement_task(samples, self.name).horizons
        x = self._scaler.transform(
            movement_features(samples.panel, horizons)[rows], samples.panel.symbol[rows]
        )
        by_horizon = [self._probabilities(classifier, x) for classifier in self._classifiers]
        return named(by_horizon[0] if len(by_horizon) == 1 else np.stack(by_horizon, axis=1), horizons)

    def _probabilities(self, classifier: Any, x: np.ndarray) -> np.ndarray:
        """Probabilities of all classes; one that no training row had gets what one row in all would give it."""
        probabilities = np.full((len(x), N_CLASSES), 1.0 / (self._n_rows + 1))
        probabilities[:, classifier.classes_] = classifier.predict_proba(x)
        return probabilities / probabilities.sum(axis=1, keepdims=True)
