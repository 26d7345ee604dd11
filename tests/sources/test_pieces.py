"""Pieces of sources: read one by one, in any order, they are the panel that the source gives."""

import random
import zipfile
from functools import reduce

import numpy as np
import pandas as pd
import pytest

from tests.sources.book_tables import snapshots, source
from tests.sources.lobster_days import made_day, real_day, sample
from tests.sources.test_book_table_shfe import SHFE, shfe  # noqa: F401 (a fixture)
from tsdeep import DataError
from tsdeep.assets import stacked
from tsdeep.books import BOOK_FIELDS
from tsdeep.sources import make_source

FIELDS = ("ask_price", "bid_size", "event_size", "ask_size", "bid_price")
DATES = ("2012-06-21", "2012-06-22", "2012-06-25")


def lobster(path, **settings):
    return make_source({"kind": "lobster", "path": str(path), **settings})


def read(pieces):
    """Read pieces in another order than theirs; those without rows are left out."""
    order = list(range(len(pieces)))
    random.Random(0).shuffle(order)
    there = {number: pieces[number].read() for number in order}
    return [there[number] for number in range(len(pieces)) if there[number] is not None]


def check(one, names, *period):
    """Check the claim of `Source.pieces`; returns the names of the pieces."""
    whole, pieces = one.panel(names, *period), one.pieces(names, *period)
    both = reduce(stacked, read(pieces))
    assert list(both.fields) == list(whole.fields) == list(names)
    for name in names:
        np.testing.assert_array_equal(both.fields[name], whole.fields[name])
    for what in ("time", "bounds", "session_date"):
        np.testing.assert_array_equal(getattr(both, what), getattr(whole, what))
    assert (both.symbols, both.row, both.tick) == (whole.symbols, whole.row, whole.tick)
    assert both.fingerprint() == whole.fingerprint()
    called = [piece.name for piece in pieces]
    assert len(set(called)) == len(called)
    return called


@pytest.fixture
def folder(tmp_path):
    """Days of two tickers in a folder, a folder in it, a zip, and a zip in a zip; every one different."""
    seed = 0
    for number, date in enumerate(DATES):
        for symbol in ("B", "A"):
            seed += 1
            day = made_day(seed=seed, symbol=symbol, date=date, levels=2 + number)
            if number == 0:
                day.write(tmp_path / "days")
            elif symbol == "A":
                day.write_zip(tmp_path / "days" / f"{date}.zip")
            else:
                day.write_zip(tmp_path / "inner.zip")
                with zipfile.ZipFile(tmp_path / "days" / f"outer_{date}.zip", "w") as archive:
                    archive.write(tmp_path / "inner.zip", "some/inner.zip")
    return tmp_path / "days"


def all_days(symbols, dates=DATES):
    return [f"{symbol} {date}" for symbol in symbols for date in dates]


@pytest.mark.parametrize("settings", [{}, {"levels": 5}, {"levels": 3, "symbols": ["GOOG", "AMZN"]}])
def test_pieces_of_two_real_lobster_tickers_are_the_whole(tmp_path, settings):
    for symbol, levels in (("GOOG", 10), ("AMZN", 5)):
        file = sample(symbol, levels)
        (tmp_path / file.name).symlink_to(file)
    one = lobster(tmp_path, **settings)
    names = check(one, BOOK_FIELDS)
    assert names == [f"{symbol} 2012-06-21" for symbol in settings.get("symbols", ["AMZN", "GOOG"])]
    said = "The first 5 levels are used, the fewest of all files (AMZN 5, GOOG 10)."
    for piece in one.pieces(("bid_price",)):
        assert piece.read().fields["bid_price"].shape[1] == settings.get("levels", 5)
        assert (said in piece.read().notes) == (not settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"levels": 1, "symbols": ["B", "A"]},
        {"symbols": ["B"], "same_time": "last", "order_id": True},
        {"trim_start": "30min", "trim_end": "1h"},
    ],
)
def test_pieces_of_folders_and_zips_are_the_whole(folder, settings):
    one = lobster(folder, **settings)
    names = FIELDS + (("order_id",) if "order_id" in settings else ())
    assert check(one, names) == all_days(settings.get("symbols", ["A", "B"]))


