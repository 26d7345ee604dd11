"""Windows: end indices are shuffled and batched, then every batch is one gather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError, unknown_name
from tsdeep.pipeline.checks import check_labels, check_shard, check_size, checked_weight
from tsdeep.pipeline.dense import dense_windows
from tsdeep.pipeline.order import Epochs, in_batches
from tsdeep.pipeline.pools import check_service
from tsdeep.pipeline.prepared import Prepared
from tsdeep.pipeline.streamed import BUFFER_ROWS, stream_windows
from tsdeep.pipeline.streamed_dense import stream_stretches

if TYPE_CHECKING:
    import tensorflow as tf

    from tsdeep.pipeline.row_ranges import RowRanges
    from tsdeep.samples import Samples
    from tsdeep.tasks import Task


def windows(
    samples: Samples | Prepared,
    rows: np.ndarray | RowRanges | None = None,
    *,
    scaler: Any | None = None,
    mode: str = "windows",
    stretch: int | None = None,
    warmup_rows: int | None = None,
    batch_size: int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    stride: int = 1,
    balanced: bool = False,
    mirror: bool = False,
    sample_weight: np.ndarray | None = None,
    drop_remainder: bool = False,
    labels: bool = True,
    shard: tuple[int, int] = (0, 1),
    first_epoch: int = 0,
    buffer_rows: int | None = None,
    service: str | None = None,
) -> tf.data.Dataset:
    """Stream windows of features, with labels, as a `tf.data.Dataset`.

    A window is an end index: indices are permuted once an epoch, cut into batches, and each batch is one
    gather from the feature matrix, in two parallel threads. Memory holds the feature matrix and the few
    batches in flight, never the windows.

    Of a prepared data set the windows are the same, and memory holds the pools of chunks in flight, about three times
    `buffer_rows` rows of features, whatever the size of the data. An epoch in random order draws the order of the
    shards and the chunk that each is read from on, reads a chunk of each of many shards in turn into a pool, and
    permutes the windows of a pool.

    Parameters
    ----------
    samples : Samples or Prepared
        What to cut windows from: samples in memory, or a data set on disk (`tsdeep.prepare`).
    rows : ndarray of int64 or RowRanges, optional
        Panel rows at which the windows end, such as `fold.train`; by default every labelled origin, or
        every origin where `labels` is False. Of a prepared data set each once, and ascending unless shuffled.
    scaler : Layer or ScalerBySymbol, optional
        A fitted scaler, `[rows, channels]` to the same shape; it is applied to the feature matrix once.
    mode : {"windows", "dense"}, default "windows"
        `"dense"` streams stretches of rows with a target for every row, for `build(..., outputs="sequence")`:
        see `tsdeep.pipeline.dense_windows`, which takes the same arguments but `stride` and `balanced`.
    stretch, warmup_rows : int, optional
        Of `mode="dense"`: rows of output of a stretch, 1024 unless given, and rows before them, `lookback - 1`
        unless given.
    batch_size : int, optional
        Windows of a batch, 256 unless given; with `mode="dense"` stretches, 4 unless given.
    shuffle : bool, default False
        Permute the rows anew in every epoch.
    seed : int, optional
        Makes the order of all epochs repeatable, whatever the global seed of TensorFlow.
    stride : int, default 1
        Take every stride-th of `rows`.
    balanced : bool, default False
        Draw rows with replacement so that each class is equally likely; needs `shuffle`.
    mirror : bool, default False
        Give half of the windows, drawn anew in every epoch, as they look from the other side of the order
        book, bids for asks and ups for downs; needs `shuffle`, `labels`, features and a task that can be
        mirrored, and a scaler fitted with `mirror`.
    sample_weight : ndarray of float32, [rows], optional
        A weight for each of `rows`, yielded as a third element; needs `labels`.
    drop_remainder : bool, default False
        Leave out a last batch that is not full.
    labels : bool, default True
        Yield `(x, y)`; False yields x alone, also for the newest rows, which have no label.
    shard : tuple of int, default (0, 1)
        Number of this worker and how many there are: of the windows in their order it gets every n-th. Between them
        workers with one seed see every window once an epoch. Each reads all shards, but cuts only its own windows.
        Under `tf.distribute`, within `strategy.distribute_datasets_from_function(lambda worker: ...)`, it is
        `(worker.input_pipeline_id, worker.num_input_pipelines)`.
    first_epoch : int, default 0
        The epoch, from 0, that the first iteration gives: with the same seed it is in the order that this epoch has had
        before, so that a training which was interrupted goes on, within an epoch by `dataset.skip(batches)`.
    buffer_rows : int, optional
        Of a prepared data set: rows of a pool, 262,144 unless given. Larger pools mix windows better.
    service : str, optional
        Of a prepared data set: address of a `tf.data` service, such as `grpc://localhost:5000`, whose workers cut the
        windows. Each is cut once an epoch, in an order that depends on the workers.

    Returns
    -------
    tf.data.Dataset
        Of `x [batch, lookback, channels]` float32, `y [batch]` (or `[batch, horizons]`) float32, and weights
        `[batch]` float32 where asked. Its cardinality is known.

    Raises
    ------
    DataError
        If a row has no whole window within its segment, no label where labels are asked for, there is no
        row at all, or weights or scaler do not fit.
    SpecError
        If a size is not a positive whole number, or an option needs another one.

    Notes
    -----
    Shuffled windows of 100 x 40 from 200,000 rows on two cores without a GPU, by
    `pytest -n 0 -s -m benchmark tests/benchmarks/test_windows.py`:

    ================================================ ========= ====================================================
    way                                              windows/s
    ================================================ ========= ====================================================
    `tsdeep.windows`                                 435,634   7.0 GB/s; 0.96 GB resident, all windows take 3.2 GB
    `keras.utils.timeseries_dataset_from_array`      10,812    40 times fewer
    NumPy gather, one thread                         653,427
    memory copy of the same bytes, one thread        618,251   the limit
    ================================================ ========= ====================================================

    Several workers see each window of a prepared data set once an epoch between them: with `service` those of a
    `tf.data` service cut the windows for one process, or several, that train; with `shard` each worker cuts its own.
    Of several machines each sets `TF_CONFIG` and makes the strategy before TensorFlow does anything else; Keras'
    `fit` does not take its batches, a loop does::

        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        batches = strategy.distribute_datasets_from_function(
            lambda worker: tsdeep.windows(
                prepared, fold.train, scaler=scaler, shuffle=True, seed=0,
                shard=(worker.input_pipeline_id, worker.num_input_pipelines),
            )
        )
        with strategy.scope():
            model = tsdeep.build("tcn", prepared)
            model.optimizer.build(model.trainable_variables)

        def learn(x, y):
            with tf.GradientTape() as tape:
                loss = model.compute_loss(x, y, model(x, training=True))  # this worker's part of the mean over all
            gradients = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))

        @tf.function
        def step(x, y):
            strategy.run(learn, (x, y))

        for x, y in batches:  # one epoch
            step(x, y)
    """
    import tensorflow as tf

    from tsdeep.features import ScalerBySymbol

    if mode not in ("windows", "dense"):
        raise SpecError(unknown_name("mode", str(mode), ("windows", "dense")))
    check_size("first_epoch", first_epoch, least=0)
    check_shard(shard, first_epoch, shuffle, seed)
    buffer = check_size("buffer_rows", BUFFER_ROWS if buffer_rows is None else buffer_rows)
    for name, value in {"buffer_rows": buffer_rows, "service": service}.items():
        if value is not None and not isinstance(samples, Prepared):
            raise SpecError(f"{name}= needs a prepared data set (tsdeep.prepare), found samples in memory")
    check_service(service, seed, shard, first_epoch)
    if mode == "dense":
        if balanced or mirror or stride != 1:
            raise SpecError(
                "mode='dense' takes contiguous rows, each once: it has no balanced=, mirror= or stride="
            )
        given: dict[str, Any] = {
            "stretch": 1024 if stretch is None else stretch,
            "warmup_rows": warmup_rows,
            "scaler": scaler,
            "batch_size": 4 if batch_size is None else batch_size,
            "shuffle": shuffle,
            "seed": seed,
            "sample_weight": sample_weight,
            "drop_remainder": drop_remainder,
            "labels": labels,
            "shard": shard,
            "first_epoch": first_epoch,
        }
        if isinstance(samples, Prepared):
            if sample_weight is not None:
                given["sample_weight"] = checked_weight(sample_weight, _length(samples, rows, labels), labels)
            return stream_stretches(samples, rows, buffer_rows=buffer, service=service, **given)
        return dense_windows(samples, None if rows is None else np.asarray(rows), **given)
    if stretch is not None or warmup_rows is not None:
        raise SpecError("stretch= and warmup_rows= need mode='dense'")
    batch_size = check_size("batch_size", 256 if batch_size is None else batch_size)
    stride = check_size("stride", stride)
    if balanced and not (shuffle and labels and samples.task.classes and len(samples.task.horizons) == 1):
        raise SpecError(
            "balanced=True draws rows at random by their class: it needs shuffle=True, labels=True and a task "
            "with classes and one horizon"
        )
    if mirror and not (shuffle and labels):
        raise SpecError(
            "mirror=True draws windows at random to be mirrored: it needs shuffle=True and labels=True"
        )
    if mirror and scaler is not None and not getattr(scaler, "fitted_on_mirror", False):
        raise SpecError(
            "mirror=True needs a scaler that does the same to both sides: samples.fit_scaler(rows, mirror=True)"
        )
    if isinstance(samples, Prepared):
        n_rows = _length(samples, rows, labels)
        return stream_windows(
            samples,
            rows,
            scaler=scaler,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            stride=stride,
            balanced=balanced,
            mirror=mirror,
            sample_weight=None if sample_weight is None else checked_weight(sample_weight, n_rows, labels),
            drop_remainder=drop_remainder,
            labels=labels,
            buffer_rows=buffer,
            shard=shard,
            first_epoch=first_epoch,
            service=service,
        )
    rows = samples.checked(
        np.asarray((samples.rows if labels else samples.origins) if rows is None else rows)
    )
    if labels:
        check_labels(samples, rows)
    weight = None if sample_weight is None else checked_weight(sample_weight, len(rows), labels)
    x = samples.scaled(scaler)
    if isinstance(scaler, ScalerBySymbol):
        for symbol in dict.fromkeys(samples.symbol[rows].tolist()):
            scaler.of(symbol)  # rows of an instrument without a scaler are NaN
    rows = rows[::stride]
    n_mine = len(range(shard[0], len(rows), shard[1]))
    n_batches = n_mine // batch_size if drop_remainder else -(-n_mine // batch_size)
    if n_batches == 0:
        raise DataError(f"{n_mine} rows do not fill one batch of {batch_size}; drop_remainder leaves nothing")
    with tf.device("cpu"):
        features = tf.identity(x)  # one copy in memory, where tf.constant makes two
        y = tf.constant(samples.y, tf.float32) if labels else None
        weights = None if weight is None else tf.constant(weight[::stride])
        ends = tf.constant(rows)
        offsets = tf.range(1 - samples.lookback, 1, dtype=tf.int64)
        classes = places_by_class(tf.constant(samples.y[rows])) if balanced else None

    image = MirrorImage(samples.features.mirror(), samples.task, len(rows)) if mirror else None

    def gather(places: Any) -> Any:
        drawn, places = places, places % len(rows)
        batch_ends = tf.gather(ends, places)  # [batch]
        x_batch = tf.gather(features, batch_ends[:, None] + offsets)  # [batch, lookback, channels]
        x_batch = tf.ensure_shape(x_batch, (None, *samples.input_shape))
        if y is None:
            return x_batch
        y_batch = tf.gather(y, batch_ends)
        if image is not None:
            x_batch, y_batch = image(drawn, x_batch, y_batch)
        return (x_batch, y_batch) if weights is None else (x_batch, y_batch, tf.gather(weights, places))

    def draw(key: Any) -> Any:
        order = (
            draw_balanced(classes, len(rows), key)
            if classes is not None
            else tf.random.experimental.stateless_shuffle(tf.range(len(rows), dtype=tf.int64), seed=key)
        )
        return order if image is None else image.draw(order, key)

    return in_batches(
        gather,
        len(rows),
        batch_size=batch_size,
        n_batches=n_batches,
        epochs=Epochs(shuffle, seed, first_epoch),
        shard=shard,
        draw=draw if balanced or mirror else None,
    )


def _length(prepared: Prepared, rows: np.ndarray | RowRanges | None, labels: bool) -> int:
    """Count the rows that are asked for."""
    return len((prepared.rows if labels else prepared.origins) if rows is None else rows)


class MirrorImage:
    """Windows as they look from the other side of the book; their places are counted on from `n_places`."""

    def __init__(self, channels: tuple[np.ndarray, np.ndarray], task: Task, n_places: int) -> None:
        self._n_places = n_places
        self._index, self._sign = channels
        self._task = task
        task.mirrored(0.0)  # refused before the first batch, not in it

    def draw(self, order: Any, key: Any) -> Any:
        """Take about half of the places `[n]` of an epoch for mirror images."""
        import tensorflow as tf

        coin = tf.random.stateless_uniform(tf.shape(order), key + 2, 0, 2, tf.int64)
        return order + coin * self._n_places

    def __call__(self, places: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """Mirror those of a batch `x [batch, lookback, channels]`, `y [batch, ...]` that were drawn for it."""
        import tensorflow as tf

        mirrored = places >= self._n_places  # [batch]
        x_mirrored = tf.gather(x, self._index, axis=-1) * self._sign
        y_chosen = tf.reshape(mirrored, (-1, *[1] * (len(y.shape) - 1)))
        return (
            tf.where(mirrored[:, None, None], x_mirrored, x),
            tf.where(y_chosen, self._task.mirrored(y), y),
        )


def places_by_class(y: Any) -> tuple[Any, Any, Any]:
    """Sort the places of labels `[n]` by class: the places, and where each class starts and how many it has."""
    import tensorflow as tf

    by_class = tf.argsort(y, stable=True)
    _, _, counts = tf.unique_with_counts(tf.gather(y, by_class), out_idx=tf.int64)
    return tf.cast(by_class, tf.int64), tf.cumsum(counts, exclusive=True), counts


def draw_balanced(classes: tuple[Any, Any, Any], n: Any, key: Any) -> Any:
    """Draw n places `[n]`, each class equally likely and each row of a class equally likely."""
    import tensorflow as tf

    by_class, starts, counts = classes
    which = tf.random.stateless_uniform([n], key, 0, tf.maximum(tf.shape(counts)[0], 1), tf.int32)
    within = tf.random.stateless_uniform([n], key + 1, 0.0, 1.0, tf.float64)
    size = tf.gather(counts, which)
    offset = tf.minimum(tf.cast(within * tf.cast(size, tf.float64), tf.int64), size - 1)
    return tf.gather(by_class, tf.gather(starts, which) + offset)
