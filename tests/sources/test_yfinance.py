"""Yahoo Finance through the real client, over HTTP."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import requests

from tests.asset_bars import bars
from tests.sources.yahoo import chart
from tsdeep.errors import DataError, SpecError
from tsdeep.sources import fetching, make_source

PRICES = ["open", "high", "low", "close"]


def source(*symbols, **settings):
    return make_source({"kind": "yfinance", "symbols": list(symbols), **settings})


def refused(*symbols, **settings):
    with pytest.raises(DataError) as error:
        source(*symbols, **settings).bars()
    return str(error.value)


def test_bars_are_canonical_in_the_order_asked(yahoo):
    given = {symbol: bars(symbol, days=40) for symbol in ("SPY", "AGG")}
    for symbol, table in given.items():
        yahoo.serve(symbol, table, adjusted=table["close"])
    found = source("SPY", "AGG").bars()
    expected = pd.concat([given["SPY"], given["AGG"]], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)
    assert found["time"].dtype == "datetime64[ns]"
    assert (found[[*PRICES, "volume"]].dtypes == np.float64).all()


def test_a_second_read_asks_nothing(yahoo):
    yahoo.serve("SPY", bars("SPY", days=40))
    first = source("SPY").bars()
    asked = len(yahoo.asked)
    pd.testing.assert_frame_equal(source("SPY").bars(), first, check_exact=True)
    assert len(yahoo.asked) == asked


def test_the_dates_asked_for_are_both_included(yahoo):
    table = bars("SPY", days=40)
    yahoo.serve("SPY", table)
    source("SPY", start="2004-01-01", end="2004-02-25").bars()
    query = yahoo.asked[-1][1]
    zone = "America/New_York"
    assert int(query["period1"]) == pd.Timestamp("2004-01-01", tz=zone).timestamp()
    assert (
        int(query["period2"]) == pd.Timestamp("2004-02-26", tz=zone).timestamp()
    )  # Yahoo leaves its end out


def test_without_dates_all_that_there_is_is_asked_for(yahoo):
    yahoo.serve("SPY", bars("SPY", days=40))
    source("SPY").bars()
    query = yahoo.asked[-1][1]
    assert int(query["period1"]) < pd.Timestamp("1950-01-01").timestamp()
    assert int(query["period2"]) > pd.Timestamp("2024-01-01").timestamp()


# Adjustment


def with_dividend():
    """Bars whose day 20 pays 2% of the close before, and closes adjusted for it."""
    table = bars("SPY", days=40)
    adjusted = table["close"].where(table.index >= 20, table["close"] * 0.98)
    return table, adjusted, {table["time"][20].date(): 0.02 * table["close"][19]}


def test_by_default_all_prices_of_a_bar_are_adjusted_for_dividends(yahoo):
    table, adjusted, dividends = with_dividend()
    yahoo.serve("SPY", table, adjusted=adjusted, dividends=dividends)
    found = source("SPY").bars()
    factor = np.where(np.arange(40) < 20, 0.98, 1.0)
    for name in PRICES:
        np.testing.assert_allclose(found[name], table[name] * factor, rtol=1e-14)
    assert found["volume"].equals(table["volume"])
    assert "adjusted for splits and dividends" in found.attrs["notes"][0]
    assert list(found.columns) == ["time", "symbol", *PRICES, "volume"]


def test_prices_adjusted_for_splits_alone_are_all_as_yahoo_quotes_them(yahoo):
    table, adjusted, dividends = with_dividend()
    yahoo.serve("SPY", table, adjusted=adjusted, dividends=dividends)
    found = source("SPY", adjustment="splits").bars()
    assert found[PRICES].equals(table[PRICES])
    assert "adjusted for splits, not for dividends" in found.attrs["notes"][0]
    assert list(found.columns) == ["time", "symbol", *PRICES, "volume"]


def test_the_two_adjustments_are_never_taken_for_each_other(yahoo):
    table, adjusted, dividends = with_dividend()
    yahoo.serve("SPY", table, adjusted=adjusted, dividends=dividends)
    both = [source("SPY", adjustment=how).bars()["close"][0] for how in ("all", "splits", "all")]
    assert both[0] == both[2] != both[1]


def test_an_answer_without_adjusted_closes_is_refused_where_a_dividend_was_paid(yahoo):
    table, _, dividends = with_dividend()
    yahoo.serve("SPY", table, dividends=dividends)
    said = refused("SPY")
    assert f"symbol 'SPY': a dividend on {table['time'][20].date()}" in said
    assert "set adjustment: splits" in said
    assert len(source("SPY", adjustment="splits").bars()) == 40


def with_split(adjusted):
    """Bars with a split of four to one on day 20, for which those before are adjusted or not yet."""
    table = bars("SPY", days=40)
    if not adjusted:
        table.loc[:19, PRICES] *= 4
    answer = chart("SPY", table, adjusted=table["close"])
    second = answer["chart"]["result"][0]["timestamp"][20]
    split = {"date": second, "numerator": 4, "denominator": 1, "splitRatio": "4:1"}
    answer["chart"]["result"][0].setdefault("events", {})["splits"] = {str(second): split}
    return answer


@pytest.mark.parametrize("adjustment", ["all", "splits"])
def test_a_split_that_yahoo_lists_and_has_not_adjusted_for_is_refused(yahoo, adjustment):
    yahoo.answers["SPY"] = with_split(adjusted=True)
    assert len(source("SPY", adjustment=adjustment).bars()) == 40
    yahoo.answers["SPY"] = with_split(adjusted=False)
    with pytest.raises(
        DataError, match=r"'SPY', 2004-01-29: Yahoo lists a split of 4:1, and its price goes from"
    ):
        source("SPY", adjustment=adjustment).answer(refresh=True)


def test_a_close_without_an_adjusted_one_is_refused(yahoo):
    table = bars("SPY", days=40)
    answer = chart("SPY", table, adjusted=table["close"])
    answer["chart"]["result"][0]["indicators"]["adjclose"][0]["adjclose"][7] = None
    yahoo.answers["SPY"] = answer
    said = refused("SPY")
    assert "symbol 'SPY', 2004-01-12: the close is " in said
    assert "the adjusted one nan, expected both above zero (1 such rows of 40)" in said
    assert len(source("SPY", adjustment="splits").bars()) == 40


# Rows


def test_a_time_that_is_there_twice_is_refused_though_yfinance_would_drop_one(yahoo):
    answer = chart("SPY", bars("SPY", days=40))
    times = answer["chart"]["result"][0]["timestamp"]
    times[8] = times[7]
    yahoo.answers["SPY"] = answer
    assert "Yahoo's answer has the time 2004-01-12 14:30:00 UTC twice" in refused("SPY")


@pytest.mark.parametrize(
    ("zone", "opening"),
    [("America/New_York", "9:30"), ("Europe/London", "8:00"), ("Asia/Tokyo", "9:00"), ("UTC", "0:00")],
)
def test_days_are_the_exchange_s_own_all_year_round(yahoo, zone, opening):
    table = bars("SPY", days=500)
    yahoo.serve("SPY", table, zone=zone, opening=opening)
    assert source("SPY").bars()["time"].tolist() == table["time"].tolist()


def test_intraday_bars_are_an_hour_apart_in_utc_where_the_clock_changes(yahoo):
    local = [f"2024-03-08 {hour:02}:30" for hour in range(9, 16)] + [
        f"2024-03-11 {hour:02}:30" for hour in range(9, 16)
    ]
    utc = pd.DatetimeIndex(local).tz_localize("America/New_York").tz_convert("UTC").tz_localize(None)
    yahoo.serve("SPY", bars("SPY", days=14).assign(time=utc))
    found = source("SPY", interval="60m", adjustment="splits", calendar="XNYS").bars()
    assert [str(time)[5:16] for time in found["time"][[0, 6, 7, 13]]] == [
        "03-08 14:30", "03-08 20:30", "03-11 13:30", "03-11 19:30",
    ]  # fmt: skip


def test_a_symbol_is_what_it_is_called_whatever_its_case(yahoo):
    yahoo.serve("SPY", bars("SPY", days=40))  # yfinance asks in capital letters
    assert set(source("spy").bars()["symbol"]) == {"spy"}


@pytest.mark.parametrize("symbol", [" SPY", "SPY ", "", "  "])
def test_blanks_around_a_symbol_are_refused(symbol):
    with pytest.raises(SpecError, match=f"symbols: found '{symbol}', expected a symbol without blanks"):
        source(symbol)


def test_rows_without_prices_are_left_out_and_counted(yahoo):
    table = bars("SPY", days=40)
    table.loc[[7, 8], [*PRICES, "volume"]] = np.nan
    yahoo.serve("SPY", table)
    found = source("SPY").bars()
    assert len(found) == 38
    assert (
        found.attrs["notes"][1]
        == "Left out 2 of 40 rows of SPY, the first on 2004-01-12: Yahoo has no prices there."
    )


def test_a_row_that_lacks_one_price_is_refused(yahoo):
    table = bars("SPY", days=40)
    table.loc[7, "low"] = np.nan
    yahoo.serve("SPY", table)
    assert "symbol 'SPY', row 7, 2004-01-12: field 'low' is nan, expected a finite number" in refused("SPY")


def test_holes_are_found_by_a_calendar(yahoo):
    import exchange_calendars

    sessions = exchange_calendars.get_calendar("XNYS", start="2004-01-01").sessions[:40]
    table = bars("SPY", days=40).assign(time=sessions)
    yahoo.serve("SPY", table.drop(index=[7, 8]))
    assert "no bar on 2 of 40 sessions of XNYS (2004-01-13, 2004-01-14)" in refused("SPY", calendar="XNYS")


def test_today_s_bar_is_left_out(yahoo):
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    table = bars("BTC-USD", days=40).assign(time=pd.date_range(end=today, periods=40))
    yahoo.serve("BTC-USD", table, opening="0:00", zone="UTC")
    found = source("BTC-USD").bars()
    assert found["time"].max() == today - pd.Timedelta(days=1)
    assert f"Left out 1 bars from {today.date()} on" in found.attrs["notes"][1]


def test_intraday_bars_are_in_utc_by_their_beginning(yahoo):
    opening = pd.Timestamp.now("UTC").normalize() - pd.Timedelta(days=3)
    local = opening.tz_localize(None).tz_localize("America/New_York") + pd.Timedelta("9:30:00")
    utc = pd.date_range(local.tz_convert("UTC").tz_localize(None), periods=20, freq="5min")
    table = bars("SPY", days=20).assign(time=utc)
    yahoo.serve("SPY", table)
    found = source("SPY", interval="5m", adjustment="splits").bars()
    assert found["time"].to_numpy().tolist() == utc.as_unit("ns").to_numpy().tolist()
    assert found[PRICES].equals(table[PRICES])
    assert yahoo.asked[-1][1]["interval"] == "5m"


# Errors


def test_an_unknown_symbol_is_named_though_yfinance_would_give_an_empty_table(yahoo):
    yahoo.serve("SPY", bars("SPY", days=40))
    assert "yfinance: no daily bars of the symbol 'SPYY', expected one that Yahoo knows" in refused(
        "SPY", "SPYY"
    )


def test_a_symbol_without_bars_in_the_period_says_yahoo_s_words(yahoo):
    error = {"code": "Bad Request", "description": "Data doesn't exist for startDate = 1, endDate = 2"}
    yahoo.serve("SPY", bars("SPY", days=40))
    source("SPY").bars()  # its time zone is known from here on
    yahoo.answers["SPY"] = (400, {}, json.dumps({"chart": {"result": None, "error": error}}))
    assert "no daily bars of the symbol 'SPY'" in (
        said := refused("SPY", start="1990-01-01", end="1990-02-01")
    )
    assert "Yahoo says: Data doesn't exist for startDate" in said


def test_a_rate_limit_is_asked_again_then_said(yahoo):
    yahoo.answers["SPY"] = (429, {}, "Edge: Too Many Requests")
    said = refused("SPY")
    assert f"daily bars of SPY: too many requests, asked {fetching.TRIES} times" in said
    assert "Too Many Requests. Rate limited" in said
    assert len(yahoo.asked) == 2 * fetching.TRIES  # yfinance asks again by itself with another cookie


def test_a_rate_limit_that_ends_is_not_noticed(yahoo):
    yahoo.answers["SPY"] = [(429, {}, "Too Many Requests")] * 3 + [chart("SPY", bars("SPY", days=40))] * 9
    assert len(source("SPY").bars()) == 40


@pytest.mark.parametrize(
    "fault", [requests.ConnectionError("no route to host"), requests.Timeout("timed out")]
)
def test_without_a_network_the_cache_is_named(yahoo, fault):
    yahoo.answers["SPY"] = fault
    said = refused("SPY")
    assert f"daily bars of SPY: no answer from the provider, asked {fetching.TRIES} times" in said
    assert str(fault) in said
    assert "`tsdeep data fetch SPEC`" in said


def test_without_a_network_the_client_that_looks_like_a_browser_says_the_same(tmp_path):
    program = (
        "from tsdeep.sources import fetching, make_source\n"
        "import yfinance\n"
        "assert yfinance._http.HAS_CURL_CFFI\n"
        f"yfinance.set_tz_cache_location({str(tmp_path)!r})\n"
        "fetching.FIRST_WAIT = 0.0\n"
        "make_source({'kind': 'yfinance', 'symbols': ['SPY']}).bars()\n"
    )
    nobody = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    environment = {**os.environ, **nobody, "YF_DISABLE_CURL_CFFI": "0", "TSDEEP_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=300
    )
    assert (
        "DataError: yfinance: daily bars of SPY: no answer from the provider, asked 4 times (" in done.stderr
    )


def test_without_a_network_what_was_fetched_is_read(yahoo):
    yahoo.serve("SPY", bars("SPY", days=40))
    first = source("SPY").panel(("close",)).fingerprint()
    yahoo.answers["SPY"] = requests.ConnectionError("no route to host")
    assert source("SPY").panel(("close",)).fingerprint() == first


def test_a_provider_that_is_down_is_said(yahoo):
    yahoo.answers["SPY"] = (502, {}, "<html>Bad Gateway</html>")
    assert "asked 4 times (HTTP 502: <html>Bad Gateway</html>)" in refused("SPY")


def test_changed_columns_are_refused_with_what_was_expected(yahoo):
    answer = chart("SPY", bars("SPY", days=40))
    quote = answer["chart"]["result"][0]["indicators"]["quote"][0]
    quote["vol"] = quote.pop("volume")
    yahoo.answers["SPY"] = answer
    said = refused("SPY")
    assert "could not read Yahoo's answer (KeyError: 'volume'), expected a chart with open, high, low" in said
    assert "the provider has changed its columns" in said


def test_a_start_before_the_symbol_s_first_bar_is_refused(yahoo):
    yahoo.serve("SPY", bars("SPY", days=40))
    assert "symbol 'SPY': asked from 2000-01-03 on, it begins 1459 days later, on 2004-01-01" in refused(
        "SPY", start="2000-01-03"
    )


def test_asking_anew_sees_new_values_in_one_process(yahoo):
    table = bars("SPY", days=40)
    yahoo.serve("SPY", table)
    source("SPY", end="2004-02-25").bars()
    yahoo.serve("SPY", table.assign(volume=table["volume"] + 1))
    changes = source("SPY", end="2004-02-25").answer(refresh=True).changes
    assert changes.changed == 40


def test_without_the_package_the_command_that_installs_it_is_said(yahoo, monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", None)
    assert 'install it with: pip install "tsdeep[yfinance]"' in refused("SPY")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"interval": "5m"}, "adjustment: found 'all' with the interval 5m, expected 'splits'"),
        ({"interval": "1wk"}, "interval: found '1wk', expected '1d', '1m'"),
        ({"adjustment": "none"}, "adjustment: found 'none', expected 'all' or 'splits'"),
    ],
)
def test_settings_that_yahoo_does_not_have_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        source("SPY", **settings)
