from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.validation.timelines import daily, days, intraday, make_samples
from tsdeep.errors import DataError, SpecError
from tsdeep.validation.sizes import parse_gap, parse_size
from tsdeep.validation.timeline import make_timeline


def boundary(timeline, start, size):
    moved = timeline.advance(int(np.datetime64(start, "ns").astype(np.int64)), parse_size(size, "size"))
    return str(pd.Timestamp(moved).date())


@pytest.mark.parametrize(
    ("start", "size", "first_day_behind"),
    [
        ("1999-01-04", "4YE", "2003-01-01"),
        ("1999-12-31", "1YE", "2000-01-01"),
        ("1999-02-01", "1QE", "1999-04-01"),
        ("2000-02-29", "1ME", "2000-03-01"),
        ("2024-01-05", "W-FRI", "2024-01-06"),
        ("2024-01-06", "W-FRI", "2024-01-13"),
        ("2024-03-01", "1BME", "2024-03-30"),
        ("2024-01-01", "5B", "2024-01-06"),
        ("1999-01-04", "2YS", "2001-01-01"),
        ("2000-01-01", "1YS", "2001-01-01"),
        ("2024-01-10", "1WOM-3FRI", "2024-01-20"),
        ("1999-01-04", "90D", "1999-04-04"),
        ("2001-01-31", "1 month", "2001-02-28"),
    ],
)
def test_calendar_blocks_reach_through_their_anchor_date(start, size, first_day_behind):
    assert boundary(make_timeline(daily()), start, size) == first_day_behind


def test_rows_count_distinct_times_so_that_instruments_stay_together():
    times = days("2001-01-01", 10)
    timeline = make_timeline(make_samples([("a", 0, times), ("b", 0, times)], [0]))
    assert boundary(timeline, "2001-01-01", 3) == "2001-01-04"


def test_sessions_are_counted_whole():
    timeline = make_timeline(intraday(sessions=6))
    assert boundary(timeline, "2001-01-01", "2 sessions") == "2001-01-03"


def test_gaps_are_measured_back_from_a_boundary_and_on_from_the_last_row():
    timeline = make_timeline(np.zeros(10))
    assert timeline.before(6, parse_gap(2, "purge")) == 4
    assert timeline.after(6, parse_gap(2, "purge")) == 9
    assert timeline.after(6, parse_gap(0, "purge")) == 7
    sessions = make_timeline(intraday(sessions=6, rows=10, horizon=0))
    third = int(sessions.session_start[2])
    assert sessions.before(third, parse_gap("1 session", "embargo")) == sessions.session_start[1]
    assert sessions.after(third, parse_gap("1 session", "embargo")) == sessions.session_start[4]


def test_instruments_of_samples_are_merged_in_time_order():
    times = days("2001-01-01", 3)
    timeline = make_timeline(make_samples([("a", 0, times), ("b", 0, times)], [0]))
    assert timeline.rows.tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"x": range(4)}, index=days("2001-01-01", 4)),
        pd.Series(range(4), index=days("2001-01-01", 4)),
        pd.DatetimeIndex(days("2001-01-01", 4)),
        days("2001-01-01", 4),
        pd.Series(
            range(4), index=pd.MultiIndex.from_arrays([days("2001-01-01", 4), list("abcd")], names=["t", "s"])
        ),
        pd.Series(range(4), index=pd.date_range("2001-01-01", periods=4, tz="Asia/Tokyo")),
    ],
)
def test_tables_are_dated_by_their_datetime_index_in_wall_clock_time(data):
    timeline = make_timeline(data)
    assert timeline.dated
    assert [timeline.text(time) for time in timeline.time[:2]] == ["2001-01-01", "2001-01-02"]


def test_a_table_with_columns_named_like_samples_is_still_a_table():
    table = pd.DataFrame({name: range(3) for name in ("rows", "time", "label_end", "session", "symbol")})
    assert make_timeline(table).rows.tolist() == [0, 1, 2]


def test_times_that_go_back_are_refused_with_the_row():
    with pytest.raises(DataError, match="row 2: time goes back"):
        make_timeline(pd.DatetimeIndex(["2001-01-01", "2001-01-03", "2001-01-02"]))
    samples = daily(5, horizon=0)
    samples.time[3] = samples.time[1]
    with pytest.raises(DataError, match="row 3: time goes back within its session"):
        make_timeline(samples)


def test_missing_times_and_empty_data_are_refused():
    with pytest.raises(DataError, match="no time at row 1"):
        make_timeline(pd.DatetimeIndex(["2001-01-01", None]))
    with pytest.raises(DataError, match="no row"):
        make_timeline(np.zeros((0, 2)))
    samples = daily(5)
    samples.rows = samples.rows[:0]
    with pytest.raises(DataError, match="no labelled row"):
        make_timeline(samples)


def test_label_ends_that_are_missing_or_before_their_row_are_refused():
    samples = daily(5)
    samples.label_end[2] = -1
    with pytest.raises(DataError, match=r"row 2: .* label has no end"):
        make_timeline(samples)
    samples = daily(5)
    samples.label_end[2] = 0
    with pytest.raises(DataError, match="row 2: the label ends before its row"):
        make_timeline(samples)
    with pytest.raises(DataError, match="row 1: the label ends before its row"):
        make_timeline(np.zeros(3), label_end_time=[1, 0, 2])
    with pytest.raises(DataError, match="label_end_time has no time at row 1"):
        make_timeline(
            pd.DatetimeIndex(days("2001-01-01", 2)), label_end_time=pd.to_datetime(["2001-01-02", None])
        )


def test_label_ends_and_sessions_that_do_not_fit_are_refused():
    dates = pd.DatetimeIndex(days("2001-01-01", 3))
    with pytest.raises(SpecError, match="2 values for 3 rows"):
        make_timeline(np.zeros(3), label_end_time=[1, 2])
    with pytest.raises(SpecError, match="expected datetimes"):
        make_timeline(dates, label_end_time=[1, 2, 3])
    with pytest.raises(SpecError, match="expected positions"):
        make_timeline(np.zeros(3), label_end_time=dates)
    with pytest.raises(SpecError, match="groups has 2 values for 3 rows"):
        make_timeline(np.zeros(3), sessions=[0, 1])
    with pytest.raises(SpecError, match="samples have their own"):
        make_timeline(daily(), label_end_time=np.arange(3))


def test_overlapping_sessions_are_refused_when_sizes_need_them():
    times = days("2001-01-01", 4)
    pooled = make_timeline(make_samples([("a", 0, times), ("b", 1, times)], [0]))
    with pytest.raises(DataError, match="two sessions overlap"):
        pooled.session_start  # noqa: B018
    split_time = SimpleNamespace(
        rows=np.arange(3),
        time=times[[0, 1, 1]],
        label_end=np.arange(3),
        session=np.array([0, 0, 1]),
        symbol=np.zeros(3),
    )
    with pytest.raises(DataError, match="two sessions overlap"):
        make_timeline(split_time).session_start  # noqa: B018


def test_units_that_need_dates_or_sessions_are_refused_without_them():
    timeline = make_timeline(np.zeros(9))
    with pytest.raises(SpecError, match="DatetimeIndex"):
        timeline.advance(0, parse_size("3D", "train"))
    with pytest.raises(SpecError, match="DatetimeIndex"):
        timeline.before(5, parse_gap("3D", "purge"))
    with pytest.raises(SpecError, match="groups="):
        timeline.advance(0, parse_size("3 sessions", "train"))
