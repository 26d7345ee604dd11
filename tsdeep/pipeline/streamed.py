"""Windows of a prepared data set: chunks of many shards are pooled, and each batch is one gather from the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.chunks import ChunkStream
from tsdeep.pipeline.order import Epochs
from tsdeep.pipeline.pools import Pools, batches_of_pool
from tsdeep.pipeline.prepared import Prepared
from tsdeep.pipeline.row_ranges import RowRanges
from tsdeep.pipeline.stored_scaling import StoredScaling

if TYPE_CHECKING:
    import tensorflow as tf

BUFFER_ROWS = 262_144
"""Rows of a pool unless asked for."""


def checked_rows(prepared: Prepared, rows: RowRanges | np.ndarray, labels: bool) -> RowRanges:
    """Return rows as ranges; refuse those without a whole window and, where labels are asked for, without a label."""
    if labels and not prepared.task.fitted:
        raise SpecError(
            f"{prepared.task}: its thresholds come from training rows, so there is no label before "
            "prepared.fit_task(fold.train)"
        )
    ranges = prepared.checked(rows, labels=labels)
    if labels:
        prepared.check_thresholds(ranges)
    return ranges


def stream_windows(
    prepared: Prepared,
    rows: RowRanges | np.ndarray | None,
    *,
    scaler: Any | None,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
    stride: int,
    balanced: bool,
    mirror: bool,
    sample_weight: np.ndarray | None,
    drop_remainder: bool,
    labels: bool,
    buffer_rows: int,
    shard: tuple[int, int],
    first_epoch: int,
    service: str | None,
) -> tf.data.Dataset:
    """Stream windows from disk; arguments, result and errors as of `tsdeep.windows`, which has checked them."""
    import tensorflow as tf

    from tsdeep.pipeline.windows import MirrorImage, draw_balanced, places_by_class

    given = (prepared.rows if labels else prepared.origins) if rows is None else rows
    ranges = checked_rows(prepared, given, labels)
    if (not shuffle or stride > 1) and not isinstance(given, RowRanges) and (np.diff(given) < 0).any():
        raise DataError(
            "rows: found them out of order, expected panel rows that ascend, as "
            + ("every stride-th of them is taken" if shuffle else "no shuffle is asked for")
            + ": np.sort(rows), and weights with them"
        )
    weight = sample_weight
    if weight is not None and not isinstance(given, RowRanges):
        weight = weight[np.argsort(given)]
    scaling = None if scaler is None else StoredScaling.of(scaler, prepared, ranges)
    chunks = ChunkStream(prepared, ranges, scaling, stride, labels, weight, buffer_rows)
    n_windows = -(-len(ranges) // stride)
    index, count = shard
    n_mine = len(range(index, n_windows, count))
    n_batches = n_mine // batch_size if drop_remainder else -(-n_mine // batch_size)
    if n_batches == 0:
        raise DataError(f"{n_mine} rows do not fill one batch of {batch_size}; drop_remainder leaves nothing")
    image = MirrorImage(prepared.mirror(), prepared.task, 1) if mirror else None
    lookback, channels = prepared.input_shape
    length = chunks.chunk_length

    def windows_of(pool: dict[str, Any], key: Any, first: Any) -> tf.data.Dataset:
        """Cut the windows of a pool that are this worker's; `first` of the epoch are in earlier pools."""
        at = tf.where(pool["end"] >= 0)  # [windows, 2]: chunk, row
        n = tf.size(at[:, 0], tf.int64)
        end = at[:, 0] * length + tf.gather_nd(pool["end"], at)
        x = tf.reshape(pool["x"], (-1, channels))
        y: Any = tf.gather_nd(pool["y"], at) if labels else None
        w: Any = tf.gather_nd(pool["weight"], at) if weight is not None else None
        order = tf.range(n)
        if balanced:
            order = draw_balanced(places_by_class(y[:, 0]), n, key)
        elif key is not None:
            order = tf.random.experimental.stateless_shuffle(order, seed=key)
        order = order[(index - first) % count :: count]
        coin: Any = (
            None if image is None else tf.random.stateless_uniform(tf.shape(order), key + 2, 0, 2, tf.int64)
        )

        def batch(here: slice) -> Any:
            places = order[here]
            ends = tf.gather(end, places)
            x_batch = tf.gather(x, ends[:, None] + tf.range(1 - lookback, 1, dtype=tf.int64))
            x_batch = tf.ensure_shape(x_batch, (None, lookback, channels))
            if y is None:
                return x_batch
            y_batch = tf.gather(y, places)
            y_batch = y_batch[:, 0] if prepared.facts["flat_labels"] else y_batch
            if image is not None:
                x_batch, y_batch = image(coin[here], x_batch, y_batch)
            return (x_batch, y_batch) if w is None else (x_batch, y_batch, tf.gather(w, places))

        return batches_of_pool(tf.size(order, tf.int64), first, shard, batch_size, batch)

    stream = Pools(chunks, windows_of, lambda pool: tf.reduce_sum(tf.cast(pool["end"] >= 0, tf.int64)))
    return stream.batches(
        batch_size, n_batches, Epochs(shuffle, seed, first_epoch), service, drop_remainder=drop_remainder
    )
