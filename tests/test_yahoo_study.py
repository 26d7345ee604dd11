"""The study `etf_volatility` from files and from Yahoo Finance: the same but for the source."""

import pandas as pd
import pytest
import responses
import yaml

import tsdeep
from tests.data_folder import data_folder, needs_data
from tests.sources.yahoo import yahoo_in_place_of_the_network
from tsdeep.cli import main
from tsdeep.sources import Csv

pytestmark = needs_data
SYMBOLS = ["SPY", "TLT", "GLD"]
SMALL = ("--folds", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def from_files(place):
    """A run from the folder of CSV files."""
    out = place / "csv"
    assert says(
        "run", spec_file(place), "--source", "csv", "--path", data_folder() / "etf", *SMALL, "--out", out
    )
    return out


@pytest.fixture(scope="module")
def from_yahoo(place):
    """A run from Yahoo, which serves the bars of the files; later there is no network."""
    out = place / "yahoo"
    with pytest.MonkeyPatch.context() as patch:
        with yahoo_in_place_of_the_network(place, patch) as yahoo:
            for symbol in SYMBOLS:
                bars = Csv(path=str(data_folder() / "etf"), symbols=[symbol]).bars()
                yahoo.serve(symbol, bars, adjusted=bars["close"])
            assert says("run", spec_file(place), "--source", "yfinance", *SMALL, "--out", out)
        with responses.RequestsMock():  # refuses every request
            yield out


def says(*arguments):
    return main([str(argument) for argument in arguments]) == 0


def spec_file(place):
    """The shipped spec on fewer ETFs and years, with two members."""
    file = place / "few.yaml"
    spec = tsdeep.load_spec("etf_volatility")
    few = spec.replace(
        source={"symbols": SYMBOLS},
        period={"start": "2012-01-01"},
        split={"train": "6YE"},
        training={"seeds": 2, "stride": 20},
    )
    file.write_text(few.to_yaml())
    return file


def test_the_specs_of_both_runs_differ_in_nothing_but_the_source(from_files, from_yahoo):
    files, yahoo = (yaml.safe_load((out / "spec.yaml").read_text()) for out in (from_files, from_yahoo))
    assert (files.pop("source")["kind"], yahoo["source"]["kind"]) == ("csv", "yfinance")
    assert yahoo.pop("source")["symbols"] == SYMBOLS
    assert files == yahoo


@pytest.mark.parametrize("table", ["predictions", "references"])
def test_both_runs_have_the_same_predictions(from_files, from_yahoo, table):
    files, yahoo = (pd.read_parquet(out / f"{table}.parquet") for out in (from_files, from_yahoo))
    pd.testing.assert_frame_equal(files, yahoo, check_exact=True)


def test_the_report_says_where_prices_are_from_and_how_they_are_adjusted(from_yahoo):
    page = (from_yahoo / "report.html").read_text()
    assert "yfinance, fetched 20" in page
    assert "adjusted for splits and dividends" in page


def test_a_run_is_read_again_from_the_cache_without_a_network(from_yahoo):
    result = tsdeep.load_run(from_yahoo)  # compares the data's hash with that of run.json
    assert result.samples.panel.fingerprint() == result.settings["data_sha256"]


def test_the_newest_rows_are_predicted_from_the_cache_without_a_network(from_yahoo, capsys):
    assert says("predict", from_yahoo / "model")
    captured = capsys.readouterr()
    assert "2019-12-31" in captured.out
    assert "tsdeep: yfinance, fetched 20" in captured.err
    assert "`tsdeep data fetch` asks for newer ones" in captured.err
