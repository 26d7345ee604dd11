import numpy as np
import pytest

import tsdeep
from tests.pipeline.prepared_sets import books, both

DAYS = {"A": [[90, 70], [80]], "B": [[60], [90]]}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return both(books(DAYS), tmp_path_factory.mktemp("order"), chunk_rows=16)[1]


def epochs(prepared, n=1, *, skip=0, **options):
    """Places of the windows of n epochs, batch by batch; batches at the front of the first one may be skipped."""
    dataset = stream(prepared, **options)
    found = []
    for epoch in range(n):
        here = dataset.skip(skip) if epoch == 0 else dataset
        found.append(np.concatenate([weight for _, _, weight in here.as_numpy_iterator()]))
    return found


def stream(prepared, **options):
    places = np.arange(len(prepared.rows), dtype=np.float32)
    options = {"shuffle": True, "seed": 0, "batch_size": 10, "buffer_rows": 48} | options
    return tsdeep.windows(prepared, sample_weight=places, **options)


def test_a_seed_repeats_all_epochs_and_each_has_an_order_of_its_own(prepared):
    first, again = epochs(prepared, 3), epochs(prepared, 3)
    for epoch, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(epoch, same)
        assert sorted(epoch) == list(range(len(prepared.rows)))
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(first[one], first[other])


def test_other_seeds_and_none_give_other_orders(prepared):
    orders = [epochs(prepared, seed=seed)[0] for seed in (0, 1, None, None)]
    for one in range(4):
        for other in range(one):
            assert not np.array_equal(orders[one], orders[other])


def test_a_training_goes_on_at_a_batch_of_an_epoch(prepared):
    whole = epochs(prepared, 3)
    resumed = epochs(prepared, 2, first_epoch=1, skip=7)
    np.testing.assert_array_equal(resumed[0], whole[1][70:])
    np.testing.assert_array_equal(resumed[1], whole[2])
    repeated = stream(prepared, first_epoch=1).repeat(2).skip(7)
    again = np.concatenate([weight for _, _, weight in repeated.as_numpy_iterator()])
    np.testing.assert_array_equal(again, np.concatenate(resumed))


def test_workers_divide_each_epoch_in_the_order_that_one_alone_has(prepared):
    alone = epochs(prepared, 2)
    for worker in range(3):
        for part, whole in zip(epochs(prepared, 2, shard=(worker, 3)), alone, strict=True):
            np.testing.assert_array_equal(part, whole[worker::3])


def test_a_pool_mixes_chunks_of_as_many_shards_as_it_holds(prepared):
    """Neighbours of a shuffled epoch are far apart: with one pool of all chunks as in a permutation."""
    (order,) = epochs(prepared, buffer_rows=10_000)
    distance = np.abs(np.diff(order))
    n = len(order)
    # Two of n places at random are (n + 1) / 3 apart on average, with a standard deviation of n / sqrt(18).
    assert abs(distance.mean() - (n + 1) / 3) < 4 * n / np.sqrt(18 * n)
    assert len({int(place) // 50 for place in order[:48]}) > 3


def test_the_order_does_not_depend_on_the_batch_size(prepared):
    (one,), (other,) = epochs(prepared, batch_size=7), epochs(prepared, batch_size=64)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shuffle", [False, True])
def test_workers_of_a_service_cut_every_window_once_an_epoch(prepared, shuffle):
    import tensorflow as tf

    service = tf.data.experimental.service
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    address = dispatcher.target.split("://")[1]
    workers = [service.WorkerServer(service.WorkerConfig(dispatcher_address=address)) for _ in range(2)]
    orders = epochs(prepared, 2, shuffle=shuffle, seed=None, service=dispatcher.target)
    del workers
    for order in orders:
        assert sorted(order) == list(range(len(prepared.rows)))


def test_windows_are_those_of_their_rows_in_every_epoch(prepared):
    x = dict(enumerate(np.concatenate(list(tsdeep.windows(prepared, prepared.rows, labels=False)))))
    for window, _, places in (element for _ in range(2) for element in stream(prepared).as_numpy_iterator()):
        np.testing.assert_array_equal(window, [x[int(place)] for place in places])
