import numpy as np
import pandas as pd
import pytest
import responses
from responses import matchers

from tests.sources.alpaca_net import KEYS, loopback, set_up
from tsdeep import DataError, SpecError
from tsdeep.sources import AlpacaQuotes, fetching, make_source

QUOTES = "https://data.alpaca.markets/v2/stocks/quotes"
DAY = {"start": "2020-03-06", "end": "2020-03-06"}  # regular hours are 14:30 to 21:00 UTC
TWO_DAYS = {"start": "2020-03-06", "end": "2020-03-09"}  # and 13:30 to 20:00 UTC, the clock changes between


@pytest.fixture(autouse=True)
def account(tmp_path, monkeypatch):
    set_up(monkeypatch, tmp_path)


@pytest.fixture
def net():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def quote(time, bid=100.0, ask=100.01, bid_size=2, ask_size=3, day="2020-03-06"):
    row = {"t": f"{day}T{time}Z", "ax": "V", "ap": ask, "as": ask_size, "bx": "V", "bp": bid, "bs": bid_size}
    return row | {"c": ["R"], "z": "B"}


def answer(**rows):
    return {"quotes": rows, "next_page_token": None}


def seconds(n, **others):
    return [quote(f"14:30:{second:02}", **others) for second in range(n)]


def test_quotes_are_a_book_of_one_level_to_the_nanosecond(net):
    rows = [
        quote("14:30:00.123456789"),
        quote("14:30:01", bid=100.01, ask=100.03, ask_size=7),
        quote("14:30:02.5", bid_size=1),
    ]
    net.get(QUOTES, json=answer(SPY=rows))
    source = make_source({"kind": "alpaca_quotes", "symbols": ["SPY"], **DAY})
    book = source.book()
    assert [book.fields[name].tolist() for name in ("ask_price", "ask_size", "bid_price", "bid_size")] == [
        [[100.01], [100.03], [100.01]],
        [[3.0], [7.0], [3.0]],
        [[100.0], [100.01], [100.0]],
        [[2.0], [2.0], [1.0]],
    ]
    assert list(book.time) == [
        np.datetime64(f"2020-03-06T14:30:0{part}", "ns") for part in ("0.123456789", "1", "2.5")
    ]
    assert (book.row, book.tick, book.symbols) == ("one quote", 0.01, ("SPY",))
    assert set(book.session_date) == {np.datetime64("2020-03-06")}
    assert "quotes of Alpaca: the best quotes of the one exchange IEX" in " ".join(book.notes)
    assert source.panel(("bid_price",)).fields["bid_price"].shape == (3, 1)
    assert source.a_row == "one quote"


def test_days_of_new_york_are_asked_for_and_are_sessions_across_a_change_of_the_clock(net):
    asked = {"symbols": "SPY", "feed": "sip", "limit": "10000"}
    friday = {"start": "2020-03-06T05:00:00+00:00", "end": "2020-03-07T04:59:59.999999+00:00"}
    monday = {"start": "2020-03-09T04:00:00+00:00", "end": "2020-03-10T03:59:59.999999+00:00"}
    for days, rows in (
        (friday, [quote("20:59:59")]),
        (monday, [quote(f"13:30:0{second}", day="2020-03-09") for second in (0, 1)]),
    ):
        net.get(QUOTES, json=answer(SPY=rows), match=[matchers.query_param_matcher(asked | days)])
    book = AlpacaQuotes(symbols=["SPY"], feed="sip", **TWO_DAYS).book()
    assert book.bounds.tolist() == [[0, 1], [1, 3]]
    assert [str(date) for date in book.session_date] == ["2020-03-06", "2020-03-09", "2020-03-09"]
    assert "national best bid and offer" in " ".join(book.notes)


