"""What `prepare` leaves behind: whole data sets, and beginnings that are gone on with."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import tsdeep
from tests.panels import batches
from tests.pipeline.prepared_sets import BALANCED, bars, books
from tests.specs import spec as spec_of
from tests.synthetic import bars as daily
from tsdeep import DataError, SpecError

DAYS = {"A": [[60, 30], [50]], "B": [[40], [70]]}  # four pieces: 90, 50, 40 and 70 rows
ROOT = Path(__file__).parent.parent
NAME = Path("tsdeep_lob", "ragged", "1.0.0")


def contents(folder):
    """Bytes of all files of a data set."""
    return {path.name: path.read_bytes() for path in (folder / NAME).iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Bytes of the data set as an undisturbed preparation writes it."""
    folder = tmp_path_factory.mktemp("whole")
    tsdeep.prepare(books(DAYS), folder, chunk_rows=16)
    return contents(folder)


@pytest.mark.parametrize(
    ("moment", "number", "pieces"),
    [
        ("record", 9, 1),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in [
                ("piece", 2, 1),  # the first .json says the settings
                ("piece", 3, 2),
                ("record", 1, 0),
                ("shard", 3, 2),
                ("link", 2, 4),
                ("metadata", 1, 4),
                ("named", 1, 4),
            ]
        ),
    ],
)
def test_a_killed_preparation_reads_as_none_and_goes_on(tmp_path, whole, moment, number, pieces):
    spec = books(DAYS)
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    data = tmp_path / "data"
    command = ["-m", "tests.killed_prepare", moment, str(number), str(tmp_path / "spec.yaml"), str(data)]
    killed = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, timeout=300)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()

    if moment == "named":  # it was complete already
        assert contents(data) == whole
        tsdeep.load_prepared(data).verify()
    else:
        assert not (data / NAME).exists()
        with pytest.raises(DataError, match="found no prepared data set, expected one"):
            tsdeep.load_prepared(data)
        for left in data.rglob("incomplete.*"):
            with pytest.raises(DataError, match="found no prepared data set"):
                tsdeep.load_prepared(left)
        assert not tfds.builder("tsdeep_lob", config=_config(spec), data_dir=data).is_prepared()
        with pytest.raises(AssertionError, match="could not find data"):
            tfds.load("tsdeep_lob", data_dir=data, download=False, builder_kwargs={"config": _config(spec)})

    unfinished = data / NAME.with_name(".unfinished-1.0.0")
    done = {shard.stat().st_ino: shard.stat().st_mtime_ns for shard in unfinished.glob("*.tfrecord")}
    assert len(list(unfinished.glob("piece-*.json"))) == pieces
    prepared = tsdeep.prepare(spec, data, chunk_rows=16)
    assert contents(data) == whole
    prepared.verify()
    kept = {(path.stat().st_ino, path.stat().st_mtime_ns) for path in (data / NAME).glob("*.tfrecord*")}
    assert len(kept & done.items()) >= pieces  # what was done is what is there: a shard a piece here
    assert {path.name for path in (data / NAME).parent.iterdir()} == {"1.0.0"}


def _config(spec):
    from tsdeep.datasets import StudyConfig

    return StudyConfig(name=spec.name, spec=spec, chunk_rows=16)


