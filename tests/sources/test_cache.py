"""The cache of answers: atomic files that are read back exactly or refused."""

import errno
import json
import multiprocessing
import os
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.asset_bars import several
from tsdeep.errors import DataError
from tsdeep.sources import cache

REQUEST = {"kind": "toy", "symbols": ["SPY", "AGG"], "start": None}
FETCHED = pd.Timestamp("2024-01-05 21:00", tz="UTC")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def store(table=None, request=REQUEST):
    table = several("SPY", "AGG", days=30) if table is None else table
    return cache.write(request, table, fetched=FETCHED, statement="Made up.", notes=("One note.",))


def test_what_was_written_is_read_back_to_the_last_bit():
    table = several("SPY", "AGG", days=30)
    table.loc[3, "close"] = np.nextafter(table.loc[3, "close"], np.inf)
    written = store(table)
    entry, found = cache.read(cache.place(REQUEST))
    pd.testing.assert_frame_equal(found, table, check_exact=True, check_dtype=False)
    assert entry == written
    assert entry.request == REQUEST
    assert (entry.fetched, entry.notes, entry.n_rows) == (FETCHED, ("One note.",), 60)
    assert {"tsdeep", "pandas"} <= set(entry.versions)


def test_nanoseconds_are_kept():
    table = pd.DataFrame(
        {"time": pd.DatetimeIndex(["2024-01-02 14:30:00.123456789"]), "symbol": "A", "close": [1.0]}
    )
    store(table)
    assert cache.read(cache.place(REQUEST))[1]["time"][0] == table["time"][0]


def test_a_request_is_known_by_its_content_whatever_the_order_of_its_keys():
    assert cache.request_key(dict(reversed(REQUEST.items()))) == cache.request_key(REQUEST)
    for change in ({"symbols": ["AGG", "SPY"]}, {"start": "2020-01-01"}, {"kind": "other"}):
        assert cache.request_key({**REQUEST, **change}) != cache.request_key(REQUEST)


def test_a_truncated_file_is_refused_by_name_with_what_to_do():
    path = store().path
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError) as refused:
        cache.read(path)
    assert str(refused.value).startswith(f"{path}: the cached answer is damaged: cannot be read: ")
    assert f"`tsdeep data rm {cache.request_key(REQUEST)}`" in str(refused.value)


def test_every_flipped_byte_that_would_change_what_is_read_is_found():
    path = store().path
    whole = path.read_bytes()
    _, expected = cache.read(path)
    said = []
    for place in range(4, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            _, found = cache.read(path)
        except DataError as error:
            said.append(str(error))
        else:  # a byte that nobody reads, such as a statistic of a column
            pd.testing.assert_frame_equal(found, expected, check_exact=True)
    assert len(said) > 20
    assert all("the cached answer is damaged" in each for each in said)


def test_a_changed_value_is_found_though_the_file_is_whole():
    path = store().path
    table = pq.read_table(path)
    changed = table.set_column(5, "close", [table["close"].to_numpy() + 1e-12])
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(DataError, match=r"its content has the hash \w{12}\.\.\., expected"):
        cache.read(path)


def test_a_changed_fetch_time_is_found():
    path = store().path
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"tsdeep"])
    about["fetched"] = "2020-01-01T00:00:00+00:00"
    pq.write_table(table.replace_schema_metadata({b"tsdeep": json.dumps(about).encode()}), path)
    with pytest.raises(DataError, match="its content has the hash"):
        cache.read(path)


def test_a_parquet_file_of_another_origin_is_refused():
    path = cache.place(REQUEST)
    path.parent.mkdir(parents=True)
    several("SPY", days=5).to_parquet(path)
    for reading in (cache.read, cache.about):
        with pytest.raises(DataError, match="is damaged: cannot be read"):
            reading(path)


def test_a_failed_write_leaves_what_was_there_and_nothing_else(folder):
    before = store()
    bad = several("SPY", "AGG", days=3).assign(close=[{"a": 1}, 2, "x", 4, 5, 6])
    with pytest.raises(Exception, match=re.compile("conver|mix|expected", re.IGNORECASE)):
        store(bad)
    assert cache.read(before.path)[0] == before
    assert [each.name for each in folder.iterdir()] == [before.path.name]


def test_an_older_copy_stands_beside_under_the_time_it_was_fetched():
    entry = store()
    first, second = cache.keep_older(entry), cache.keep_older(entry)
    assert first.name == f"{entry.path.stem}@20240105T210000Z.parquet"
    assert second != first
    assert cache.about(first).older
    assert cache.read(first)[1].equals(cache.read(entry.path)[1])
    assert cache.files() == [entry.path, first, second]
    assert not entry.older


def test_two_processes_write_one_request_without_harm():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(_write_often, range(2))
    _, table = cache.read(cache.place(REQUEST))
    assert table["close"].nunique() == 1


def _write_often(process):
    for _ in range(20):
        with cache.locked(cache.place(REQUEST)):
            store(several("SPY", "AGG", days=30).assign(close=float(process + 1)))
            assert (cache.read(cache.place(REQUEST))[1]["close"] == process + 1).all()


def test_waiting_for_another_process_ends_with_an_error(monkeypatch):
    monkeypatch.setattr(cache, "LOCK_SECONDS", 0)
    path = cache.place(REQUEST)
    with (
        cache.locked(path),
        pytest.raises(DataError, match="another process has been fetching it"),
        cache.locked(path),
    ):
        pass


def test_a_file_of_another_version_is_told_from_a_damaged_one(monkeypatch):
    with monkeypatch.context() as another:
        another.setattr(cache, "FORMAT", 7)
        path = store().path
    for read in (cache.read, cache.about):
        with pytest.raises(DataError) as refused:
            read(path)
        said = str(refused.value)
        assert re.search(r"has the format 7, written by tsdeep [\d.]+\S*; this one reads format 1\.", said)
        assert f"`tsdeep data rm {cache.request_key(REQUEST)}`" in said
        assert "damaged" not in said


def test_a_folder_that_cannot_be_written_to_says_which_variable_names_another(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "file" / "cache"))
    for attempt in (store, lambda: cache.locked(cache.place(REQUEST)).__enter__()):
        with pytest.raises(DataError) as refused:
            attempt()
        said = str(refused.value)
        assert said.startswith(f"{tmp_path}/file/cache: the cache cannot be written to: ")
        assert "environment variable TSDEEP_CACHE" in said


def test_a_full_disk_is_said_and_leaves_nothing(folder, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        DataError, match="cannot be written to: No space left on device; name a folder that can be"
    ):
        store()
    assert list(folder.iterdir()) == []


def test_a_path_that_depends_on_where_one_is_is_refused(monkeypatch):
    monkeypatch.setenv("TSDEEP_CACHE", "cache")
    with pytest.raises(DataError, match="TSDEEP_CACHE: found 'cache', expected a whole path, such as /"):
        cache.folder()
    monkeypatch.setenv("TSDEEP_CACHE", "~/cache")
    assert cache.folder().is_absolute()


def test_without_a_variable_the_user_s_cache_folder_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("TSDEEP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.folder().name == "tsdeep"
