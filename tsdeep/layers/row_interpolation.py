"""A window from a few of its rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class RowInterpolation(keras.layers.Layer):
    """Draw straight lines between knots: `[batch, knots, channels]` to `[batch, rows, channels]`.

    The first knot is at the oldest row, the last at the newest, the others evenly between; a single knot is the
    value of every row. It has no weights. A mask is not supported.

    Parameters
    ----------
    rows : int
        Rows of the output.

    Raises
    ------
    ValueError
        If `rows` is no whole number of at least 1, or the number of knots of the input is open.

    Examples
    --------
    >>> RowInterpolation(5)(keras.ops.reshape(keras.ops.arange(3.0), (1, 3, 1)))[0, :, 0].numpy().tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0]
    """

    def __init__(self, rows: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if int(rows) != rows or rows < 1:
            raise ValueError(f"rows: found {rows!r}, expected a whole number of at least 1")
        self.rows = int(rows)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Fix the weight of each knot in each row, `[rows, knots]`."""
        knots = input_shape[1]
        if knots is None:
            raise ValueError(f"knots: found {input_shape}, expected a known number of knots")
        place = np.linspace(0, knots - 1, self.rows)[:, None]  # of each row, counted in knots
        self._weight = np.maximum(1 - np.abs(place - np.arange(knots)), 0).astype("float32")

    def call(self, inputs: Any) -> Any:
        """Interpolate `inputs [batch, knots, channels]`."""
        return ops.matmul(ops.cast(self._weight, inputs.dtype), inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, rows, channels]`."""
        return (input_shape[0], self.rows, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "rows": self.rows}
