"""Studies on data over the network from the shell: the README's own spec, and a shipped one from another source."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import responses
import yaml

import tsdeep
from tests.sources.yahoo import yahoo_in_place_of_the_network
from tsdeep.cli import main
from tsdeep.sources import make_source

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
FRED = "https://fred.stlouisfed.org/graph/fredgraph.csv"
SMALL = ("--folds", "1", "--epochs", "1")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fetched")


@pytest.fixture(scope="module")
def index():
    """The S&P 500 from 2005 on, which Yahoo serves here as SPY and ^GSPC."""
    bars = make_source({"kind": "bundled", "symbols": ["sp500"]}).bars()
    return bars[bars["time"] >= "2005-01-03"].reset_index(drop=True)


@pytest.fixture(scope="module")
def vix(index):
    """A level for each weekday, none on holidays, as FRED writes it."""
    days = pd.bdate_range("2004-12-01", "2018-12-31")
    values = pd.Series(np.round(np.exp(3 + np.random.default_rng(0).normal(0, 0.1, len(days))), 2), days)
    closed = ~days.isin(index["time"]) & (days >= "2005-01-03")
    return values.mask(closed)


@pytest.fixture(scope="module")
def runs(place, index, vix):
    """Two run folders; after they are made there is no network."""
    file = place / "spy_with_vix.yaml"
    file.write_text(
        next(b for b in re.findall(r"^```yaml\n(.*?)^```", README, re.M | re.S) if "spy_with_vix" in b)
    )
    rows = "".join(f"{day.date()},{'' if pd.isna(v) else v}\n" for day, v in vix.items())
    with pytest.MonkeyPatch.context() as patch:
        with yahoo_in_place_of_the_network(place, patch) as yahoo:
            yahoo.http.get(FRED, body=f"observation_date,VIXCLS\n{rows}")
            for symbol in ("SPY", "^GSPC"):
                yahoo.serve(symbol, index, adjusted=index["close"])
            assert main(["run", str(file), *SMALL, "--out", str(place / "vix")]) == 0
            another = ("--source", "yfinance", "--symbols", "^GSPC", "--model", "mlp")
            assert main(["run", "sp500_direction", *another, *SMALL, "--out", str(place / "index")]) == 0
        with responses.RequestsMock():  # refuses every request
            yield {"vix": place / "vix", "index": place / "index"}


def test_each_row_has_the_vix_of_a_day_before_it_and_of_none_later(runs, index, vix):
    panel = tsdeep.load_run(runs["vix"]).samples.panel
    known = vix.dropna()
    assert panel.n_rows == len(index)
    for row in (0, 1, 2, 40, 1000, panel.n_rows - 1):
        day = pd.Timestamp(panel.time[row])
        assert panel.fields["vix"][row] == known[known.index < day].iloc[-1]


def test_the_report_says_what_each_series_is(runs):
    page = (runs["vix"] / "report.html").read_text()
    assert "prices of Yahoo Finance, adjusted for splits and dividends, as known on that day" in page
    assert "Values of FRED in the unit of each series, as revised when fetched" in page
    assert "vix is taken as known 1D after its time stamp (lag)" in page


@pytest.mark.parametrize("name", ["vix", "index"])
def test_a_run_is_read_again_from_its_own_spec_without_a_network(runs, name):
    result = tsdeep.load_run(runs[name])  # compares the data's hash with that of run.json
    assert len(result.predictions) > 200
    assert result.samples.panel.fingerprint() == result.settings["data_sha256"]
    spec = tsdeep.load_spec(runs[name] / "spec.yaml")
    assert tsdeep.make_spec(spec.resolved()) == spec


def test_a_shipped_spec_runs_on_another_source_and_says_so(runs):
    content = yaml.safe_load((runs["index"] / "spec.yaml").read_text())
    assert content["source"] == {
        "kind": "yfinance",
        "symbols": ["^GSPC"],
        "start": None,
        "end": None,
        "calendar": None,
        "interval": "1d",
        "adjustment": "all",
    }
    assert "Source changed from bundled (symbols: sp500)" in content["description"]
    assert set(pd.read_parquet(runs["index"] / "predictions.parquet")["symbol"]) == {"^GSPC"}


def test_the_newest_row_is_predicted_without_a_network(runs, capsys):
    assert main(["predict", str(runs["index"] / "model")]) == 0
    captured = capsys.readouterr()
    assert "2018-12-31" in captured.out
    assert "`tsdeep data fetch` asks for newer ones" in captured.err
