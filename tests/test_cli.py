import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.synthetic import bars
from tsdeep.cli import main

PROMISED = (
    "predictions.parquet",
    "references.parquet",
    "metrics.csv",
    "report.html",
    "model/1/saved_model.pb",
    "model/1/tsdeep.json",
    "spec.yaml",
    "run.json",
)


@pytest.fixture
def tsdeep_says(capsys):
    """Run a command that succeeds, and give what it printed."""

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def refusal(capsys):
    """Run a command that is refused, and give the reason on standard error."""

    def run(*arguments):
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert captured.err.startswith("tsdeep: ")
        assert "Traceback" not in captured.err
        return captured.err

    return run


@pytest.fixture
def csv_spec(tmp_path):
    """A spec file of one's own over a CSV file of bars."""
    bars(400).rename_axis("date").to_csv(tmp_path / "A.csv")
    spec = tsdeep.load_spec("sp500_direction").replace(
        name="mine",
        source={"kind": "csv", "path": str(tmp_path / "A.csv")},
        period={"start": None, "end": None},
        features=[{"kind": "log_return", "rows": 1}, {"kind": "log_volume_change", "rows": 1}],
        lookback=4,
        split={"train": 250, "valid": 50, "test": 50},
        hparams={"lstm": {"units": 2}},
    )
    (tmp_path / "mine.yaml").write_text(spec.to_yaml())
    return tmp_path / "mine.yaml"


# show


def test_show_prints_a_spec_that_reads_back_as_itself(tsdeep_says, tmp_path):
    (tmp_path / "shown.yaml").write_text(tsdeep_says("show", "sp500_direction"))
    assert tsdeep.load_spec(tmp_path / "shown.yaml") == tsdeep.load_spec("sp500_direction")
    assert tsdeep_says("show", tmp_path / "shown.yaml") == tsdeep_says("show", "sp500_direction")


def test_show_prints_the_json_schema(tsdeep_says):
    assert json.loads(tsdeep_says("show", "--schema")) == tsdeep.json_schema()


# run


def test_a_run_leaves_every_promised_file(finished_run):
    for name in PROMISED:
        assert (finished_run / name).stat().st_size > 0, name
    figures = {path.stem for path in (finished_run / "figures").glob("*.png")}
    assert {"folds", "learning_curves", "calibration", "equity", "rolling_accuracy", "confusion"} <= figures


def test_a_run_is_of_the_folds_and_epochs_asked_for(finished_run):
    predictions = pd.read_parquet(finished_run / "predictions.parquet")
    assert predictions["time"].dt.year.unique().tolist() == [2018]
    assert tsdeep.load_run(finished_run).history["epoch"].nunique() == 1
    spec = tsdeep.load_spec(finished_run / "spec.yaml")
    assert (spec.split.max_folds, spec.training.epochs) == (1, 1)
    content = json.loads((finished_run / "run.json").read_text())
    assert content["complete"]
    assert {"tensorflow", "keras", "numpy", "pandas", "tsdeep", "python"} <= set(content["versions"])


def test_run_of_one_s_own_spec_prints_one_table_and_the_report_s_place(tsdeep_says, csv_spec, tmp_path):
    said = tsdeep_says(
        "run", csv_spec, "--model", "gru", "--epochs", 1, "--seed", 3, "--out", tmp_path / "out"
    )
    assert "gru, out of sample" in said
    for method in ("gru", "always_up", "base_rate", "logistic"):
        assert method in said
    pooled = re.search(r"pooled .*?(\d\.\d{4})", said)
    result = tsdeep.load_run(tmp_path / "out")
    accuracy = ((result.predictions["up"] > 0.5) == (result.predictions["y"] == 1)).mean()
    assert float(pooled[1]) == pytest.approx(accuracy, abs=5e-5)
    assert said.rstrip().endswith(str(tmp_path / "out" / "report.html"))
    spec = tsdeep.load_spec(tmp_path / "out" / "spec.yaml")
    assert (spec.model, spec.training.seed, spec.training.epochs) == ("gru", 3, 1)


