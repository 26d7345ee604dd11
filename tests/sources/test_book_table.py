import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sources.book_tables import COLUMNS, START, snapshots, source
from tsdeep import DataError
from tsdeep.books import check_book
from tsdeep.sources import BookTable


@pytest.mark.parametrize("name", ["book.parquet", "book.csv", "book.csv.gz"])
def test_every_value_is_that_of_its_column(write, name):
    table = snapshots(levels=3)
    panel = source(write(table, name)).book()
    for field, column in (
        ("ask_price", "ask"),
        ("ask_size", "askSize"),
        ("bid_price", "bid"),
        ("bid_size", "bidSize"),
    ):
        assert panel.fields[field].dtype == np.float64
        np.testing.assert_array_equal(panel.fields[field], table[[f"{column}{n}" for n in (1, 2, 3)]])
    np.testing.assert_array_equal(panel.fields["volume"], table["volume"])
    np.testing.assert_array_equal(panel.time, table["time"].to_numpy("datetime64[ns]"))
    assert (panel.symbols, panel.row, panel.tick, panel.notes) == (("rb",), "one snapshot", 1.0, ())
    assert set(panel.session_date) == {np.datetime64("2025-06-05")}


def test_fewer_levels_another_row_and_levels_from_0_are_taken_as_said(write):
    table = snapshots(levels=3)
    panel = source(write(table), levels=2, row="one quote").book()
    assert (panel.fields["bid_size"].shape, panel.row) == ((8, 2), "one quote")
    from_zero = table.rename(columns=lambda c: c[:-1] + str(int(c[-1]) - 1) if c[-1].isdigit() else c)
    zero = source(write(from_zero, "zero.parquet")).book()
    assert zero.fingerprint() == source(write(table)).book().fingerprint()
    columns = {"ask_price": "ask1", "ask_size": "askSize1", "bid_price": "bid1", "bid_size": "bidSize1"}
    best = source(write(table), columns=columns).book()
    assert best.fields["ask_price"].shape == (8, 1)


def test_csv_numbers_are_read_to_the_last_digit(write):
    prices = np.sort(np.random.default_rng(0).uniform(1, 1e5, 500))
    table = snapshots(range(500), levels=1)
    table["ask1"], table["bid1"] = prices, prices / 2
    panel = source(write(table, "book.csv"), tick=1e-9).book
    with pytest.raises(DataError, match="expected a whole number of ticks of 1e-09"):
        panel()
    table["last"] = prices
    table["ask1"], table["bid1"] = 2.0, 1.0
    panel = source(write(table, "book.csv"), columns={"last": "last"}).book()
    np.testing.assert_array_equal(panel.fields["last"], prices)


@pytest.mark.parametrize(
    ("times", "settings", "expected"),
    [
        ("2025-06-05 09:30:00.123456789", {}, "2025-06-05 09:30:00.123456789"),
        ("2025-06-05 09:30:00", {"timezone": "Asia/Shanghai"}, "2025-06-05 01:30:00"),
        ("2025-06-05T09:30:00+08:00", {"timezone": "UTC"}, "2025-06-05 01:30:00"),
        ("05.06.2025 093000", {"time_format": "%d.%m.%Y %H%M%S"}, "2025-06-05 09:30:00"),
        ("1749115800", {"time_format": "s", "timezone": "Asia/Shanghai"}, "2025-06-05 09:30:00"),
        ("1749115800123", {"time_format": "ms"}, "2025-06-05 09:30:00.123"),
        ("1749115800123456789", {"time_format": "ns"}, "2025-06-05 09:30:00.123456789"),
        ("99999999999999", {"time_format": "s"}, "row 0: column 'time' is 9+, expected s since 1970"),
        ("1749115800123456", {"time_format": "us"}, "2025-06-05 09:30:00.123456"),
        ("1749115800.5", {"time_format": "s"}, "2025-06-05 09:30:00.5"),
        ("2025-11-02 01:30:00", {"timezone": "America/New_York"}, None),
        ("soon", {}, "row 0: column 'time' is 'soon', expected an ISO 8601 time"),
        ("05.06.2025", {"time_format": "%Y"}, "row 0: column 'time' is '05.06.2025', expected the form %Y"),
        ("soon", {"time_format": "ms"}, "row 0: column 'time' is 'soon', expected a number"),
    ],
)
def test_times_of_csv_files_are_of_the_form_given(write, times, settings, expected):
    file = write(snapshots([0]).assign(time=times), "book.csv")
    if expected is not None and expected.startswith("2025"):
        assert source(file, **settings).book().time.tolist() == [pd.Timestamp(expected).value]
    else:
        with pytest.raises(DataError, match=expected or "a time is not clear in America/New_York: "):
            source(file, **settings).book()


