import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.panels import ragged_panel
from tsdeep import DataError, Panel

SOME = settings(max_examples=50, deadline=None)


def bars(n_rows=5, **columns):
    close = np.arange(10.0, 10.0 + n_rows)
    frame = pd.DataFrame(
        {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 100.0},
        index=pd.date_range("2020-01-01", periods=n_rows),
    )
    return frame.assign(**columns)


@st.composite
def long_tables(draw):
    """Rows of several symbols and segments in any interleaving that keeps each symbol's times in order."""
    n_rows = draw(st.integers(1, 30))
    symbols = draw(st.lists(st.sampled_from("ABC"), min_size=n_rows, max_size=n_rows))
    frame = pd.DataFrame({"symbol": symbols, "close": np.arange(1.0, n_rows + 1)})
    frame["time"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame.groupby("symbol").cumcount(), unit="D")
    if draw(st.booleans()):
        cuts = draw(st.integers(1, 5))
        frame["segment"] = frame.groupby("symbol").cumcount() // cuts
    return frame


@SOME
@given(long_tables())
def test_rows_of_a_long_table_are_kept_once_each_in_segments_of_one_symbol(frame):
    panel = Panel.from_frame(frame)
    groups = ["symbol", "segment"] if "segment" in frame else ["symbol"]
    expected = [group for _, group in frame.groupby(groups, sort=False)]
    assert len(panel.bounds) == len(expected)
    for number, group in enumerate(expected):
        start, stop = panel.bounds[number]
        assert panel.symbols[number] == group["symbol"].iloc[0]
        np.testing.assert_array_equal(panel.fields["close"][start:stop], group["close"])
        np.testing.assert_array_equal(panel.time[start:stop], group["time"])
        assert (panel.segment[start:stop] == number).all()
    assert panel.n_rows == len(frame)


@SOME
@given(long_tables())
def test_a_place_is_the_number_of_the_row_among_those_of_its_symbol(frame):
    panel = Panel.from_frame(frame)
    for row in range(panel.n_rows):
        symbol = panel.symbol[row]
        number = int((panel.symbol[:row] == symbol).sum())
        date = pd.Timestamp(panel.time[row]).date()
        assert panel.place(row) == f"symbol '{symbol}', row {number}, {date}"


@SOME
@given(long_tables(), st.integers(1, 4))
def test_raw_windows_are_the_rows_before_and_never_those_of_another_segment(frame, n_rows):
    panel = Panel.from_frame(frame)
    for end in range(panel.n_rows):
        start = panel.bounds[panel.segment[end], 0]
        if end - n_rows + 1 < start:
            with pytest.raises(
                DataError, match=rf"needs {n_rows} rows, its segment has {end - start + 1} up to here"
            ):
                panel.windows([end], n_rows, ("close",))
        else:
            raw = panel.windows([end], n_rows, ("close", "time"))
            np.testing.assert_array_equal(raw["close"], [panel.fields["close"][end - n_rows + 1 : end + 1]])
            assert raw["time"].shape == (1, n_rows)


def test_windows_beyond_the_panel_are_refused():
    for end in (-1, 5):
        with pytest.raises(DataError, match=rf"rows {end} to {end} are not all within 0 to 4"):
            Panel.from_frame(bars(), symbol="A").windows([end], 1, ("close",))


def test_fields_are_float64_whatever_the_dtype_given():
    panel = Panel.from_frame(bars(volume=np.arange(5), close=np.array([1, 2, 3, 4, 5], object)), symbol="A")
    assert {values.dtype for values in panel.fields.values()} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(panel.fields["volume"], [0, 1, 2, 3, 4])


