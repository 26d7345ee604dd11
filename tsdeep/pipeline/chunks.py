"""Chunks of a prepared data set: read from many shards side by side, scaled, labelled, and pooled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.pipeline.prepared import Prepared
from tsdeep.pipeline.row_ranges import RowRanges
from tsdeep.pipeline.shards import record_features
from tsdeep.pipeline.stored_scaling import StoredScaling

if TYPE_CHECKING:
    import tensorflow as tf

_READ_BYTES = 256 * 1024


@dataclass(frozen=True, eq=False)
class ChunkStream:
    """Chunks of a prepared data set, on their way from shards to pools.

    A pool is as many chunks as `buffer_rows` holds. Where the order is shuffled its chunks come from as many shards,
    which are drawn anew in every epoch and each read from a place drawn anew.

    Parameters
    ----------
    prepared : Prepared
        The data set.
    rows : RowRanges
        Rows that are asked for.
    scaling : StoredScaling, optional
        Applied to each chunk.
    stride : int
        Take every stride-th of the rows.
    labels : bool
        Whether labels are read.
    weight : ndarray of float32, [rows], optional
        A weight for each of the rows.
    buffer_rows : int
        Rows of a pool.
    """

    prepared: Prepared
    rows: RowRanges
    scaling: StoredScaling | None
    stride: int
    labels: bool
    weight: np.ndarray | None
    buffer_rows: int

    @property
    def chunk_length(self) -> int:
        """Rows of `x` that each chunk takes in a pool, context and padding included."""
        return self.prepared.chunk_rows + self.prepared.stored_lookback - 1

    @property
    def chunks_of_a_pool(self) -> int:
        """Chunks that are pooled."""
        return max(1, self.buffer_rows // self.prepared.chunk_rows)

    @cached_property
    def _shards(self) -> tuple[np.ndarray, np.ndarray]:
        shards = self.prepared.shards_of(self.rows)
        return np.array([str(s.path) for s in shards]), np.array([s.records for s in shards], np.int64)

    def pools(self, key: Any | None) -> tf.data.Dataset:
        """Stream pools: chunks of one epoch, by a random key int64 `[2]`, or in their order without.

        Returns
        -------
        tf.data.Dataset
            Of dicts: `x [chunks, chunk_length, channels]`, `end [chunks, chunk_rows]` (place of each row in its chunk's
            x, -1 where it is not asked for), `y [chunks, chunk_rows, columns]` and `weight [chunks, chunk_rows]`.
        """
        import tensorflow as tf

        files, records = self._shards
        if key is None:
            return self._pooled(tf.data.TFRecordDataset(files, buffer_size=_READ_BYTES))
        order = tf.random.experimental.stateless_shuffle(tf.range(len(files)), seed=key)
        turn = tf.random.stateless_uniform([len(files)], key + 1, 0.0, 1.0, tf.float64)
        turn = tf.cast(turn * tf.cast(records, tf.float64), tf.int64)
        shards = tf.data.Dataset.from_tensor_slices((tf.gather(files, order), tf.gather(turn, order)))
        return self._pooled(self._side_by_side(shards))

    def pools_to_share(self, shuffle: bool) -> tf.data.Dataset:
        """Stream pools as `pools` does, from a dataset of shards that a `tf.data` service divides among its workers.

        Random numbers are each worker's own: an order that all agree on would be no use to them.
        """
        import tensorflow as tf

        files, records = self._shards
        shards = tf.data.Dataset.from_tensor_slices((files, records))
        if shuffle:
            shards = shards.shuffle(len(files))
            shards = shards.map(lambda file, n: (file, tf.random.uniform([], 0, n, tf.int64)))
        else:
            shards = shards.map(lambda file, _: (file, tf.constant(0, tf.int64)))
        # A service gives all shards to every worker where a shuffle is followed by an interleave in one thread.
        return self._pooled(self._side_by_side(shards, parallel=True))

    def _side_by_side(self, shards: tf.data.Dataset, *, parallel: bool = False) -> tf.data.Dataset:
        """Read many shards at once, a chunk of each in turn, each from its own place on and then its beginning.

        One thread reads them unless asked: parallel calls hold several chunks of each shard in memory.
        """
        import tensorflow as tf

        def turned(file: Any, at: Any) -> tf.data.Dataset:
            records = tf.data.TFRecordDataset(file, buffer_size=_READ_BYTES)
            return records.skip(at).concatenate(records.take(at))

        n_shards = len(self._shards[0])
        n_turns = -(-n_shards // self.chunks_of_a_pool)
        n_open = -(-n_shards // n_turns)  # as many to the end, so that the last pools mix as many shards
        calls = min(2, n_open) if parallel else None
        return shards.interleave(turned, cycle_length=n_open, block_length=1, num_parallel_calls=calls)

    def _pooled(self, records: tf.data.Dataset) -> tf.data.Dataset:
        chunks = records.map(self.chunk, num_parallel_calls=2, deterministic=True)
        rows, channels = self.prepared.chunk_rows, len(self.prepared.feature_names)
        columns = self.prepared.label_columns
        shapes = {"x": [self.chunk_length, channels], "end": [rows], "y": [rows, columns], "weight": [rows]}
        fill = {"x": np.float32(0), "end": np.int64(-1), "y": np.float32(0), "weight": np.float32(0)}
        names = list(chunks.element_spec)
        return chunks.padded_batch(
            self.chunks_of_a_pool, {n: shapes[n] for n in names}, {n: fill[n] for n in names}
        )

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        """What the graph looks rows up in."""
        runs = np.array([start for _, start, _ in self.prepared.runs], np.int64)
        return {
            "offset": self.prepared.offsets,
            "start": self.rows.starts,
            "stop": self.rows.stops,
            "before": self.rows.before,
            "run": runs,
        }

    def chunk(self, record: Any) -> dict[str, Any]:
        """Read a record, find the rows that are asked for, scale features and make labels."""
        import tensorflow as tf

        features = record_features()
        names = ("x", "context", "piece", "first", *(("y",) if self.labels else ()))
        found = type(features)({name: features[name] for name in names}).deserialize_example(record)
        x = tf.ensure_shape(found["x"], (None, len(self.prepared.feature_names)))
        table = {name: tf.constant(values) for name, values in self._tables.items()}
        first = table["offset"][found["piece"]] + found["first"]
        context = found["context"]
        rows = first + tf.range(tf.shape(x, tf.int64)[0] - context, dtype=tf.int64)  # [rows]
        at = tf.searchsorted(table["start"], rows, side="right") - 1
        near = tf.maximum(at, 0)
        place = tf.gather(table["before"], near) + rows - tf.gather(table["start"], near)
        asked = (at >= 0) & (rows < tf.gather(table["stop"], near)) & (place % self.stride == 0)
        run = tf.searchsorted(table["run"], [first], side="right")[0] - 1
        end = tf.where(asked, context + tf.range(tf.size(rows, tf.int64), dtype=tf.int64), -1)
        chunk = {"x": x if self.scaling is None else self.scaling(x, run), "end": end}
        if self.labels:
            chunk["y"] = self._label(found["y"], run)
        if self.weight is not None:
            chunk["weight"] = tf.where(
                asked, tf.gather(tf.constant(self.weight), tf.where(asked, place, 0)), 0.0
            )
        return chunk

    def _label(self, y: Any, run: Any) -> Any:
        """Turn moves of one run into labels by the limits of its instrument; labels are there already otherwise."""
        import tensorflow as tf

        limits = self.prepared.limits
        if limits is not None:
            y = self.prepared.task.labels_of(y[:, : limits.shape[1]], tf.constant(limits)[run])
        return tf.ensure_shape(tf.cast(y, tf.float32), (None, self.prepared.label_columns))
