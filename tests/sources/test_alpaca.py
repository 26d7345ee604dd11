import sys

import numpy as np
import pandas as pd
import pytest
import responses
from responses import matchers

from tests.sources.alpaca_net import KEYS, loopback, set_up
from tsdeep import DataError, SpecError
from tsdeep.sources import Alpaca, fetching, make_source

BARS = "https://data.alpaca.markets/v2/stocks/bars"
DAYS = ("2020-03-05", "2020-03-06", "2020-03-09", "2020-03-10")  # the clock changes on 2020-03-08


@pytest.fixture(autouse=True)
def account(tmp_path, monkeypatch):
    set_up(monkeypatch, tmp_path)


@pytest.fixture
def net():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def stamped(day):
    """Write midnight in New York as Alpaca does."""
    return pd.Timestamp(day).tz_localize("America/New_York").tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")


def bar(time, close, **others):
    row = {"t": time, "o": close - 0.5, "h": close + 1, "l": close - 1, "c": close, "v": 1000, "n": 10}
    return row | {"vw": close + 0.25} | others


def answer(**rows):
    return {"bars": rows, "next_page_token": None}


def daily(close=100.0):
    return [bar(stamped(day), close + n) for n, day in enumerate(DAYS)]


def test_daily_bars_are_dated_by_their_sessions_across_a_change_of_the_clock(net):
    net.get(BARS, json=answer(SPY=daily()))
    source = make_source({"kind": "alpaca", "symbols": ["SPY"]})
    bars = source.bars()
    assert list(bars.columns) == [
        "time",
        "symbol",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "trade_count",
        "vwap",
    ]
    assert bars["time"].dtype == "datetime64[ns]"
    assert list(bars["time"].dt.strftime("%Y-%m-%d")) == list(DAYS)
    assert list(bars["close"]) == [100.0, 101.0, 102.0, 103.0]
    assert list(bars["vwap"]) == [100.25, 101.25, 102.25, 103.25]
    panel = source.panel(("close", "volume"))
    assert "adjusted for splits and dividends, as known on that day" in panel.notes[0]
    assert "one exchange's trades" in panel.notes[0]
    assert len(net.calls) == 1


def test_the_settings_are_what_is_asked_for_dates_by_new_york(net):
    asked = {
        "symbols": "SPY",
        "timeframe": "1Day",
        "adjustment": "split",
        "feed": "sip",
        "start": "2020-03-05T05:00:00+00:00",
        "end": "2020-03-11T03:59:59.999999+00:00",
        "limit": "10000",
    }
    keys = {"APCA-API-KEY-ID": KEYS["APCA_API_KEY_ID"], "APCA-API-SECRET-KEY": KEYS["APCA_API_SECRET_KEY"]}
    net.get(
        BARS,
        json=answer(SPY=daily()),
        match=[matchers.query_param_matcher(asked), matchers.header_matcher(keys)],
    )
    source = Alpaca(symbols=["SPY"], start=DAYS[0], end=DAYS[-1], adjustment="split", feed="sip")
    assert len(source.bars()) == 4
    assert "adjusted for splits, not for dividends" in source.statement
    assert "of all US exchanges" in source.statement


def test_bars_within_a_day_are_utc_and_begin_at_their_time(net):
    rows = [
        bar("2020-03-06T14:30:00Z", 100.0),
        bar("2020-03-06T14:31:00Z", 101.0),
        bar("2020-03-09T13:30:00Z", 1e2),
    ]
    net.get(
        BARS,
        json=answer(SPY=rows),
        match=[matchers.query_param_matcher({"timeframe": "1Min"}, strict_match=False)],
    )
    source = Alpaca(symbols=["SPY"], timeframe="1Min", start="2020-03-06", end="2020-03-09")
    assert list(source.bars()["time"].astype(str)) == [
        "2020-03-06 14:30:00",
        "2020-03-06 14:31:00",
        "2020-03-09 13:30:00",
    ]
    assert "a bar's time is when its 1Min begin" in source.statement
    assert source.bar_length == pd.Timedelta(minutes=1)
    assert Alpaca(symbols=["SPY"], timeframe="2Hour", start="2020-03-06").bar_length == pd.Timedelta(hours=2)


def test_all_pages_are_read_in_the_order_asked_and_a_page_is_asked_again_where_there_were_too_many(
    monkeypatch,
):
    rows = [(symbol, bar(stamped(day), 100.0 + n)) for symbol in ("IWM", "SPY") for n, day in enumerate(DAYS)]
    pages = [rows[:3], 429, 504, rows[3:5], rows[5:]]
    with loopback(pages, "bars") as (address, asked):
        monkeypatch.setenv("APCA_API_DATA_URL", address)
        bars = Alpaca(symbols=["SPY", "IWM"]).bars()
    assert [(path, query.get("page_token")) for path, query, _ in asked] == [
        ("/v2/stocks/bars", token) for token in (None, "1", "1", "1", "2")
    ]
    assert list(bars["symbol"]) == ["SPY"] * 4 + ["IWM"] * 4
    assert list(bars["close"]) == [100.0, 101.0, 102.0, 103.0] * 2


