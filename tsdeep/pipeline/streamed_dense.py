"""Dense stretches of a prepared data set: cut from its chunks, each row with the rows that warm it up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.checks import check_size
from tsdeep.pipeline.chunks import ChunkStream
from tsdeep.pipeline.order import Epochs
from tsdeep.pipeline.pools import Pools, batches_of_pool
from tsdeep.pipeline.prepared import Prepared
from tsdeep.pipeline.row_ranges import RowRanges
from tsdeep.pipeline.stored_scaling import StoredScaling
from tsdeep.pipeline.streamed import checked_rows

if TYPE_CHECKING:
    import tensorflow as tf


def stream_stretches(
    prepared: Prepared,
    rows: RowRanges | np.ndarray | None,
    *,
    stretch: int,
    warmup_rows: int | None,
    scaler: Any | None,
    batch_size: int,
    shuffle: bool,
    seed: int | None,
    sample_weight: np.ndarray | None,
    drop_remainder: bool,
    labels: bool,
    buffer_rows: int,
    shard: tuple[int, int],
    first_epoch: int,
    service: str | None,
) -> tf.data.Dataset:
    """Stream stretches from disk; arguments, result and errors as of `dense_windows`.

    Stretches lie on a grid of each session, so that none is in two chunks: each row asked for is the output of one,
    with the same rows before it as in memory, but a stretch begins where the grid does, not at the first row asked for.
    """
    import tensorflow as tf

    stretch, batch_size = check_size("stretch", stretch), check_size("batch_size", batch_size)
    warm = check_size("warmup_rows", prepared.lookback - 1 if warmup_rows is None else warmup_rows, least=0)
    if prepared.chunk_rows % stretch:
        raise SpecError(
            f"stretch: found {stretch}, expected a divisor of the {prepared.chunk_rows} rows of a chunk"
        )
    if warm >= prepared.stored_lookback:
        raise SpecError(
            f"warmup_rows: found {warm}, expected at most {prepared.stored_lookback - 1}: the data set was prepared "
            f"for a lookback of {prepared.stored_lookback}"
        )
    given = (prepared.rows if labels else prepared.origins) if rows is None else rows
    ranges = checked_rows(prepared, given, labels)
    weight = np.ones(len(ranges), np.float32) if labels and sample_weight is None else sample_weight
    if sample_weight is not None and not isinstance(given, RowRanges):
        weight = sample_weight[np.argsort(given)]
    n_stretches = count_stretches(prepared, ranges, stretch)
    index, count = shard
    n_mine = len(range(index, n_stretches, count))
    n_batches = n_mine // batch_size if drop_remainder else -(-n_mine // batch_size)
    if n_batches == 0:
        raise DataError(
            f"{n_mine} stretches do not fill one batch of {batch_size}; drop_remainder leaves nothing"
        )
    scaling = None if scaler is None else StoredScaling.of(scaler, prepared, ranges)
    chunks = ChunkStream(prepared, ranges, scaling, 1, labels, weight, buffer_rows)
    length, channels = chunks.chunk_length, len(prepared.feature_names)
    flat, columns = prepared.facts["flat_labels"], prepared.label_columns
    single = flat and prepared.task.logit_shape == (1,)

    def last_asked(pool: dict[str, Any]) -> Any:
        """Place of the last row asked for of each stretch of a pool, `[chunks, stretches]`, within x; -1 for none."""
        return tf.reduce_max(tf.reshape(pool["end"], (tf.shape(pool["end"])[0], -1, stretch)), axis=-1)

    def stretches_of(pool: dict[str, Any], key: Any | None, first: Any) -> tf.data.Dataset:
        end = pool["end"]  # [chunks, chunk_rows]
        context = tf.reduce_max(
            tf.where(end >= 0, end - tf.range(prepared.chunk_rows, dtype=tf.int64), 0), axis=1
        )
        last = last_asked(pool)
        at = tf.where(last >= 0)  # [stretches, 2]: chunk, number in it
        order = tf.range(tf.size(at[:, 0], tf.int64))
        if key is not None:
            order = tf.random.experimental.stateless_shuffle(order, seed=key)
        order = order[(index - first) % count :: count]
        x = tf.reshape(pool["x"], (-1, channels))

        def batch(chosen: slice) -> Any:
            here = tf.gather(at, order[chosen])
            begin = tf.gather(context, here[:, 0]) + here[:, 1] * stretch
            local = begin[:, None] + tf.range(-warm, stretch, dtype=tf.int64)  # [batch, warm + stretch]
            inside = (local >= 0) & (local <= tf.gather_nd(last, here)[:, None])
            places = here[:, :1] * length + tf.where(inside, local, 0)
            x_batch = tf.where(inside[..., None], tf.gather(x, places), 0.0)
            x_batch = tf.ensure_shape(x_batch, (None, warm + stretch, channels))
            if not labels:
                return x_batch
            rows_here = (
                here[:, :1] * prepared.chunk_rows + here[:, 1:] * stretch + tf.range(stretch, dtype=tf.int64)
            )
            asked = tf.gather(tf.reshape(end, [-1]), rows_here) >= 0  # [batch, stretch]
            y = tf.gather(tf.reshape(pool["y"], (-1, columns)), rows_here)
            y = tf.where(asked[..., None], y, 0.0)  # [batch, stretch, columns]
            w = tf.where(asked, tf.gather(tf.reshape(pool["weight"], [-1]), rows_here), 0.0)
            if flat:
                y = y if single else y[..., 0]
            else:
                w = tf.repeat(w[..., None], tf.shape(y)[-1], axis=-1)
            return x_batch, tf.ensure_shape(y, (None, stretch, *y.shape[2:])), w

        return batches_of_pool(tf.size(order, tf.int64), first, shard, batch_size, batch)

    def n_of(pool: dict[str, Any]) -> Any:
        return tf.reduce_sum(tf.cast(last_asked(pool) >= 0, tf.int64))

    return Pools(chunks, stretches_of, n_of).batches(
        batch_size, n_batches, Epochs(shuffle, seed, first_epoch), service, drop_remainder=drop_remainder
    )


def count_stretches(prepared: Prepared, rows: RowRanges, stretch: int) -> int:
    """Count the stretches of the grid that have one of the rows."""
    total = 0
    for _, start, stop in prepared.runs:
        segment = int(np.searchsorted(prepared.bounds[:, 1], start, side="right"))
        low = max(start, int(prepared.bounds[segment, 0]) + int(prepared.facts["warmup"]))
        first = np.arange(low, stop, stretch, dtype=np.int64)
        total += int((rows.counts(first, np.minimum(first + stretch, stop)) > 0).sum())
    return total