def test_times_of_parquet_keep_their_nanoseconds_their_zone_and_their_unit(write):
    ns = pd.Timestamp("2025-06-05 09:30:00.123456789")
    for column, expected in (
        ([ns], ns),
        (pd.DatetimeIndex([ns], tz="Asia/Tokyo"), ns - pd.Timedelta("9h")),
        ([ns.value], ns),
        (["2025-06-05T09:30:00.123456789"], ns),
    ):
        numbers = {"time_format": "ns"} if column == [ns.value] else {}
        panel = source(write(snapshots([0]).assign(time=column)), **numbers).book()
        assert panel.time.tolist() == [expected.value]
    with pytest.raises(
        DataError, match="has numbers, expected times; the source's setting `time_format` says"
    ):
        source(write(snapshots([0]).assign(time=[ns.value]))).book()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2, 29, 30, 31, 60, 90_000]), min_size=1, max_size=40),
    st.sampled_from(["20s", "30s", "1min"]),
)
def test_segments_end_at_the_gaps_and_sessions_that_a_loop_finds(tmp_path_factory, steps, max_gap):
    file = tmp_path_factory.mktemp("gaps") / "book.parquet"
    seconds = np.concatenate([[0], np.cumsum(steps)])
    table = snapshots(seconds)
    table.to_parquet(file)
    longest = pd.Timedelta(max_gap)
    bounds, gaps, within = [[0, 1]], 0, 0
    for row in range(1, len(table)):
        one, two = table["time"][row - 1], table["time"][row]
        same_day = one.date() == two.date()
        within += same_day
        gaps += same_day and two - one > longest
        if not same_day or two - one > longest:
            bounds.append([row, row + 1])
        bounds[-1][1] = row + 1
    if gaps * 2 > within:
        with pytest.raises(
            DataError, match=rf"rb: {gaps} of {within} steps within sessions are longer than max_gap"
        ):
            source(file, max_gap=max_gap).book()
        return
    panel = source(file, max_gap=max_gap).book()
    assert panel.bounds.tolist() == bounds
    assert panel.notes == (
        (f"Sessions are cut at {gaps} gaps of more than {max_gap} (max_gap).",) if gaps else ()
    )


def test_options_act_and_are_counted(write):
    table = snapshots([*range(10), 9, 10, 11, 12, 13])
    table = table.sort_values("time", kind="stable", ignore_index=True)
    table.loc[5, "bid1"] = table.loc[5, "ask1"]
    table.loc[6, ["ask1", "ask2", "askSize1", "askSize2"]] = 0.0
    file = write(table)
    with pytest.raises(
        DataError, match=r"book\.parquet: row 5, rb, 2025-06-05 09:00:05 UTC: found a locked book"
    ):
        source(file).book()
    panel = source(file, crossed="remove", same_time="last", trim_start="2s", trim_end="3s").book()
    kept = [2, 3, 4, 7, 8, 10, 11]
    np.testing.assert_array_equal(panel.time, table["time"][kept])
    np.testing.assert_array_equal(panel.fields["volume"], table["volume"][kept])
    assert panel.notes == (
        "Left out 2 of 15 rows: the first 2s of a session (trim_start).",
        "Left out 3 of 15 rows: the last 3s of a session (trim_end).",
        "Left out 1 of 15 rows: another of the same time follows (same_time).",
        "Left out 1 of 15 rows: the book is locked (crossed).",
        "Left out 1 of 15 rows: the book is one-sided (crossed).",
    )


def test_one_sided_rows_at_a_limit_that_are_removed_leave_a_gap_that_ends_the_segment(write):
    table = snapshots(range(100))
    table.loc[20:60, ["askSize1", "askSize2"]] = 0.0
    panel = source(write(table), crossed="remove").book()
    assert panel.bounds.tolist() == [[0, 20], [20, 59]]
    assert panel.notes == (
        "82 levels have a price and no size; they are taken as unoccupied.",
        "Left out 41 of 100 rows: the book is one-sided (crossed).",
        "Sessions are cut at 1 gaps of more than 30s (max_gap).",
    )


