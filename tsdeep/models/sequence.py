"""Models that predict every row of a stretch: with the weights of the one for windows, and equal to it."""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError
from tsdeep.models.receptive_field import reach
from tsdeep.tasks import Task

#: What `build(outputs=...)` may be.
OUTPUTS = ("last", "sequence")


def check_exact(body: keras.Model, label: str, lookback: int, warmup_rows: int) -> None:
    """Refuse a model whose predictions for the rows of a stretch are not those for windows.

    Parameters
    ----------
    body : keras.Model
        From a stretch to the representation of every row.
    label : str
        Its name in the message.
    lookback : int
        Rows of a window.
    warmup_rows : int
        Rows before the first output of a stretch.

    Raises
    ------
    SpecError
        If the model reads more rows than a window has, or than stand before the first output, with both
        numbers; or if an operation of it may read every row, later ones too, or it has no output for every row.
    """
    field, by_row, unknown = reach(body)
    remedy = "pass exact=False to train it as the other estimator that it is"
    if field is None:
        raise SpecError(
            f"{label} with outputs='sequence': it reads every row of a stretch, or may: {unknown} is not known to "
            f"keep to earlier rows within the lookback of {lookback} rows, so its predictions may differ from those "
            f"of windows; {remedy}"
        )
    if not by_row:
        raise SpecError(
            f"{label} with outputs='sequence': its outputs {body.output_shape} are not one for each row of a "
            "stretch; expected [batch, rows, units] where return_sequences is True"
        )
    if field > lookback:
        raise SpecError(
            f"{label} with outputs='sequence': its receptive field is {field} rows, the lookback {lookback}, so "
            f"its predictions differ from those of windows; take a lookback of at least {field}, or {remedy}"
        )
    if field > warmup_rows + 1:
        raise SpecError(
            f"{label} with outputs='sequence': its receptive field is {field} rows, warmup_rows {warmup_rows}: the "
            f"first rows of a stretch would see fewer; take at least {field - 1} rows, or {remedy}"
        )


def loss_by_row(task: Task) -> keras.losses.Loss:
    """Return the task's loss, averaged over the rows by their weights: rows of weight 0 do not dilute it."""
    loss = keras.losses.get(task.loss())
    loss.reduction = "mean_with_sample_weight"
    return loss


def logits_by_row(task: Task, representation: Any, warmup_rows: int) -> Any:
    """Make logits `[batch, stretch, *task.logit_shape]` of `[batch, warmup_rows + stretch, units]`."""
    return task.head(representation[:, warmup_rows:])
