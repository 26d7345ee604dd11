"""What every online source does: its cache, its checks, its notes. `toy` serves what the test gives it."""

import threading

import pandas as pd
import pytest

import tsdeep
from tests.asset_bars import bars, several
from tsdeep.errors import DataError, SpecError
from tsdeep.sources import OnlineSource, cache, make_source, register_source
from tsdeep.sources import base as sources_base

NOW = pd.Timestamp("2024-01-05 15:00", tz="UTC")  # a Friday, half an hour after New York's opening


@pytest.fixture
def served():
    """The toy's answer, and how often it was asked."""
    return {"table": several("SPY", "AGG", days=60), "asked": 0}


@pytest.fixture
def toy(served, tmp_path, monkeypatch):
    """Make a source `toy` by its settings; its kind is forgotten again after the test."""
    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources_base, "_SOURCES", dict(sources_base._SOURCES))

    @register_source("toy")
    class Toy(OnlineSource):
        minutes: int | None = None

        @property
        def bar_length(self):
            return None if self.minutes is None else pd.Timedelta(minutes=self.minutes)

        @property
        def statement(self):
            return "made-up prices, adjusted for nothing."

        def fetch(self):
            served["asked"] += 1
            return served["table"]

    return lambda **settings: make_source({"kind": "toy", "symbols": ["SPY", "AGG"], **settings})


def refused(source):
    with pytest.raises(DataError) as error:
        source.bars()
    return str(error.value)


# The cache


def test_equal_settings_are_asked_once(toy, served):
    first = toy().bars()
    pd.testing.assert_frame_equal(toy().bars(), first, check_exact=True)
    assert toy().panel(("close",)).fingerprint() == toy().panel(("close",)).fingerprint()
    assert served["asked"] == 1


@pytest.mark.parametrize("change", [{"start": "2004-01-01"}, {"symbols": ["AGG", "SPY"]}, {"minutes": 1440}])
def test_other_settings_are_another_request(toy, served, change):
    toy().bars()
    toy(**change).bars()
    assert served["asked"] == 2


def test_a_calendar_checks_what_is_cached_and_is_no_part_of_the_request(toy, served):
    toy().bars()
    assert "bars on 3 days on which XNYS has no session (2004-01-01, " in refused(toy(calendar="XNYS"))
    assert served["asked"] == 1


def test_the_order_of_symbols_is_that_asked_for(toy):
    assert list(toy(symbols=["AGG", "SPY"]).bars()["symbol"].unique()) == ["AGG", "SPY"]


def test_the_panel_s_notes_say_provider_date_adjustment_and_what_the_source_left_out(toy, served):
    served["table"].attrs["notes"] = ("Left out 2 of 62 rows.",)
    notes = toy().panel(("close",)).notes
    today = pd.Timestamp.now(tz="UTC").date()
    assert notes == (
        f"toy, fetched {today} (UTC): made-up prices, adjusted for nothing.",
        "Left out 2 of 62 rows.",
    )
    assert toy().panel(("open", "close")).notes == notes  # from the cache


def test_asking_anew_reports_changes_and_keeps_the_older_copy(toy, served):
    before = toy().answer()
    served["table"] = served["table"].copy()
    served["table"].loc[7, "close"] *= 1.001
    answer = toy().answer(refresh=True)
    assert answer.changes.changed == 1
    assert answer.changes.history
    older = [path for path in cache.files() if cache.about(path).older]
    assert len(older) == 1
    pd.testing.assert_frame_equal(cache.read(older[0])[1], before.table)
    assert toy().answer().table["close"][7] == served["table"]["close"][7]


def test_asking_anew_keeps_no_copy_where_rows_were_only_added(toy, served):
    whole = served["table"]
    served["table"] = whole.drop(index=[59, 119])
    toy().bars()
    served["table"] = whole
    assert toy().answer(refresh=True).changes.appended == 2
    assert len(cache.files()) == 1


def test_an_answer_that_is_refused_leaves_the_cached_one(toy, served):
    before = toy().bars()
    served["table"] = served["table"].assign(close=-1.0)
    with pytest.raises(DataError, match=r"field 'close' is -1\.0, expected a price above zero"):
        toy().answer(refresh=True)
    pd.testing.assert_frame_equal(toy().bars(), before)


