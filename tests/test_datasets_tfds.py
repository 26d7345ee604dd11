"""Prepared data sets as TensorFlow Datasets reads and writes them."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tsdeep
from tests.pipeline.prepared_sets import bars, books
from tsdeep import SpecError
from tsdeep.datasets import StudyConfig

DAYS = {"A": [[60, 30], [50]], "B": [[40], [70]]}


@pytest.fixture(scope="module", autouse=True)
def registered():
    tsdeep.register()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return tsdeep.prepare(books(DAYS), tmp_path_factory.mktemp("data"), chunk_rows=16)


def rows_of(dataset, offsets):
    """Features by panel row, of the rows of records without their context."""
    found = {}
    for record in tfds.as_numpy(dataset):
        first = int(offsets[record["piece"]] + record["first"])
        for place, row in enumerate(record["x"][record["context"] :]):
            assert first + place not in found
            found[first + place] = row
    return found


def test_a_prepared_set_is_loaded_by_its_name(prepared):
    data_dir = prepared.path.parent.parent.parent
    samples = books(DAYS).samples()
    builder = tfds.builder("tsdeep_lob/ragged", data_dir=data_dir)
    assert set(builder.info.splits) == {"session_20240102", "session_20240103"}
    assert builder.info.metadata["tsdeep"]["chunk_rows"] == 16
    checksums = [
        shard["sha256"] for piece in builder.info.metadata["tsdeep"]["pieces"] for shard in piece["shards"]
    ]
    assert len(checksums) == len(prepared.shards)
    assert all(len(each) == 64 for each in checksums)
    x = builder.info.features["x"]
    assert (x.shape, x.np_dtype) == ((None, None), np.float32)

    one, other = (tfds.load("tsdeep_lob/ragged", data_dir=data_dir, split=s) for s in builder.info.splits)
    both = tfds.load("tsdeep_lob/ragged", data_dir=data_dir, split="session_20240102+session_20240103")
    found = rows_of(both, prepared.offsets)
    parts = [rows_of(each, prepared.offsets) for each in (one, other)]
    assert {**parts[0], **parts[1]}.keys() == found.keys()
    known = ~np.isnan(samples.x).any(axis=1)
    assert sorted(found) == np.flatnonzero(known).tolist()
    for row, features in found.items():
        np.testing.assert_array_equal(features, samples.x[row])
    dates = samples.panel.session_date
    for part, date in zip(parts, ("2024-01-02", "2024-01-03"), strict=True):
        assert {str(dates[row]) for row in part} == {date}


def test_records_say_what_they_are_of(prepared):
    samples = books(DAYS).samples()
    dataset = tfds.load(
        "tsdeep_lob/ragged", data_dir=prepared.path.parent.parent.parent, split="session_20240103"
    )
    for record in tfds.as_numpy(dataset):
        first = int(prepared.offsets[record["piece"]] + record["first"])
        rows = slice(first, first + len(record["time"]))
        assert record["symbol"].decode() == samples.symbol[first]
        assert record["session"] == b"2024-01-03"
        np.testing.assert_array_equal(record["time"], samples.time[rows].astype(np.int64))
        ends = samples.label_end[rows]
        expected = np.where(ends >= 0, ends - np.arange(rows.start, rows.stop), -1)
        np.testing.assert_array_equal(record["label_rows"], expected)


def test_load_prepares_what_is_not_there(tmp_path):
    config = StudyConfig(name="ragged", spec=books(DAYS), chunk_rows=16)
    found = tfds.load("tsdeep_lob", data_dir=tmp_path, builder_kwargs={"config": config})
    assert set(found) == {"session_20240102", "session_20240103"}
    samples, prepared = books(DAYS).samples(), tsdeep.load_prepared(tmp_path)
    np.testing.assert_array_equal(np.asarray(prepared.rows), samples.rows)
    prepared.verify()


def test_bars_are_split_by_years(tmp_path):
    spec = bars(tmp_path, "A", "B")
    prepared = tsdeep.prepare(spec, tmp_path)
    found, info = tfds.load("tsdeep_bars/daily", data_dir=tmp_path, with_info=True)
    assert set(found) == set(info.splits) == {"year_2004", "year_2005"}
    years = spec.samples().time.astype("datetime64[Y]")
    for split, dataset in found.items():
        rows = list(rows_of(dataset, prepared.offsets))
        assert {str(years[row]) for row in rows} == {split.removeprefix("year_")}


def test_the_name_of_a_spec_of_tsdeep_is_its_configuration(tmp_path):
    prepared = tsdeep.prepare("sp500_direction", tmp_path)
    builder = tfds.builder("tsdeep_bars/sp500_direction", data_dir=tmp_path)
    assert builder.is_prepared()
    assert sum(split.num_examples for split in builder.info.splits.values()) == sum(
        shard.records for shard in prepared.shards
    )
    assert tfds.builder("tsdeep_bars", data_dir=tmp_path).info.full_name == builder.info.full_name
    assert tfds.builder("tsdeep_lob", data_dir=tmp_path).builder_config.name == "lob_midprice"


def test_a_spec_of_the_other_kind_of_source_or_of_no_name_is_refused(tmp_path):
    with pytest.raises(
        SpecError, match="tsdeep_bars: found the spec 'lob_midprice', whose source is simulated_book"
    ):
        tfds.builder("tsdeep_bars/lob_midprice", data_dir=tmp_path)
    with pytest.raises(SpecError, match=r"sp500_directio'.*sp500_direction"):
        tfds.builder("tsdeep_bars/sp500_directio", data_dir=tmp_path)