def test_pieces_of_copies_of_a_real_day_are_the_whole(tmp_path):
    for date in DATES:
        day = real_day(400)
        day.date = date
        if date == DATES[1]:
            day.halt(100, -1, 0).halt(200, 1)
        day.write(tmp_path)
    assert check(lobster(tmp_path), FIELDS) == all_days(["GOOG"])
    notes = [piece.read().notes for piece in lobster(tmp_path).pieces(FIELDS)]
    assert [len(each) for each in notes] == [0, 2, 0]
    assert notes[1][0] == "3 of 403 rows are messages of trading halts, which end a segment."


@pytest.mark.parametrize(
    ("start", "end", "dates"),
    [
        ("2012-06-22", None, DATES[1:]),
        (None, "2012-06-22", DATES[:2]),
        ("2012-06-21 09:30", "2012-06-24", DATES[1:2]),
        (None, "2012-06-25 00:00", DATES),
    ],
)
def test_pieces_are_of_the_period_only_and_levels_are_those_of_all_files(folder, start, end, dates):
    period = [None if each is None else pd.Timestamp(each) for each in (start, end)]
    assert check(lobster(folder), FIELDS, *period) == all_days(["A", "B"], dates)


def test_a_piece_is_read_with_no_other_files(folder):
    pieces = lobster(folder).pieces(FIELDS)
    wanted = lobster(folder, symbols=["A"]).panel(FIELDS, end=pd.Timestamp(DATES[0]))
    for file in folder.rglob("*"):
        if file.is_file() and not file.name.startswith(f"A_{DATES[0]}"):
            file.unlink()
    assert pieces[0].read().fingerprint() == wanted.fingerprint()
    with pytest.raises(DataError, match=rf"B_{DATES[0]}_.* cannot be read"):
        pieces[3].read()


def test_parts_of_a_day_are_pieces_with_names_of_their_own(tmp_path):
    day, late = made_day(40, times="34200000_45000000"), made_day(40, times="45000000_57600000")
    cut = next(row for row in range(40) if float(day.message[row][0]) > 45_000)
    day.message, day.book = day.message[:cut], day.book[:cut]
    late.message, late.book = late.message[cut:], late.book[cut:]
    day.write(tmp_path)
    late.write(tmp_path)
    assert check(lobster(tmp_path), FIELDS) == [
        "GOOG 2012-06-21 34200000-45000000",
        "GOOG 2012-06-21 45000000-57600000",
    ]


def test_a_piece_of_which_no_row_is_left_is_none_as_the_whole_is_no_error(tmp_path):
    made_day(date=DATES[0]).write(tmp_path)
    made_day(date=DATES[1], seed=1).halt(0, -1).write(tmp_path)
    one = lobster(tmp_path)
    check(one, FIELDS)
    first, second = one.pieces(FIELDS)
    assert first.read().n_rows == 60
    assert second.read() is None


def test_what_is_wrong_is_refused_as_by_the_whole(folder):
    with pytest.raises(DataError, match=r"4 levels, 5 are asked for|2 levels, 5 are asked for"):
        lobster(folder, levels=5).pieces(FIELDS)
    with pytest.raises(DataError, match="unknown symbol 'C'"):
        lobster(folder, symbols=["C"]).pieces(FIELDS)
    with pytest.raises(DataError, match="unknown field 'ask'"):
        lobster(folder).pieces(("ask",))[0].read()
    with pytest.raises(
        DataError, match=r"no session in the period 2013-01-01 .* has 2012-06-21 to 2012-06-25"
    ):
        lobster(folder).pieces(FIELDS, pd.Timestamp("2013-01-01"))


@pytest.mark.parametrize(
    "settings", [{}, {"levels": 2, "trim_start": "10min", "trim_end": "5min", "max_gap": "2h"}]
)
def test_pieces_of_real_shfe_days_are_the_whole(shfe, settings):  # noqa: F811 (the fixture)
    one = source(shfe, **SHFE, **settings)
    names = (*BOOK_FIELDS, "last", "volume")
    dates = ["2025-06-05", "2025-06-06", "2025-06-09"]
    assert check(one, names) == [f"rb2510 {date}" for date in dates]
    assert check(one, names, pd.Timestamp("2025-06-06"), pd.Timestamp("2025-06-08")) == ["rb2510 2025-06-06"]
    assert all(piece.read().n_rows < 41_300 for piece in one.pieces(names))


