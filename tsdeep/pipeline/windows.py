"""Windows: end indices are shuffled and batched, then every batch is one gather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError

if TYPE_CHECKING:
    import tensorflow as tf

    from tsdeep.samples import Samples


def windows(
    samples: Samples,
    rows: np.ndarray | None = None,
    *,
    scaler: Any | None = None,
    batch_size: int = 256,
    shuffle: bool = False,
    seed: int | None = None,
    stride: int = 1,
    balanced: bool = False,
    sample_weight: np.ndarray | None = None,
    drop_remainder: bool = False,
    labels: bool = True,
) -> tf.data.Dataset:
    """Stream windows of features, with labels, as a `tf.data.Dataset`.

    A window is an end index: indices are permuted once an epoch, cut into batches, and each batch is one
    gather from the feature matrix, in two parallel threads. Memory holds the feature matrix and the few
    batches in flight, never the windows.

    Parameters
    ----------
    samples : Samples
        What to cut windows from.
    rows : ndarray of int64, optional
        Panel rows at which the windows end, such as `fold.train`; by default every labelled origin, or
        every origin where `labels` is False.
    scaler : Layer, optional
        A fitted scaler, `[rows, channels]` to the same shape; it is applied to the feature matrix once.
    batch_size : int, default 256
    shuffle : bool, default False
        Permute the rows anew in every epoch.
    seed : int, optional
        Makes the order of all epochs repeatable.
    stride : int, default 1
        Take every stride-th of `rows`.
    balanced : bool, default False
        Draw rows with replacement so that each class is equally likely; needs `shuffle`.
    sample_weight : ndarray of float32, [rows], optional
        A weight for each of `rows`, yielded as a third element.
    drop_remainder : bool, default False
        Leave out a last batch that is not full.
    labels : bool, default True
        Yield `(x, y)`; False yields x alone, also for the newest rows, which have no label.

    Returns
    -------
    tf.data.Dataset
        Of `x [batch, lookback, channels]` float32, and `y [batch]` float32, and weights `[batch]` float32
        where asked. Its cardinality is known.

    Raises
    ------
    DataError
        If a row has no whole window within its segment, no label where labels are asked for, or there is
        no row at all.
    """
    import tensorflow as tf

    rows, weight = _checked(samples, rows, sample_weight, stride, labels)
    if not getattr(scaler, "fitted", True):
        raise DataError("the scaler was never fitted: use samples.fit_scaler(fold.train)")
    if balanced and not (shuffle and labels):
        raise DataError(
            "balanced=True draws rows at random by their class: it needs shuffle=True and labels=True"
        )
    x = samples.x if scaler is None else np.asarray(scaler(samples.x))
    with tf.device("cpu"):
        features = tf.constant(x, tf.float32)
        columns = [tf.constant(samples.y, tf.float32)] if labels else []
        if weight is not None:
            spread = np.zeros(len(x), np.float32)
            spread[rows] = weight
            columns.append(tf.constant(spread))
        ends = tf.constant(rows, tf.int64)
        offsets = tf.range(1 - samples.lookback, 1, dtype=tf.int64)
        classes = _rows_by_class(samples, rows) if balanced else None
    n_batches = len(rows) // batch_size if drop_remainder else -(-len(rows) // batch_size)
    if n_batches == 0:
        raise DataError(
            f"{len(rows)} rows do not fill one batch of {batch_size}; drop_remainder leaves nothing"
        )

    def gather(batch_ends: Any) -> Any:
        x_batch = tf.gather(features, batch_ends[:, None] + offsets)  # [batch, lookback, channels]
        x_batch = tf.ensure_shape(x_batch, (None, *samples.input_shape))
        return (x_batch, *(tf.gather(column, batch_ends) for column in columns)) if columns else x_batch

    def epoch(epoch_seed: Any) -> tf.data.Dataset:
        key = tf.stack([epoch_seed, tf.constant(0, tf.int64)])
        if classes is not None:
            order = _draw_balanced(classes, len(rows), key)
        elif shuffle:
            order = tf.gather(ends, tf.random.experimental.stateless_shuffle(tf.range(len(rows)), seed=key))
        else:
            order = ends
        batches = tf.data.Dataset.range(n_batches)
        return batches.map(
            lambda i: gather(order[i * batch_size : (i + 1) * batch_size]),
            num_parallel_calls=2,
            deterministic=True,
        )

    epoch_seeds = tf.data.Dataset.from_tensors(tf.constant(0, tf.int64))
    if shuffle:
        # A generator of its own: unlike `Dataset.random(seed)` it does not depend on TensorFlow's global seed.
        with tf.device("cpu"):
            create = tf.random.Generator
            generator = create.from_non_deterministic_state() if seed is None else create.from_seed(seed)
        epoch_seeds = epoch_seeds.map(lambda _: generator.uniform_full_int([], tf.int64))
    dataset = epoch_seeds.flat_map(epoch)
    return dataset.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)


def _checked(
    samples: Samples, rows: np.ndarray | None, weight: np.ndarray | None, stride: int, labels: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    if rows is None:
        rows = samples.rows if labels else samples.origins
    rows = np.asarray(rows, np.int64)
    if weight is not None and len(weight) != len(rows):
        raise DataError(f"sample_weight has {len(weight)} values for {len(rows)} rows")
    if stride < 1:
        raise DataError(f"stride: found {stride}, expected at least 1 row")
    rows = rows[::stride]
    weight = None if weight is None else np.asarray(weight, np.float32)[::stride]
    if not len(rows):
        raise DataError("no rows to cut windows at")
    if rows.min() < 0 or rows.max() >= samples.panel.n_rows:
        raise DataError(
            f"rows {rows.min()} to {rows.max()} are not all within the {samples.panel.n_rows} panel rows"
        )
    whole = np.zeros(samples.panel.n_rows, bool)
    whole[samples.origins] = True
    if not whole[rows].all():
        row = int(rows[~whole[rows]][0])
        raise DataError(
            f"row {row} ({samples.time[row]}) has no whole window in its segment: "
            f"{samples.rows_needed} rows are needed (lookback {samples.lookback} + warm-up {samples.features.warmup})"
        )
    if labels and (samples.label_end[rows] < 0).any():
        row = int(rows[samples.label_end[rows] < 0][0])
        raise DataError(f"row {row} ({samples.time[row]}) has no label; pass labels=False to predict it")
    return rows, weight


def _rows_by_class(samples: Samples, rows: np.ndarray) -> tuple[Any, Any, Any]:
    """Sort rows by class: the rows, and where each class starts and how many it has."""
    import tensorflow as tf

    y = samples.y[rows]
    _, starts, counts = np.unique(np.sort(y), return_index=True, return_counts=True)
    by_class = rows[np.argsort(y, kind="stable")]
    return tf.constant(by_class), tf.constant(starts, tf.int64), tf.constant(counts, tf.int64)


def _draw_balanced(classes: tuple[Any, Any, Any], n: int, key: Any) -> Any:
    """Draw n rows, each class equally likely and each row of a class equally likely."""
    import tensorflow as tf

    by_class, starts, counts = classes
    which = tf.random.stateless_uniform([n], key, 0, tf.shape(counts)[0], tf.int32)
    within = tf.random.stateless_uniform([n], key + 1, 0.0, 1.0, tf.float64)
    size = tf.gather(counts, which)
    offset = tf.minimum(tf.cast(within * tf.cast(size, tf.float64), tf.int64), size - 1)
    return tf.gather(by_class, tf.gather(starts, which) + offset)
