"""Holidays are told from holes by an exchange's calendar."""

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar

from tsdeep.errors import DataError, SpecError
from tsdeep.sources import make_source
from tsdeep.sources.calendars import check_sessions, session_ends

# The holidays of New York in 2023, as the exchange published them.
HOLIDAYS = ["01-02", "01-16", "02-20", "04-07", "05-29", "06-19", "07-04", "09-04", "11-23", "12-25"]
DAYS = pd.bdate_range("2023-01-01", "2023-12-31")
SESSIONS = DAYS.difference(pd.to_datetime([f"2023-{day}" for day in HOLIDAYS]))


def table(days, symbol="SPY"):
    return pd.DataFrame({"time": days, "symbol": symbol, "close": 1.0})


def test_a_year_with_its_holidays_has_no_hole():
    assert len(SESSIONS) == 250
    check_sessions(table(SESSIONS), "XNYS", start="2023-01-01", end="2023-12-31")


def test_a_hole_is_refused_with_symbol_dates_and_count():
    holes = pd.to_datetime(["2023-03-01", "2023-03-02", "2023-05-31", "2023-08-01"])
    both = pd.concat([table(SESSIONS, "AGG"), table(SESSIONS.difference(holes))])
    with pytest.raises(DataError) as refused:
        check_sessions(both, "XNYS")
    said = str(refused.value)
    assert said.startswith(
        "symbol 'SPY': no bar on 4 of 250 sessions of XNYS (2023-03-01, 2023-03-02, 2023-05-31, ...)"
    )


def test_a_bar_on_a_holiday_is_refused():
    with pytest.raises(
        DataError, match=r"bars on 2 days on which XNYS has no session \(2023-04-07, 2023-11-23\)"
    ):
        check_sessions(table(SESSIONS.union(pd.to_datetime(["2023-04-07", "2023-11-23"]))), "XNYS")


def test_a_holiday_of_the_state_on_which_the_exchange_is_open_is_no_holiday():
    columbus_day = pd.Timestamp("2023-10-09")
    assert columbus_day in USFederalHolidayCalendar().holidays("2023-01-01", "2023-12-31")
    with pytest.raises(DataError, match="no bar on 1 of 250 sessions"):
        check_sessions(table(SESSIONS.drop(columbus_day)), "XNYS")


def test_a_start_or_an_end_that_is_not_reached_is_refused_with_what_to_do():
    check_sessions(table(SESSIONS[5:-5]), "XNYS")
    with pytest.raises(
        DataError, match=r"no bar on 5 of .*it has 2023-01-10 to .*Ask from its first bar on, or leave start"
    ):
        check_sessions(table(SESSIONS[5:]), "XNYS", start="2023-01-01")
    with pytest.raises(DataError, match=r"no bar on 1 of .*Ask up to its last bar, or leave end out"):
        check_sessions(table(SESSIONS[:-1]), "XNYS", end="2023-12-31")


def test_intraday_bars_belong_to_the_session_that_is_open():
    opens = pd.DatetimeIndex(SESSIONS).tz_localize("America/New_York") + pd.Timedelta("9:30:00")
    utc = opens.tz_convert("UTC").tz_localize(None)
    both = utc.append(
        utc + pd.Timedelta("9h")
    ).sort_values()  # half past six in the evening is the next day of UTC
    check_sessions(table(both), "XNYS", daily=False)
    with pytest.raises(DataError, match=r"no bar on 1 of 250 sessions of XNYS \(2023-06-01\)"):
        check_sessions(table(both[SESSIONS.repeat(2) != pd.Timestamp("2023-06-01")]), "XNYS", daily=False)


def test_a_session_that_begins_the_evening_before_is_that_of_the_next_day():
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("CMES", start="2023-03-01", end="2023-03-31")
    evening = (calendar.opens + pd.Timedelta("1h")).dt.tz_localize(None)
    assert (evening.dt.day_name() == "Sunday").any()
    check_sessions(table(evening.to_numpy()), "CMES", daily=False)


def test_sessions_end_at_the_close_early_closes_included():
    days = pd.Series(pd.to_datetime(["2023-07-03", "2023-07-05", "2023-07-08", "2023-12-15"]))
    ends = pd.Series(session_ends(days, "XNYS"))
    # 13:00 and 16:00 of New York; a Saturday, which is no session, at its own end.
    expected = ["2023-07-03 17:00", "2023-07-05 20:00", "2023-07-09 00:00", "2023-12-15 21:00"]
    assert np.array_equal(ends, pd.Series(pd.to_datetime(expected)))


def test_a_calendar_that_does_not_reach_as_far_is_refused():
    with pytest.raises(
        DataError, match=r"calendar XHKG: .*1960.*choose a later start, or leave the calendar out"
    ):
        check_sessions(table(pd.bdate_range("1950-01-02", periods=5)), "XHKG")


def test_an_unknown_calendar_is_refused_in_the_settings():
    with pytest.raises(
        SpecError, match=r"calendar: found 'XNYX', expected a calendar .*; did you mean 'XNYS'\?"
    ):
        make_source({"kind": "yfinance", "symbols": ["SPY"], "calendar": "XNYX"})