def test_regular_hours_are_those_of_the_calendar_with_its_early_closes(net):
    day = {"day": "2019-11-29"}  # the session closed at 13:00 in New York
    times = ("14:29:59", "14:30:00", "14:30:30", "17:59:59.999", "18:00:00", "20:00:00")
    net.get(QUOTES, json=answer(SPY=[quote(time, **day) for time in times]))
    settings = {"symbols": ["SPY"], "start": "2019-11-29", "end": "2019-11-29"}
    book = AlpacaQuotes(**settings, max_gap="4h").book()
    assert [str(time)[11:23] for time in book.time] == ["14:30:00.000", "14:30:30.000", "17:59:59.999"]
    assert "Left out 3 of 6 rows: outside of the regular hours of XNYS (calendar)." in book.notes
    assert AlpacaQuotes(**settings, calendar=None, max_gap="4h").book().n_rows == 6
    assert len(net.calls) == 1, "what is read of an answer is no other request"


def test_a_session_is_cut_at_gaps_and_trimmed(net):
    rows = seconds(5) + [quote(f"14:35:0{second}") for second in range(3)] + [quote("20:59:59")]
    net.get(QUOTES, json=answer(SPY=rows))
    book = AlpacaQuotes(symbols=["SPY"], **DAY).book()
    assert book.bounds.tolist() == [[0, 5], [5, 8], [8, 9]]
    assert "Sessions are cut at 2 gaps of more than 1min (max_gap)." in book.notes
    trimmed = AlpacaQuotes(symbols=["SPY"], trim_start="3s", trim_end="10min", **DAY).book()
    assert str(trimmed.time[0])[11:19] == "14:30:03"
    assert trimmed.n_rows == 5
    with pytest.raises(DataError, match=r"8 of 8 steps .*longer than max_gap 10ms, the usual one is 1.0 s"):
        AlpacaQuotes(symbols=["SPY"], max_gap="10ms", **DAY).book()


def test_crossed_locked_and_one_sided_quotes_are_refused_or_left_out_as_said(net):
    odd = [
        quote("14:30:10", bid=100.02),
        quote("14:30:11", bid=100.01),
        quote("14:30:12", ask=0.0, ask_size=0),
    ]
    net.get(QUOTES, json=answer(SPY=seconds(3) + odd))
    with pytest.raises(
        DataError, match=r"alpaca_quotes SPY: row 3, .*found a crossed book.*`crossed: remove`"
    ):
        AlpacaQuotes(symbols=["SPY"], **DAY).book()
    book = AlpacaQuotes(symbols=["SPY"], crossed="remove", **DAY).book()
    assert book.n_rows == 3
    said = " ".join(book.notes)
    assert all(
        f"Left out 1 of 6 rows: the book is {what}" in said for what in ("crossed", "locked", "one-sided")
    )


def test_quotes_of_the_same_time_are_kept_in_their_order_or_the_last_alone(net):
    rows = [quote("14:30:00", bid_size=size) for size in (5, 1, 9)]
    net.get(QUOTES, json=answer(SPY=rows))
    assert AlpacaQuotes(symbols=["SPY"], **DAY).book().fields["bid_size"].tolist() == [[5], [1], [9]]
    assert AlpacaQuotes(symbols=["SPY"], same_time="last", **DAY).book().fields["bid_size"].tolist() == [[9]]


def test_all_pages_are_read_and_asked_again_where_there_were_too_many(monkeypatch):
    rows = [("SPY", row) for row in seconds(9, bid_size=8)]
    with loopback([rows[:2], 429, rows[2:6], rows[6:]], "quotes") as (address, asked):
        monkeypatch.setenv("APCA_API_DATA_URL", address)
        book = AlpacaQuotes(symbols=["SPY"], **DAY).book()
    assert [(path, query.get("page_token")) for path, query, _ in asked] == [
        ("/v2/stocks/quotes", token) for token in (None, "1", "1", "2")
    ]
    assert asked[0][2]["APCA-API-KEY-ID"] == KEYS["APCA_API_KEY_ID"]
    assert book.bounds.tolist() == [[0, 9]]
    assert [str(time)[17:19] for time in book.time] == [f"0{second}" for second in range(9)]
    assert book.fields["bid_size"][:, 0].tolist() == [8] * 9


