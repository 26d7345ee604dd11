"""Nothing that is prepared, fitted or streamed at a row depends on what is not known there."""

import numpy as np
import pytest

import tsdeep
from tests.panels import batches
from tests.pipeline.prepared_sets import BALANCED, books, both
from tsdeep import DataError

DAYS = {"A": [[50, 40], [60]], "B": [[70]]}
SCALERS = [
    {"kind": "standard"},
    {"kind": "standard", "by_symbol": True},
    {"kind": "rank_gaussian", "clip": 3.0},
    {"kind": "previous_sessions", "sessions": 1},
]
SPREAD = {**BALANCED, "threshold_in": "spread", "threshold": [0.5, 1.0], "horizon_rows": [2, 4]}


@pytest.mark.parametrize("changed_from", [47, 120])
def test_rows_after_t_change_no_window_that_ends_up_to_t_and_no_label_that_does(tmp_path, changed_from):
    task = {"kind": "movement", "horizon_rows": [2, 4], "threshold": 0.5, "threshold_in": "ticks"}
    plain = tsdeep.prepare(books(DAYS, task=task), tmp_path / "plain", chunk_rows=16)
    changed = books(DAYS, task=task, source={"changed_from": changed_from})
    samples = changed.samples()
    changed = tsdeep.prepare(changed, tmp_path / "changed", chunk_rows=16)
    ends = np.asarray(plain.origins)
    ends = ends[ends < changed_from]
    x, other = (batches(tsdeep.windows(each, ends, labels=False)) for each in (plain, changed))
    np.testing.assert_array_equal(x, other)
    rows = np.asarray(plain.rows)
    known = rows[samples.label_end[rows] < changed_from]
    (_, y), (_, same) = (batches(tsdeep.windows(each, known)) for each in (plain, changed))
    np.testing.assert_array_equal(y, same)
    later = rows[rows >= changed_from]  # the change is one: all windows behind it are others
    x, other = (batches(tsdeep.windows(each, later, labels=False)) for each in (plain, changed))
    assert (x != other).any(axis=(1, 2)).all()


@pytest.mark.parametrize("scaler", SCALERS[1:])
def test_scaler_and_thresholds_read_their_rows_alone(tmp_path, scaler):
    """All rows but those fitted on, and what their labels read, are poisoned."""
    spec = books({"A": [[80], [70]], "B": [[90]]}, scaler=scaler)
    prepared = tsdeep.prepare(spec, tmp_path / "plain", chunk_rows=16)
    rows = np.asarray(prepared.rows)
    rows = rows[(rows % 80 < 40) & (rows < 200)]
    last = int(rows.max()) + 3  # the horizon
    poisoned = tsdeep.prepare(
        books({"A": [[80], [70]], "B": [[90]]}, scaler=scaler, source={"changed_from": last + 1}),
        tmp_path / "poisoned",
        chunk_rows=16,
    )
    last_x = [
        batches(tsdeep.windows(each, [prepared.n_rows - 1], labels=False)) for each in (prepared, poisoned)
    ]
    assert not np.array_equal(*last_x)
    assert prepared.fit_task(rows).task.thresholds == poisoned.fit_task(rows).task.thresholds
    x, other = (
        batches(tsdeep.windows(each, rows, labels=False, scaler=each.fit_scaler(rows)))
        for each in (prepared, poisoned)
    )
    np.testing.assert_array_equal(x, other)


def test_poisoned_records_do_not_reach_what_is_fitted_on_others(tmp_path):
    """Features and labels of the records are overwritten, but for the rows fitted on: the result is the same."""
    import tensorflow as tf

    from tsdeep.pipeline.shards import record_features

    spec = books(DAYS, scaler={"kind": "standard", "by_symbol": True})
    prepared = tsdeep.prepare(spec, tmp_path, chunk_rows=16)
    rows = np.asarray(prepared.rows)[::3]
    task, scaler = prepared.fit_task(rows).task, prepared.fit_scaler(rows)
    features, poisoned = record_features(), 0
    for shard in prepared.shards:
        records = []
        for raw in tf.data.TFRecordDataset(str(shard.path)).as_numpy_iterator():
            record = {k: v.numpy() for k, v in features.deserialize_example(raw).items()}
            first = int(prepared.offsets[record["piece"]] + record["first"])
            context = int(record["context"])
            mine = np.isin(first - context + np.arange(len(record["x"])), rows)
            mine[:context] = False  # a row is read where it is a chunk's own
            record["x"] = np.where(mine[:, None], record["x"], np.float32(1e9))
            record["y"] = np.where(mine[context:, None], record["y"], 1e9)
            poisoned += int((~mine).sum())
            records.append(features.serialize_example(record))
        with tf.io.TFRecordWriter(str(shard.path)) as writer:
            for record in records:
                writer.write(record)
    assert poisoned > len(rows)
    assert prepared.fit_task(rows).task.thresholds == task.thresholds
    again = prepared.fit_scaler(rows)
    for symbol in ("A", "B"):
        for one, other in zip(scaler.of(symbol).get_weights(), again.of(symbol).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("task", [BALANCED, SPREAD])
@pytest.mark.parametrize("scaler", SCALERS)
def test_fitted_on_all_rows_they_are_those_of_the_samples_in_memory(tmp_path, task, scaler):
    samples, prepared = both(books(DAYS, task=task, scaler=scaler), tmp_path, chunk_rows=16)
    rows = samples.rows[5::2]
    assert prepared.fit_task(rows).task == samples.fit_task(rows).task
    memory, disk = samples.fit_scaler(rows), prepared.fit_scaler(rows)
    np.testing.assert_array_equal(samples.scaled(memory)[rows], samples.scaled(disk)[rows])


def test_of_more_rows_as_many_as_are_asked_for_are_read_evenly_spaced(tmp_path):
    samples, prepared = both(books(DAYS), tmp_path, chunk_rows=16)
    rows, symbols = samples.rows, samples.symbol[samples.rows]
    spaced = []
    for symbol in ("A", "B"):  # its share of the rows, or an even share where that is more
        own = rows[symbols == symbol]
        n = max(40 * len(own) // len(rows), 20)
        spaced.append(own[np.linspace(0, len(own) - 1, n).astype(int)])
        assert np.ptp(np.diff(np.searchsorted(own, spaced[-1]))) <= 1
    spaced = np.sort(np.concatenate(spaced))
    assert prepared.fit_task(rows, max_rows=40).task == samples.fit_task(spaced).task
    memory, disk = samples.fit_scaler(spaced), prepared.fit_scaler(rows, max_rows=40)
    for one, other in zip(memory.get_weights(), disk.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    exact = prepared.fit_scaler(rows, max_rows=len(rows))
    assert not np.array_equal(exact.get_weights()[0], disk.get_weights()[0])


def test_mirrored_scaler_is_that_of_the_samples(tmp_path):
    samples, prepared = both(books(DAYS), tmp_path, chunk_rows=16)
    memory, disk = (each.fit_scaler(samples.rows, mirror=True) for each in (samples, prepared))
    assert disk.fitted_on_mirror
    for one, other in zip(memory.get_weights(), disk.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_without_a_window_are_not_fitted_on(tmp_path):
    _, prepared = both(books(DAYS), tmp_path, chunk_rows=16)
    for fit in (prepared.fit_scaler, prepared.fit_task):
        with pytest.raises(DataError, match="panel row 2: no whole window ends here"):
            fit(np.array([2, 30]))
