"""Dense training: contiguous stretches of rows, each with the rows that warm it up, and a target for every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError
from tsdeep.pipeline.checks import check_labels, check_size, checked_weight
from tsdeep.pipeline.order import Epochs, in_batches

if TYPE_CHECKING:
    import tensorflow as tf

    from tsdeep.samples import Samples


@dataclass(frozen=True)
class Stretches:
    """Where stretches lie in a panel.

    Parameters
    ----------
    first : ndarray of int64, [stretches]
        Panel row of the first output of each.
    oldest : ndarray of int64, [stretches]
        First row of its segment that has features: nothing before it is read.
    last : ndarray of int64, [stretches]
        Last row asked for: nothing after it is read.
    length : int
        Rows of output, those after `last` included.
    """

    first: np.ndarray
    oldest: np.ndarray
    last: np.ndarray
    length: int

    def __len__(self) -> int:
        return len(self.first)


def dense_windows(
    samples: Samples,
    rows: np.ndarray | None = None,
    *,
    stretch: int = 1024,
    warmup_rows: int | None = None,
    scaler: Any | None = None,
    batch_size: int = 4,
    shuffle: bool = False,
    seed: int | None = None,
    sample_weight: np.ndarray | None = None,
    drop_remainder: bool = False,
    labels: bool = True,
    shard: tuple[int, int] = (0, 1),
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Stream stretches of features, with a target for every row, as a `tf.data.Dataset`.

    One pass of a causal model over a stretch predicts every row of it (`build(..., outputs="sequence")`), where
    windows would compute each row's past anew. A stretch begins at a row that was asked for and goes on for
    `stretch` rows, or to the end of the segment; before it stand the `warmup_rows` rows that its first outputs
    read. Every row asked for is the output of one stretch, with weight 1; all other rows have weight 0. Each row
    asked for has a whole lookback before it in its own segment, so with `warmup_rows = lookback - 1` no
    prediction that counts reads anything but real rows. Only where the warm-up is longer, or a stretch goes on
    past the last row asked for or the end of its segment, are features zero; no row after the last one asked
    for is read.

    Parameters
    ----------
    samples : Samples
        What to cut stretches from.
    rows : ndarray of int64, optional
        Panel rows to predict, such as `fold.train`, in any order, none of them twice; by default every labelled
        origin, or every origin where `labels` is False.
    stretch : int, default 1024
        Rows of output of a stretch.
    warmup_rows : int, optional
        Rows before them, by default `lookback - 1`; the model must have been built for the same number.
    scaler : Layer or ScalerBySymbol, optional
        As in `windows`.
    batch_size : int, default 4
        Stretches of a batch.
    shuffle : bool, default False
        Permute the stretches anew in every epoch.
    seed : int, optional
        Makes the order of all epochs repeatable, whatever the global seed of TensorFlow.
    sample_weight : ndarray of float32, [rows], optional
        A weight for each of `rows` instead of 1; needs `labels`.
    drop_remainder : bool, default False
        Leave out a last batch that is not full.
    labels : bool, default True
        Yield `(x, y, weight)`; False yields x alone.
    shard : tuple of int, default (0, 1)
        Number of this worker and how many there are: it gets every n-th of the stretches.
    first_epoch : int, default 0
        As in `windows`.

    Returns
    -------
    tf.data.Dataset
        Of `x [batch, warmup_rows + stretch, channels]`, `y [batch, stretch]` and `weight [batch, stretch]`,
        all float32; with several horizons y and weight are `[batch, stretch, horizons]`, with a single logit y
        is `[batch, stretch, 1]`, as the losses of Keras need it. y is 0 where the weight is.

    Raises
    ------
    DataError
        If a row has no whole window within its segment, no label where labels are asked for, is given twice,
        there is no row at all, or weights or scaler do not fit.
    SpecError
        If a size is not a positive whole number, or an option needs another one.
    """
    import tensorflow as tf

    batch_size, stretch = check_size("batch_size", batch_size), check_size("stretch", stretch)
    warm = check_size("warmup_rows", samples.lookback - 1 if warmup_rows is None else warmup_rows, least=0)
    rows = _asked(samples, rows, labels)
    plan = plan_stretches(samples, rows, stretch)
    n_mine = len(range(shard[0], len(plan), shard[1]))
    n_batches = n_mine // batch_size if drop_remainder else -(-n_mine // batch_size)
    if n_batches == 0:
        raise DataError(
            f"{n_mine} stretches do not fill one batch of {batch_size}; drop_remainder leaves nothing"
        )
    n_rows = samples.panel.n_rows
    weight = 1.0 if sample_weight is None else checked_weight(sample_weight, len(rows), labels)
    x = samples.scaled(scaler)
    with tf.device("cpu"):
        features = tf.identity(x)  # one copy in memory, where tf.constant makes two
        first, oldest, last = (tf.constant(part) for part in (plan.first, plan.oldest, plan.last))
        offsets = tf.range(-warm, stretch, dtype=tf.int64)
        y, weights = (
            (tf.constant(part) for part in _targets(samples, rows, weight)) if labels else (None,) * 2
        )

    def gather(places: Any) -> Any:
        at = tf.gather(first, places)[:, None] + offsets  # [batch, warm + stretch]
        low, high = tf.gather(oldest, places)[:, None], tf.gather(last, places)[:, None]
        inside = (at >= low) & (at <= high)
        at = tf.clip_by_value(at, low, high)
        x_batch = tf.where(inside[..., None], tf.gather(features, at), 0.0)
        x_batch = tf.ensure_shape(x_batch, (None, warm + stretch, samples.input_shape[1]))
        if not labels:
            return x_batch
        at = tf.where(inside, at, n_rows)[:, warm:]  # [batch, stretch], outside of it the row of zeros
        at = tf.ensure_shape(at, (None, stretch))
        return x_batch, tf.gather(y, at), tf.gather(weights, at)

    return in_batches(
        gather,
        len(plan),
        batch_size=batch_size,
        n_batches=n_batches,
        epochs=Epochs(shuffle, seed, first_epoch),
        shard=shard,
    )


