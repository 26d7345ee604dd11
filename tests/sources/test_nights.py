"""Bars within the day: with a calendar nothing crosses a night, without one the panel says that windows do."""

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tsdeep import DataError
from tsdeep.sources import Csv, make_source

# Thursday, Friday and Monday in New York; half an hour before the opening belongs to the day as well.
OPENS = pd.to_datetime(["2020-01-02 14:30", "2020-01-03 14:30", "2020-01-06 14:30"])
DAYS = ["2020-01-02", "2020-01-03", "2020-01-06"]
BARS_A_DAY = 15


@pytest.fixture
def path(tmp_path):
    times = np.concatenate(
        [pd.date_range(each - pd.Timedelta("30min"), periods=15, freq="30min") for each in OPENS]
    )
    close = 100 * np.exp(0.01 * np.random.default_rng(0).normal(size=len(times)).cumsum())
    for symbol, scale in (("A", 1.0), ("B", 2.0)):
        table = pd.DataFrame({"date": times, "close": scale * close})
        table.to_csv(tmp_path / f"{symbol}.csv", index=False)
    return str(tmp_path)


def study(path, **source):
    return tsdeep.make_spec(
        {
            "name": "minutes",
            "source": {"kind": "csv", "path": path, **source},
            "fields": ["close"],
            "features": [{"kind": "log_return", "rows": 2}],
            "task": {"kind": "direction", "horizon_rows": 3},
            "lookback": 4,
            "split": {"train": 8, "valid": 2, "test": 2},
        }
    )


def test_with_a_calendar_a_session_is_a_segment_and_no_window_or_label_crosses_a_night(path):
    samples = tsdeep.load(study(path, symbols=["A"], calendar="XNYS"))
    panel = samples.panel
    assert panel.bounds.tolist() == [[0, 15], [15, 30], [30, 45]]
    assert np.unique(panel.session_date).astype(str).tolist() == DAYS
    day = panel.time.astype("datetime64[D]")
    first = samples.rows - (samples.rows_needed - 1)
    assert (day[first] == day[samples.rows]).all()
    assert (day[samples.label_end[samples.rows]] == day[samples.rows]).all()
    assert len(samples.rows) == 3 * (BARS_A_DAY - (samples.rows_needed - 1) - 3)


def test_without_one_windows_run_on_over_nights_and_the_panel_says_so(path):
    panel = Csv(path=path, symbols=["A"]).panel(("close",))
    assert panel.bounds.tolist() == [[0, 45]]
    (note,) = panel.notes
    assert note.startswith("Bars within the day, and no calendar: windows and labels run on over nights")
    daily = pd.DataFrame({"date": pd.to_datetime(DAYS), "close": [1.0, 2.0, 3.0]})
    daily.to_csv(f"{path}/daily.csv", index=False)
    assert Csv(path=f"{path}/daily.csv", calendar="XNYS").panel(("close",)).notes == ()


def test_a_period_takes_whole_sessions(path):
    source = Csv(path=path, symbols=["A"], calendar="XNYS")
    friday = pd.Timestamp("2020-01-03")
    assert (
        source.panel(("close",), friday, friday).time.tolist()
        == source.panel(("close",)).time[15:30].tolist()
    )
    with pytest.raises(DataError, match="no row in the period 2020-01-04 to 2020-01-05"):
        source.panel(("close",), pd.Timestamp("2020-01-04"), pd.Timestamp("2020-01-05"))


def test_instruments_have_segments_of_their_own(path):
    panel = Csv(path=path, calendar="XNYS").panel(("close",))
    assert panel.symbols == ("A",) * 3 + ("B",) * 3
    np.testing.assert_allclose(panel.fields["close"][45:], 2 * panel.fields["close"][:45])


def test_a_series_of_sessions_is_joined_as_one(path):
    content = study(path, symbols=["A"], calendar="XNYS").resolved()
    other = {"kind": "csv", "path": path, "symbols": ["B"], "calendar": "XNYS"}
    content["join"] = {"other": {"source": other}}
    panel = tsdeep.make_spec(content).samples().panel
    np.testing.assert_array_equal(panel.fields["other"], 2 * panel.fields["close"])
    content["join"] = {"other": {"source": {**other, "symbols": None}}}
    with pytest.raises(DataError, match="other: found A, B, expected one series"):
        tsdeep.make_spec(content).samples()


def test_a_session_that_begins_the_evening_before_is_one_segment():
    calendar = make_source({"kind": "csv", "calendar": "CMES"}).calendar
    from tsdeep.sources.calendars import in_sessions

    times = pd.date_range(
        "2023-03-05 23:30", "2023-03-08 21:30", freq="1h"
    )  # Sunday evening in Chicago to Wednesday
    bars = in_sessions(pd.DataFrame({"time": times, "symbol": "ES", "close": 1.0}), calendar)
    sessions = bars.groupby("session")["time"].agg(["min", "max"])
    assert [str(date.date()) for date in sessions.index] == ["2023-03-06", "2023-03-07", "2023-03-08"]
    assert (sessions["min"].dt.day < sessions["max"].dt.day).any()
