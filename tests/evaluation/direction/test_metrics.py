from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from scipy.stats import mannwhitneyu
from statsmodels.stats.proportion import proportion_confint

from tsdeep.evaluation import (
    METRICS,
    calibration_error,
    calibration_table,
    direction_metrics,
    metrics_table,
    predicted_class,
    summary_table,
    tidy_metrics,
    wilson_interval,
)


def test_scores_equal_their_definitions():
    rng = np.random.default_rng(0)
    up = rng.uniform(0.01, 0.99, 500)
    y = (rng.uniform(size=500) < up).astype(int)
    scores = direction_metrics(y, up)
    called = up > 0.5
    tp, tn = np.sum(called & (y == 1)), np.sum(~called & (y == 0))
    fp, fn = np.sum(called & (y == 0)), np.sum(~called & (y == 1))
    assert scores["accuracy"] == pytest.approx((tp + tn) / 500, abs=1e-15)
    assert scores["balanced_accuracy"] == pytest.approx((tp / (tp + fn) + tn / (tn + fp)) / 2, abs=1e-15)
    mcc = (tp * tn - fp * fn) / np.sqrt(float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert scores["mcc"] == pytest.approx(mcc, abs=1e-14)
    wins = mannwhitneyu(up[y == 1], up[y == 0]).statistic
    assert scores["auc"] == pytest.approx(wins / (np.sum(y == 1) * np.sum(y == 0)), abs=1e-14)
    assert scores["log_loss"] == pytest.approx(sklearn.metrics.log_loss(y, up), abs=1e-14)
    assert scores["brier"] == pytest.approx(sklearn.metrics.brier_score_loss(y, up), abs=1e-14)


def test_exactly_one_half_is_not_a_call_of_up():
    assert predicted_class([0.5, np.nextafter(0.5, 1)]).tolist() == [0, 1]


def test_a_class_has_no_probability_scores_and_a_wrong_certainty_is_infinite():
    y = np.array([0, 1, 1, 0])
    classes = direction_metrics(y, np.ones(4))
    assert all(np.isnan(classes[key]) for key in ("log_loss", "brier", "calibration_error"))
    assert classes["accuracy"] == 0.5
    assert classes["auc"] == 0.5
    assert direction_metrics(y, np.array([1.0, 0.6, 0.6, 0.4]))["log_loss"] == np.inf


def test_one_class_of_outcomes_leaves_auc_undefined_without_warnings(recwarn):
    scores = direction_metrics(np.ones(5), np.linspace(0.3, 0.7, 5))
    assert np.isnan(scores["auc"])
    assert scores["accuracy"] == pytest.approx(0.4)
    assert not recwarn.list


def test_calibration_bins_equal_a_loop_over_sorted_tenths():
    rng = np.random.default_rng(1)
    up = rng.permutation(np.linspace(0.3, 0.7, 1000))
    y = rng.integers(0, 2, 1000)
    order = np.argsort(up)
    error = 0.0
    table = calibration_table(y, up)
    assert len(table) == 10
    for i in range(10):
        rows = order[100 * i : 100 * (i + 1)]
        assert table["predicted"][i] == pytest.approx(up[rows].mean(), abs=1e-12)
        assert table["observed"][i] == pytest.approx(y[rows].mean(), abs=1e-12)
        error += abs(up[rows].mean() - y[rows].mean()) / 10
    assert calibration_error(y, up) == pytest.approx(error, abs=1e-12)


def test_a_constant_probability_has_one_bin_and_its_bias_as_error():
    y = np.array([1, 1, 1, 0])
    assert len(calibration_table(y, np.full(4, 0.6))) == 1
    assert calibration_error(y, np.full(4, 0.6)) == pytest.approx(0.15)


def test_wilson_interval_equals_statsmodels():
    for right, rows in [(0, 10), (5, 10), (10, 10), (1990, 3774)]:
        expected = proportion_confint(right, rows, method="wilson")
        assert np.allclose(wilson_interval(right / rows, rows), expected, atol=1e-12)


def test_table_has_a_row_a_fold_then_the_pooled_rows(predictions, references):
    table = metrics_table(predictions, references, name="tcn")
    assert table.index.tolist() == [0, 1, 2, 3, "pooled"]
    assert table["accuracy"].columns.tolist() == ["tcn", "always_up", "base_rate"]
    assert set(METRICS) <= set(table.columns.get_level_values("metric"))
    fold = predictions[predictions["fold"] == 2]
    assert table.loc[2, ("auc", "tcn")] == pytest.approx(sklearn.metrics.roc_auc_score(fold["y"], fold["up"]))
    everything = sklearn.metrics.roc_auc_score(predictions["y"], predictions["up"])
    assert table.loc["pooled", ("auc", "tcn")] == pytest.approx(everything)
    assert table.loc["pooled", ("test", "rows")] == 400
    assert table.loc["pooled", ("accuracy", "always_up")] == predictions["y"].mean()
    assert table["log_loss", "always_up"].isna().all()


def test_csv_has_a_row_a_fold_and_method_and_reads_back(predictions, references, tmp_path):
    tidy = tidy_metrics(metrics_table(predictions, references, name="tcn"))
    tidy.to_csv(tmp_path / "metrics.csv", index=False)
    read = pd.read_csv(tmp_path / "metrics.csv")
    assert len(read) == 5 * 3
    assert read["fold"].tolist()[:4] == ["0", "0", "0", "1"]
    assert read["fold"].tolist()[-1] == "pooled"
    assert read.columns.tolist() == ["fold", "method", "first", "last", "rows", "up_share", *METRICS]
    assert np.allclose(read["accuracy"], tidy["accuracy"].astype(float))


def test_summary_shows_only_what_is_defined(predictions, references):
    summary = summary_table(metrics_table(predictions, references, name="tcn"))
    assert summary["log_loss"].columns.tolist() == ["tcn", "base_rate"]
    assert summary["auc"].columns.tolist() == ["tcn"]
    assert summary["accuracy"].columns.tolist() == ["tcn", "always_up", "base_rate"]
    assert summary.index[-1][0] == "pooled"
    assert len(summary.to_string().splitlines()[0]) < 120
