import numpy as np
import pytest

import tsdeep
from tests.pipeline.prepared_sets import as_set, books, both


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return both(books([[150, 40], [97]]), tmp_path_factory.mktemp("prepared"), chunk_rows=30)


def windows_of(dataset):
    return [np.concatenate(part) for part in zip(*dataset.as_numpy_iterator(), strict=True)]


def test_a_pool_of_one_chunk_is_shuffled_and_has_every_window(sets):
    samples, prepared = sets
    found = windows_of(tsdeep.windows(prepared, shuffle=True, seed=0, buffer_rows=1))
    assert as_set(found) == as_set(windows_of(tsdeep.windows(samples)))
    assert not np.array_equal(found[0], windows_of(tsdeep.windows(prepared))[0])


@pytest.mark.parametrize("shard", [(0, 1), (1, 3)])
@pytest.mark.parametrize("batch_size", [1, 7, 30, 1000])
def test_batches_are_full_but_for_the_last_wherever_pools_end(sets, batch_size, shard):
    _, prepared = sets
    given = {"shuffle": True, "seed": 0, "shard": shard, "buffer_rows": 60}
    sizes = [len(y) for _, y in tsdeep.windows(prepared, batch_size=batch_size, **given)]
    n = len(range(shard[0], len(prepared.rows), shard[1]))
    assert sizes == [min(batch_size, n - done) for done in range(0, n, batch_size)]


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"mode": "dense", "stretch": 30}])
def test_no_thread_that_tunes_can_hold_up_the_end_of_an_epoch(sets, options):
    for data in sets:
        assert tsdeep.windows(data, **options).options().autotune.enabled is False
