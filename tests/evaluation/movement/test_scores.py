from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tsdeep.evaluation import (
    MOVEMENT_METRICS,
    calibration_error,
    called_class,
    class_log_losses,
    classwise_calibration_error,
    confusion_counts,
    confusion_scores,
    coverage_table,
    movement_metrics,
)

CALLS = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*(arrays(np.int64, n, elements=st.integers(0, 2)) for _ in range(2)))
)


def random_rows(rows: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([2.0, 3.0, 1.0], rows)
    return np.array([rng.choice(3, p=row) for row in p]), p


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=80, deadline=None)
@given(CALLS)
def test_scores_of_calls_equal_scikit_learn_on_any_classes(calls):
    y, called = calls
    scores = confusion_scores(confusion_counts(y, called))
    assert scores["accuracy"] == pytest.approx(sk.accuracy_score(y, called), abs=1e-12)
    assert scores["mcc"] == pytest.approx(sk.matthews_corrcoef(y, called), abs=1e-12)
    assert scores["macro_f1"] == pytest.approx(
        sk.f1_score(y, called, average="macro", zero_division=0), abs=1e-12
    )
    assert scores["weighted_f1"] == pytest.approx(
        sk.f1_score(y, called, average="weighted", zero_division=0), abs=1e-12
    )
    assert scores["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(y, called), abs=1e-12)


def test_confusion_equals_scikit_learn_and_scores_of_many_equal_each_by_itself():
    rng = np.random.default_rng(0)
    y, called, groups = (rng.integers(0, k, 300) for k in (3, 3, 4))
    counts = confusion_counts(y, called, groups)
    together = confusion_scores(counts)
    for g in range(4):
        expected = sk.confusion_matrix(y[groups == g], called[groups == g], labels=[0, 1, 2])
        assert (counts[g] == expected).all()
        for name, value in confusion_scores(expected).items():
            assert together[name][g] == value


def test_probability_scores_equal_scikit_learn():
    y, p = random_rows()
    scores = movement_metrics(y, p)
    assert list(scores) == list(MOVEMENT_METRICS)
    assert scores["log_loss"] == pytest.approx(sk.log_loss(y, p), abs=1e-12)
    one_hot = np.eye(3)[y]
    assert scores["brier"] == pytest.approx(
        sum(sk.brier_score_loss(one_hot[:, k], p[:, k]) for k in range(3)), abs=1e-12
    )
    assert scores["calibration_error"] == pytest.approx(
        np.mean([calibration_error(y == k, p[:, k]) for k in range(3)])
    )
    assert np.isnan(scores["prior_corrected_mcc"])


def test_calls_that_are_stated_are_scored_in_place_of_the_likeliest_class():
    y, p = random_rows()
    calls = np.random.default_rng(1).integers(0, 3, len(y))
    stated, likeliest = (
        movement_metrics(y, p, priors=[0.2, 0.5, 0.3], calls=calls),
        movement_metrics(y, p, priors=[0.2, 0.5, 0.3]),
    )
    assert stated["mcc"] == pytest.approx(sk.matthews_corrcoef(y, calls))
    assert stated["accuracy"] == pytest.approx(np.mean(calls == y))
    assert stated["macro_f1"] == pytest.approx(sk.f1_score(y, calls, average="macro"))
    for name in ("log_loss", "brier", "calibration_error", "prior_corrected_mcc", "prior_corrected_macro_f1"):
        assert stated[name] == likeliest[name]
    table = coverage_table(y, p, calls=calls)
    confidence = p[np.arange(len(y)), calls]
    for row in table.itertuples():
        kept = confidence >= row.threshold
        assert row.rows == kept.sum()
        assert row.mcc == pytest.approx(sk.matthews_corrcoef(y[kept], calls[kept]))


def test_calibration_error_of_a_constant_is_its_bias():
    y = np.array([0, 0, 1, 2])
    p = np.tile([0.3, 0.3, 0.4], (4, 1))
    assert classwise_calibration_error(y, p) == pytest.approx((0.2 + 0.05 + 0.15) / 3)


def test_a_wrong_certainty_is_infinite_and_pure_classes_have_no_log_loss():
    assert class_log_losses([0, 2], [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]).tolist() == [np.inf, 0.0]
    pure = movement_metrics([0, 1, 2], np.eye(3)[[0, 0, 2]])
    assert all(np.isnan(pure[name]) for name in ("log_loss", "brier", "calibration_error"))
    assert pure["accuracy"] == pytest.approx(2 / 3)


def test_prior_correction_divides_by_the_training_shares():
    p = np.array([[0.2, 0.6, 0.2], [0.1, 0.7, 0.2], [0.2, 0.5, 0.3]])
    assert called_class(p).tolist() == [1, 1, 1]
    assert called_class(p, [0.2, 0.7, 0.1]).tolist() == [2, 2, 2]
    assert called_class(p, [0.1, 0.7, 0.2]).tolist() == [0, 0, 0]
    assert called_class(p, [[0.1, 0.7, 0.2], [1 / 3] * 3, [0.5, 0.5, 0.0]]).tolist() == [0, 1, 1]


@given(arrays(np.float64, (20, 3), elements=st.floats(0.01, 1)))
def test_correcting_by_equal_shares_calls_the_likeliest_class(p):
    p = p / p.sum(axis=1, keepdims=True)
    called = called_class(p, [1 / 3] * 3)
    assert np.allclose(p[np.arange(20), called], p.max(axis=1), rtol=1e-12)  # near ties may go either way


def test_correction_recovers_the_calls_of_balanced_classes():
    rng = np.random.default_rng(0)
    balanced = rng.dirichlet([1, 1, 1], 400)
    shares = np.array([0.1, 0.8, 0.1])
    shifted = balanced * shares / (balanced * shares).sum(axis=1, keepdims=True)
    assert (called_class(shifted, shares) == called_class(balanced)).all()
    assert (called_class(shifted) != called_class(balanced)).mean() > 0.3


def test_coverage_equals_a_loop_over_thresholds():
    y, p = random_rows()
    table = coverage_table(y, p)
    assert table["share"].iloc[0] == 1.0
    assert table["threshold"].is_monotonic_increasing
    for row in table.itertuples():
        kept = [i for i in range(len(y)) if max(p[i]) >= row.threshold]
        assert row.rows == len(kept)
        assert row.mcc == pytest.approx(sk.matthews_corrcoef(y[kept], p[kept].argmax(axis=1)))
        assert row.accuracy == pytest.approx(np.mean(p[kept].argmax(axis=1) == y[kept]))
    assert np.allclose(table["share"][::-1], [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0], atol=0.003)
    assert len(coverage_table(y, np.tile([0.3, 0.3, 0.4], (500, 1)))) == 1
