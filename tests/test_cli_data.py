"""`tsdeep data fetch`, `ls` and `rm`, and sources that the command line puts in place of a spec's."""

import re

import pandas as pd
import pytest
import requests
import yaml

import tsdeep
from tests.asset_bars import bars
from tests.specs import CONTENT
from tsdeep.cli import main
from tsdeep.cli_sources import with_source
from tsdeep.sources import cache

DAYS = 60


@pytest.fixture
def says(capsys):
    """Run a command that succeeds, and give what it printed."""

    def run(*arguments):
        assert main([str(each) for each in arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return run


@pytest.fixture
def refusal(capsys):
    """Run a command that is refused, and give the reason on standard error."""

    def run(*arguments):
        assert main([str(each) for each in arguments]) == 2
        return capsys.readouterr().err

    return run


@pytest.fixture
def spec(yahoo, tmp_path):
    """File of a spec whose prices, VIX and assets to learn from are all of Yahoo, which has them."""
    for symbol in ("SPY", "AGG", "^VIX", "IYR"):
        yahoo.serve(symbol, bars(symbol, days=DAYS))
    content = tsdeep.load_spec("etf_volatility").resolved()
    content["source"] = {"kind": "yfinance", "symbols": ["SPY", "AGG"]}
    content["join"]["vix"] |= {"source": {"kind": "yfinance", "symbols": ["^VIX"]}, "lag": "1D"}
    content["assets"]["train_only"] = {"kind": "yfinance", "symbols": ["IYR"]}
    file = tmp_path / "my.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def keys():
    return [cache.key_of(path) for path in cache.files()]


# fetch


def test_fetch_asks_for_all_online_sources_of_a_spec(says, spec, yahoo):
    said = says("data", "fetch", spec)
    assert {symbol for symbol, _ in yahoo.asked} == {"SPY", "AGG", "^VIX", "IYR"}
    assert len(keys()) == 3
    assert "source: yfinance (symbols: SPY, AGG): 120 rows, 2004-01-01 to 2004-03-24" in said
    assert "join.vix: yfinance (symbols: ^VIX): 60 rows" in said
    assert "assets.train_only: yfinance (symbols: IYR): 60 rows" in said
    for key in keys():
        assert key in said


def test_fetch_asks_anew_and_reports_what_changed(says, spec, yahoo):
    says("data", "fetch", spec)
    changed = bars("SPY", days=DAYS)
    changed.loc[10, "close"] = changed.loc[10, "high"]
    yahoo.serve("SPY", changed)
    said = says("data", "fetch", spec)
    assert re.search(
        r"1 of 120 rows changed; the first, symbol 'SPY', 2004-01-15: close [\d.]+ -> [\d.]+\.", said
    )
    assert "History has changed: the copy from before is kept" in said
    assert said.count("Nothing has changed.") == 2
    assert sum("@" in key for key in keys()) == 1


def test_fetch_says_what_was_left_out(says, spec, yahoo):
    table = bars("SPY", days=DAYS)
    table.loc[4, ["open", "high", "low", "close", "volume"]] = float("nan")
    yahoo.serve("SPY", table)
    assert "Left out 1 of 60 rows of SPY" in says("data", "fetch", spec)


def test_fetch_takes_another_source_and_other_symbols(says, yahoo):
    yahoo.serve("^GSPC", bars("^GSPC", days=DAYS))
    said = says("data", "fetch", "sp500_direction", "--source", "yfinance", "--symbols", "^GSPC")
    assert "source: yfinance (symbols: ^GSPC): 60 rows" in said


def test_fetch_without_an_online_source_says_which_there_are(refusal):
    said = refusal("data", "fetch", "sp500_direction")
    assert "sp500_direction: none of its sources is fetched over the network (source: bundled)" in said


def test_a_failed_fetch_leaves_the_cached_copy(says, refusal, spec, yahoo):
    says("data", "fetch", spec)
    before = {path: path.read_bytes() for path in cache.files()}
    yahoo.answers["SPY"] = requests.ConnectionError("no route to host")
    assert "no answer from the provider" in refusal("data", "fetch", spec)
    assert {path: path.read_bytes() for path in cache.files()} == before


# ls


def test_ls_lists_symbols_period_rows_size_and_key(says, spec):
    says("data", "fetch", spec)
    said = says("data", "ls")
    assert said.splitlines()[0] == f"{cache.folder()}: 3 files"
    line = next(line for line in said.splitlines() if "SPY" in line)
    today = pd.Timestamp.now(tz="UTC").date()
    for text in ("yfinance", "SPY, AGG", "2004-01-01 to 2004-03-24", "120", str(today), "kB"):
        assert text in line
    assert all(key in said for key in keys())


def test_ls_of_an_empty_cache_names_its_folder(says, yahoo):
    assert says("data", "ls") == f"{cache.folder()}: no files\n"


def test_ls_shows_older_copies_and_damaged_files(says, spec, yahoo):
    says("data", "fetch", spec)
    yahoo.serve("SPY", bars("SPY", days=DAYS, seed=1))
    says("data", "fetch", spec)
    damaged = next(path for path in cache.files() if cache.about(path).request["symbols"] == ["IYR"])
    damaged.write_bytes(b"PAR1")
    said = says("data", "ls")
    assert "(older)" in said
    assert re.search(rf"yfinance +damaged .*{cache.key_of(damaged)}", said)


# rm


def test_rm_removes_a_key_with_its_older_copies(says, spec, yahoo):
    says("data", "fetch", spec)
    yahoo.serve("SPY", bars("SPY", days=DAYS, seed=1))
    says("data", "fetch", spec)
    older = next(key for key in keys() if "@" in key)
    assert says("data", "rm", older.partition("@")[0][:8]) == f"removed 2 files of {cache.folder()}\n"
    assert len(keys()) == 2


def test_rm_removes_an_older_copy_alone(says, spec, yahoo):
    says("data", "fetch", spec)
    yahoo.serve("SPY", bars("SPY", days=DAYS, seed=1))
    says("data", "fetch", spec)
    older = next(key for key in keys() if "@" in key)
    assert "removed 1 file of" in says("data", "rm", older)
    assert len(keys()) == 3


def test_rm_removes_what_a_spec_fetched_and_nothing_else(says, refusal, spec, yahoo):
    says("data", "fetch", spec)
    says("data", "fetch", "sp500_direction", "--source", "yfinance", "--symbols", "SPY")
    assert "removed 3 files" in says("data", "rm", spec)
    assert len(keys()) == 1
    assert f"nothing of {spec} is in the cache" in refusal("data", "rm", spec)


def test_rm_all_removes_everything_damaged_files_too(says, spec):
    says("data", "fetch", spec)
    cache.files()[0].write_bytes(b"")
    assert "removed 3 files" in says("data", "rm", "--all")
    assert keys() == []


def test_rm_refuses_what_is_unclear(refusal, says, spec):
    says("data", "fetch", spec)
    assert "name a key or a spec to remove" in refusal("data", "rm")
    assert "name a key or a spec to remove" in refusal("data", "rm", keys()[0], "--all")
    assert "nothing with the key 'zz' is in the cache" in refusal("data", "rm", "zz")
    assert len(keys()) == 3


def test_rm_refuses_the_beginning_of_several_keys(refusal, says, yahoo):
    for number in range(17):  # of 16 first digits one comes twice
        symbol = f"S{number}"
        yahoo.serve(symbol, bars(symbol, days=DAYS))
        says("data", "fetch", "sp500_direction", "--source", "yfinance", "--symbols", symbol)
    digits = [key[0] for key in keys()]
    twice = next(digit for digit in digits if digits.count(digit) > 1)
    assert f"'{twice}' begins {digits.count(twice)} keys (" in refusal("data", "rm", twice)
    assert len(keys()) == 17


# A source in place of a spec's


class Options:
    """What the command line says of sources."""

    source = path = symbols = train_only = None
    join = ()

    def __init__(self, **given):
        vars(self).update(given)


def changed(before, after):
    before, after = before.resolved(), after.resolved()
    return {key for key in before if before[key] != after[key]}


def test_an_open_source_is_filled_by_any_kind_and_nothing_else_changes():
    spec = tsdeep.load_spec("etf_volatility")
    filled = with_source(spec, Options(source="yfinance"))
    assert changed(spec, filled) == {"source"}
    assert filled.source.symbols == spec.source.symbols
    assert changed(spec, with_source(spec, Options(path="etf"))) == {"source"}


def test_an_open_source_for_other_symbols_is_another_study():
    spec = tsdeep.load_spec("etf_volatility")
    others = with_source(spec, Options(source="yfinance", symbols=["SPY", "TLT"]))
    assert changed(spec, others) == {"source", "description", "variants"}
    assert others.source.symbols == ["SPY", "TLT"]


def test_a_source_that_the_spec_names_is_replaced_as_another_study():
    spec = tsdeep.load_spec("sp500_direction")
    assert spec.source.given
    other = with_source(spec, Options(source="yfinance", symbols=["^GSPC"]))
    assert {"source", "description"} <= changed(spec, other)
    assert "(Source changed from bundled (symbols: sp500).)" in other.description


# Runs on fetched data


def test_a_model_of_one_of_several_symbols_predicts_from_the_cache_of_all(says, yahoo, tmp_path, capsys):
    for symbol in ("AAA", "BBB"):
        yahoo.serve(symbol, bars(symbol, days=400))
    content = {
        **CONTENT,
        "name": "pair",
        "source": {"kind": "yfinance", "symbols": ["AAA", "BBB"]},
        "period": {},
        "scaler": {"kind": "standard", "by_symbol": True},
        "split": {"train": 250, "valid": 40, "test": 40, "max_folds": 1},
        "variants": None,
    }
    (tmp_path / "pair.yaml").write_text(yaml.safe_dump(content))
    says("run", tmp_path / "pair.yaml", "--epochs", 1, "--out", tmp_path / "run")
    asked = len(yahoo.asked)
    yahoo.answers.clear()
    assert main(["predict", str(tmp_path / "run" / "model" / "symbol=BBB")]) == 0
    captured = capsys.readouterr()
    assert "BBB" in captured.out
    assert "AAA" not in captured.out
    assert "tsdeep: yfinance, fetched " in captured.err
    assert len(yahoo.asked) == asked