def test_an_answer_is_read_from_the_cache_without_keys_or_a_network(net, monkeypatch):
    net.get(BARS, json=answer(SPY=daily()))
    source = Alpaca(symbols=["SPY"])
    first = source.bars()
    net.reset()
    for name in KEYS:
        monkeypatch.delenv(name)
    pd.testing.assert_frame_equal(source.bars(), first)


def test_missing_keys_are_said_with_their_variables(monkeypatch):
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    with pytest.raises(DataError, match="set the environment variable APCA_API_SECRET_KEY to"):
        Alpaca(symbols=["SPY"]).bars()
    monkeypatch.setenv("APCA_API_KEY_ID", "")
    with pytest.raises(
        DataError, match="set the environment variables APCA_API_KEY_ID and APCA_API_SECRET_KEY"
    ):
        Alpaca(symbols=["SPY"]).bars()


def test_an_absent_package_is_said_with_the_pip_command(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "alpaca"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(DataError, match=r"package 'alpaca' is not .*pip install \"tsdeep\[alpaca\]\""):
        Alpaca(symbols=["SPY"]).bars()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            400,
            {"message": "invalid symbol: S_PY"},
            "bars of 1Day of S_PY: refused with HTTP 400: invalid symbol: S_PY$",
        ),
        (401, "<html>401 Authorization Required</html>", "HTTP 401: <html>401 Authorization .*check the key"),
        (
            403,
            {"message": "subscription does not permit querying recent SIP data"},
            "recent SIP data; check the key",
        ),
        (200, answer(), "no row in the period; are the symbols what Alpaca calls them"),
        (200, answer(S_PY=daily(), SPY=daily()), "unknown symbol 'SPY': did you mean 'S_PY'"),
        (200, {"next_page_token": None}, "The data in response does not match .*the provider has changed it"),
        (200, {"bars": None, "next_page_token": None}, "found AttributeError: .*the provider has changed it"),
        (
            200,
            {"bars": {"S_PY": {"t": 1}}, "next_page_token": None},
            "found {'S_PY': {'t': 1}} in the answer",
        ),
        (
            200,
            answer(S_PY=[{"t": stamped(DAYS[0]), "c": 1.0}]),
            "S_PY: no column o, h, l, v, n, vw in .*found t, c",
        ),
        (200, answer(S_PY=[bar("soon", 1.0)]), "found the time .*soon"),
        (
            200,
            answer(S_PY=[bar("2020-03-05T14:30:00Z", 1.0)]),
            "a daily bar has the time .*expected midnight in New",
        ),
        (
            200,
            answer(S_PY=[bar(stamped(DAYS[0]), 100.0, c=None)]),
            "field 'close' is nan, expected a finite number",
        ),
        (200, "no JSON", "the provider's answer is no JSON: 'no JSON'"),
    ],
)
def test_a_refusal_and_a_changed_answer_are_said_with_the_provider_s_words(net, status, body, message):
    net.get(BARS, status=status, **({"body": body} if isinstance(body, str) else {"json": body}))
    with pytest.raises(DataError, match=message):
        Alpaca(symbols=["S_PY"]).bars()
    assert len(net.calls) == 1


def test_a_symbol_without_bars_is_named(net):
    net.get(BARS, json=answer(SPY=daily()))
    with pytest.raises(DataError, match="alpaca: no rows of the symbol 'SPYY'"):
        Alpaca(symbols=["SPY", "SPYY"]).bars()


def test_no_network_and_too_many_requests_are_tried_again_and_then_said(net):
    with pytest.raises(DataError, match="bars of 1Day of SPY: no answer from the provider, asked 4 times"):
        Alpaca(symbols=["SPY"]).bars()
    assert len(net.calls) == fetching.TRIES
    net.get(BARS, json={"message": "too many requests."}, status=429, headers={"X-RateLimit-Reset": "1"})
    with pytest.raises(
        DataError, match=r"too many requests, asked 4 times .*provider says: too many requests"
    ):
        Alpaca(symbols=["SPY"]).bars()
    assert len(net.calls) == 2 * fetching.TRIES


def test_the_wait_that_alpaca_asks_for_is_known(monkeypatch):
    from tsdeep.sources import alpaca_client

    monkeypatch.setattr(alpaca_client.time, "time", lambda: 1000.5)
    assert alpaca_client._wait({"X-RateLimit-Reset": "1042"}) == "42"
    assert alpaca_client._wait({"X-RateLimit-Reset": "900"}) == "0"
    assert alpaca_client._wait({"Retry-After": "7"}) == "7"


def test_a_hole_and_a_start_not_reached_are_refused_by_the_calendar(net):
    net.get(BARS, json=answer(SPY=[row for n, row in enumerate(daily()) if n != 2]))
    with pytest.raises(DataError, match=r"'SPY': no bar on 1 of 4 sessions of XNYS \(2020-03-09\)"):
        Alpaca(symbols=["SPY"]).bars()
    assert len(Alpaca(symbols=["SPY"], calendar=None).bars()) == 3
    net.replace(responses.GET, BARS, json=answer(SPY=daily()))
    with pytest.raises(
        DataError, match=r"'SPY': no bar on 3 of 7 sessions of XNYS .*Ask from its first bar on"
    ):
        Alpaca(symbols=["SPY"], start="2020-03-02").bars()


