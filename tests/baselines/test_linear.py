from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from tsdeep.baselines import LogisticRegression
from tsdeep.errors import DataError, RunError


def data(rows: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal([5, -1, 0], [1e-3, 100, 1], (rows, 3))
    score = 800 * (x[:, 0] - 5) - 0.005 * (x[:, 1] + 1) + 0.3
    return x, (rng.random(rows) < 1 / (1 + np.exp(-score))).astype(int)


def test_it_minimises_the_penalised_loss_on_standardised_features():
    x, y = data()
    z = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(weights: np.ndarray) -> float:
        score = z @ weights[1:] + weights[0]
        return np.sum(np.logaddexp(0, score) - y * score) + 0.5 * np.sum(weights[1:] ** 2)

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-9}).x
    expected = 1 / (1 + np.exp(-(z @ best[1:] + best[0])))
    assert np.abs(LogisticRegression().fit(x, y).predict(x) - expected).max() < 1e-6


def test_it_does_not_depend_on_the_units_of_a_feature():
    x, y = data()
    up = LogisticRegression().fit(x, y).predict(x)
    scaled = LogisticRegression().fit(x * [1e6, 1e-6, 1], y).predict(x * [1e6, 1e-6, 1])
    assert np.allclose(up, scaled, atol=1e-7)


def test_a_stronger_penalty_pulls_towards_the_base_rate():
    x, y = data()
    loose, tight = (LogisticRegression(c).fit(x, y).predict(x) for c in (1.0, 1e-4))
    assert np.std(tight) < np.std(loose) / 5
    assert np.mean(tight) == pytest.approx(np.mean(y), abs=0.01)


def test_one_class_and_predicting_before_fitting_are_refused():
    with pytest.raises(DataError, match="all 4 labels are 1"):
        LogisticRegression().fit(np.zeros((4, 1)), np.ones(4))
    with pytest.raises(RunError, match="logistic: predict before fit"):
        LogisticRegression().predict(np.zeros((1, 1)))
