"""The benchmark spec on files of the benchmark's shape, from the command line to a score."""

import numpy as np
import pytest

import tsdeep
from tests.sources.fi2010_copies import make_days, write
from tsdeep.baselines.movement_features import movement_features

LENGTHS = np.full((10, 5), 60)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fi2010")
    write(folder, make_days(LENGTHS), [("Train", 7), ("Test", 7), ("Test", 8), ("Test", 9)], kind="ZScore")
    spec = tsdeep.load_spec("fi2010")
    return spec.replace(source={**spec.resolved()["source"], "path": str(folder)})


def test_rows_labels_and_folds_are_the_benchmarks(spec):
    samples = tsdeep.load(spec)
    (fold,) = spec.splitter().split(samples)
    train, test = 7 * 300, 3 * 300
    cut = int(0.8 * train)
    assert [len(fold.train), len(fold.valid), len(fold.test)] == [cut - 99, train - cut - 99, test - 99]
    np.testing.assert_array_equal(samples.y[fold.test], samples.panel.fields["label_10"][fold.test])
    np.testing.assert_array_equal(
        samples.x[:, :4],
        np.stack([samples.panel.fields[name][:, 0] for name in samples.features.fields], axis=1).astype("f4"),
    )


@pytest.fixture(scope="module")
def quick(spec):
    return spec.replace(model="mlp", lookback=10, training={"epochs": 1})


@pytest.fixture(scope="module")
def run(quick, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    return tsdeep.run(quick, folder, progress=False), folder


def test_the_spec_runs_with_references_beside_the_model(run, quick):
    result, _ = run
    losses = result.metrics["log_loss"].loc["pooled"].loc[10]
    assert set(losses.index) == {"mlp", "majority", "persistence", "rule", "logistic", "boosting"}
    assert np.isfinite(losses).all()
    # A constant's log-loss: the cross-entropy of the test rows' shares with those of training and validation rows.
    samples = result.samples
    (fold,) = quick.splitter().split(samples)
    train, test = (np.bincount(samples.y[rows].astype(int), minlength=3) for rows in (fold.refit, fold.test))
    known = (train + 1) / (train.sum() + 3)
    cross = -(test / test.sum() * np.log(known)).sum()
    np.testing.assert_allclose(losses["majority"], cross, rtol=1e-6)
    entropy = -(known * np.log(known)).sum()
    np.testing.assert_allclose(losses["majority"], entropy, rtol=0.01)


def test_the_report_says_that_the_data_is_normalised_and_its_times_made_up(run):
    _, folder = run
    report = (folder / "report.html").read_text()
    assert "ten book events" in report
    assert "Prices and sizes are normalised (ZScore" in report
    assert "figures by time of day would mean nothing" in report
    assert "Log-loss through the session" not in report


def test_references_read_the_levels_as_they_are(spec):
    samples = tsdeep.load(spec)
    x = movement_features(samples.panel, samples.task.horizons)
    assert x.shape[1] == 40 + 1
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(x[:, :40], samples.x)
    assert (samples.x[:, 1::2] < 0).any()


def test_without_the_files_the_path_is_named():
    with pytest.raises(tsdeep.DataError, match="fi2010"):
        tsdeep.load("fi2010")
