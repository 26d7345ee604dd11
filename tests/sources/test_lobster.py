import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.lobster_days import EMPTY, made_day, sample, sample_lines, sample_numbers
from tsdeep import DataError, SpecError
from tsdeep.books import BOOK_FIELDS, EVENT_FIELDS, check_book
from tsdeep.sources import Lobster, make_source
from tsdeep.sources.lobster_tables import halts

REAL = [
    ("GOOG", 10, 147_916, {1: 71_258, 2: 19, 3: 64_961, 4: 7_765, 5: 3_913}),
    ("AMZN", 5, 155_935, None),
]


@pytest.fixture(scope="module", params=REAL, ids=["GOOG", "AMZN"])
def real(request):
    symbol, levels, *_ = request.param
    path = sample(symbol, levels)
    started = time.process_time()
    panel = Lobster(path=str(path), order_id=True).book()
    return *request.param, panel, time.process_time() - started


def test_real_days_have_their_published_rows_levels_and_types(real):
    symbol, levels, n_rows, types, panel, _ = real
    assert (panel.n_rows, panel.fields["ask_price"].shape) == (n_rows, (n_rows, levels))
    assert (panel.symbols, panel.bounds.tolist()) == ((symbol,), [[0, n_rows]])
    assert (panel.row, panel.tick, panel.notes) == ("one book event", 100.0, ())
    kinds, counts = np.unique(panel.fields["event_type"], return_counts=True)
    assert types is None or dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == types
    assert (panel.session_date == np.datetime64("2012-06-21")).all()


@pytest.mark.slow
def test_real_days_are_read_in_less_than_five_seconds(real):
    *_, seconds = real
    assert seconds < 5


def test_every_value_of_real_days_equals_a_plain_read_by_pandas(real):
    symbol, levels, _, _, panel, _ = real
    message, book = (sample_numbers(symbol, levels, kind) for kind in ("message", "orderbook"))
    names = ("event_type", "order_id", "event_size", "event_price", "event_side")
    for column, name in enumerate(names, start=1):
        np.testing.assert_array_equal(panel.fields[name], message[column])
    assert panel.fields["order_id"].dtype == np.int64
    for column, name in enumerate(BOOK_FIELDS):
        assert panel.fields[name].dtype == np.float64
        np.testing.assert_array_equal(panel.fields[name], book.iloc[:, column::4])


def test_times_of_real_days_are_those_of_the_text_to_the_nanosecond_in_utc(real):
    symbol, levels, _, _, panel, _ = real
    midnight = pd.Timestamp("2012-06-21").tz_localize(ZoneInfo("America/New_York")).value
    texts = [line[0] for line in sample_lines(symbol, levels, "message")]
    plain = [midnight + int((Decimal(text) * 10**9).to_integral_value()) for text in texts]
    np.testing.assert_array_equal(panel.time.astype(np.int64), plain)


def test_every_visible_execution_is_at_the_best_price_of_its_side_in_the_row_before(real):
    *_, panel, _ = real
    rows = np.flatnonzero(panel.fields["event_type"] == 4)
    rows = rows[rows > 0]
    buys = panel.fields["event_side"][rows] == 1
    best = np.where(buys, panel.fields["bid_price"][rows - 1, 0], panel.fields["ask_price"][rows - 1, 0])
    np.testing.assert_array_equal(panel.fields["event_price"][rows], best)
    assert len(rows) > 7_000


def test_the_options_leave_out_of_a_real_day_what_a_loop_leaves_out(real):
    symbol, levels, n_rows, _, whole, _ = real
    panel = Lobster(
        path=str(sample(symbol, levels)), trim_start="10min", trim_end="2min30s", same_time="last", levels=2
    ).book()
    ns = whole.time.astype(np.int64)
    open_ns = pd.Timestamp("2012-06-21 13:30").value
    close_ns = pd.Timestamp("2012-06-21 20:00").value
    early = late = followed = 0
    kept = []
    for row in range(n_rows):
        if ns[row] < open_ns + 600 * 10**9:
            early += 1
        elif ns[row] > close_ns - 150 * 10**9:
            late += 1
        elif kept and ns[kept[-1]] == ns[row]:
            kept[-1] = row
            followed += 1
        else:
            kept.append(row)
    assert panel.notes == (
        f"Left out {early:,} of {n_rows:,} rows: the first 10min of a session (trim_start).",
        f"Left out {late:,} of {n_rows:,} rows: the last 2min30s of a session (trim_end).",
        f"Left out {followed:,} of {n_rows:,} rows: another of the same time follows (same_time).",
    )
    np.testing.assert_array_equal(panel.time, whole.time[kept])
    for name in (*BOOK_FIELDS, *EVENT_FIELDS):
        expected = whole.fields[name][kept]
        np.testing.assert_array_equal(panel.fields[name], expected[:, :2] if expected.ndim == 2 else expected)


