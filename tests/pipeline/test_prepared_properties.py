import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import tsdeep
from tests.pipeline.prepared_sets import as_set, assert_same, books, both, streams
from tsdeep import DataError

# A dataset is traced anew for each example: shrinking one would take minutes.
SOME = settings(max_examples=4, deadline=None, phases=[Phase.reuse, Phase.generate], print_blob=True)
MANY = settings(SOME, max_examples=20)
TASKS = [
    {"kind": "movement", "horizon_rows": 2, "threshold": 0.5, "threshold_in": "ticks"},
    {"kind": "movement", "horizon_rows": 3, "threshold_in": "balanced"},
    {"kind": "movement", "horizon_rows": [1, 3], "threshold_in": "balanced"},
    {
        "kind": "movement",
        "horizon_rows": [2, 1],
        "labels": "anchored",
        "threshold": 1.0,
        "threshold_in": "spread",
    },
]


@st.composite
def studies(draw):
    """Arguments of `books`: one or two instruments, some days too short for a window or without a row."""
    lengths = st.lists(st.integers(1, 45), max_size=3)
    days = {
        symbol: draw(st.lists(lengths, min_size=1, max_size=3))
        for symbol in draw(st.sampled_from(["A", "AB"]))
    }
    for each in days.values():  # one day that is long enough, so that there is a label
        each.insert(draw(st.integers(0, len(each))), [draw(st.integers(25, 60))])
    return days, {
        "source": {"seed": draw(st.integers(0, 99))},
        "task": draw(st.sampled_from(TASKS)),
        "lookback": draw(st.integers(1, 8)),
        "features": [{"kind": "mid_return", "rows": draw(st.integers(1, 4))}, {"kind": "log_size"}],
    }


@SOME
@given(st.data())
def test_windows_are_those_of_the_samples_in_memory(tmp_path_factory, data):
    check_windows(tmp_path_factory.mktemp("data"), data)


@pytest.mark.slow
@MANY
@given(st.data())
def test_windows_of_many_studies_are_those_of_the_samples_in_memory(tmp_path_factory, data):
    check_windows(tmp_path_factory.mktemp("data"), data)


def check_windows(folder, data):
    days, changes = data.draw(studies())
    spec = books(days, **changes)
    samples, prepared = both(spec, folder, chunk_rows=data.draw(st.sampled_from([1, 3, 7, 16, 1024])))
    assert prepared.n_rows == samples.panel.n_rows
    np.testing.assert_array_equal(prepared.bounds, samples.panel.bounds)
    np.testing.assert_array_equal(np.asarray(prepared.origins), samples.origins)
    np.testing.assert_array_equal(np.asarray(prepared.rows), samples.rows)
    assert prepared.input_shape == samples.input_shape
    assert prepared.feature_names == samples.feature_names

    lookback = data.draw(st.integers(1, spec.lookback))
    samples, prepared = samples.replace(lookback=lookback), prepared.replace(lookback=lookback)
    rows = samples.rows
    if data.draw(st.booleans()):
        rows = np.sort(data.draw(st.lists(st.sampled_from(rows.tolist()), min_size=1, unique=True)))
    options = {
        "batch_size": data.draw(st.integers(1, 40)),
        "stride": data.draw(st.integers(1, 4)),
        "buffer_rows": data.draw(st.sampled_from([1, 10, 50, 10_000])),
    }
    if data.draw(st.booleans()):
        options["sample_weight"] = np.arange(len(rows), dtype=np.float32)
    if len(rows[:: options["stride"]]) >= options["batch_size"]:
        options["drop_remainder"] = data.draw(st.booleans())
    assert_same(*streams(samples, prepared, rows, **options))

    options |= {"shuffle": True, "seed": data.draw(st.integers(0, 2**31)), "drop_remainder": False}
    memory, disk = streams(samples, prepared, rows, **options)
    assert as_set(disk) == as_set(memory)


@SOME
@given(st.data())
def test_without_labels_every_whole_window_comes(tmp_path_factory, data):
    days, changes = data.draw(studies())
    spec = books(days, **changes)
    samples, prepared = both(spec, tmp_path_factory.mktemp("data"), chunk_rows=data.draw(st.integers(2, 20)))
    batch_size = data.draw(st.integers(1, 40))
    memory, disk = streams(samples, prepared, labels=False, batch_size=batch_size, buffer_rows=30)
    assert_same(memory, disk)
    assert len(disk[0]) == len(samples.origins)


@SOME
@given(st.data())
def test_workers_see_every_window_once_an_epoch_between_them(tmp_path_factory, data):
    days, changes = data.draw(studies())
    spec = books(days, **changes)
    _, prepared = both(spec, tmp_path_factory.mktemp("data"), chunk_rows=data.draw(st.integers(2, 20)))
    places = np.arange(len(prepared.rows), dtype=np.float32)
    shuffle, workers = data.draw(st.booleans()), data.draw(st.integers(1, 4))
    seen = []
    for worker in range(workers):
        given_rows = {"shard": (worker, workers), "sample_weight": places, "buffer_rows": 25, "batch_size": 7}
        seeded = {"shuffle": True, "seed": 3} if shuffle else {}
        if len(places) <= worker:
            with pytest.raises(DataError, match="0 rows do not fill one batch"):
                tsdeep.windows(prepared, **given_rows, **seeded)
            continue
        dataset = tsdeep.windows(prepared, **given_rows, **seeded)
        mine = [weight for _, _, weight in dataset.as_numpy_iterator()]
        assert len(mine) == int(dataset.cardinality())
        mine = np.concatenate(mine)
        assert len(mine) in (len(places) // workers, -(-len(places) // workers))
        if not shuffle:
            np.testing.assert_array_equal(mine, places[worker::workers])
        seen.append(mine)
    assert sorted(np.concatenate(seen)) == places.tolist()
