"""Ensembles over models."""

import numpy as np
import pytest

import tsdeep
from tests.synthetic import samples
from tsdeep.errors import RunError, SpecError

SETTINGS = {"epochs": 1, "progress": False, "jit_compile": False}


@pytest.fixture(scope="module")
def market():
    return samples()


@pytest.fixture(scope="module")
def runs(market):
    cv = tsdeep.WalkForward(train=300, valid=80, test=60, max_folds=2)
    mlp = tsdeep.walk_forward("mlp", market, cv, units=(3,), seeds=2, **SETTINGS)
    return mlp, tsdeep.walk_forward("lstm", market, cv, units=3, refit=False, **SETTINGS)


def test_an_average_is_of_the_predictions_and_stands_beside_the_same_references(runs):
    both = tsdeep.average(runs, "mlp and lstm")
    expected = (runs[0].predictions["up"] + runs[1].predictions["up"]) / 2
    np.testing.assert_allclose(both.predictions["up"], expected)
    np.testing.assert_array_equal(both.predictions["up_seed1"], runs[1].predictions["up"])
    assert [each["model"] for each in both.settings["average of"]] == ["mlp", "lstm"]
    assert both.settings["lookback"] == runs[0].settings["lookback"]
    assert "model_sha256" not in both.settings
    assert both.evidence().seeds == 2
    assert both.metrics["log_loss"].columns.tolist() == ["mlp and lstm", "always_up", "base_rate", "logistic"]
    loss = both.metrics.loc["pooled", ("log_loss", "mlp and lstm")]
    parts = [run.metrics.loc["pooled", ("log_loss", run.model)] for run in runs]
    assert loss <= np.mean(parts)  # the loss is convex
    assert sorted(both.history["member"].unique()) == [0, 1, 2]
    assert (both.predictions["cutoff"] >= runs[1].predictions["cutoff"]).all()


def test_an_average_reports_and_is_not_exported(runs, tmp_path):
    both = tsdeep.average(runs)
    assert both.report(tmp_path).is_file()
    with pytest.raises(RunError, match="holds no models, as an average of several"):
        tsdeep.export(both, tmp_path / "model")


def test_other_rows_and_a_single_result_are_refused(runs, market):
    other = tsdeep.walk_forward(
        "mlp", market, tsdeep.WalkForward(train=320, valid=80, test=60, max_folds=2), **SETTINGS
    )
    with pytest.raises(SpecError, match="other test rows or labels"):
        tsdeep.average([runs[0], other])
    with pytest.raises(SpecError, match="found 1 results, expected two or more"):
        tsdeep.average(runs[:1])
