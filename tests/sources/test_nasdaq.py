import json

import numpy as np
import pandas as pd
import pytest
import responses
from responses import matchers

from tsdeep import DataError, SpecError
from tsdeep.sources import Nasdaq, fetching, make_source

BASE = "https://data.nasdaq.com/api/v3"
GOLD = f"{BASE}/datasets/LBMA/GOLD/data"
SEP = f"{BASE}/datatables/SHARADAR/SEP"
GOLD_ROWS = [["2019-12-23", 1482.1, 1482.5], ["2019-12-24", 1490.0, None], ["2019-12-27", 1511.3, 1511.5]]
SEP_COLUMNS = [
    ("ticker", "String"),
    ("date", "Date"),
    ("open", "BigDecimal(34,12)"),
    ("close", "BigDecimal(34,12)"),
    ("volume", "BigDecimal(34,12)"),
    ("closeadj", "BigDecimal(34,12)"),
    ("lastupdated", "Date"),
]
KEY = "a-key-of-a-test"


@pytest.fixture(autouse=True)
def account(tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NASDAQ_DATA_LINK_API_KEY", KEY)
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.001)


@pytest.fixture
def net():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def series(rows, columns=("Date", "USD (AM)", "USD (PM)")):
    return {
        "dataset_data": {
            "limit": None,
            "transform": None,
            "column_index": None,
            "column_names": list(columns),
            "start_date": "2019-12-23",
            "end_date": "2019-12-27",
            "frequency": "daily",
            "data": rows,
            "collapse": None,
            "order": "asc",
        }
    }


def page(rows, cursor=None, columns=SEP_COLUMNS):
    named = [{"name": name, "type": kind} for name, kind in columns]
    return {"datatable": {"data": rows, "columns": named}, "meta": {"next_cursor_id": cursor}}


def bar(ticker, date, close, **others):
    row = {
        "open": close,
        "close": close,
        "volume": 1e6,
        "closeadj": close / 2,
        "lastupdated": "2024-01-02",
    } | others
    return [ticker, date, *row.values()]


def refused(code, message):
    return {"quandl_error": {"code": code, "message": message}}


def test_a_time_series_has_its_columns_as_fields_and_the_key_goes_with_the_request(net):
    net.get(
        GOLD, json=series([GOLD_ROWS[0], GOLD_ROWS[2]]), match=[matchers.header_matcher({"x-api-token": KEY})]
    )
    bars = make_source({"kind": "nasdaq", "symbols": ["LBMA/GOLD"]}).bars()
    assert list(bars.columns) == ["time", "symbol", "usd_am", "usd_pm"]
    assert list(bars["time"].astype(str)) == ["2019-12-23", "2019-12-27"]
    assert list(bars["symbol"].unique()) == ["LBMA/GOLD"]
    assert list(bars["usd_pm"]) == [1482.5, 1511.5]
    assert "Time series of Nasdaq Data Link as published" in bars.attrs["notes"][0]


def test_the_period_is_asked_for_and_a_column_is_taken_under_a_field_s_name(net):
    period = {"order": "asc", "start_date": "2019-12-23", "end_date": "2019-12-27"}
    net.get(GOLD, json=series(GOLD_ROWS), match=[matchers.query_param_matcher(period)])
    source = Nasdaq(
        symbols=["LBMA/GOLD"], start="2019-12-23", end="2019-12-27", columns={"close": "USD (AM)"}
    )
    assert list(source.bars()["close"]) == [1482.1, 1490.0, 1511.3]
    assert "close is 'USD (AM)'" in source.statement


def test_a_missing_value_is_refused_and_left_out_and_counted_where_asked(net):
    net.get(GOLD, json=series(GOLD_ROWS))
    message = (
        r"LBMA/GOLD: LBMA/GOLD, 2019-12-24: 'usd_pm' is missing \(1 such rows of 3\); .*`missing: remove`"
    )
    with pytest.raises(DataError, match=message):
        Nasdaq(symbols=["LBMA/GOLD"]).bars()
    bars = Nasdaq(symbols=["LBMA/GOLD"], missing="remove").bars()
    assert list(bars["usd_pm"]) == [1482.5, 1511.5]
    assert "Left out 1 of 3 rows of LBMA/GOLD: a value is missing." in bars.attrs["notes"]
    net.replace(responses.GET, GOLD, json=series([GOLD_ROWS[1]]))
    with pytest.raises(DataError, match="each of 1 rows lacks a value"):
        Nasdaq(symbols=["LBMA/GOLD"], missing="remove", columns={"close": "USD (PM)"}).bars()


def test_series_of_different_columns_do_not_stand_in_one_source(net):
    net.get(GOLD, json=series([GOLD_ROWS[0]]))
    net.get(f"{BASE}/datasets/LBMA/SILVER/data", json=series([["2019-12-23", 17.2]], ("Date", "USD")))
    with pytest.raises(
        DataError, match="LBMA/SILVER has the fields usd, LBMA/GOLD has usd_am, usd_pm; expected"
    ):
        Nasdaq(symbols=["LBMA/GOLD", "LBMA/SILVER"]).bars()


