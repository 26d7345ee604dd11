"""A window at a coarser rate: its rows pooled in groups that end at the newest."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

MODES = ("mean", "max")


@keras.saving.register_keras_serializable("tsdeep")
class RowPooling(keras.layers.Layer):
    """Pool every `rate` rows into one, the groups counted back from the newest row.

    Where the rate does not divide the rows, the oldest group has fewer and is pooled over those alone; Keras'
    own pooling would cut at the newest row, or fill in beside it. It has no weights. A mask is not supported.

    Parameters
    ----------
    rate : int
        Rows of a group; 1 leaves the input as it is.
    mode : {"mean", "max"}, default "mean"
        How a group becomes a row.

    Raises
    ------
    ValueError
        If the rate is no whole number of at least 1, the mode unknown, or the number of rows of the input open.

    Examples
    --------
    >>> RowPooling(22)(keras.ops.ones((4, 50, 3))).shape
    TensorShape([4, 3, 3])
    """

    def __init__(self, rate: int, mode: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if int(rate) != rate or rate < 1:
            raise ValueError(f"rate: found {rate!r}, expected a whole number of rows of at least 1")
        if mode not in MODES:
            raise ValueError(f"mode: found {mode!r}, expected one of {', '.join(MODES)}")
        self.rate = int(rate)
        self.mode = mode
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Count the groups and the rows of each."""
        rows = input_shape[1]
        if rows is None:
            raise ValueError(f"rows: found {input_shape}, expected a known number of rows")
        groups = pooled_rows(rows, self.rate)
        self._missing = groups * self.rate - rows
        share = np.full((groups, 1), 1 / self.rate, "float32")
        share[0] = 1 / (self.rate - self._missing)
        self._share = share

    def call(self, inputs: Any) -> Any:
        """Pool `inputs [batch, rows, channels]` to `[batch, groups, channels]`."""
        if self.rate == 1:
            return inputs
        values = inputs
        if self._missing:
            # The oldest row once more changes no maximum, and no sum as zeros.
            oldest = ops.repeat(inputs[:, :1], self._missing, axis=1)
            front = oldest if self.mode == "max" else ops.zeros_like(oldest)
            values = ops.concatenate([front, inputs], axis=1)
        values = ops.reshape(values, (-1, self._share.shape[0], self.rate, inputs.shape[-1]))
        if self.mode == "max":
            return ops.max(values, axis=2)
        return ops.sum(values, axis=2) * ops.cast(self._share, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, groups, channels]`."""
        rows = input_shape[1]
        return (input_shape[0], None if rows is None else pooled_rows(rows, self.rate), input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "rate": self.rate, "mode": self.mode}


def pooled_rows(rows: int, rate: int) -> int:
    """Return the number of groups that `RowPooling` makes of a number of rows."""
    return -(-rows // rate)
