"""Checks of raw fields inside an exported graph: a server that knows no tsdeep refuses bad rows by name."""

# Called first in a traced signature, before the model: `fields = checked_fields(fields, rows_needed=...)`.
# XLA drops assertions, so a compiled signature calls it outside of the function that has jit_compile=True.

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def checked_fields(
    fields: Mapping[str, tf.Tensor],
    *,
    rows_needed: int,
    positive: Collection[str] = (),
) -> dict[str, tf.Tensor]:
    """Return raw fields that are computed on only where they are usable.

    A session that is fed tensors, as TensorFlow Serving and the C API do, compares no shapes with the signature:
    without these checks one row too many can be a silent other answer, and a value that is not finite is answered
    with NaN. The ops are of every TensorFlow runtime; in a good request they cost a look at each value.

    Parameters
    ----------
    fields : mapping of str to tensor
        Raw fields as a signature receives them, `[batch, rows, ...]`, their static shapes those of the signature
        (None where open).
    rows_needed : int
        Fewest rows of a request.
    positive : collection of str
        The fields that must be above zero.

    Returns
    -------
    dict of str to tensor
        The same, behind the checks. A bad request ends in `InvalidArgumentError` (400 of TensorFlow Serving's
        REST API) with a message that has the field's name: values of a wrong shape, fields of different batch or
        rows, too few rows, values that are not finite or not positive.
    """
    import tensorflow as tf

    shaped = {
        name: tf.ensure_shape(values, values.shape, name=f"field_{name}") for name, values in fields.items()
    }
    sizes = tf.stack([tf.shape(values)[:2] for values in shaped.values()])  # [fields, 2]: batch and rows
    fits = tf.reduce_all(tf.equal(sizes, sizes[:1])) & (sizes[0, 1] >= rows_needed)
    usable = [_usable(values, name in positive) for name, values in shaped.items()]
    # One branch for all: its messages are put together in bad requests alone.
    checked = tf.cond(
        tf.reduce_all(tf.stack([fits, *(tf.reduce_all(each) for each in usable)])),
        lambda: tf.constant(True),
        lambda: _refuse(shaped, sizes, fits, usable, rows_needed, positive),
        name="checked",
    )
    # Behind the check, so that a bad request is answered by it and not by an op of the model that it breaks.
    with tf.control_dependencies([checked]):
        return {name: tf.identity(values) for name, values in shaped.items()}


def _usable(values: tf.Tensor, positive: bool) -> tf.Tensor:
    """Tell of each value whether it is finite, and above zero where it must be."""
    import tensorflow as tf

    finite = tf.math.is_finite(values)
    return finite & (values > 0) if positive else finite


def _refuse(
    fields: Mapping[str, tf.Tensor],
    sizes: tf.Tensor,
    fits: tf.Tensor,
    usable: list[tf.Tensor],
    rows_needed: int,
    positive: Collection[str],
) -> tf.Tensor:
    """Fail with the first fault; `tf.raw_ops.Assert` adds no condition of its own as `tf.debugging` does."""
    import tensorflow as tf

    found = [part for number, name in enumerate(fields) for part in (name, sizes[number])]
    words = f"fields [batch, rows]: expected the same of all and at least {rows_needed} rows, found"
    asserted = [tf.raw_ops.Assert(condition=fits, data=[words, *found], summarize=2)]
    for (name, values), each in zip(fields.items(), usable, strict=True):
        bad = tf.where(~each)[:1]  # [1, rank], or [0, rank] where all are usable
        expected = "finite numbers above zero" if name in positive else "finite numbers"
        with tf.control_dependencies(asserted):
            asserted = [
                tf.raw_ops.Assert(
                    condition=tf.reduce_all(each),
                    data=[
                        f"field {name}: expected {expected}, found",  # an apostrophe would be answered escaped
                        tf.gather_nd(values, bad),
                        "at request, row (and column), from 0:",
                        bad,
                    ],
                    summarize=8,
                )
            ]
    with tf.control_dependencies(asserted):
        return tf.constant(False)
