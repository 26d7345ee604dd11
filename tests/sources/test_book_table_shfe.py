"""Real days of `book_table`: snapshots of the rebar future at SHFE."""

import numpy as np
import pandas as pd
import pytest

from tests.data_folder import data_folder
from tests.sources.book_tables import source
from tsdeep import DataError
from tsdeep.books import BOOK_FIELDS, mid


@pytest.fixture(scope="module")
def shfe():
    return data_folder() / "shfe"


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
