"""From pools of chunks to batches: in epochs of this process, or by the workers of a `tf.data` service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import SpecError
from tsdeep.pipeline.chunks import ChunkStream
from tsdeep.pipeline.order import Epochs, untuned

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True, eq=False)
class Pools:
    """Pools of chunks, and how elements are cut from one.

    Parameters
    ----------
    chunks : ChunkStream
        Where pools come from.
    cut : callable
        From a pool, a random key int64 `[2]` (None where nothing is shuffled) and the number of elements in earlier
        pools of the epoch, to a dataset of batches, of which the last need not be full.
    count : callable
        From a pool to the number of elements in it, int64, those of all workers.
    """

    chunks: ChunkStream
    cut: Callable[[dict[str, Any], Any, Any], Any]
    count: Callable[[dict[str, Any]], Any]

    def batches(
        self, batch_size: int, n_batches: int, epochs: Epochs, service: str | None, *, drop_remainder: bool
    ) -> tf.data.Dataset:
        """Make the dataset of `n_batches` batches an epoch, full but for the last one."""
        import tensorflow as tf

        def whole(dataset: tf.data.Dataset) -> tf.data.Dataset:
            return dataset.rebatch(batch_size, drop_remainder=drop_remainder)

        def epoch(key: Any | None) -> tf.data.Dataset:
            def key_of(number: Any) -> Any | None:
                return None if key is None else tf.random.experimental.stateless_fold_in(key, number)

            return whole(self._cut(self.chunks.pools(key), key_of))

        if service is None:
            return epochs.dataset(epoch, n_batches)

        def any_key(_: Any) -> Any | None:
            if not epochs.shuffle:
                return None
            return tf.random.uniform([2], tf.int64.min, tf.int64.max, tf.int64)

        shared = distributed(self._cut(self.chunks.pools_to_share(epochs.shuffle), any_key), service)
        return untuned(whole(shared).apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2))

    def _cut(self, pools: tf.data.Dataset, key_of: Callable[[Any], Any | None]) -> tf.data.Dataset:
        """Cut pools one after another, each told its number and how many elements came before."""

        def count_on(state: Any, pool: Any) -> Any:
            number, first = state
            return (number + 1, first + self.count(pool)), (pool, number, first)

        counted = pools.prefetch(1).scan((np.int64(0), np.int64(0)), count_on)
        return counted.flat_map(lambda pool, number, first: self.cut(pool, key_of(number), first))


def batches_of_pool(
    n: Any, first: Any, shard: tuple[int, int], batch_size: int, batch: Callable[[slice], Any]
) -> tf.data.Dataset:
    """Cut what a worker has of a pool into batches, in two parallel threads.

    The first batch fills up the one that the pool before left unfinished: all others are whole, and only the parts of
    that one have to be copied together.

    Parameters
    ----------
    n : tensor of int64
        Elements of this worker in the pool.
    first : tensor of int64
        Elements of all workers in earlier pools of the epoch.
    shard : tuple of int
        Number of this worker and how many there are.
    batch_size : int
        Elements of a batch.
    batch : callable
        From a slice of the pool's elements to a batch.
    """
    import tensorflow as tf

    index, count = shard
    earlier = (first - index + count - 1) // count  # elements of this worker in earlier pools
    lead = tf.minimum(-earlier % batch_size, n)
    begin = tf.where(lead > 0, lead - batch_size, 0)  # where the first batch would begin, were it full

    @tf.autograph.experimental.do_not_convert
    def cut(number: Any) -> Any:
        start = begin + number * batch_size
        return batch(slice(tf.maximum(start, 0), start + batch_size))

    n_batches = (n - begin + batch_size - 1) // batch_size
    return tf.data.Dataset.range(n_batches).map(cut, num_parallel_calls=2, deterministic=True)


def check_service(service: str | None, seed: int | None, shard: tuple[int, int], first_epoch: int) -> None:
    """Refuse what a service cannot keep: an order."""
    if service is not None and (seed is not None or tuple(shard) != (0, 1) or first_epoch):
        raise SpecError(
            "service: its workers take the shards as they come: leave out seed=, shard= and first_epoch="
        )


def distributed(dataset: tf.data.Dataset, service: str) -> tf.data.Dataset:
    """Let the workers of a `tf.data` service make a dataset, each of the shards that it is given."""
    import tensorflow as tf

    options = tf.data.Options()
    # Random numbers are each worker's own; nothing else in the dataset has a state.
    options.experimental_external_state_policy = tf.data.experimental.ExternalStatePolicy.IGNORE
    distribute = tf.data.experimental.service.distribute(
        tf.data.experimental.service.ShardingPolicy.DYNAMIC, service
    )
    return dataset.with_options(options).apply(distribute)
