"""The study `etf_volatility` from the command line: on made-up bars in files as a user has them."""

import shutil

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.asset_bars import bars
from tests.data_folder import data_folder
from tsdeep.cli import main

SYMBOLS = ("SPY", "TLT", "GLD")
DAYS = 520
OUTPUTS = ("variance", "volatility", "median", "q025", "q500", "q975", "conformal_q025", "conformal_q975")
# Short windows, few members: what is asked is what comes out, not how good it is.
FEATURES = [
    {"kind": "log_variance", "mean_of": "log", "rows": [1, 5, 22], "floor": 1e-7},
    {"kind": "log_variance", "mean_of": "log", "rows": 22, "prefix": "market", "floor": 1e-7},
    {"kind": "log_level", "field": "vix", "lag": 0},
    {"kind": "rolling_mean", "rows": 5, "of": {"kind": "log_level", "field": "vix", "lag": 0}},
    {"kind": "overnight_variance", "rows": [1, 5], "form": "root"},
    {"kind": "asset"},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of bars, one of more assets, VIX, and the shipped spec on few rows."""
    folder = tmp_path_factory.mktemp("files")
    for part, symbols in (("etf", SYMBOLS), ("more", ("IYR",))):
        (folder / part).mkdir()
        for symbol in symbols:
            as_written(bars(symbol, days=DAYS)).to_csv(folder / part / f"{symbol}.csv", index=False)
    vix = bars("VIX", days=DAYS)
    vix["close"] = 20 * (vix["close"] / 100)
    as_written(vix[["time", "symbol", "close"]]).to_csv(folder / "VIX.csv", index=False)
    spec = tsdeep.load_spec("etf_volatility")
    spec = spec.replace(
        source={"symbols": list(SYMBOLS)},
        features=FEATURES,
        task={**spec.task, "horizon_rows": 5},
        split={"train": 380, "test": 50, "max_folds": 2},
        hparams={"har_network": {**spec.hparams["har_network"], "units": (2,)}},
        training={"epochs": 1, "seeds": 2, "stride": 4, "batch_size": 32},
    )
    (folder / "few.yaml").write_text(spec.to_yaml())
    return folder


def as_written(table):
    return table.drop(columns="symbol").rename(columns={"time": "date"})


@pytest.fixture(scope="module")
def finished(files):
    """A run with all that can be given."""
    out = files / "run"
    given = ["--path", files / "etf", "--join", f"vix={files / 'VIX.csv'}", "--train-only", files / "more"]
    assert main([str(each) for each in ("run", files / "few.yaml", *given, "--out", out)]) == 0
    return out


@pytest.fixture(scope="module")
def without_vix(files):
    """A run of the last fold from the folder of bars alone."""
    out = files / "run-without"
    arguments = ("run", files / "few.yaml", "--path", files / "etf", "--folds", 1, "--out", out)
    assert main([str(each) for each in arguments]) == 0
    return out


def test_a_run_leaves_forecasts_of_all_assets_and_of_none_to_train_on(finished):
    predictions = pd.read_parquet(finished / "predictions.parquet")
    assert tuple(predictions["symbol"].unique()) == SYMBOLS
    rows = predictions.groupby(["fold", "symbol"]).size().unstack()
    assert (rows.nunique(axis=1) == 1).all()
    forecasts = predictions[list(OUTPUTS)].to_numpy()
    assert np.isfinite(forecasts).all()
    assert (forecasts > 0).all()


def test_every_label_that_a_fold_learnt_from_had_ended_before_its_first_forecast(finished):
    predictions = pd.read_parquet(finished / "predictions.parquet")
    assert (predictions["cutoff"] < predictions.groupby("fold")["time"].transform("min")).all()
    assert (predictions["end"] > predictions["time"]).all()


def test_all_references_answer_on_the_rows_of_the_model(finished):
    predictions = pd.read_parquet(finished / "predictions.parquet").set_index(["time", "symbol"])
    references = pd.read_parquet(finished / "references.parquet")
    assert {"random_walk", "garch", "log_har_range_vix", "pooled_log_har", "ridge"} <= set(
        references["method"]
    )
    for method, part in references.groupby("method"):
        assert part.set_index(["time", "symbol"])["y"].equals(predictions["y"]), method


def test_the_report_shows_model_and_references(finished):
    page = (finished / "report.html").read_text()
    for name in ("har_network", "pooled_log_har", "garch", "QLIKE"):
        assert name in page


def test_without_vix_its_features_are_left_out_and_the_report_says_so(without_vix):
    page = (without_vix / "report.html").read_text()
    assert "Without vix, which is optional and was not given: 2 of 6 features are left out." in page
    assert "log_har_range_vix" not in pd.read_parquet(without_vix / "references.parquet")["method"].unique()
    assert not any("vix" in name for name in tsdeep.load_run(without_vix).samples.feature_names)


def test_without_vix_the_spec_of_the_run_still_reads_as_it_was(without_vix):
    assert not tsdeep.load_spec(without_vix / "spec.yaml").join["vix"].used


def test_a_spec_without_a_path_says_in_one_line_how_to_give_it(capsys):
    assert main(["run", "etf_volatility"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("tsdeep: ")
    assert "no path given: name a folder with SPY.csv, QQQ.csv" in said
    assert "--path FOLDER" in said


def test_a_series_that_the_spec_does_not_join_is_refused(files, capsys):
    assert main(["run", str(files / "few.yaml"), "--path", str(files / "etf"), "--join", "vx=VIX.csv"]) == 2
    assert "expected NAME=PATH with a series of etf_volatility: vix" in capsys.readouterr().err


def test_an_export_predicts_what_the_last_model_does_offline(finished, files, tmp_path, capsys):
    assert main(["export", str(finished), str(tmp_path / "model")]) == 0
    newest = tmp_path / "etf"
    shutil.copytree(files / "etf", newest)
    known = pd.read_parquet(finished / "predictions.parquet")
    last = known["time"].max()
    for symbol in SYMBOLS:  # as on the evening of the last test day
        table = pd.read_csv(newest / f"{symbol}.csv", parse_dates=["date"])
        table[table["date"] <= last].to_csv(newest / f"{symbol}.csv", index=False)
    capsys.readouterr()
    arguments = ["predict", tmp_path / "model", "--path", newest, "--join", f"vix={files / 'VIX.csv'}"]
    assert main([str(each) for each in arguments]) == 0
    said = capsys.readouterr().out
    expected = known[known["time"] == last].set_index("symbol")
    model = tmp_path / "model"
    spec = tsdeep.load_spec(finished / "spec.yaml").replace(
        source={"path": str(newest)}, assets={"train_only": None}, period={"start": None, "end": None}
    )
    panel, _ = spec.read()
    served = tsdeep.predict(model, panel, rows=1).set_index("symbol")
    for symbol in SYMBOLS:
        assert symbol in said
        for name in ("variance", "volatility", "q500"):
            assert served.loc[symbol, name] == pytest.approx(expected.loc[symbol, name], rel=1e-5)


@pytest.mark.slow
def test_two_years_of_real_etfs_are_forecast_about_as_well_as_by_the_regression_that_is_hard_to_beat(
    tmp_path,
):
    folder = data_folder()
    spec = tsdeep.load_spec("etf_volatility")
    vix = {**spec.resolved()["join"]["vix"], "source": {"kind": "csv", "path": f"{folder}/vix/VIX.csv"}}
    spec = spec.replace(
        source={"path": f"{folder}/etf"},
        join={"vix": vix},
        assets={"train_only": {"kind": "csv", "path": f"{folder}/etf_auxiliary"}},
        period={"end": "2019-12-31"},
        split={"max_folds": 2},
        training={"epochs": 1, "seeds": 3, "stride": 10},
    )
    result = tsdeep.run(spec, tmp_path / "run", progress=False)
    assert result.predictions["time"].dt.year.unique().tolist() == [2018, 2019]
    assert result.predictions["symbol"].nunique() == 10
    scores = result.metrics.loc["pooled"]
    for metric in ("qlike", "rmse_units"):
        assert scores[metric, "har_network"] < 1.05 * scores[metric, "pooled_log_har"]
        assert scores[metric, "har_network"] < 0.95 * scores[metric, "random_walk"]
    assert (tmp_path / "run" / "model" / "1" / "saved_model.pb").is_file()
