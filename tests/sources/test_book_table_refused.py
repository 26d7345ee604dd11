"""Tables and settings that `book_table` refuses: with file, row and reason."""

import numpy as np
import pandas as pd
import pytest

from tests.sources.book_tables import COLUMNS, START, snapshots, source
from tsdeep import DataError, SpecError
from tsdeep.sources import make_source


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
