import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep import DataError, SpecError
from tsdeep.books import BOOK_FIELDS, check_book, mid
from tsdeep.sources import BookTable, make_source

COLUMNS = {
    "time": "time",
    "symbol": "code",
    "ask_price": "ask{level}",
    "ask_size": "askSize{level}",
    "bid_price": "bid{level}",
    "bid_size": "bidSize{level}",
    "volume": "volume",
}
START = pd.Timestamp("2025-06-05 09:00")


def snapshots(seconds=range(8), levels=2, symbol="rb", seed=0, start=START):
    """A table of books whose best prices move by a tick now and then, `seconds` after a start."""
    seconds = list(seconds)
    random = np.random.default_rng(seed)
    bid = 100.0 + np.cumsum(random.integers(-1, 2, len(seconds)))
    table = {"time": start + pd.to_timedelta(seconds, unit="s"), "code": symbol}
    for level in range(1, levels + 1):
        table[f"ask{level}"] = bid + level
        table[f"askSize{level}"] = random.integers(1, 50, len(seconds)).astype(np.float64)
        table[f"bid{level}"] = bid + 1 - level
        table[f"bidSize{level}"] = random.integers(1, 50, len(seconds)).astype(np.float64)
    table["volume"] = np.cumsum(random.integers(0, 9, len(seconds))).astype(np.float64)
    return pd.DataFrame(table)


def source(path, **changes):
    columns = {**COLUMNS, **changes.pop("columns", {})}
    settings = {"kind": "book_table", "path": str(path), "columns": columns, "tick": 1.0, **changes}
    return make_source(settings)


@pytest.fixture
def write(tmp_path):
    def write_one(table, name="book.parquet"):
        file = tmp_path / name
        if name.endswith(".parquet"):
            table.to_parquet(file)
        else:
            table.to_csv(file, index=False)
        return file

    return write_one


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


def _changed(column, row, value):
    table = snapshots()
    if not isinstance(value, float):
        table[column] = table[column].astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            snapshots([0, 1, 3, 2, 4]),
            r"row 3, rb, .* 09:00:02 UTC: unordered times, it follows .* 09:00:03",
        ),
        (
            _changed("ask2", 4, 90.0),
            r"row 4, rb, .*: unordered levels: ask level 2 at 90\.0 is not above level 1",
        ),
        (_changed("bidSize1", 4, -3.0), r"row 4, rb, .*: bid level 1 has size -3\.0, expected 0 or more"),
        (_changed("bid2", 4, np.nan), r"row 4, rb, .*: bid level 2 has price nan, expected a finite number"),
        (
            _changed("bid2", 4, -1.0),
            r"row 4, rb, .*: bid level 2 has size .* at price -1\.0, expected",
        ),
        (
            _changed("askSize1", 4, 0.0),
            r"row 4, rb, .*: ask level 2 is occupied .* behind level 1, which is not",
        ),
        (
            _changed("bid1", 4, 500.0),
            r"row 4, rb, .*: found a crossed book, .*; .* `crossed: remove`",
        ),
        (_changed("volume", 4, np.nan), r"row 4, rb, .*: field 'volume' is nan, expected a finite number"),
        (snapshots().drop(columns="volume"), r"unknown column 'volume': .*Known: ask1, ask2"),
        (
            snapshots().drop(columns="askSize2"),
            r"found levels 2 of ask_price .*, 1 of ask_size .*as many of each",
        ),
        (snapshots().drop(columns=["ask1", "ask2"]), r"found levels 0 of ask_price \('ask\{level\}'\)"),
        (snapshots().iloc[:0], "found no rows"),
    ],
)
@pytest.mark.parametrize("name", ["book.parquet", "book.csv"])
def test_a_table_that_cannot_be_used_is_refused_with_file_row_and_reason(write, name, table, message):
    with pytest.raises(DataError, match=rf"{name}: {message}"):
        source(write(table, name)).book()


def test_values_that_are_no_numbers_and_names_that_are_missing_are_refused(write):
    with pytest.raises(DataError, match=r"book\.csv: row 2: column 'ask1' is 'high', expected a number"):
        source(write(_changed("ask1", 2, "high"), "book.csv")).book()
    with pytest.raises(DataError, match=r"row 2: column 'code' is missing"):
        source(write(_changed("code", 2, None))).book()
    with pytest.raises(DataError, match=r"row 2: column 'time' is NaT, expected"):
        source(write(snapshots().assign(time=lambda t: t["time"].where(t.index != 2)))).book()
    with pytest.raises(DataError, match=r"column 'volume' is of type bool, expected numbers"):
        source(write(snapshots().assign(volume=True))).book()


def test_files_that_overlap_or_cannot_be_read_are_refused(write, tmp_path):
    with pytest.raises(DataError, match="the folder has no file of kind"):
        source(tmp_path).book()
    write(snapshots(), "a.parquet")
    write(snapshots(start=START + pd.Timedelta("3s")), "b.parquet")
    with pytest.raises(
        DataError, match=r"b\.parquet: row 0, rb, .*: the file begins before .*a\.parquet ends, at .* UTC"
    ):
        source(tmp_path).book()
    with pytest.raises(DataError, match=r"no\.parquet: no such file or folder"):
        source(tmp_path / "no.parquet").book()
    (tmp_path / "x.parquet").write_text("text")
    with pytest.raises(DataError, match=r"x\.parquet: cannot be read: "):
        source(tmp_path / "x.parquet").book()
    (tmp_path / "x.csv").write_text("a,b\n1\n")
    with pytest.raises(DataError, match=r"x\.csv: cannot be read: "):
        source(tmp_path / "x.csv").book()
    (tmp_path / "x.txt").write_text("text")
    with pytest.raises(DataError, match=r"x\.txt: found a file of another kind"):
        source(tmp_path / "x.txt").book()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"time": "t"}}, "columns: no column for 'ask_price', expected one for time, ask_price"),
        ({"columns": {**COLUMNS, "last": "volume"}}, "columns: found the column 'volume' for two fields"),
        ({"columns": {**COLUMNS, "ask_price": "ask1"}}, r"columns: expected '\{level\}' in all of ask_price"),
        ({"symbol": "rb"}, "expected the instrument either in `columns` .* or as `symbol`"),
        ({"session": "column"}, "`session: column` and a column for 'session' go together"),
        ({"max_gap": "30"}, "max_gap: found '30', expected a time with its unit"),
        ({"tick": -1}, "tick: found -1, expected a number greater than 0"),
        ({"timezone": "Shanghai"}, "timezone: found 'Shanghai', expected a time zone"),
    ],
)
def test_settings_that_are_wrong_are_refused(changes, message):
    with pytest.raises(SpecError, match=message):
        make_source({"kind": "book_table", "path": "x", "columns": COLUMNS, "tick": 1.0, **changes})