@pytest.fixture
def tables(tmp_path, write):
    """Days of `au` and `rb`, `rb` with two files on the second, and `au` with fewer levels and not on the third."""
    day = pd.Timedelta("1D")
    start = pd.Timestamp("2025-06-05 09:00")
    write(snapshots(), "a_20250605.parquet")
    write(snapshots(start=start + day, seed=1), "z_20250606.parquet")
    write(snapshots(start=start + day + pd.Timedelta("20s"), seed=2), "a_20250606.csv")
    both = [
        snapshots(start=start + day, symbol="au", seed=3, levels=1),
        snapshots(start=start + day, symbol="cu", seed=4, levels=1),
    ]
    write(pd.concat(both), "au_2025-06-06.parquet")
    write(snapshots(start=start + 4 * day, seed=5, levels=3), "rb_20250609.parquet")
    return tmp_path


@pytest.mark.parametrize("symbols", [["au", "rb"], ["rb"], ["rb", "au"], ["rb", "cu", "au"]])
def test_pieces_of_tables_are_instruments_and_dates(tables, symbols):
    one = source(tables, session="file", symbols=symbols, trim_start="2s")
    rb = ["rb 2025-06-05", "rb 2025-06-06", "rb 2025-06-09"]
    expected = {"rb": rb, "au": ["au 2025-06-06"], "cu": ["cu 2025-06-06"]}
    assert check(one, (*BOOK_FIELDS, "volume")) == [name for symbol in symbols for name in expected[symbol]]
    fewest = 2 if symbols == ["rb"] else 1
    for piece in one.pieces(("ask_price",)):
        panel = piece.read()
        assert panel.fields["ask_price"].shape[1] == fewest
        assert any(f"The first {fewest} levels are used" in note for note in panel.notes)


def test_a_table_whose_sessions_are_in_its_rows_is_one_piece(tables):
    assert check(source(tables, symbols=["rb"]), BOOK_FIELDS) == ["all"]


def test_an_odd_day_of_gaps_or_of_no_rows_is_no_error_where_the_whole_is_none(tmp_path, write):
    start = pd.Timestamp("2025-06-05 09:00")
    write(snapshots(range(30)), "a_20250605.parquet")
    write(snapshots([0, 100, 200], start=start + pd.Timedelta("1D"), seed=1), "a_20250606.parquet")
    write(snapshots(range(3), start=start + pd.Timedelta("4D"), seed=2), "a_20250609.parquet")
    check(source(tmp_path, session="file"), BOOK_FIELDS)
    trimmed = source(tmp_path, session="file", trim_start="3s")
    check(trimmed, BOOK_FIELDS)
    assert trimmed.pieces(BOOK_FIELDS)[2].read() is None


def test_files_of_several_dates_that_overlap_are_refused_where_they_are_put_together(tmp_path, write):
    write(snapshots(), "a_20250605.parquet")
    write(snapshots(start=pd.Timestamp("2025-06-05 09:00:03"), seed=1), "a_20250606.parquet")
    one = source(tmp_path, session="file")
    with pytest.raises(DataError, match=r"begins before .* ends"):
        one.book()
    with pytest.raises(DataError, match="the segment begins before the one ahead of it ends"):
        reduce(stacked, read(one.pieces(BOOK_FIELDS)))


def test_pieces_of_simulated_books_are_sessions():
    settings = {"symbols": ["X", "Y"], "sessions": 3, "rows": 300, "levels": 3, "start": "2024-01-05"}
    one = make_source({"kind": "simulated_book", **settings})
    dates = ["2024-01-05", "2024-01-08", "2024-01-09"]
    assert check(one, FIELDS) == [f"{symbol} {date}" for symbol in "XY" for date in dates]
    assert check(one, FIELDS, pd.Timestamp("2024-01-06"), pd.Timestamp("2024-01-08")) == [
        "X 2024-01-08",
        "Y 2024-01-08",
    ]


def test_bars_are_one_piece():
    one = make_source({"kind": "bundled", "symbols": ["nasdaq", "sp500"]})
    period = (pd.Timestamp("2010-01-01"), pd.Timestamp("2010-12-31"))
    (piece,) = one.pieces(("close",), *period)
    assert piece.name == "all"
    assert piece.read().fingerprint() == one.panel(("close",), *period).fingerprint()