def test_sessions_are_numbered_by_date_across_symbols_or_as_they_are_given():
    times = pd.to_datetime(["2020-01-01 10:00", "2020-01-01 22:00", "2020-01-02 02:00", "2020-01-02 10:00"])
    frame = pd.DataFrame({"close": 1.0, "symbol": ["A", "B", "A", "B"]}, index=times)
    np.testing.assert_array_equal(Panel.from_frame(frame).session, [0, 1, 0, 1])
    frame["session"] = pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-02"])
    panel = Panel.from_frame(frame)
    np.testing.assert_array_equal(panel.session, [0, 1, 1, 1])
    assert panel.session_date.dtype == np.dtype("datetime64[D]")


def test_seconds_count_from_1970_also_before_it():
    frame = pd.DataFrame(
        {"close": 1.0}, index=pd.to_datetime(["1969-12-31 23:59:58.5", "1970-01-01 00:00:01.0"])
    )
    panel = Panel.from_frame(frame, symbol="A")
    np.testing.assert_array_equal(panel.seconds, [-1.5, 1.0])
    np.testing.assert_array_equal(panel.raw("time"), [-1.5, 1.0])


def test_an_unknown_field_is_refused_with_those_that_exist():
    with pytest.raises(
        DataError, match=r"no field 'vwap' in the data; it has: open, high, low, close, volume, time"
    ):
        Panel.from_frame(bars(), symbol="A").raw("vwap")


def test_fields_with_levels_are_kept_and_cut_with_their_levels():
    price = np.arange(30.0).reshape(10, 3)
    panel = Panel(
        fields={"ask_price": price, "ask_size": np.ones((10, 3), np.int64), "mid": price[:, 0]},
        time=np.datetime64("2020-01-01", "ns") + np.arange(10),
        bounds=np.array([[0, 4], [4, 10]]),
        symbols=("A", "A"),
    )
    raw = panel.windows([3, 9], 2, ("ask_price",))["ask_price"]
    np.testing.assert_array_equal(raw, [price[2:4], price[8:10]])
    assert list(panel.to_frame().columns) == ["time", "symbol", "mid"]


def test_replace_changes_the_fields_named_and_nothing_else():
    panel = Panel.from_frame(bars(), symbol="A")
    other = panel.replace(close=panel.fields["close"] * 2)
    np.testing.assert_array_equal(other.fields["close"], panel.fields["close"] * 2)
    assert other.fields["open"] is panel.fields["open"]
    assert panel.fields["close"][0] == 10.0


def test_replace_by_another_length_is_refused():
    with pytest.raises(DataError, match=r"field 'close' has 2 rows, time has 5"):
        Panel.from_frame(bars(), symbol="A").replace(close=np.ones(2))


def test_a_frame_comes_back_as_it_went_in():
    frame = bars().rename_axis("time").reset_index().assign(symbol="A")
    back = Panel.from_frame(frame).to_frame()
    pd.testing.assert_frame_equal(back[frame.columns], frame, check_dtype=False)