def test_all_pages_of_a_table_are_read_in_the_order_of_symbols_and_dates(net):
    days = pd.bdate_range("2019-12-02", periods=6).strftime("%Y-%m-%d")
    rows = [
        bar(ticker, day, 100.0 + n)
        for ticker in ("AAPL", "MSFT")
        for n, day in reversed(list(enumerate(days)))
    ]
    asked = {"ticker[]": ["MSFT", "AAPL"], "date.gte": "2019-12-01"}
    for n in range(4):
        cursor = {"qopts.cursor_id": f"page{n}"} if n else {}
        net.get(
            SEP,
            json=page(rows[3 * n : 3 * n + 3], f"page{n + 1}" if n < 3 else None),
            match=[matchers.query_param_matcher(asked | cursor)],
        )
    source = Nasdaq(table="SHARADAR/SEP", symbols=["MSFT", "AAPL"], start="2019-12-01", missing="refuse")
    bars = source.bars()
    assert len(net.calls) == 4
    assert list(bars["symbol"]) == ["MSFT"] * 6 + ["AAPL"] * 6
    assert list(bars["time"].dt.strftime("%Y-%m-%d")) == [*days, *days]
    assert list(bars["close"]) == [100.0, 101, 102, 103, 104, 105] * 2
    np.testing.assert_array_equal(bars["closeadj"], bars["close"] / 2)
    assert any("not taken, as they are no numbers: lastupdated" in note for note in bars.attrs["notes"])
    assert source.panel(("close", "volume")).symbols == ("MSFT", "AAPL")


def test_columns_and_filters_of_a_table_are_asked_for(net):
    asked = {
        "ticker[]": "AAPL",
        "dimension": "ARQ",
        "volume.gte": "1",
        "qopts.columns[]": ["ticker", "date", "closeadj"],
    }
    columns = [SEP_COLUMNS[0], SEP_COLUMNS[1], SEP_COLUMNS[5]]
    net.get(
        SEP,
        json=page([["AAPL", "2019-12-02", 64.3]], columns=columns),
        match=[matchers.query_param_matcher(asked)],
    )
    settings = {"table": "SHARADAR/SEP", "symbols": ["AAPL"], "columns": {"close": "closeadj"}}
    bars = Nasdaq(**settings, filters={"dimension": "ARQ", "volume": {"gte": 1}}).bars()
    assert (list(bars.columns), bars["close"].item()) == (["time", "symbol", "close"], 64.3)


def test_more_pages_than_the_package_reads_are_said_without_the_key(net, monkeypatch):
    import nasdaqdatalink

    monkeypatch.setattr(nasdaqdatalink.ApiConfig, "page_limit", 2)
    net.get(SEP, json=page([bar("AAPL", "2019-12-02", 100.0)], "more"))
    message = "table SHARADAR/SEP has more than 2 pages .*fewer symbols or a shorter period"
    with pytest.raises(DataError, match=message) as found:
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL"]).bars()
    assert KEY not in str(found.value)
    assert len(net.calls) == 3


def test_the_package_s_own_settings_are_as_they_were(net):
    import nasdaqdatalink

    net.get(GOLD, json=series(GOLD_ROWS[:1]))
    before = nasdaqdatalink.ApiConfig.api_key, nasdaqdatalink.ApiConfig.use_retries
    Nasdaq(symbols=["LBMA/GOLD"]).bars()
    assert (nasdaqdatalink.ApiConfig.api_key, nasdaqdatalink.ApiConfig.use_retries) == before


def test_another_base_of_the_interface_is_used(net, monkeypatch):
    import nasdaqdatalink

    monkeypatch.setattr(nasdaqdatalink.ApiConfig, "api_base", "https://proxy.example/api/v3")
    net.get("https://proxy.example/api/v3/datasets/LBMA/GOLD/data", json=series(GOLD_ROWS[:1]))
    assert len(Nasdaq(symbols=["LBMA/GOLD"]).bars()) == 1


def test_an_answer_is_read_from_the_cache_without_a_key_or_a_network(net, monkeypatch):
    net.get(GOLD, json=series(GOLD_ROWS[:1]))
    source = Nasdaq(symbols=["LBMA/GOLD"])
    first = source.bars()
    net.reset()
    monkeypatch.delenv("NASDAQ_DATA_LINK_API_KEY")
    pd.testing.assert_frame_equal(source.bars(), first)


@pytest.mark.parametrize("value", [None, " "])
def test_a_missing_key_is_said_with_its_variable(monkeypatch, value):
    monkeypatch.delenv("NASDAQ_DATA_LINK_API_KEY")
    if value is not None:
        monkeypatch.setenv("NASDAQ_DATA_LINK_API_KEY", value)
    with pytest.raises(DataError, match="set the environment variable NASDAQ_DATA_LINK_API_KEY"):
        Nasdaq(symbols=["LBMA/GOLD"]).bars()