def test_several_tickers_are_read_with_the_fewest_levels_and_the_notes_say_so():
    folder = sample("GOOG", 10).parent
    both = Lobster(path=str(folder), symbols=["GOOG", "AMZN"]).book()
    assert both.symbols == ("GOOG", "AMZN")
    assert both.fields["ask_price"].shape == (147_916 + 155_935, 5)
    assert both.notes == ("The first 5 levels are used, the fewest of all files (AMZN 5, GOOG 10).",)
    with pytest.raises(DataError, match=r"AMZN_.*orderbook_5\.csv: found 5 levels, 6 are asked for"):
        Lobster(path=str(folder), levels=6).book()


def test_a_base_panel_takes_fields_and_days(tmp_path):
    made_day(seed=1, date="2012-06-21").write(tmp_path)
    made_day(seed=2, date="2012-06-22").write(tmp_path)
    source = make_source({"kind": "lobster", "path": str(tmp_path)})
    panel = source.panel(("event_size", "bid_price"), pd.Timestamp("2012-06-22"))
    assert list(panel.fields) == ["event_size", "bid_price"]
    assert set(panel.session_date) == {np.datetime64("2012-06-22")}
    assert len(source.book().bounds) == 2
    with pytest.raises(DataError, match="unknown field 'bid': did you mean 'bid_size'"):
        source.panel(("bid",))


@pytest.mark.parametrize(("date", "hours"), [("2012-06-21", 4), ("2012-12-21", 5)])
def test_summer_and_winter_time_are_told_apart(tmp_path, date, hours):
    day = made_day(date=date)
    panel = Lobster(path=day.write(tmp_path)).book()
    seconds = Decimal(day.message[0][0]) + hours * 3600
    assert panel.time[0].astype(np.int64) == pd.Timestamp(date).value + int(seconds * 10**9)


def test_unoccupied_levels_keep_their_price_and_have_size_0(tmp_path):
    day = made_day(levels=3)
    for row in (5, 6):
        day.book[row][8:] = [str(EMPTY), "0", str(-EMPTY), "0"]
    day.book[6][4:6] = [str(EMPTY), "0"]
    panel = check_book(Lobster(path=day.write(tmp_path)).book())
    assert panel.fields["ask_price"][4:7, 2].tolist() == [panel.fields["ask_price"][4, 2], EMPTY, EMPTY]
    assert panel.fields["ask_price"][6, 1] == EMPTY
    assert panel.fields["bid_price"][6, 2] == -EMPTY
    assert (panel.fields["ask_size"] == 0).sum() == 3
    assert (panel.fields["bid_size"] == 0).sum() == 2


def test_a_halt_ends_the_segment_and_nothing_between_it_and_the_resumption_is_a_row(tmp_path):
    day = made_day(n_rows=50)
    events = [line[2] for line in day.message]
    day.halt(40, 1).halt(35, 0).halt(30, -1).halt(10, -1, 1)
    panel = Lobster(path=day.write(tmp_path), order_id=True).book()
    assert panel.bounds.tolist() == [[0, 10], [10, 30], [30, 40]]
    assert panel.fields["order_id"].tolist() == [int(e) for e in [*events[:30], *events[40:]]]
    assert panel.notes == (
        "5 of 55 rows are messages of trading halts, which end a segment.",
        "Left out 10 of 55 rows: between a trading halt and the resumption of trading.",
    )


def test_a_halt_that_never_ends_leaves_out_the_rest_and_one_older_than_the_file_its_start(tmp_path):
    panel = Lobster(path=made_day(n_rows=50).halt(20, -1).write(tmp_path / "a")).book()
    assert panel.bounds.tolist() == [[0, 20]]
    panel = Lobster(path=made_day(n_rows=50).halt(20, 1).write(tmp_path / "b")).book()
    assert panel.bounds.tolist() == [[0, 30]]
    assert "Left out 20 of 51 rows: between a trading halt" in panel.notes[1]