def test_equal_data_have_equal_fingerprints_and_any_change_another():
    def panel(**changes):
        return Panel.from_frame(bars(**changes).assign(symbol="A"))

    first = panel().fingerprint()
    assert first == panel().fingerprint()
    last_digit = bars()["close"].to_numpy().copy()
    last_digit[-1] = np.nextafter(last_digit[-1], 0)
    later = bars().set_index(bars().index + pd.Timedelta(1, "ns"))
    others = [
        panel(close=last_digit).fingerprint(),
        Panel.from_frame(bars(), symbol="B").fingerprint(),
        Panel.from_frame(later, symbol="A").fingerprint(),
        panel(segment=[0, 0, 1, 1, 1]).fingerprint(),
        panel(session=bars().index + pd.Timedelta("1D")).fingerprint(),
        Panel.from_frame(bars().rename(columns={"close": "last"}), symbol="A").fingerprint(),
    ]
    assert len({first, *others}) == 7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"close": [1.0, np.nan, 3, 4, 5]},
            "symbol 'A', row 1, 2020-01-02: field 'close' is nan, expected a finite",
        ),
        (
            {"volume": [1, 2, np.inf, 4, 5]},
            "row 2, 2020-01-03: field 'volume' is inf, expected a finite number",
        ),
        ({"low": [1, 2, 3, -4.5, 5]}, "row 3, 2020-01-04: field 'low' is -4.5, expected a price above zero"),
        ({"open": [0, 2, 0, 4, 5]}, "row 0, 2020-01-01: field 'open' is 0.0, .* above zero .2 such rows"),
        (
            {"volume": [1, 2, 3, 4, -5]},
            "row 4, 2020-01-05: field 'volume' is -5.0, expected a size of zero or more",
        ),
        (
            {"high": [11, 12, 1, 14, 15]},
            "row 2, 2020-01-03: field 'high' is 1.0, expected at least the low of its row, 11.0",
        ),
        ({"vwap": [1, 2, 3, np.nan, 5]}, "row 3, 2020-01-04: field 'vwap' is nan"),
        ({"close": list("abcde")}, "symbol 'A', 2020-01-01: field 'close' is 'a', expected a number"),
        (
            {"session": pd.to_datetime(["2020-01-02"] * 4 + ["2020-01-01"])},
            "row 4, .*: session 2020-01-01, expected",
        ),
    ],
)
def test_values_that_cannot_be_are_refused_with_symbol_row_date_and_value(changes, message):
    with pytest.raises(DataError, match=message):
        Panel.from_frame(bars(**changes), symbol="A")


def test_zero_volume_and_a_flat_bar_are_possible():
    assert Panel.from_frame(bars(volume=0, high=9.0, low=9.0, close=9.0, open=9.0), symbol="A").n_rows == 5


def test_a_bad_value_in_an_interleaved_table_is_found_at_its_symbol_s_own_row():
    frame = pd.concat([bars().assign(symbol="A"), bars().assign(symbol="B")]).sort_index(kind="stable")
    frame.iloc[7, frame.columns.get_loc("close")] = np.nan  # the fourth of B
    with pytest.raises(DataError, match=r"symbol 'B', row 3, 2020-01-04: field 'close' is nan"):
        Panel.from_frame(frame)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            [0, 1, 3, 2, 4],
            "symbol 'A', row 3, 2020-01-03: unordered times, it follows 2020-01-04; sort by time",
        ),
        ([4, 3, 2, 1, 0], "row 1, 2020-01-04: unordered times, it follows 2020-01-05"),
        ([0, 1, 1, 2, 3], "row 2, 2020-01-02: duplicate time, expected one row a time"),
    ],
)
def test_unordered_and_duplicate_times_are_refused(order, message):
    with pytest.raises(DataError, match=message):
        Panel.from_frame(bars().iloc[order], symbol="A")


def test_equal_times_of_two_symbols_are_no_duplicates():
    assert Panel.from_frame(pd.concat([bars().assign(symbol="A"), bars().assign(symbol="B")])).n_rows == 10


@pytest.mark.parametrize("segment", [[1, 1, 0, 0, 1], ["a", "b", "a", "b", "a"]])
def test_segments_of_a_symbol_that_overlap_in_time_are_refused(segment):
    with pytest.raises(DataError, match=r"the segment begins before the one ahead of it ends"):
        Panel.from_frame(bars(segment=segment), symbol="A")


