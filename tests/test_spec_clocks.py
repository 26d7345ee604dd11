"""What a time means in each source of a spec: when a bar begins, when a row is known, when a session closes."""

import numpy as np
import pandas as pd
import pytest

from tests.specs import spec
from tests.synthetic import bars
from tsdeep import DataError, SpecError, load_spec
from tsdeep.sources import make_source

VIX_HOURS = {"kind": "yfinance", "symbols": ["^VIX"], "interval": "60m", "adjustment": "splits"}
SPY_MINUTES = {"kind": "alpaca", "symbols": ["SPY"], "timeframe": "1Min", "start": "2024-01-02"}
MY_SECONDS = {"kind": "csv", "path": "spy.csv", "bar": "30s"}
MY_HOURS = {"kind": "parquet", "path": "spy.parquet", "bar": "1h"}
BEGINNING = [(VIX_HOURS, "60min"), (SPY_MINUTES, "1min"), (MY_SECONDS, "30s"), (MY_HOURS, "60min")]


def with_series(source, **rule):
    return spec(join={"other": {"source": source, **rule}})


@pytest.mark.parametrize(("source", "length"), BEGINNING)
def test_bars_by_their_beginning_are_joined_when_they_are_over(source, length):
    kind = source["kind"]
    shorter = str(pd.Timedelta(length) - pd.Timedelta("1s")).removeprefix("0 days ")
    for rule in (
        {},
        {"missing": "previous"},
        {"missing": "previous", "lag": "0s"},
        {"missing": "previous", "lag": shorter},
    ):
        said = rf"join\.other: lag: found .*, expected at least {length}, .*a bar of '{kind}' has the time at which"
        with pytest.raises(SpecError, match=said):
            with_series(source, **rule)
    made = with_series(source, missing="previous", lag=length)
    assert made.join["other"].source.bar_length == pd.Timedelta(length)


def test_files_whose_times_are_when_rows_are_known_need_no_lag():
    assert with_series({"kind": "csv", "path": "spy.csv"}).join["other"].source.bar_length is None


@pytest.mark.parametrize(
    ("bar", "said"), [("0s", "longer than zero"), (5, "with its unit"), ("5", "with its unit")]
)
def test_the_length_of_a_bar_is_a_time_with_its_unit(bar, said):
    with pytest.raises(SpecError, match=f"bar: found .*{said}"):
        make_source({"kind": "csv", "path": "spy.csv", "bar": bar})


def test_no_row_takes_a_bar_that_is_not_over(tmp_path):
    times = pd.date_range("2024-01-02 14:30", periods=300, freq="min")
    other = bars(300, seed=1).set_index(times).rename_axis("date")
    other.to_csv(tmp_path / "B.csv")
    series = {"kind": "csv", "path": str(tmp_path / "B.csv"), "bar": "1min"}
    changes = {
        "source": {"kind": "csv", "path": str(tmp_path / "A.csv")},
        "period": {"start": "2024-01-02"},
        "join": {"other": {"source": series, "missing": "previous", "lag": "1min"}},
    }
    bars(300).set_index(times).rename_axis("date").to_csv(tmp_path / "A.csv")
    with pytest.raises(DataError, match=r"begins on 2024-01-02 14:30:00 and is known 1min later"):
        spec(**changes).read()  # at the first row no bar is over
    bars(299).set_index(times[1:]).rename_axis("date").to_csv(tmp_path / "A.csv")
    panel, _ = spec(**changes).read()
    np.testing.assert_array_equal(panel.fields["other"], other["close"].to_numpy()[:-1])


# Assets to train on only


def etf(source, train_only):
    content = load_spec("etf_volatility").resolved()
    content["source"], content["assets"]["train_only"] = source, train_only
    content["join"]["vix"]["source"] = {"kind": "csv", "path": None}
    return load_spec("etf_volatility").replace(**{k: content[k] for k in ("source", "assets", "join")})


def test_assets_to_train_on_have_times_of_the_same_meaning():
    begins, known = {"kind": "csv", "path": "a", "bar": "1h"}, {"kind": "csv", "path": "b"}
    said = (
        r"assets\.train_only: found bars of 60min by their beginning, and times at which rows are known in source, "
        "expected the same of both"
    )
    with pytest.raises(SpecError, match=said):
        etf(known, begins)
    with pytest.raises(SpecError, match=r"found times at which rows are known, and bars of 60min"):
        etf(begins, known)
    assert etf(begins, {**begins, "path": "c"}).assets.train_only.bar == "1h"


# Exchanges


def two(rows, series, **rule):
    source = {"kind": "yfinance", "symbols": ["A"], "calendar": rows}
    join = {"b": {"source": {**source, "symbols": ["B"], "calendar": series}, **rule}}
    return spec(source=source, join=join)


def test_a_date_s_value_of_an_exchange_that_closes_later_needs_a_lag():
    said = r"join\.b: found no lag, and sessions of XNYS, which closes after XTKS: .*expected lag: 1D"
    with pytest.raises(SpecError, match=said):
        two("XTKS", "XNYS")
    two("XTKS", "XNYS", lag="1D", missing="previous")
    for rows, series in (("XNYS", "XTKS"), ("XNYS", "XLON"), ("XNYS", "XNYS")):
        two(rows, series)


@pytest.mark.parametrize("calendars", [(None, "XNYS"), ("XTKS", None), (None, None)])
def test_online_series_of_an_exchange_that_is_not_named_need_a_lag(calendars):
    with pytest.raises(SpecError, match=r"join\.b: found no lag, and no calendar of the (source|series)"):
        two(*calendars)
    two(*calendars, lag="1D", missing="previous")