def test_a_damaged_cached_answer_is_refused_and_not_fetched_over(toy, served):
    path = toy().answer().entry.path
    path.write_bytes(path.read_bytes()[:-50])
    assert str(path) in refused(toy())
    with pytest.raises(DataError, match="tsdeep data rm"):
        toy().answer(refresh=True)
    assert served["asked"] == 1


def test_two_at_once_ask_once(toy, served):
    threads = [threading.Thread(target=lambda: toy().bars()) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served["asked"] == 1
    assert len(toy().bars()) == 120


# What is refused


def test_a_symbol_without_rows_is_named(toy, served):
    served["table"] = bars("SPY", days=60)
    assert "toy: no rows of the symbol 'AGG'" in refused(toy())


def test_a_symbol_that_was_not_asked_for_is_refused(toy, served):
    served["table"] = several("SPY", "AGG", "TLT", days=60)
    assert "unknown symbol 'TLT'" in refused(toy())


def test_daily_bars_are_dated_by_their_session(toy, served):
    served["table"]["time"] += pd.Timedelta("5h")
    assert "found the time 2004-01-01 05:00:00, expected the date of a session" in refused(toy())


def test_a_zone_and_a_value_that_cannot_be_are_refused(toy, served):
    good = served["table"]
    served["table"] = good.assign(time=good["time"].dt.tz_localize("UTC"))
    assert "found the zone UTC" in refused(toy())
    served["table"] = good.assign(high=good["low"] / 2)
    assert "expected at least the low of its row" in refused(toy())


def test_a_symbol_in_other_letters_is_said(toy, served):
    served["table"]["symbol"] = served["table"]["symbol"].str.upper()
    said = refused(toy(symbols=["spy", "AGG"]))
    assert "no rows of the symbol 'spy' in the answer (it has 'SPY', which was not asked for)" in said


def test_a_date_that_is_there_twice_is_refused(toy, served):
    served["table"].loc[7, "time"] = served["table"].loc[6, "time"]
    assert "symbol 'SPY', row 7, 2004-01-09: duplicate time, expected one row a time" in refused(toy())


def test_a_symbol_that_ends_before_the_others_is_said(toy, served):
    served["table"] = served["table"].drop(index=range(30, 60))
    assert "Symbols that end before the last, 2004-03-24: SPY on 2004-02-11." in toy().panel(("close",)).notes
    assert "asked up to 2004-03-24, it ends on 2004-02-11" in refused(toy(end="2004-03-24"))


def test_a_start_that_is_not_reached_says_what_there_is_and_what_to_do(toy):
    assert len(toy(start="2003-12-27").bars()) == 120  # a long weekend
    said = refused(toy(start="2003-12-26"))
    assert "symbol 'SPY': asked from 2003-12-26 on, it begins 6 days later, on 2004-01-01" in said
    assert "leave start out to take each symbol from its own" in said


def test_an_end_that_is_not_reached_is_refused(toy, served):
    last = served["table"]["time"].max()
    assert len(toy(end=str((last + pd.Timedelta(days=5)).date())).bars()) == 120
    assert "symbol 'SPY': asked up to 2005-01-01, it ends on 2004-03-24" in refused(toy(end="2005-01-01"))


def test_an_end_in_the_future_is_reached_by_what_there_is(toy, served):
    days = pd.bdate_range(
        end=pd.Timestamp.now("UTC").tz_localize(None).normalize() - pd.Timedelta(days=1), periods=60
    )
    for symbol in ("SPY", "AGG"):
        served["table"].loc[served["table"]["symbol"] == symbol, "time"] = days
    assert len(toy(end="2099-12-31").bars()) == 120


def test_a_monthly_series_may_begin_a_month_after_the_start(toy, served):
    months = pd.date_range("2004-01-31", periods=60, freq="ME")
    for symbol in ("SPY", "AGG"):
        served["table"].loc[served["table"]["symbol"] == symbol, "time"] = months
    toy(start="2004-01-02").bars()
    assert "begins 76 days later" in refused(toy(start="2003-11-16"))


def test_with_a_calendar_the_first_session_asked_for_must_be_there(toy, served):
    import exchange_calendars

    sessions = exchange_calendars.get_calendar("XNYS", start="2004-01-01").sessions[:60]
    for symbol in ("SPY", "AGG"):
        served["table"].loc[served["table"]["symbol"] == symbol, "time"] = sessions
    assert sessions[0] == pd.Timestamp("2004-01-02")
    toy(start="2004-01-01", calendar="XNYS").bars()
    assert "no bar on 1 of 61 sessions of XNYS (2003-12-31)" in refused(
        toy(start="2003-12-31", calendar="XNYS")
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"symbols": []}, "symbols: found .*, expected at least one"),
        ({"symbols": ["A", "A"]}, "found 'A' twice"),
        ({"start": "2004-13-01"}, "start: found '2004-13-01', expected a date"),
        (
            {"start": "2004-01-02", "end": "2004-01-01"},
            "end: found 2004-01-01, expected a date not before the start",
        ),
        ({"calender": "XNYS"}, "unknown key 'calender': did you mean 'calendar'"),
    ],
)
def test_wrong_settings_are_refused(toy, settings, message):
    with pytest.raises(SpecError, match=message):
        toy(**settings)


