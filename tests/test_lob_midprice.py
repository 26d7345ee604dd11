"""The study of order books from the shell: on simulated data, on LOBSTER's zip, on a folder of days and stocks."""

import json

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.data_folder import data_folder
from tests.sources.lobster_days import made_day
from tsdeep.cli import main

SMALL = {
    "training": {"epochs": 1, "seeds": 1},
    "features": [
        {"kind": "order_flow_imbalance", "rows": [5, 20]},
        {"kind": "mid_return", "rows": [20]},
        {"kind": "log_size"},
    ],
    "task": {"kind": "movement", "horizon_rows": 20},
}


@pytest.fixture
def spec_file(tmp_path):
    """The shipped study with less to learn."""
    source = {"kind": "simulated_book", "sessions": 3, "rows": 800, "levels": 3}
    spec = tsdeep.load_spec("lob_midprice").replace(source=source, hparams={}, **SMALL)
    file = tmp_path / "small.yaml"
    file.write_text(spec.to_yaml())
    return file


def says(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def test_simulated_books_run_and_say_so(spec_file, tmp_path, capsys):
    out = tmp_path / "run"
    printed = says(capsys, "run", spec_file, "--out", out)
    assert "boosting" in printed
    page = (out / "report.html").read_text()
    assert "The data is simulated" in page
    about = json.loads((out / "model" / "1" / "tsdeep.json").read_text())
    assert (about["row"], about["spec"]["task"]["horizon_rows"]) == ("one book event", 20)
    newest = says(capsys, "predict", out / "model", "--rows", 2).splitlines()
    assert newest[0].split() == ["time", "symbol", "down", "stationary", "up"]
    assert len(newest) == 3
    again = tsdeep.load_run(out)
    np.testing.assert_array_equal(
        again.predictions["row"], pd.read_parquet(out / "predictions.parquet")["row"]
    )


def test_a_lobster_zip_and_a_folder_of_days_and_stocks_run_the_same(spec_file, tmp_path, capsys):
    folder = tmp_path / "lobster"
    for number, date in enumerate(("2012-06-20", "2012-06-21", "2012-06-22")):
        for symbol in ("GOOG", "AMZN"):
            day = made_day(500, seed=10 * number + len(symbol) + (symbol == "AMZN"), symbol=symbol, date=date)
            day.write(folder / date)
    one = made_day(1200, seed=3).write_zip(tmp_path / "LOBSTER_SampleFile_GOOG_2012-06-21_4.zip")
    for path, out in ((one, tmp_path / "one"), (folder, tmp_path / "many")):
        says(capsys, "run", spec_file, "--source", "lobster", "--path", path, "--out", out)
    page = (tmp_path / "many" / "report.html").read_text()
    assert "simulated" not in page.replace("Source changed from simulated_book", "")
    assert (tmp_path / "one" / "model" / "1").is_dir()
    table = pd.read_parquet(tmp_path / "many" / "predictions.parquet")
    assert set(table["symbol"]) == {"GOOG", "AMZN"}
    for symbol in ("GOOG", "AMZN"):  # each with its own scaler
        folder = tmp_path / "many" / "model" / f"symbol={symbol}"
        about = json.loads((folder / "1" / "tsdeep.json").read_text())
        assert about["symbols"] == [symbol]
        newest = says(capsys, "predict", folder).splitlines()
        assert [line.split()[2] for line in newest[1:]] == [symbol]
        assert set(about["task"]["thresholds"]) == {"GOOG", "AMZN"}


def test_the_shipped_study_fits_the_levels_and_tick_of_its_data():
    spec = tsdeep.load_spec("lob_midprice")
    sizes = {}
    for levels in (3, 10):
        source = {"kind": "simulated_book", "sessions": 1, "rows": 1200, "levels": levels, "tick": 50.0}
        samples = tsdeep.load(spec.replace(source=source))
        sizes[levels] = len(samples.feature_names)
        returns = next(feature for feature in samples.features.features if feature.kind == "mid_return")
        assert returns.tick == 50.0
    assert sizes[10] > sizes[3]


@pytest.mark.slow
def test_the_lobster_sample_runs(tmp_path, capsys):
    (path,) = (data_folder() / "lobster").glob("*_GOOG_*.zip")
    out, spec = tmp_path / "goog", tmp_path / "lob_midprice.yaml"
    spec.write_text(tsdeep.load_spec("lob_midprice").replace(training={"seeds": 1, "epochs": 1}).to_yaml())
    says(capsys, "run", spec, "--source", "lobster", "--path", path, "--out", out)
    table = pd.read_csv(out / "metrics.csv")
    pooled = table[table["fold"] == "pooled"].set_index("method")
    assert pooled.loc["oflow", "log_loss"] < pooled.loc["majority", "log_loss"]
