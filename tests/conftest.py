"""What all tests share: a quiet TensorFlow, a cache of their own, and one finished run."""

import importlib.util
import itertools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("YF_DISABLE_CURL_CFFI", "1")  # yfinance asks through requests, which tests answer

import pytest

# Modules of benchmarks that run in processes of their own, and need what the tests do not.
collect_ignore = [] if importlib.util.find_spec("torch") else ["benchmarks/training/torch_steps.py"]


@pytest.fixture(scope="session", autouse=True)
def cache_of_tests(tmp_path_factory):
    """A cache that is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSDEEP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def trials_of_fixtures(tmp_path_factory):
    """A registry of trials that is not the user's, of what fixtures of modules and sessions run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TSDEEP_TRIALS", str(tmp_path_factory.mktemp("trials") / "fixtures"))
        yield


_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def trials_of_a_test(trials_of_fixtures, monkeypatch):
    """An empty registry of trials for each test, so that no report depends on the tests before."""
    folder = f"{os.path.dirname(os.environ['TSDEEP_TRIALS'])}/{next(_NUMBERS)}"
    monkeypatch.setenv("TSDEEP_TRIALS", folder)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory, trials_of_fixtures):
    """Folder of a run of the S&P 500 spec: its last fold, one epoch."""
    from tsdeep.cli import main

    folder = tmp_path_factory.mktemp("finished") / "run"
    status = main(["run", "sp500_direction", "--folds", "1", "--epochs", "1", "--out", str(folder)])
    assert status == 0
    return folder


@pytest.fixture
def yahoo(tmp_path, monkeypatch):
    """Yahoo Finance in place of the network, and an empty cache: `yahoo.serve(symbol, bars)`."""
    from tests.sources.yahoo import yahoo_in_place_of_the_network

    with yahoo_in_place_of_the_network(tmp_path, monkeypatch) as server:
        yield server
