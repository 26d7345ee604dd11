"""Checks of raw fields inside an exported graph: a server that knows no tsdeep refuses bad rows by name."""

# Called first in a traced signature, before the model: `fields = checked_fields(fields, rows_needed=...)`.
# XLA drops assertions, so a compiled signature calls it outside of the function that has jit_compile=True.

from __future__ import annotations

import math
import re
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
    with NaN. The ops are of every TensorFlow runtime; in a good request they cost some 20 microseconds.

    Parameters
    ----------
    fields : mapping of str to tensor
        Raw fields as a signature receives them, `[batch, rows, ...]`, their static shapes those of the signature
        (None where open), trailing dimensions known.
    rows_needed : int
        Fewest rows of a request.
    positive : collection of str
        The fields that must be above zero.

    Returns
    -------
    dict of str to tensor
        The same, behind the checks. A bad request ends in `InvalidArgumentError` (400 of TensorFlow Serving's
        REST API) with a message that has the field's name: values of a wrong shape, fields of different batch or
        rows (with the names of all), too few rows, values that are not finite or not positive (with their place).
    """
    import tensorflow as tf

    shaped = {
        name: tf.ensure_shape(values, values.shape, name=_op("field", name))
        for name, values in fields.items()
    }
    # Fields that must be positive first. One tensor for all, as each op costs more than a look at its values.
    order = sorted(shaped, key=lambda name: name not in positive)
    flat = {name: _columns(values) for name, values in shaped.items()}
    columns = [name for name in order for _ in range(flat[name].shape[2])]
    n_positive = sum(name in positive for name in columns)
    # A field of another batch or other rows does not fit; the op's name, which is in the message, has those of all.
    rows = tf.concat([flat[name] for name in order], axis=2, name=_op("fields", *order))
    enough = tf.shape(rows)[1] >= rows_needed
    good = enough & tf.reduce_all(tf.math.is_finite(rows))
    if n_positive:
        good &= tf.reduce_all(rows[:, :, :n_positive] > 0)
    checked = tf.cond(
        good,
        lambda: tf.constant(True),
        lambda: _refuse(rows, columns, n_positive, rows_needed),
        name="checked",
    )
    # Behind the check, so that a bad request is answered by it and not by an op of the model that it breaks.
    with tf.control_dependencies([checked]):
        return dict(zip(shaped, tf.identity_n(list(shaped.values())), strict=True))


def _op(*names: str) -> str:
    """Make a name of an op, which server's messages have, of names of fields."""
    words = [re.sub(r"[^A-Za-z0-9.]+", "_", name) for name in names]
    return f"{words[0]}_{'_and_'.join(words[1:])}"


def _columns(values: tf.Tensor) -> tf.Tensor:
    """Give values `[batch, rows, ...]` a last axis of all that is in a row."""
    import tensorflow as tf

    if values.shape.rank == 2:
        return values[:, :, None]
    if values.shape.rank == 3:
        return values
    size = math.prod(values.shape[2:])
    return tf.reshape(values, tf.concat([tf.shape(values)[:2], [size]], axis=0))


def _refuse(rows: tf.Tensor, columns: list[str], n_positive: int, rows_needed: int) -> tf.Tensor:
    """Fail with the first fault; `tf.raw_ops.Assert` adds no condition of its own as `tf.debugging` does."""
    import tensorflow as tf

    names = ", ".join(dict.fromkeys(columns))
    too_few = tf.raw_ops.Assert(
        condition=tf.shape(rows)[1] >= rows_needed,
        data=[f"fields {names}: expected at least {rows_needed} rows, found", tf.shape(rows)[1]],
    )
    must_be_positive = tf.range(len(columns)) < n_positive
    bad = ~tf.math.is_finite(rows) | (must_be_positive & (rows <= 0))
    place = tf.where(bad)[:1]  # [1, 3]: request, row, column among those of all fields
    number = place[0, 2]
    first = tf.constant([columns.index(name) for name in columns], tf.int64)
    with tf.control_dependencies([too_few]):
        said = tf.raw_ops.Assert(
            condition=tf.constant(False),
            data=[
                tf.strings.join(
                    [
                        "field ",
                        tf.gather(columns, number),
                        ": expected finite numbers",
                        tf.where(number < n_positive, " above zero", ""),
                        ", found",
                    ]
                ),
                tf.gather_nd(rows, place),
                "at request, row and column, from 0:",
                tf.stack([place[0, 0], place[0, 1], number - tf.gather(first, number)]),
            ],
        )
    with tf.control_dependencies([said]):
        return tf.constant(False)