# What is not final


def finished(source, table, now=NOW):
    return source.finished(table, now)


def daily(*days):
    return bars("SPY", days=len(days)).assign(time=pd.to_datetime(days))


def test_without_a_calendar_today_s_bar_is_left_out_and_said(toy):
    table, notes = finished(toy(), daily("2024-01-03", "2024-01-04", "2024-01-05"))
    assert list(table["time"].dt.day) == [3, 4]
    assert notes == (
        "Left out 1 bars from 2024-01-05 on, which were not over when they were fetched: their values would have "
        "changed.",
    )
    assert finished(toy(), daily("2024-01-03", "2024-01-04"))[1] == ()


@pytest.mark.parametrize(
    ("clock", "kept"),
    # New York closes at 21:00 UTC in winter; feeds are done half an hour later.
    [("2024-01-05 20:59", 1), ("2024-01-05 21:29", 1), ("2024-01-05 21:30", 2), ("2024-01-06 00:00", 2)],
)
def test_with_a_calendar_a_bar_is_final_after_the_close(toy, clock, kept):
    now = pd.Timestamp(clock, tz="UTC")
    assert len(finished(toy(calendar="XNYS"), daily("2024-01-04", "2024-01-05"), now)[0]) == kept


def test_an_intraday_bar_is_final_when_its_span_is_over(toy):
    table = bars("SPY", days=3).assign(time=pd.to_datetime([f"2024-01-05 14:{m}" for m in (30, 45, 46)]))
    kept, notes = finished(toy(minutes=15), table)
    assert list(kept["time"].dt.minute) == [30, 45]
    assert "from 2024-01-05 14:46:00 on" in notes[0]


def test_a_symbol_of_which_no_bar_is_final_is_refused(toy, served):
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    served["table"] = pd.concat(
        [bars("SPY", days=5), bars("AGG", days=1).assign(time=today)], ignore_index=True
    )
    assert "no row of the symbol 'AGG' is final" in refused(toy())
    served["table"] = several("SPY", "AGG", days=1).assign(time=today)
    assert "is not over yet, and there is no bar before it" in refused(toy())


def test_a_bar_that_is_not_final_is_not_stored(toy, served):
    today = pd.Timestamp.now("UTC").tz_localize(None).normalize()
    served["table"].loc[59, "time"] = today
    assert len(toy().bars()) == 119
    notes = toy().panel(("close",)).notes
    assert notes[1].startswith(f"Left out 1 bars from {today.date()} on")
    assert served["asked"] == 1


# In a spec


def test_a_spec_reads_it_and_says_it_in_the_panel(toy):
    spec = tsdeep.load_spec("sp500_direction").replace(source=toy(symbols=["SPY", "AGG"]), variants=None)
    panel, _ = spec.replace(period={"start": None, "end": None}).read()
    assert panel.symbols == ("SPY", "AGG")
    assert panel.notes[0].startswith("toy, fetched ")
