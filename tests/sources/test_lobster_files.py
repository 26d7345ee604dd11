import zipfile

import pytest

from tests.sources.lobster_days import made_day
from tsdeep import DataError
from tsdeep.sources import Lobster


def days():
    """Two tickers, two days each, every one different."""
    return [
        made_day(seed=seed, symbol=symbol, date=date)
        for seed, (symbol, date) in enumerate(
            (symbol, date) for symbol in ("B", "A") for date in ("2012-06-22", "2012-06-21")
        )
    ]


def read(path, **settings):
    panel = Lobster(path=str(path), **settings).book()
    starts = panel.bounds[:, 0]
    return list(zip(panel.symbols, panel.session_date[starts].astype(str).tolist(), strict=True)), panel


ALL = [("A", "2012-06-21"), ("A", "2012-06-22"), ("B", "2012-06-21"), ("B", "2012-06-22")]


def test_a_zip_either_file_of_a_pair_and_a_folder_are_the_same_data(tmp_path):
    day = made_day()
    folder = day.write(tmp_path / "day")
    paths = [folder, day.write_zip(tmp_path / "day.zip")]
    paths += [f"{folder}/{day.name(kind)}" for kind in ("message", "orderbook")]
    assert len({read(path)[1].fingerprint() for path in paths}) == 1


def test_one_file_of_a_pair_means_its_day_alone(tmp_path):
    for day in days():
        day.write(tmp_path)
    assert read(tmp_path / days()[0].name("message"))[0] == [("B", "2012-06-22")]


def test_a_folder_may_hold_pairs_folders_and_zips_of_any_days_and_tickers(tmp_path):
    first, second, third, fourth = days()
    first.write(tmp_path)
    second.write_zip(tmp_path / "second.zip")
    third.write(tmp_path / "more" / "deeper")
    fourth.write_zip(tmp_path / "more" / "fourth.zip")
    there, panel = read(tmp_path)
    assert there == ALL
    assert panel.notes == ()
    assert read(tmp_path, symbols=["B", "A"])[0] == [*ALL[2:], *ALL[:2]]
    assert read(tmp_path, symbols=["B"])[0] == ALL[2:]


def test_one_zip_may_hold_them_all_in_folders_and_zips(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for number, day in enumerate(days()):
            if number % 2:
                archive.write(day.write_zip(tmp_path / "day.zip"), f"zips/{number}.zip")
            else:
                for name, text in day.texts().items():
                    archive.writestr(f"{number}/{name}", text)
    there, panel = read(tmp_path / "all.zip")
    assert there == ALL
    for day in days():
        day.write(tmp_path / "plain")
    assert panel.fingerprint() == read(tmp_path / "plain")[1].fingerprint()


def test_parts_of_a_day_follow_each_other_and_may_not_overlap(tmp_path):
    day = made_day(n_rows=40, times="34200000_45000000")
    cut = next(row for row in range(40) if float(day.message[row][0]) > 45_000)
    late = made_day(n_rows=40, times="45000000_57600000")
    day.message, day.book = day.message[:cut], day.book[:cut]
    late.message, late.book = late.message[cut:], late.book[cut:]
    day.write(tmp_path)
    late.write(tmp_path)
    assert read(tmp_path)[1].bounds.tolist() == [[0, cut], [cut, 40]]
    made_day(times="34200000_57600000").write(tmp_path)
    with pytest.raises(DataError, match=r"found .* of the same symbol, day and time; expected each once"):
        read(tmp_path)


def test_files_of_other_names_are_left_aside_and_the_notes_name_them(tmp_path):
    made_day().write(tmp_path)
    (tmp_path / "readme.txt").write_text("no data")
    (tmp_path / "messages.csv").write_text("1,2")
    (tmp_path / "more.7z").write_text("")
    (note,) = read(tmp_path)[1].notes
    assert note == f"Not read, as the name is not LOBSTER's: {tmp_path}/messages.csv, {tmp_path}/more.7z."


def test_a_day_found_twice_is_refused(tmp_path):
    day = made_day()
    day.write(tmp_path)
    day.write_zip(tmp_path / "again.zip")
    with pytest.raises(
        DataError, match=r"again\.zip/GOOG_.*: found the same file at .*/GOOG_.*, expected each once"
    ):
        read(tmp_path)


@pytest.mark.parametrize(("gone", "there"), [("orderbook", "message"), ("message", "orderbook")])
def test_a_missing_partner_is_refused(tmp_path, gone, there):
    day = made_day()
    day.write(tmp_path)
    (tmp_path / day.name(gone)).unlink()
    for path in (tmp_path, tmp_path / day.name(there)):
        with pytest.raises(
            DataError, match=rf"{day.name(there)}: its partner {day.name(gone)} is missing, expected both"
        ):
            read(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"date": "2012-13-21"}, "its name has '2012-13-21', expected a date"),
        ({"times": "57600000_34200000"}, "its name says 57600000 to 34200000 ms and 4 levels, expected"),
        ({"times": "34200000_96400000"}, "its name says 34200000 to 96400000 ms"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path, settings, message):
    with pytest.raises(DataError, match=message):
        read(made_day(**settings).write(tmp_path))


def test_a_place_without_lobster_s_files_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"none: no such file or folder, expected LOBSTER's SYMBOL_2012-06-21_"
    ):
        read(tmp_path / "none")
    with pytest.raises(DataError, match="found no file named as LOBSTER's, expected SYMBOL_"):
        read(tmp_path)
    (tmp_path / "day.7z").write_text("")
    with pytest.raises(DataError, match=r"it has .*day\.7z: unpack archives of other kinds"):
        read(tmp_path)
    (tmp_path / "bars.csv").write_text("1")
    with pytest.raises(DataError, match=r"bars\.csv: found another name than LOBSTER's"):
        read(tmp_path / "bars.csv")
    (tmp_path / "broken.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"broken\.zip: cannot be read as a zip: File is not a zip file"):
        read(tmp_path / "broken.zip")


def test_a_damaged_zip_is_refused(tmp_path):
    file = tmp_path / "day.zip"
    made_day().write_zip(file)
    content = bytearray(file.read_bytes())
    content[200:260] = bytes(60)
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"day\.zip/GOOG_.*message_4\.csv: cannot be read: "):
        read(file)


def test_a_symbol_that_is_not_there_is_refused(tmp_path):
    made_day().write(tmp_path)
    with pytest.raises(DataError, match=r"unknown symbol 'GOGO': did you mean 'GOOG'\? Known: GOOG"):
        read(tmp_path, symbols=["GOGO"])
