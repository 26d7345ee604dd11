"""Zipline, in an environment of its own, and the vectorised engine on one signal."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tests.evaluation.engines.parity import assert_same, dip
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import backtest
from tsdeep.evaluation.engines import run_zipline, write_zipline

MAKE = [sys.executable, "-m", "tsdeep.evaluation.engines.zipline_environment"]


@pytest.fixture(scope="module")
def zipline_python(tmp_path_factory):
    """The Python of an environment with Zipline, made by the script that the README names."""
    folder = tmp_path_factory.mktemp("zipline") / "environment"
    made = subprocess.run([*MAKE, str(folder)], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.mark.slow
def test_zipline_earns_what_the_vectorised_account_does_one_day_later(sp500, zipline_python, tmp_path):
    chosen = {"execution": "next_close", "cost_bps": 5.0, "short": False}
    vectorised = backtest(*dip(sp500), rebalance="on_change", **chosen)
    made = run_zipline(*dip(sp500), python=zipline_python, folder=tmp_path, **chosen)
    assert_same(made, vectorised, relative=1e-7, rounding=1e-8)
    again = subprocess.run([*MAKE, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert "a folder with other files" in again.stderr


@pytest.mark.slow
def test_the_same_for_several_symbols_short_with_fees(sp500, zipline_python, tmp_path):
    predictions, prices = dip(sp500)
    few, bars = predictions.iloc[:300], prices.iloc[:301]
    other = bars.assign(symbol="brk.b", close=bars["open"] / 97.0, open=bars["close"] / 97.0)
    both = pd.concat([few, few.assign(symbol="brk.b", up=1 - few["up"])]), pd.concat([bars, other])
    chosen = {"rebalance": "every_row", "fee_per_share": 0.02, "min_fee": 30.0, "delay_rows": 1}
    vectorised = backtest(*both, execution="next_close", **chosen)
    made = run_zipline(*both, python=zipline_python, folder=tmp_path, **chosen)
    assert_same(made, vectorised, relative=1e-7, rounding=1e-8)
    worse = run_zipline(*both, python=zipline_python, folder=tmp_path, slippage_bps=10.0, **chosen)
    assert (1 + worse.net).prod() < (1 + made.net).prod()


def test_the_folder_holds_a_bundle_its_registration_an_algorithm_and_targets(sp500, tmp_path):
    predictions, prices = dip(sp500)
    few, bars = predictions.iloc[:20], prices.iloc[:21]
    commands = write_zipline(tmp_path, few, bars)
    assert [command[4] for command in commands] == ["ingest", "run"]
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings["symbols"] == {"S0": "SPX"}
    daily = pd.read_csv(tmp_path / "daily" / "S0.csv", index_col=0, parse_dates=True)
    assert daily.index.tolist() == bars["time"].tolist()
    assert np.allclose(daily["close"], bars["close"] * settings["price_scale"]["S0"], rtol=1e-15, atol=0)
    assert 1e5 < daily["high"].max() < 4e6
    targets = pd.read_csv(tmp_path / "targets.csv", index_col=0)
    assert targets["S0"].iloc[:-1].tolist() == [1.0 if up > 0.5 else -1.0 for up in few["up"]]
    assert pd.isna(targets["S0"].iloc[-1])
    for name in ("extension.py", "algorithm.py"):
        compile((tmp_path / name).read_text(), name, "exec")


def test_a_python_without_zipline_is_refused_with_the_command_that_makes_one(sp500, tmp_path):
    predictions, prices = dip(sp500)
    for python, message in (
        (tmp_path / "python", "cannot be run"),
        (sys.executable, "has no zipline-reloaded"),
    ):
        with pytest.raises(DataError, match=rf"{message}.*\n?.*zipline_environment DIR"):
            run_zipline(predictions, prices, python=python, folder=tmp_path)


def test_what_zipline_cannot_do_is_refused(sp500, tmp_path):
    predictions, prices = dip(sp500)
    for arguments, message in (
        ({"execution": "close"}, "Zipline fills daily orders at the next close"),
        ({"rebalance": "free"}, "Zipline holds shares"),
        ({"borrow_bps": 10.0}, "charges nothing for shorts"),
        ({"calendar": "NYSEX"}, "calendar is 'NYSEX'"),
    ):
        with pytest.raises(SpecError, match=message):
            write_zipline(tmp_path, predictions, prices, **arguments)
    with pytest.raises(DataError, match=r"rows and sessions of XNYS differ, first on 2010-01-18"):
        write_zipline(tmp_path, make_predictions(), make_prices())
