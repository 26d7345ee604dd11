"""The benchmark spec on files of the benchmark's shape, from the command line to a score."""

import numpy as np
import pytest

import tsdeep
from tests.sources.fi2010_copies import make_days, write

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


def test_the_spec_runs_with_references_beside_the_model(spec, tmp_path):
    quick = spec.replace(model="mlp", lookback=10, training={"epochs": 1})
    result = tsdeep.run(quick, tmp_path / "run", progress=False)
    assert set(result.metrics["macro_f1"].columns) >= {"mlp", "majority", "persistence", "logistic"}
    assert "ten book events" in (tmp_path / "run" / "report.html").read_text()


def test_without_the_files_the_path_is_named():
    with pytest.raises(tsdeep.DataError, match="fi2010"):
        tsdeep.load("fi2010")