@pytest.mark.parametrize("adjustment", ["raw", "dividend"])
def test_a_split_in_prices_not_adjusted_for_it_is_refused(net, adjustment):
    rows = daily()[:2] + [bar(stamped(day), 50.5 + n) for n, day in enumerate(DAYS[2:])]
    net.get(BARS, json=answer(SPY=rows))
    with pytest.raises(DataError, match=r"'SPY', 2020-03-09: .* 2:1 split; .*set adjustment: all"):
        Alpaca(symbols=["SPY"], adjustment=adjustment).bars()
    assert len(Alpaca(symbols=["SPY"], adjustment="split").bars()) == 4


@pytest.mark.parametrize("adjustment", ["raw", "split", "dividend", "all"])
def test_prices_of_two_adjustments_never_share_a_cached_answer(net, adjustment):
    for name, close in (("raw", 100.0), ("split", 200.0), ("dividend", 300.0), ("all", 400.0)):
        match = [matchers.query_param_matcher({"adjustment": name}, strict_match=False)]
        net.get(BARS, json=answer(SPY=daily(close)), match=match)
    for name in ("raw", "split", "dividend", "all", adjustment):
        close = Alpaca(symbols=["SPY"], adjustment=name).bars()["close"].iloc[0]
        assert close == {"raw": 100.0, "split": 200.0, "dividend": 300.0, "all": 400.0}[name]
    assert len(net.calls) == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"timeframe": "1Week"},
            r"timeframe: found '1Week', expected 1Day, .*\(weeks and months are dated by their",
        ),
        ({"timeframe": "60Min"}, "found '60Min', expected 1Day, 1Min to 59Min"),
        ({"timeframe": "0Min"}, "found '0Min'"),
        ({"timeframe": "5Min"}, "start is missing: bars of 5Min need a first date"),
        ({"feed": "otc"}, "feed: found 'otc', expected 'iex' or 'sip'"),
        ({"calendar": "NYSE2"}, "calendar: found 'NYSE2'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        make_source({"kind": "alpaca", "symbols": ["SPY"], **settings})


def test_a_bar_of_a_session_that_is_not_over_is_left_out(net, monkeypatch):
    now = pd.Timestamp("2020-03-10 15:00", tz="UTC")
    monkeypatch.setattr(pd.Timestamp, "now", lambda tz=None: now)
    net.get(BARS, json=answer(SPY=daily()))
    bars = Alpaca(symbols=["SPY"]).bars()
    assert list(bars["time"].dt.strftime("%Y-%m-%d")) == list(DAYS[:3])
    assert any("Left out 1 bars from 2020-03-10 on" in note for note in bars.attrs["notes"])
    assert np.isfinite(bars["close"]).all()


def test_a_daily_bar_is_final_when_trades_after_hours_are_over(net):
    table = Alpaca(symbols=["SPY"])._plain(
        pd.DataFrame({"time": pd.to_datetime(DAYS), "symbol": "SPY", "close": 100.0})
    )
    for clock, kept in (("2020-03-10 20:31", 3), ("2020-03-11 00:29", 3), ("2020-03-11 00:30", 4)):
        left, _ = Alpaca(symbols=["SPY"]).finished(table, pd.Timestamp(clock, tz="UTC"))
        assert len(left) == kept, clock


def test_an_end_today_is_reached_by_the_last_bar_that_is_final(net, monkeypatch):
    now = pd.Timestamp(
        "2020-03-11 00:10", tz="UTC"
    )  # it is the 10th in New York, trades after hours are just over
    monkeypatch.setattr(pd.Timestamp, "now", lambda tz=None: now)
    net.get(BARS, json=answer(SPY=daily()))
    bars = Alpaca(symbols=["SPY"], start="2020-03-05", end="2020-03-10").bars()
    assert str(bars["time"].max().date()) == "2020-03-09"


def test_a_symbol_in_small_letters_is_said(net):
    net.get(BARS, json=answer(SPY=daily()))
    with pytest.raises(
        DataError, match=r"no rows of the symbol 'spy' in the answer \(it has 'SPY', which was not"
    ):
        Alpaca(symbols=["spy"]).bars()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:2] + rows[1:], "row 2, 2020-03-06: duplicate time"),
        (lambda rows: [rows[0], rows[1] | {"c": None}, *rows[2:]], "row 1, 2020-03-06: field 'close' is nan"),
        (lambda rows: [*rows[:2], rows[3]], r"no bar on 1 of 4 sessions of XNYS \(2020-03-09\)"),
    ],
)
def test_rows_that_cannot_be_used_are_refused_with_the_row(net, change, message):
    net.get(BARS, json=answer(SPY=change(daily())))
    with pytest.raises(DataError, match=f"symbol 'SPY'.*{message}"):
        Alpaca(symbols=["SPY"]).bars()
