"""The order of an epoch: places are permuted anew in every epoch, cut into batches, and gathered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Epochs:
    """How epochs follow each other: in one order, or each by a random key of its own.

    Parameters
    ----------
    shuffle : bool
        Whether the order is drawn anew in every epoch.
    seed : int or None
        Makes the order of all epochs repeatable, whatever the global seed of TensorFlow.
    first : int, default 0
        The epoch, from 0, that the first iteration gives.
    """

    shuffle: bool
    seed: int | None
    first: int = 0

    def dataset(self, epoch: Callable[[Any | None], tf.data.Dataset], n_batches: int) -> tf.data.Dataset:
        """Make a dataset whose every iteration is an epoch.

        Parameters
        ----------
        epoch : callable
            From a random key int64 `[2]`, or None where nothing is shuffled, to the batches of an epoch.
        n_batches : int
            How many these are.
        """
        import tensorflow as tf

        if not self.shuffle:
            return untuned(self._counted(epoch(None), n_batches).prefetch(2))

        # A generator of its own: unlike `Dataset.random(seed)` it does not depend on TensorFlow's global seed.
        with tf.device("cpu"):
            create = tf.random.Generator
            generator = (
                create.from_non_deterministic_state() if self.seed is None else create.from_seed(self.seed)
            )
            for _ in range(self.first):
                generator.uniform_full_int([2], tf.int64)

        @tf.autograph.experimental.do_not_convert
        def drawn(_: Any) -> tf.data.Dataset:
            return epoch(generator.uniform_full_int([2], tf.int64))

        return untuned(self._counted(tf.data.Dataset.range(1).flat_map(drawn), n_batches).prefetch(2))

    @staticmethod
    def _counted(batches: tf.data.Dataset, n_batches: int) -> tf.data.Dataset:
        import tensorflow as tf

        if int(batches.cardinality()) == n_batches:
            return batches
        return batches.apply(tf.data.experimental.assert_cardinality(n_batches))


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Turn off the tuning of a dataset whose parallel calls and buffers are all set.

    There is nothing to tune, and where another dataset is being read too, such as one to validate on, the thread that
    tunes can hold up the end of an epoch for as long as it sleeps: seconds, and up to a minute in long epochs.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def in_batches(
    gather: Callable[[Any], Any],
    n_places: int,
    *,
    batch_size: int,
    n_batches: int,
    epochs: Epochs,
    shard: tuple[int, int] = (0, 1),
    draw: Callable[[Any], Any] | None = None,
) -> tf.data.Dataset:
    """Stream what is gathered from places 0 to `n_places - 1`, a batch at a time, in two parallel threads.

    Parameters
    ----------
    gather : callable
        From places int64 `[batch]` to one element of the dataset.
    n_places : int
        Number of places.
    batch_size, n_batches : int
        Places of a batch, and batches of an epoch.
    epochs : Epochs
        Whether and how places are permuted anew in every epoch.
    shard : tuple of int, default (0, 1)
        Of the places in their order take those of worker i of n: every n-th from the i-th on.
    draw : callable, optional
        From a random key int64 `[2]` to the places of an epoch `[n_places]`, instead of a permutation.

    Returns
    -------
    tf.data.Dataset
        Of `n_batches` elements, its cardinality known.
    """
    import tensorflow as tf

    with tf.device("cpu"):
        in_order = tf.range(n_places, dtype=tf.int64)

    def epoch(key: Any | None) -> tf.data.Dataset:
        order = in_order
        if key is not None:
            order = (
                draw(key)
                if draw is not None
                else tf.random.experimental.stateless_shuffle(in_order, seed=key)
            )
        order = order[shard[0] :: shard[1]]

        @tf.autograph.experimental.do_not_convert
        def batch(number: Any) -> Any:
            return gather(order[number * batch_size : (number + 1) * batch_size])

        return tf.data.Dataset.range(n_batches).map(batch, num_parallel_calls=2, deterministic=True)

    return epochs.dataset(epoch, n_batches)
