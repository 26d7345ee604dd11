from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from tests.evaluation.movement.conftest import NAMES, make_movement, make_references
from tsdeep.evaluation import (
    MOVEMENT_METRICS,
    metrics_table,
    pooled_scores,
    summary_table,
    tidy_metrics,
)


@pytest.fixture(scope="module")
def several():
    return make_movement(200, horizons=(5, 20), symbols=("GOOG", "AMZN"))


def test_a_row_is_a_fold_and_horizon_then_each_horizon_pooled(several):
    table = metrics_table(several, make_references(several), name="tlob", task="movement")
    assert table.index.tolist() == [(0, 5), (0, 20), (1, 5), (1, 20), ("pooled", 5), ("pooled", 20)]
    assert table["log_loss"].columns.tolist() == ["tlob", "majority", "logistic"]
    rows = several[(several["fold"] == 1) & (several["horizon"] == 20)]
    assert table.loc[(1, 20), ("log_loss", "tlob")] == pytest.approx(sk.log_loss(rows["y"], rows[NAMES]))
    assert table.loc[("pooled", 5), ("test", "rows")] == 800
    shares = table.loc[("pooled", 5)]["test"][[f"{name}_share" for name in NAMES]]
    assert shares.sum() == pytest.approx(1)


def test_priors_are_the_columns_of_the_predictions_else_what_majority_states(several):
    none = metrics_table(several, task="movement")
    assert none["prior_corrected_mcc", "model"].isna().all()
    references = make_references(several)
    stated = metrics_table(several, references, task="movement")
    assert stated["prior_corrected_mcc"].notna().all(axis=None)
    assert (stated["prior_corrected_mcc", "majority"] == 0).all()
    columns = several.assign(prior_down=0.1, prior_stationary=0.8, prior_up=0.1)
    given = metrics_table(columns, references, task="movement")
    rows = several[several["horizon"] == 5]
    called = (rows[NAMES].to_numpy() / [0.1, 0.8, 0.1]).argmax(axis=1)
    expected = sk.matthews_corrcoef(rows["y"], called)
    assert given.loc[("pooled", 5), ("prior_corrected_mcc", "model")] == pytest.approx(expected)


def test_tidy_has_a_row_a_fold_horizon_and_method(several):
    table = metrics_table(several, make_references(several), name="tlob", task="movement")
    tidy = tidy_metrics(table)
    shares = [f"{name}_share" for name in NAMES]
    assert tidy.columns.tolist() == [
        "fold", "horizon", "method", "first", "last", "rows", *shares, *MOVEMENT_METRICS
    ]  # fmt: skip
    assert len(tidy) == 6 * 3
    assert tidy["method"].tolist()[:3] == ["tlob", "majority", "logistic"]
    scores = pooled_scores(table)
    assert list(scores) == ["5", "20"]
    assert scores["20"]["logistic"]["mcc"] == table.loc[("pooled", 20), ("mcc", "logistic")]


def test_summary_has_period_and_horizon_in_its_index(several):
    table = summary_table(metrics_table(several, make_references(several), task="movement"), "movement")
    assert table.index.names == ["fold", "test", "horizon"]
    assert table.index[0][1].startswith("2012-06-18 09:3")
    assert table.index[-1] == ("pooled", "2012-06-18 .. 2012-06-19", 20)
    assert list(dict.fromkeys(table.columns.get_level_values(0))) == ["", "log_loss", "mcc", "macro_f1"]
    pure = several.assign(**dict(zip(NAMES, np.eye(3)[several["y"]].T, strict=True)))
    assert "log_loss" not in summary_table(metrics_table(pure, task="movement"), "movement").columns