def test_a_setting_without_default_is_missing():
    with pytest.raises(SpecError, match="tick is missing"):
        make_source({"kind": "book_table", "path": "x", "columns": COLUMNS})


@pytest.fixture(scope="module")
def shfe():
    if "TSDEEP_TEST_DATA" not in os.environ:
        pytest.skip("the environment variable TSDEEP_TEST_DATA does not name the folder of test data")
    return Path(os.environ["TSDEEP_TEST_DATA"]) / "shfe"


SHFE = {
    "timezone": "Asia/Shanghai",
    "session": "file",
    "columns": {"time": "timestamp", "symbol": "instrumentID", "last": "last"},
}


@pytest.fixture(scope="module")
def shfe_panel(shfe):
    return source(shfe, **SHFE).book()


def test_real_shfe_days_are_read_exactly(shfe, shfe_panel):
    days = [pd.read_parquet(file) for file in sorted(shfe.glob("*.parquet"))]
    assert [len(day) for day in days] == [41_201, 41_230, 41_273]
    whole = pd.concat(days, ignore_index=True)
    names = dict(zip(BOOK_FIELDS, ("ask", "askSize", "bid", "bidSize"), strict=True))
    for field, column in names.items():
        np.testing.assert_array_equal(shfe_panel.fields[field], whole[[f"{column}{n}" for n in range(1, 6)]])
    for field in ("volume", "last"):
        np.testing.assert_array_equal(shfe_panel.fields[field], whole[field])
    local = whole["timestamp"].dt.tz_localize("Asia/Shanghai").dt.tz_convert("UTC").dt.tz_localize(None)
    np.testing.assert_array_equal(shfe_panel.time, local)
    np.testing.assert_array_equal(mid(shfe_panel), (whole["ask1"] + whole["bid1"]) / 2)
    assert set(shfe_panel.symbols) == {"rb2510"}


def test_real_shfe_days_have_a_night_three_day_parts_and_two_auction_rows(shfe_panel):
    """Trading is 21:00-23:00, 9:00-10:15, 10:30-11:30, 13:30-15:00; auctions end at 20:59 and 8:59."""
    clock = pd.DatetimeIndex(shfe_panel.time).tz_localize("UTC").tz_convert("Asia/Shanghai")
    parts = {}
    for start, stop in shfe_panel.bounds:
        assert (shfe_panel.session_date[start:stop] == shfe_panel.session_date[start]).all()
        parts.setdefault(str(shfe_panel.session_date[start]), []).append(
            (f"{clock[start]:%H:%M}", f"{clock[stop - 1]:%H:%M}", stop - start == 1)
        )
    assert list(parts) == ["2025-06-05", "2025-06-06", "2025-06-09"]
    night, morning, late = ("21:00", "23:00", False), ("09:00", "10:15", False), ("10:30", "11:30", False)
    afternoon = ("13:30", "15:00", False)
    auctions = ("20:59", "20:59", True), ("08:59", "08:59", True)
    for day in parts.values():
        assert day == [auctions[0], night, auctions[1], morning, late, afternoon]
    assert shfe_panel.notes == ("Sessions are cut at 15 gaps of more than 30s (max_gap).",)


def test_a_real_shfe_day_at_its_limit_is_cut_where_one_side_is_taken_away(shfe, write):
    day = pd.read_parquet(shfe / "rb_20250605.parquet")
    day.loc[1000:1999, [f"ask{what}{n}" for what in ("", "Size") for n in range(1, 6)]] = 0.0
    file = write(day, "rb_20250605.parquet")
    with pytest.raises(DataError, match=r"rb_20250605\.parquet: row 1000, rb2510, .* found a one-sided book"):
        source(file, **SHFE).book()
    panel = source(file, crossed="remove", **SHFE).book()
    assert panel.bounds[:3].tolist() == [[0, 1], [1, 1000], [1000, 13_281]]
    assert panel.notes[0] == "Left out 1,000 of 41,201 rows: the book is one-sided (crossed)."


def test_a_real_shfe_day_with_snapshots_twice_keeps_them_or_the_last(shfe, write):
    day = pd.read_parquet(shfe / "rb_20250605.parquet").iloc[:5000]
    twice = pd.concat([day, day.iloc[100:120]]).sort_values("timestamp", kind="stable", ignore_index=True)
    file = write(twice, "rb_20250605.parquet")
    assert source(file, **SHFE).book().n_rows == 5020
    last = source(file, same_time="last", **SHFE).book()
    assert last.fingerprint() == source(write(day, "a_20250605.parquet"), **SHFE).book().fingerprint()
    assert last.notes[0] == "Left out 20 of 5,020 rows: another of the same time follows (same_time)."
