"""Windows: end indices are shuffled and batched, then every batch is one gather."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError, unknown_name
from tsdeep.pipeline.checks import check_labels, check_size, checked_weight
from tsdeep.pipeline.dense import dense_windows
from tsdeep.pipeline.order import in_batches

if TYPE_CHECKING:
    import tensorflow as tf

    from tsdeep.samples import Samples


def windows(
    samples: Samples,
    rows: np.ndarray | None = None,
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
    """
    import tensorflow as tf

    from tsdeep.features import ScalerBySymbol

    if mode not in ("windows", "dense"):
        raise SpecError(unknown_name("mode", str(mode), ("windows", "dense")))
    if mode == "dense":
        if balanced or mirror or stride != 1:
            raise SpecError(
                "mode='dense' takes contiguous rows, each once: it has no balanced=, mirror= or stride="
            )
        return dense_windows(
            samples,
            rows,
            stretch=1024 if stretch is None else stretch,
            warmup_rows=warmup_rows,
            scaler=scaler,
            batch_size=4 if batch_size is None else batch_size,
            shuffle=shuffle,
            seed=seed,
            sample_weight=sample_weight,
            drop_remainder=drop_remainder,
            labels=labels,
        )
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
    rows = samples.checked((samples.rows if labels else samples.origins) if rows is None else rows)
    if labels:
        check_labels(samples, rows)
    weight = None if sample_weight is None else checked_weight(sample_weight, len(rows), labels)
    x = samples.scaled(scaler)
    if isinstance(scaler, ScalerBySymbol):
        for symbol in dict.fromkeys(samples.symbol[rows].tolist()):
            scaler.of(symbol)  # rows of an instrument without a scaler are NaN
    rows = rows[::stride]
    n_batches = len(rows) // batch_size if drop_remainder else -(-len(rows) // batch_size)
    if n_batches == 0:
        raise DataError(
            f"{len(rows)} rows do not fill one batch of {batch_size}; drop_remainder leaves nothing"
        )
    with tf.device("cpu"):
        features = tf.identity(x)  # one copy in memory, where tf.constant makes two
        y = tf.constant(samples.y, tf.float32) if labels else None
        weights = None if weight is None else tf.constant(weight[::stride])
        ends = tf.constant(rows)
        offsets = tf.range(1 - samples.lookback, 1, dtype=tf.int64)
        classes = _places_by_class(samples.y[rows]) if balanced else None

    image = _MirrorImage(samples, len(rows)) if mirror else None

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
            _draw_balanced(classes, len(rows), key)
            if classes is not None
            else tf.random.experimental.stateless_shuffle(tf.range(len(rows), dtype=tf.int64), seed=key)
        )
        return order if image is None else image.draw(order, key)

    return in_batches(
        gather,
        len(rows),
        batch_size=batch_size,
        n_batches=n_batches,
        shuffle=shuffle,
        seed=seed,
        draw=draw if balanced or mirror else None,
    )


class _MirrorImage:
    """Windows as they look from the other side of the book; their places are counted on from `n_places`."""

    def __init__(self, samples: Samples, n_places: int) -> None:
        self._n_places = n_places
        self._index, self._sign = samples.features.mirror()
        self._task = samples.task
        samples.task.mirrored(0.0)  # refused before the first batch, not in it

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


def _places_by_class(y: np.ndarray) -> tuple[Any, Any, Any]:
    """Sort the places of labels `[rows]` by class: the places, and where each class starts and how many it has."""
    import tensorflow as tf

    _, starts, counts = np.unique(np.sort(y), return_index=True, return_counts=True)
    by_class = np.argsort(y, kind="stable").astype(np.int64)
    return tf.constant(by_class), tf.constant(starts, tf.int64), tf.constant(counts, tf.int64)


def _draw_balanced(classes: tuple[Any, Any, Any], n: int, key: Any) -> Any:
    """Draw n places `[n]`, each class equally likely and each row of a class equally likely."""
    import tensorflow as tf

    by_class, starts, counts = classes
    which = tf.random.stateless_uniform([n], key, 0, tf.shape(counts)[0], tf.int32)
    within = tf.random.stateless_uniform([n], key + 1, 0.0, 1.0, tf.float64)
    size = tf.gather(counts, which)
    offset = tf.minimum(tf.cast(within * tf.cast(size, tf.float64), tf.int64), size - 1)
    return tf.gather(by_class, tf.gather(starts, which) + offset)
