"""The study of index volatility: it runs with no file and no network, says what qualifies it, and can be repeated."""

import html
import re
import shutil
import socket
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from arch.data import nasdaq, sp500

import tsdeep
from tsdeep.cli import main
from tsdeep.evaluation import evaluate


@pytest.fixture(scope="module")
def spec():
    return tsdeep.load_spec("index_volatility")


@pytest.fixture(scope="module")
def samples(spec):
    return tsdeep.load(spec)


@pytest.fixture(scope="module")
def offline_run(tmp_path_factory):
    """Folder of a run of the last test year by the command line, where no socket can connect."""

    def refuse(*_):
        raise OSError("this test has no network")

    folder = tmp_path_factory.mktemp("index") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        command = ["run", "index_volatility", "--folds", "1", "--epochs", "1", "--out", str(folder)]
        assert main(command) == 0
    return folder


@pytest.fixture(scope="module")
def page(offline_run):
    """The report's words, without tags."""
    text = (offline_run / "report.html").read_text(encoding="utf-8")
    return " ".join(html.unescape(re.sub(r"<style.*?</style>|<[^>]+>", " ", text, flags=re.DOTALL)).split())


@pytest.fixture(scope="module")
def small():
    """Two test years of a short history, with two members: the same spec, quicker."""
    return tsdeep.load_spec("index_volatility").replace(
        period={"start": "2012-06-01", "end": "2015-12-31"},
        split={"train": "2YE", "max_folds": 2},
        training={"epochs": 1, "seeds": 2, "warm_start": False},
    )


def walk(spec, **settings):
    training = {**spec.training.model_dump(), **settings}
    return tsdeep.walk_forward(
        spec.model,
        tsdeep.load(spec),
        spec.splitter(),
        progress=False,
        **training,
        **spec.hparams.get(spec.model, {}),
    )


@pytest.fixture(scope="module")
def small_run(small, tmp_path_factory):
    return walk(small, out=tmp_path_factory.mktemp("small") / "run")


def test_labels_and_test_years_are_those_of_pandas(spec, samples):
    folds = list(spec.splitter().split(samples))
    tested = np.concatenate([fold.test for fold in folds])
    for symbol, table in (("sp500", sp500.load()), ("nasdaq", nasdaq.load())):
        returns = np.log(table["Close"]).diff()
        realised = np.log(252 * (returns**2).rolling(21).mean().shift(-21)).loc["2005":].dropna()
        rows = np.sort(tested[samples.symbol[tested] == symbol])
        np.testing.assert_array_equal(pd.DatetimeIndex(samples.time[rows]), realised.index)
        np.testing.assert_allclose(samples.y[rows], realised, rtol=1e-4, atol=1e-5)
    years = [{int(year) for year in pd.DatetimeIndex(samples.time[fold.test]).year} for fold in folds]
    assert years == [{year} for year in range(2005, 2019)]


def test_no_label_that_was_learnt_from_ends_in_a_test_year(spec, samples):
    for fold in spec.splitter().split(samples):
        assert samples.time[samples.label_end[fold.refit]].max() < samples.time[fold.test].min()


def test_the_night_is_not_read_and_the_opens_are_why(samples):
    assert "open" not in samples.features.fields
    table = sp500.load()["1999":"2005"]
    same = np.isclose(table["Open"].iloc[1:], table["Close"].iloc[:-1], rtol=2e-5, atol=0)
    assert same.mean() > 0.9


def test_settings_were_chosen_before_the_first_test_row(spec, samples):
    first = next(iter(spec.splitter().split(samples))).test
    assert samples.time[first].min() == np.datetime64("2005-01-03")
    assert spec.variants == 10


def test_an_audit_finds_nothing_that_looks_ahead(samples):
    cv = tsdeep.WalkForward(train="6YE", test="7YE", mode="expanding")
    tsdeep.audit(samples, cv, trials=1).raise_if_failed()


def test_a_run_offline_leaves_predictions_figures_a_report_and_a_model(offline_run):
    for name in (
        "predictions.parquet",
        "references.parquet",
        "metrics.csv",
        "report.html",
        "model/1/saved_model.pb",
    ):
        assert (offline_run / name).is_file(), name
    for name in ("forecasts", "loss_differences", "coverage", "learning_curves", "portfolio"):
        assert (offline_run / "figures" / f"{name}.png").stat().st_size > 5_000, name
    predictions = pd.read_parquet(offline_run / "predictions.parquet")
    assert set(predictions["symbol"]) == {"sp500", "nasdaq"}
    assert predictions["time"].dt.year.unique().tolist() == [2018]


def test_the_report_has_every_reference_that_needs_no_vix(page, offline_run):
    names = {
        *("random_walk", "ewma", "har_rv", "har_vol", "log_har", "log_har_range", "log_har_garman_klass"),
        *("pooled_log_har", "garch", "gjr_garch", "combination", "ridge", "fifty_days"),
    }
    assert set(pd.read_parquet(offline_run / "references.parquet")["method"]) == names
    for name in names:
        assert f" {name} " in page, name


def test_the_report_has_the_forecasts_and_what_qualifies_them(page):
    assert "what was forecast at the origin" in page
    assert "Labels look 21 rows ahead and overlap" in page
    assert "The 2 assets move together" in page
    assert "10 settings were tried" in page
    assert "Predictions are the mean of 6 members" in page


def test_the_report_says_in_which_years_opens_were_not_observed_where_they_are_read(small_run):
    evidence = small_run.evidence()
    assert "log_har_garman_klass" in set(evidence.references["method"])  # reads the night
    prices = evidence.prices.assign(open=evidence.prices.groupby("symbol")["close"].shift(1))
    caveats = " ".join(evaluate(replace(evidence, prices=prices)).caveats)
    assert "opens equal the prior close" in caveats


def test_two_runs_from_one_seed_are_identical_fold_by_fold(small, small_run):
    again = walk(small.replace(split={"max_folds": 1}))
    for name in ("predictions", "references"):
        found, before = getattr(again, name), getattr(small_run, name)
        last = before[before["fold"] == 1].reset_index(drop=True)
        pd.testing.assert_frame_equal(found.drop(columns="fold"), last.drop(columns="fold"), check_exact=True)


def test_a_run_that_was_interrupted_goes_on_with_the_same_numbers(small, small_run, tmp_path):
    shutil.copytree(small_run.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "folds" / "001")
    resumed = walk(small, out=tmp_path / "run", resume=True)
    pd.testing.assert_frame_equal(resumed.predictions, small_run.predictions, check_exact=True)
    pd.testing.assert_frame_equal(resumed.references, small_run.references, check_exact=True)


def test_the_model_of_a_run_answers_the_newest_day_of_raw_bars(offline_run, samples, capsys):
    assert main(["predict", str(offline_run / "model")]) == 0
    printed = capsys.readouterr().out
    assert "2018-12-31" in printed
    assert "sp500" in printed
    assert "nasdaq" in printed
    known = pd.read_parquet(offline_run / "predictions.parquet")
    day = known["time"].max()
    raw = samples.panel.select(end=pd.Timestamp(day))
    served = tsdeep.predict(offline_run / "model", raw).set_index("symbol")["volatility"]
    expected = known[known["time"] == day].set_index("symbol")["volatility"]
    np.testing.assert_allclose(served[expected.index], expected, rtol=1e-5)