def test_without_out_a_run_goes_below_runs_and_resume_finds_the_unfinished_one(
    tsdeep_says, refusal, csv_spec, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert "no unfinished run of lstm in runs/mine" in refusal("run", csv_spec, "--resume")
    command = ("run", csv_spec, "--epochs", 1)
    tsdeep_says(*command)
    (folder,) = (tmp_path / "runs" / "mine").iterdir()
    assert re.fullmatch(r"lstm-\d{8}-\d{6}", folder.name)
    before = pd.read_parquet(folder / "predictions.parquet")
    # As if it had been killed before its report was written.
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({"settings": content["settings"], "complete": False}))
    (folder / "predictions.parquet").unlink()
    made = (folder / "folds" / "000" / "model_0.keras").stat().st_mtime_ns
    tsdeep_says(*command, "--resume")
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "predictions.parquet"), before)
    assert (folder / "folds" / "000" / "model_0.keras").stat().st_mtime_ns == made
    assert json.loads((folder / "run.json").read_text())["complete"]


def test_another_source_of_the_same_spec_replaces_it_and_its_period(tsdeep_says, tmp_path):
    frame = (
        tsdeep.load("sp500_direction")
        .panel.to_frame()
        .drop(columns="symbol")
        .rename(columns={"time": "Date"})
    )
    frame["Date"] += pd.Timedelta(days=3653)  # outside the spec's period
    frame.to_csv(tmp_path / "INDEX.csv", index=False)
    out = tmp_path / "out"
    options = ("--source", "csv", "--path", tmp_path / "INDEX.csv", "--folds", 1, "--epochs", 1, "--out", out)
    tsdeep_says("run", "sp500_direction", *options)
    predictions = pd.read_parquet(out / "predictions.parquet")
    assert predictions["symbol"].unique().tolist() == ["INDEX"]
    assert predictions["time"].dt.year.unique().tolist() == [2028]


# predict and export


def printed_table(text):
    header, *lines = (line.split() for line in text.strip().splitlines())
    return pd.DataFrame(lines, columns=header)


def test_predict_gives_the_newest_row_of_the_spec_s_source(tsdeep_says, finished_run):
    table = printed_table(tsdeep_says("predict", finished_run / "model"))
    assert table[["time", "symbol"]].to_numpy().tolist() == [["2018-12-31", "sp500"]]
    assert float(table["up"].item()) + float(table["down"].item()) == pytest.approx(1, abs=1e-5)


def test_predict_from_a_csv_file_equals_the_run_s_own_predictions(tsdeep_says, finished_run, tmp_path):
    panel = tsdeep.load("sp500_direction").panel
    fields = ["time", "high", "low", "close", "volume"]  # what the model reads; it has no use for `open`
    panel.to_frame()[fields].rename(columns={"time": "date"}).to_csv(tmp_path / "index.csv", index=False)
    said = tsdeep_says(
        "predict", finished_run / "model", "--source", "csv", "--path", tmp_path / "index.csv", "--rows", 4
    )
    table = printed_table(said)
    predictions = pd.read_parquet(finished_run / "predictions.parquet").tail(3)
    assert table["time"].tolist()[:3] == predictions["time"].dt.strftime("%Y-%m-%d").tolist()
    np.testing.assert_allclose(table["up"].astype(float)[:3], predictions["up"], atol=1e-6)
    assert table["symbol"].unique().tolist() == ["index"]


def test_export_adds_a_version_that_answers_as_the_run_s_own(tsdeep_says, finished_run, tmp_path):
    for version in ("1", "2"):
        assert tsdeep_says("export", finished_run, tmp_path / "served").strip() == str(
            tmp_path / "served" / version
        )
    assert tsdeep_says("predict", tmp_path / "served") == tsdeep_says("predict", finished_run / "model")


