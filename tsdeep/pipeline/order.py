"""The order of an epoch: places are permuted anew in every epoch, cut into batches, and gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf


def in_batches(
    gather: Callable[[Any], Any],
    n_places: int,
    *,
    batch_size: int,
    n_batches: int,
    shuffle: bool,
    seed: int | None,
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
    shuffle : bool
        Permute the places anew in every epoch.
    seed : int or None
        Makes the order of all epochs repeatable, whatever the global seed of TensorFlow.
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

    def batches(order: Any) -> tf.data.Dataset:
        @tf.autograph.experimental.do_not_convert
        def batch(number: Any) -> Any:
            return gather(order[number * batch_size : (number + 1) * batch_size])

        return tf.data.Dataset.range(n_batches).map(batch, num_parallel_calls=2, deterministic=True)

    if not shuffle:
        return batches(in_order).prefetch(2)

    @tf.autograph.experimental.do_not_convert
    def epoch(_: Any) -> tf.data.Dataset:
        key = generator.uniform_full_int([2], tf.int64)
        if draw is not None:
            return batches(draw(key))
        return batches(tf.random.experimental.stateless_shuffle(in_order, seed=key))

    # A generator of its own: unlike `Dataset.random(seed)` it does not depend on TensorFlow's global seed.
    with tf.device("cpu"):
        create = tf.random.Generator
        generator = create.from_non_deterministic_state() if seed is None else create.from_seed(seed)
    epochs = tf.data.Dataset.range(1).flat_map(epoch)
    return epochs.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)