def test_an_absent_package_is_said_with_the_pip_command(monkeypatch):
    import sys

    for name in [name for name in sys.modules if name.split(".")[0] == "nasdaqdatalink"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(DataError, match=r'pip install "tsdeep\[nasdaq\]"'):
        Nasdaq(symbols=["LBMA/GOLD"]).bars()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            404,
            refused("QECx02", "You have submitted an incorrect code."),
            "there is no time series LBMA/GOLD: You",
        ),
        (
            400,
            refused("QEAx01", f"We do not know {KEY}."),
            r"the key in NASDAQ_DATA_LINK_API_KEY is not .*\*\*\*",
        ),
        (403, refused("QEPx04", "You do not have permission."), "HTTP 403: You do not .*check the key"),
        (422, refused("QESx04", "start_date is wrong."), "HTTP 422: start_date is wrong"),
        (418, {"error": "tea"}, "HTTP 418: .*tea"),
        (200, {"data": []}, "the answer is not what the package expects .*dataset_data"),
        (200, series([["2019-12-23", 1.0]]), "number of columns requested does not match"),
        (200, series([]), "LBMA/GOLD: no row from its first to its last"),
        (200, series([["soon", 1.0, 2.0]]), "the answer is not what the package expects .*soon"),
    ],
)
def test_a_refusal_and_a_changed_answer_are_said_with_the_provider_s_words(net, status, body, message):
    net.get(GOLD, json=body, status=status)
    with pytest.raises(DataError, match=message) as found:
        Nasdaq(symbols=["LBMA/GOLD"]).bars()
    assert KEY not in str(found.value)
    assert len(net.calls) == 1


def test_a_table_without_its_columns_rows_or_a_symbol_is_refused(net):
    net.get(SEP, json=page([["AAPL", "2019-12-02", 1.0]], columns=[("symbol", "String"), *SEP_COLUMNS[1:3]]))
    with pytest.raises(
        DataError, match=r"SHARADAR/SEP: no column ticker in .*found symbol, date, open, expected date"
    ):
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL"]).bars()
    net.replace(responses.GET, SEP, json=page([]))
    with pytest.raises(DataError, match="SHARADAR/SEP: no row of AAPL in the period"):
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL"]).bars()
    net.replace(responses.GET, SEP, json=page([bar("AAPL", "2019-12-02", 100.0)]))
    with pytest.raises(DataError, match="no rows of the symbol 'APL'"):
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL", "APL"]).bars()
    with pytest.raises(DataError, match="unknown column 'closadj': did you mean 'closeadj'"):
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL"], columns={"close": "closadj"}).bars()
    net.replace(responses.GET, SEP, json=page([bar("AAPL", "2019-12-02", 100.0)] * 2))
    with pytest.raises(DataError, match="duplicate time"):
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL"]).bars()


def test_a_hole_in_the_sessions_and_a_start_not_reached_are_refused(net):
    rows = [bar("AAPL", day, 100.0) for day in ("2019-12-02", "2019-12-03", "2019-12-05")]
    net.get(SEP, json=page(rows))
    settings = {"table": "SHARADAR/SEP", "symbols": ["AAPL"], "calendar": "XNYS"}
    with pytest.raises(DataError, match=r"no bar on 1 of 4 sessions of XNYS \(2019-12-04\)"):
        Nasdaq(**settings).bars()
    with pytest.raises(DataError, match="'AAPL': asked from 2019-11-01 on, it begins 31 days later"):
        Nasdaq(table="SHARADAR/SEP", symbols=["AAPL"], start="2019-11-01").bars()


def test_no_network_and_too_many_requests_are_tried_again_and_then_said(net):
    with pytest.raises(DataError, match="time series LBMA/GOLD: no answer from the provider, asked 4 times"):
        Nasdaq(symbols=["LBMA/GOLD"]).bars()
    assert len(net.calls) == fetching.TRIES
    limit = refused("QELx01", "You have exceeded the API speed limit.")
    net.get(GOLD, json=limit, status=429)
    with pytest.raises(
        DataError, match=r"too many requests, asked 4 times .*You have exceeded the API speed limit"
    ):
        Nasdaq(symbols=["LBMA/GOLD"]).bars()
    net.reset()
    net.get(GOLD, json=limit, status=429)
    net.get(GOLD, body="<html>bad gateway</html>", status=502)
    net.get(GOLD, body=json.dumps(series(GOLD_ROWS[:1])))
    assert len(Nasdaq(symbols=["LBMA/GOLD"]).bars()) == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"symbols": ["GOLD"]}, "found 'GOLD', expected a code such as LBMA/GOLD"),
        ({"symbols": ["AAPL"], "table": "SEP"}, "found 'SEP', expected a code"),
        ({"symbols": ["LBMA/GOLD"], "filters": {"a": 1}}, "`filters` is of a table"),
        (
            {"symbols": ["AAPL"], "table": "SHARADAR/SEP", "filters": {"date": {"gte": "2019-01-01"}}},
            "'date' is asked for by `start`",
        ),
        (
            {"symbols": ["LBMA/GOLD"], "missing": "fill"},
            "missing: found 'fill', expected 'refuse' or 'remove'",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        make_source({"kind": "nasdaq", **settings})