@pytest.mark.parametrize(
    ("price", "size", "priced"),
    [(np.nan, np.nan, 0), (0.0, 0.0, 0), (np.finfo(float).max, 0.0, 0), (np.nan, 0.0, 0), (102.0, np.nan, 1)],
)
@pytest.mark.parametrize("name", ["book.parquet", "book.csv"])
def test_a_level_without_orders_has_size_0_and_price_0_however_it_is_written(
    write, name, price, size, priced
):
    table = snapshots()
    table.loc[3, ["ask2", "askSize2"]] = [price, size]
    panel = check_book(source(write(table, name)).book())
    assert panel.fields["ask_price"][3].tolist() == [table["ask1"][3], 0.0]
    assert panel.fields["ask_size"][3].tolist() == [table["askSize1"][3], 0.0]
    assert len(panel.notes) == priced


def test_files_are_put_in_order_of_time_and_instruments_apart(write, tmp_path):
    early = pd.concat([snapshots(symbol="B"), snapshots(symbol="A", seed=1)]).sort_values(
        "time", kind="stable"
    )
    late = snapshots(seed=2, symbol="A", start=START + pd.Timedelta("10s"))
    write(late, "1_late.parquet")
    write(early, "2_early.csv")
    panel = source(tmp_path).book()
    assert panel.symbols == ("A", "B")
    assert panel.bounds.tolist() == [[0, 16], [16, 24]]  # the files of A are 3 s apart
    np.testing.assert_array_equal(
        panel.fields["volume"][8:16], late["volume"], err_msg="a later file stands after an earlier one"
    )
    assert source(tmp_path, symbols=["B", "A"]).book().symbols == ("B", "A")
    assert source(tmp_path, symbols=["B"]).book().n_rows == 8
    assert source(tmp_path, pattern="*.csv").book().n_rows == 16
    with pytest.raises(DataError, match="unknown symbol 'C': Known: A, B"):
        source(tmp_path, symbols=["C"]).book()


def test_files_with_different_numbers_of_levels_are_cut_to_the_fewest(write, tmp_path):
    write(snapshots(levels=3), "a.parquet")
    write(snapshots(levels=2, start=START + pd.Timedelta("1D")), "b.parquet")
    panel = source(tmp_path).book()
    assert panel.fields["ask_price"].shape == (16, 2)
    assert panel.notes[0].startswith("The first 2 levels are used, the fewest of all files")
    with pytest.raises(DataError, match=r"b\.parquet: found levels 2 of ask_price .*, 3 are asked for"):
        source(tmp_path, levels=3).book()


def test_sessions_are_the_local_date_that_of_the_file_name_or_a_column(write):
    night = snapshots([0, 5 * 3600], start=pd.Timestamp("2025-06-04 21:00"))
    file = write(night, "rb_20250605.parquet")
    there = source(file, max_gap="6h").book().session_date
    assert there.astype(str).tolist() == ["2025-06-04", "2025-06-05"]
    there = source(file, max_gap="6h", timezone="America/New_York").book().session_date
    assert there.astype(str).tolist() == ["2025-06-04", "2025-06-05"]
    named = source(file, max_gap="6h", session="file").book()
    assert named.session_date.astype(str).tolist() == ["2025-06-05"] * 2
    assert len(named.bounds) == 1
    for days in (
        [20250605, 20250606],
        ["2025-06-05", "2025-06-06"],
        pd.to_datetime(["2025-06-05", "2025-06-06"]),
    ):
        file = write(night.assign(day=days))
        panel = source(file, max_gap="6h", session="column", columns={"session": "day"}).book()
        assert panel.session_date.astype(str).tolist() == ["2025-06-05", "2025-06-06"]
        assert len(panel.bounds) == 2
    file = write(night.assign(day=[20250606, 20250605]))
    with pytest.raises(DataError, match=r"row 1, rb, .*: session 2025-06-05 follows 2025-06-06"):
        source(file, max_gap="6h", session="column", columns={"session": "day"}).book()
    with pytest.raises(DataError, match=r"book\.parquet: found 0 dates in the file's name, expected one"):
        source(file, session="file").book()


def test_an_instrument_that_no_column_names_is_named_by_the_setting(write):
    table = snapshots().drop(columns="code")
    columns = {key: column for key, column in COLUMNS.items() if key != "symbol"}
    panel = BookTable(path=str(write(table)), columns=columns, tick=1.0, symbol="rb2510").book()
    assert panel.symbols == ("rb2510",)