def test_export_for_a_server_with_every_format_and_a_compiled_batch(tsdeep_says, finished_run, tmp_path):
    said = tsdeep_says(
        *("export", finished_run, tmp_path / "served" / "index", "--serving", "--compiled", 1, 8),
        *("--formats", "savedmodel", "onnx", "litert", "--stream", "window"),
    )
    version = tmp_path / "served" / "index" / "1"
    assert said.strip() == str(version)
    about = json.loads((version / "tsdeep.json").read_text())
    assert {"serving_default", "predict_class", "compiled_1", "compiled_8"} <= set(about["signatures"])
    assert about["signatures"]["stream_step"]["stream"]["mode"] == "window"
    assert about["signatures"]["compiled_8"]["inputs"]["close"]["shape"] == [8, about["rows_needed"]]
    assert (version / "model.onnx").is_file()
    assert (version / "model.tflite").is_file()
    assert (version / "assets.extra" / "tf_serving_warmup_requests").is_file()
    assert 'name: "index"' in (tmp_path / "served" / "models.config").read_text()
    assert "./index" in (tmp_path / "served" / "compose.yaml").read_text()
    assert (tmp_path / "served" / "batching.config").is_file()


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "sp500_directoin"], r"unknown spec 'sp500_directoin': did you mean 'sp500_direction'\?"),
        (["show"], "name a spec to show, or pass --schema"),
        (["show", "none.yaml"], r"none\.yaml: no such file"),
        (["run", "sp500_direction", "--model", "tnc"], r"model: unknown model 'tnc': did you mean 'tcn'\?"),
        (["run", "sp500_direction", "--epochs", "0"], "training.epochs: found 0, expected a number greater"),
        (["run", "sp500_direction", "--folds", "0"], "split.max_folds: found 0, expected a number greater"),
        (["run", "sp500_direction", "--source", "cvs"], r"unknown source 'cvs': did you mean 'csv'\?"),
        (
            ["run", "sp500_direction", "--source", "csv"],
            "csv: no path given: name a folder with <symbol>.csv",
        ),
        (["run", "sp500_direction", "--path", "x"], "source 'bundled': unknown key 'path'"),
        (
            ["run", "sp500_direction", "--symbols", "dax"],
            r"symbols\[0\]: found 'dax', expected 'sp500' or 'nasdaq'",
        ),
        (["run", "sp500_direction", "--source", "csv", "--path", "none.csv"], r"none\.csv: no such file"),
        (["predict", "nothing"], "nothing: found no exported version"),
        (["export", "nothing", "out"], r"nothing/run\.json cannot be read as a run"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_reason(refusal, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert re.search(message, refusal(*arguments))


def test_a_run_folder_in_use_or_of_another_run_is_refused(refusal, finished_run):
    command = ("run", "sp500_direction", "--folds", 1, "--epochs", 1, "--out", finished_run)
    assert "holds this run already; resume it" in refusal(*command)
    assert "belongs to another run: " in refusal(*command, "--seed", 7, "--resume")


def test_a_folder_that_cannot_be_written_is_refused(refusal, csv_spec, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in refusal("run", csv_spec, "--out", tmp_path / "file" / "out")


def test_a_csv_file_that_lacks_what_the_model_reads_is_refused(refusal, finished_run, tmp_path):
    (tmp_path / "x.csv").write_text("date,close\n2020-01-02,1\n")
    reason = refusal("predict", finished_run / "model", "--source", "csv", "--path", tmp_path / "x.csv")
    assert "unknown field 'high': Known: close" in reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--formats", "savedmodel", "onx"], r"unknown format 'onx': did you mean 'onnx'\?"),
        (["--formats", "onnx"], "formats: found onnx, expected 'savedmodel' among them"),
        (["--compiled", "0"], r"compiled: found \[?0\]?, expected"),
        (["--symbol", "sp500"], "symbol: found 'sp500', expected none"),
    ],
)
def test_an_export_that_cannot_be_is_refused_and_leaves_nothing(
    refusal, finished_run, tmp_path, options, message
):
    assert re.search(message, refusal("export", finished_run, tmp_path / "served", *options))
    assert not list(tmp_path.rglob("saved_model.pb"))


def test_a_file_of_the_server_that_is_another_s_is_refused(refusal, finished_run, tmp_path):
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    assert "compose.yaml: was not written by tsdeep" in refusal(
        "export", finished_run, tmp_path / "index", "--serving"
    )
    assert (tmp_path / "compose.yaml").read_text() == "services: {}\n"
    assert not (tmp_path / "index").exists()


def test_a_damaged_export_is_refused(refusal, finished_run, tmp_path):
    shutil.copytree(finished_run / "model", tmp_path / "model")
    (tmp_path / "model" / "1" / "tsdeep.json").write_text("{")
    assert "tsdeep.json: cannot be read as the description of an export" in refusal(
        "predict", tmp_path / "model"
    )


@pytest.mark.parametrize("arguments", [[], ["rnu"], ["run"], ["run", "a", "--epochs", "many"], ["predict"]])
def test_arguments_that_make_no_command_exit_with_2_and_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: tsdeep")


def test_an_interruption_ends_without_a_traceback(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tsdeep.spec, "load_spec", interrupt)
    assert main(["show", "sp500_direction"]) == 130
    assert "--resume" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tsdeep {tsdeep.__version__}\n"