def dense_rows(
    samples: Samples, rows: np.ndarray | None = None, *, stretch: int = 1024, labels: bool = True
) -> np.ndarray:
    """Return the panel row of every output of `dense_windows` in its order without shuffle.

    Parameters
    ----------
    samples, rows, stretch, labels
        As given to `dense_windows`.

    Returns
    -------
    ndarray of int64, [stretches, stretch]
        Panel rows, and -1 where an output is of no row that was asked for: `logits[found >= 0]` are the
        predictions of `np.sort(rows)`.
    """
    rows = _asked(samples, rows, labels)
    plan = plan_stretches(samples, rows, stretch)
    at = plan.first[:, None] + np.arange(stretch)
    asked = np.zeros(samples.panel.n_rows, bool)
    asked[rows] = True
    found = at <= plan.last[:, None]
    found &= asked[np.minimum(at, plan.last[:, None])]
    return np.where(found, at, -1)


def plan_stretches(samples: Samples, rows: np.ndarray, stretch: int) -> Stretches:
    """Lay the fewest stretches over panel rows `[rows]`, each within one segment and begun at a row asked for."""
    rows = np.sort(rows)
    first, oldest, last = [], [], []
    for start, stop in samples.panel.bounds.tolist():
        mine = rows[np.searchsorted(rows, start) : np.searchsorted(rows, stop)]
        place = 0
        while place < len(mine):
            following = int(np.searchsorted(mine, mine[place] + stretch))
            first.append(mine[place])
            last.append(mine[following - 1])
            oldest.append(start + samples.features.warmup)
            place = following
    starts, oldest_rows, ends = (np.array(part, np.int64) for part in (first, oldest, last))
    return Stretches(starts, oldest_rows, ends, stretch)


def _asked(samples: Samples, rows: np.ndarray | None, labels: bool) -> np.ndarray:
    rows = samples.checked((samples.rows if labels else samples.origins) if rows is None else rows)
    if labels:
        check_labels(samples, rows)
    ordered = np.sort(rows)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(twice):
        raise DataError(
            f"{samples.panel.place(twice[0])}: the row is given twice, expected each row once in dense mode"
        )
    return rows


def _targets(samples: Samples, rows: np.ndarray, weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """Label and weight of every panel row as the losses of Keras read them, and a row of zeros after the last.

    Rows that were not asked for are zeros. Labels are float32 [rows + 1], [rows + 1, horizons], or [rows + 1, 1]
    for a single logit; weights are [rows + 1] or [rows + 1, horizons].
    """
    several = samples.y.ndim == 2
    weights = np.zeros((samples.panel.n_rows + 1, *samples.y.shape[1:]), np.float32)
    weights[rows] = np.reshape(weight, (-1, 1)) if several else weight
    y = np.zeros_like(weights)
    y[rows] = samples.y[rows]
    return (y if several or samples.task.logit_shape != (1,) else y[:, None]), weights