def test_a_book_that_is_crossed_within_a_halt_is_not_refused(tmp_path):
    day = made_day(n_rows=50)
    day.book[25][0] = str(int(day.book[25][2]) - 100)
    with pytest.raises(DataError, match="found a crossed book"):
        Lobster(path=day.write(tmp_path / "open")).book()
    assert Lobster(path=day.halt(30, 1).halt(20, -1).write(tmp_path / "halted")).book().n_rows == 40


@given(st.lists(st.sampled_from([None, None, None, -1, 0, 1]), min_size=1, max_size=30))
def test_halts_are_those_of_a_machine_with_two_states(said):
    """`None` is an event that is no halt message."""
    first = next((price for price in said if price is not None), -1)
    trading, segment = first == -1, 0
    expected = []
    for price in said:
        if price is not None:
            trading, segment = price == 1, segment + 1
        expected.append((segment, not trading))
    kind = np.array([1 if price is None else 7 for price in said])
    number, halted = halts(kind, np.array([123 if price is None else price for price in said]))
    assert list(zip(number.tolist(), halted.tolist(), strict=True)) == expected


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_is_left_of_any_day_is_a_loop_s_and_the_notes_count_all_that_is_not(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("day")
    day = made_day(n_rows=25, levels=2, seed=data.draw(st.integers(0, 99)))
    state = {}
    for row in data.draw(st.sets(st.integers(0, 24), max_size=5)):
        state[row] = data.draw(st.sampled_from(["crossed", "locked", "one-sided"]))
        if state[row] == "one-sided":
            day.book[row][2:4] = day.book[row][6:8] = [str(-EMPTY), "0"]
        else:
            day.book[row][0] = str(int(day.book[row][2]) - (100 if state[row] == "crossed" else 0))
    for row in range(1, 25):
        if data.draw(st.booleans()) or Decimal(day.message[row][0]) < Decimal(day.message[row - 1][0]):
            day.message[row][0] = day.message[row - 1][0]
    last = data.draw(st.booleans())
    times = [line[0] for line in day.message]
    kept = [r for r in range(25) if not (last and r < 24 and Decimal(times[r + 1]) == Decimal(times[r]))]
    counts = {"followed": 25 - len(kept)}
    for name in ("crossed", "locked", "one-sided"):
        counts[name] = sum(state.get(row) == name for row in kept)
    kept = [row for row in kept if row not in state]
    source = Lobster(
        path=day.write(folder), order_id=True, crossed="remove", same_time="last" if last else "keep"
    )
    if not kept:
        with pytest.raises(DataError, match="no row is left of 25"):
            source.book()
        return
    panel = source.book()
    assert panel.fields["order_id"].tolist() == [int(day.message[row][2]) for row in kept]
    texts = {"followed": "another of the same time follows (same_time)"}
    texts |= {name: f"the book is {name} (crossed)" for name in ("crossed", "locked", "one-sided")}
    assert panel.notes == tuple(
        f"Left out {count} of 25 rows: {texts[name]}." for name, count in counts.items() if count
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trim_start": "10"}, "trim_start: found '10', expected a time with its unit, such as '10min'"),
        ({"trim_end": "-3min"}, "trim_end: found '-3min', expected a time with its unit"),
        ({"trim_end": "soon"}, "trim_end: found 'soon', expected a time with its unit"),
        ({"trim_start": 10}, "trim_start: found 10, expected a time with its unit"),
        ({"timezone": "New York"}, "timezone: found 'New York', expected a time zone such as"),
        ({"same_time": "first"}, "same_time: found 'first', expected 'keep' or 'last'"),
        ({"crossed": "keep"}, "crossed: found 'keep', expected 'refuse' or 'remove'"),
        ({"levels": 0}, "levels: found 0, expected a number greater than or equal to 1"),
        ({"tick": 0}, "tick: found 0, expected a number greater than 0"),
        ({"trim": "1min"}, "unknown key 'trim'"),
    ],
)
def test_settings_that_are_wrong_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        make_source({"kind": "lobster", "path": "x", **settings})