def test_an_answer_is_read_from_the_cache_and_is_the_same_book(net, monkeypatch):
    net.get(QUOTES, json=answer(SPY=[*seconds(5), quote("14:30:04")]))
    source = AlpacaQuotes(symbols=["SPY"], **DAY)
    first = source.book()
    net.reset()
    for name in KEYS:
        monkeypatch.delenv(name)
    again = source.book()
    assert (again.fingerprint(), again.notes) == (first.fingerprint(), first.notes)


def test_a_day_that_is_not_over_in_new_york_is_not_asked_for(net, monkeypatch):
    now = pd.Timestamp("2020-03-10 03:00", tz="UTC")  # 23:00 on the 9th
    monkeypatch.setattr(pd.Timestamp, "now", lambda tz=None: now)
    with pytest.raises(
        DataError, match=r"found the end 2020-03-09, expected at most 2020-03-08: .*when it is over"
    ):
        AlpacaQuotes(symbols=["SPY"], **TWO_DAYS).book()
    net.get(QUOTES, json=answer(SPY=seconds(2)))
    assert AlpacaQuotes(symbols=["SPY"], **DAY).book().n_rows == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            answer(),
            "quotes of SPY of 2020-03-06: no row in the period; are the symbols what Alpaca calls them",
        ),
        (answer(QQQ=[quote("14:30:00")]), "no rows of the symbol 'SPY'"),
        ({"trades": {"SPY": [{"t": "2020-03-06T14:30:00Z"}]}}, "SPY: no column ap, as, bp, bs .*found t"),
        (answer(SPY=[quote("14:30:00", bid=None)]), "row 0, .*: bid_price is nan, expected a number"),
        (
            answer(SPY=[quote("14:30:01"), quote("14:30:00")]),
            "row 1, .*unordered times, it follows 2020-03-06 14:30:01",
        ),
        (answer(SPY=[quote("14:30:00", bid_size=-1)]), "row 0, SPY, 2020-03-06 14:30:00 UTC"),
        (
            answer(SPY=[quote("12:30:00")]),
            "no row is left of 1. Left out 1 of 1 rows: outside of the regular hours",
        ),
        (answer(SPY=[quote("14:30:00", ask=100.012)]), "expected a whole number of ticks of 0.01"),
    ],
)
def test_quotes_that_cannot_be_used_are_refused(net, body, message):
    net.get(QUOTES, json=body)
    with pytest.raises(DataError, match=message):
        AlpacaQuotes(symbols=["SPY"], **DAY).book()


def test_no_network_a_refusal_and_missing_keys_are_said(net, monkeypatch):
    source = AlpacaQuotes(symbols=["SPY"], **DAY)
    with pytest.raises(
        DataError, match="quotes of SPY of 2020-03-06: no answer from the provider, asked 4 times"
    ):
        source.book()
    assert len(net.calls) == fetching.TRIES
    net.get(QUOTES, json={"message": "subscription does not permit querying recent SIP data"}, status=403)
    with pytest.raises(DataError, match="HTTP 403: subscription does not permit"):
        source.book()
    net.replace(responses.GET, QUOTES, json={"message": "too many requests."}, status=429)
    with pytest.raises(DataError, match="too many requests, asked 4 times"):
        source.book()
    monkeypatch.delenv("APCA_API_KEY_ID")
    with pytest.raises(
        DataError, match="alpaca_quotes: no key: set the environment variable APCA_API_KEY_ID"
    ):
        source.book()


def test_there_are_no_bars_and_settings_that_mean_nothing_are_refused():
    with pytest.raises(DataError, match="source 'alpaca_quotes' gives order books, not bars"):
        AlpacaQuotes(symbols=["SPY"], **DAY).bars()
    with pytest.raises(SpecError, match="start and end missing: quotes need a first and a last date"):
        make_source({"kind": "alpaca_quotes", "symbols": ["SPY"]})
    with pytest.raises(SpecError, match="end: found 2020-03-05, expected a date not before the start"):
        make_source({"kind": "alpaca_quotes", "symbols": ["SPY"], "start": "2020-03-06", "end": "2020-03-05"})