def test_a_table_without_fields_is_refused():
    with pytest.raises(DataError, match=r"no field beside time, symbol, segment, session"):
        Panel.from_frame(bars()[[]], symbol="A")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"time": np.arange(5).astype("datetime64[s]")}, r"time: found dtype datetime64\[s\], expected"),
        ({"fields": {"close": np.ones(4)}}, "field 'close' has 4 rows, time has 5"),
        (
            {"fields": {"close": np.ones(5, np.float32)}},
            "field 'close': found dtype float32, expected float64",
        ),
        ({"bounds": np.array([[0, 2], [3, 5]])}, r"segments .* do not cover rows 0 to 5"),
        ({"bounds": np.array([[0, 4]])}, "do not cover rows 0 to 5"),
        ({"bounds": np.array([[0, 0], [0, 5]]), "symbols": ("A", "B")}, "expected at least one row in each"),
        ({"bounds": np.array([0, 5])}, r"bounds: found shape \[2\], expected \[segments, 2\]"),
        ({"symbols": ("A", "B")}, "2 symbols for 1 segments"),
        (
            {"session_date": np.arange(4).astype("datetime64[D]")},
            r"shape \[4\],.*expected datetime64\[D\] and \[5\]",
        ),
        (
            {"session_date": np.arange(5).astype("datetime64[s]")},
            r"session_date: found dtype datetime64\[s\]",
        ),
        ({"time": np.array([0, 1, "NaT", 3, 4], "M8[ns]")}, "symbol 'A': time is missing at row 2"),
    ],
)
def test_arrays_that_do_not_fit_each_other_are_refused(changes, message):
    arrays = {
        "fields": {"close": np.ones(5)},
        "time": np.arange(5).astype("datetime64[ns]"),
        "bounds": np.array([[0, 5]]),
        "symbols": ("A",),
    }
    assert Panel(**arrays).n_rows == 5
    with pytest.raises(DataError, match=message):
        Panel(**(arrays | changes))


def test_many_short_segments_stand_in_one_panel():
    panel = ragged_panel([1] * 500, symbols=[f"S{i % 7}" for i in range(500)])
    assert panel.n_rows == 500
    assert panel.symbol[8] == "S1"


def days_of_books(sizes=(4, 3, 5)):
    """Three sessions of one instrument, a segment each."""
    n_rows, stops = sum(sizes), np.cumsum(sizes)
    days = np.repeat(np.datetime64("2024-01-02") + np.arange(len(sizes)), sizes)
    return Panel(
        fields={
            "ask_price": np.arange(2.0 * n_rows).reshape(-1, 2),
            "event_type": np.ones(n_rows),
        },
        time=days.astype("datetime64[ns]") + np.arange(n_rows) * np.timedelta64(1, "h"),
        bounds=np.stack([stops - sizes, stops], axis=1),
        symbols=("A",) * len(sizes),
        session_date=days,
        row="one book event",
        tick=100.0,
        notes=("Two rows were removed.",),
    )


def test_a_period_takes_whole_sessions_and_keeps_what_is_said_of_the_data():
    panel = days_of_books()
    part = panel.select(("ask_price",), pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04"))
    np.testing.assert_array_equal(part.fields["ask_price"], panel.fields["ask_price"][4:])
    assert part.bounds.tolist() == [[0, 3], [3, 8]]
    assert (part.row, part.tick, part.notes) == (panel.row, panel.tick, panel.notes)
    assert list(part.fields) == ["ask_price"]


def test_a_period_without_rows_is_refused_with_those_there_are():
    with pytest.raises(DataError, match=r"2025-01-01.*the data has 2024-01-02 to 2024-01-04"):
        days_of_books().select(start=pd.Timestamp("2025-01-01"))


def test_rows_are_not_taken_out_of_the_middle_of_a_segment():
    keep = np.ones(12, bool)
    keep[5] = False
    with pytest.raises(DataError, match=r"symbol 'A', row 4, .*in the middle of its segment"):
        days_of_books().take(keep)


@given(st.integers(0, 11), st.integers(0, 11))
def test_what_is_taken_keeps_its_segments(first, last):
    panel = days_of_books()
    keep = np.zeros(12, bool)
    keep[min(first, last) : max(first, last) + 1] = True
    part = panel.take(keep)
    rows = np.flatnonzero(keep)
    np.testing.assert_array_equal(part.fields["ask_price"], panel.fields["ask_price"][rows])
    same = panel.segment[rows][1:] == panel.segment[rows][:-1]
    np.testing.assert_array_equal(part.segment[1:] == part.segment[:-1], same)


def test_another_tick_is_another_fingerprint():
    panel = days_of_books()
    assert panel.fingerprint() != dataclasses.replace(panel, tick=1.0).fingerprint()