def test_another_process_at_work_is_refused(tmp_path):
    unfinished = tmp_path / NAME.with_name(".unfinished-1.0.0")
    unfinished.mkdir(parents=True)
    code = "import sys, filelock as f; k = f.FileLock(sys.argv[1]); k.acquire(); print('mine', flush=True); input()"
    command = [sys.executable, "-c", code, str(unfinished.with_name(f"{unfinished.name}.lock"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(
            DataError, match=r"\.unfinished-1\.0\.0: another process is preparing this data set"
        ):
            tsdeep.prepare(books(DAYS), tmp_path)
        other.communicate("\n")
    assert len(tsdeep.prepare(books(DAYS), tmp_path).rows)


CHANGES = [
    ({"lookback": 4}, {}, "lookback: 5"),
    ({"task": {**BALANCED, "horizon_rows": 9}}, {}, "task: "),
    ({"source": {"seed": 3}}, {}, "source: "),
    ({"features": [{"kind": "queue_imbalance"}]}, {}, "features: "),
    ({}, {"chunk_rows": 32}, "chunk_rows: 16"),
]


@pytest.mark.parametrize(("changes", "settings", "message"), CHANGES)
def test_a_data_set_of_other_settings_is_refused_by_name(tmp_path_factory, changes, settings, message):
    folder = tmp_path_factory.mktemp("other")
    tsdeep.prepare(books(DAYS), folder, chunk_rows=16)
    with pytest.raises(
        DataError, match=f"1.0.0: was prepared with another {message}.*remove it, or prepare into"
    ):
        tsdeep.prepare(books(DAYS, **changes), folder, **{"chunk_rows": 16, **settings})


@pytest.mark.parametrize(("changes", "settings", "message"), CHANGES)
def test_pieces_of_other_settings_are_refused_by_name(tmp_path, changes, settings, message):
    _begin(tmp_path, books(DAYS))
    with pytest.raises(DataError, match=f"unfinished-1.0.0: was begun with another {message}"):
        tsdeep.prepare(books(DAYS, **changes), tmp_path, **{"chunk_rows": 16, **settings})
    assert len(tsdeep.prepare(books(DAYS), tmp_path, chunk_rows=16).rows)


def _begin(folder, spec):
    """Prepare a data set whose third piece cannot be read."""
    from tests.pipeline.prepared_sets import RaggedBooks

    with pytest.MonkeyPatch.context() as patch:
        day = RaggedBooks._day

        def failing(self, symbol, number):
            if symbol == "B":
                raise DataError("no such file")
            return day(self, symbol, number)

        patch.setattr(RaggedBooks, "_day", failing)
        with pytest.raises(DataError, match="no such file"):
            tsdeep.prepare(spec, folder, chunk_rows=16)


def test_what_data_does_not_depend_on_may_change_and_is_as_asked(tmp_path):
    tsdeep.prepare(books(DAYS), tmp_path)
    asked = books(DAYS, scaler={"kind": "rank_gaussian", "clip": 2.0}, training={"epochs": 3}, model="tcn")
    prepared = tsdeep.prepare(asked, tmp_path)
    assert prepared.spec == asked
    assert prepared.scaler == asked.scaler
    assert tsdeep.load_prepared(tmp_path).spec == books(DAYS)


def test_settings_that_never_wrote_a_piece_do_not_stand_in_the_way(tmp_path):
    from tests.pipeline.prepared_sets import RaggedBooks

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RaggedBooks, "_day", lambda *_: (_ for _ in ()).throw(DataError("no such file")))
        with pytest.raises(DataError, match="no such file"):
            tsdeep.prepare(books(DAYS), tmp_path)
    assert tsdeep.prepare(books(DAYS, lookback=3), tmp_path).lookback == 3


def test_new_days_of_a_source_are_told_from_those_that_are_there(tmp_path):
    """A source whose name for its data stays, such as a folder that gets another day's files."""
    from tests.pipeline.prepared_sets import RaggedBooks

    tsdeep.prepare(books(DAYS), tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        places = RaggedBooks._places
        patch.setattr(RaggedBooks, "_places", lambda self: [*places(self), ("B", 2, 250)])
        with pytest.raises(
            DataError, match=r"another set of files or sessions: 1 are new \(\['B 2'\]\), 0 are gone"
        ):
            tsdeep.prepare(books(DAYS), tmp_path)


def test_a_piece_that_was_damaged_before_the_end_is_written_again(tmp_path, whole):
    _begin(tmp_path, books(DAYS))
    unfinished = tmp_path / NAME.with_name(".unfinished-1.0.0")
    first, second = sorted(unfinished.glob("*.tfrecord"))[:2]
    first.unlink()
    content = second.read_bytes()
    second.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (unfinished / "left.tfrecord.unfinished").write_bytes(b"of a process that was killed")
    tsdeep.prepare(books(DAYS), tmp_path, chunk_rows=16)
    assert contents(tmp_path) == whole


def _shard(folder, number=1):
    return sorted((folder / NAME).glob("*.tfrecord*"))[number]


def test_a_flipped_byte_is_found_and_its_file_named_by_verify_and_while_streaming(tmp_path):
    prepared = tsdeep.prepare(books(DAYS), tmp_path, chunk_rows=16)
    prepared.verify()
    shard = _shard(tmp_path)
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    prepared = tsdeep.load_prepared(tmp_path)  # its size is right
    with pytest.raises(
        DataError, match=f"{shard.name}: damaged: its SHA-256 is .*, expected .*prepare the data"
    ):
        prepared.verify()
    for options in ({}, {"shuffle": True, "seed": 0}):
        with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
            batches(tsdeep.windows(prepared, labels=False, **options))
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        prepared.fit_scaler(prepared.rows)


def test_a_shard_that_is_missing_or_cut_is_found_when_opened(tmp_path):
    prepared = tsdeep.prepare(books(DAYS), tmp_path, chunk_rows=16)
    shard = _shard(tmp_path)
    content = shard.read_bytes()
    shard.write_bytes(content[:-10])
    message = f"{shard.name}: has {len(content) - 10:,} bytes, expected {len(content):,}"
    for check in (lambda: tsdeep.load_prepared(tmp_path), prepared.verify):
        with pytest.raises(DataError, match=message):
            check()
    shard.unlink()
    for check in (lambda: tsdeep.load_prepared(tmp_path), prepared.verify):
        with pytest.raises(
            DataError, match=f"{shard.name}: missing, expected a shard of {len(content):,} bytes"
        ):
            check()


def test_opening_needs_one_data_set_that_tsdeep_wrote(tmp_path):
    with pytest.raises(DataError, match="found no prepared data set, expected one"):
        tsdeep.load_prepared(tmp_path / "nothing")
    tsdeep.prepare(books(DAYS), tmp_path)
    assert tsdeep.load_prepared(tmp_path).path == tsdeep.load_prepared(tmp_path / NAME).path
    tsdeep.prepare(books(DAYS, name="second"), tmp_path)
    with pytest.raises(DataError, match=r"found 2 data sets: .*ragged.*second"):
        tsdeep.load_prepared(tmp_path)
    (tmp_path / NAME / "metadata.json").write_text("{}")
    with pytest.raises(DataError, match="found format none of tsdeep's metadata, expected 1"):
        tsdeep.load_prepared(tmp_path / NAME)


def test_one_that_is_there_opens_where_nothing_may_be_written(tmp_path):
    tsdeep.prepare(books(DAYS), tmp_path)
    parent = (tmp_path / NAME).parent
    before = parent.stat().st_mtime_ns
    tsdeep.prepare(books(DAYS), tmp_path)
    assert parent.stat().st_mtime_ns == before


def test_data_without_a_window_is_refused(tmp_path):
    with pytest.raises(
        DataError,
        match="symbol 'A': one window needs more rows",
    ):
        tsdeep.prepare(books([[5], [6]]), tmp_path)
    with pytest.raises(SpecError, match="chunk_rows: found 0"):
        tsdeep.prepare(books(DAYS), tmp_path, chunk_rows=0)


def test_the_same_source_gives_the_same_bytes_again(tmp_path, whole):
    tsdeep.prepare(books(DAYS), tmp_path, chunk_rows=16)
    assert contents(tmp_path) == whole


def test_bars_are_prepared_under_their_own_name(tmp_path):
    prepared = tsdeep.prepare(bars(tmp_path, "A"), tmp_path / "data")
    assert prepared.path == tmp_path / "data" / "tsdeep_bars" / "daily" / "1.0.0"
    assert np.asarray(prepared.rows).size == len(prepared)
    shutil.move(tmp_path / "data", tmp_path / "moved")
    assert len(batches(tsdeep.windows(tsdeep.load_prepared(tmp_path / "moved")))[1]) == len(prepared)


def test_data_that_has_changed_since_is_not_opened_in_silence(tmp_path):
    daily(60).to_csv(tmp_path / "A.csv", index_label="date")
    spec = spec_of(period={}, source={"kind": "csv", "path": str(tmp_path / "A.csv")}, lookback=3)
    prepared = tsdeep.prepare(spec, tmp_path / "data")
    assert len(tsdeep.prepare(spec, tmp_path / "data")) == len(prepared)
    daily(59).to_csv(tmp_path / "A.csv", index_label="date")
    with pytest.raises(DataError, match=r"state of the data: source: A\.csv has changed since"):
        tsdeep.prepare(spec, tmp_path / "data")
    assert len(tsdeep.load_prepared(tmp_path / "data")) == len(prepared)


def test_an_instrument_without_a_window_is_refused_as_in_memory(tmp_path):
    table = pd.concat([daily(60).assign(symbol="A"), daily(4).assign(symbol="B")])
    table.to_csv(tmp_path / "bars.csv", index_label="date")
    spec = spec_of(period={}, source={"kind": "csv", "path": str(tmp_path / "bars.csv")}, lookback=5)
    said = "symbol 'B': one window needs"
    with pytest.raises(DataError, match=said):
        tsdeep.load(spec)
    with pytest.raises(DataError, match=said):
        tsdeep.prepare(spec, tmp_path / "data")
