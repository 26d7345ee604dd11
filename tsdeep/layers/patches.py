"""Each channel of a window cut into patches of rows."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class Patches(keras.layers.Layer):
    """Cut each channel into stretches of `rows` rows, one every `stride`, the last of which ends at the newest row.

    Where they do not come out even at the oldest row, that row is repeated before itself; the paper that patches
    come from (Nie et al. 2023) repeats the newest row after itself. It has no weights. A mask is not supported.

    Parameters
    ----------
    rows : int
        Rows of a patch.
    stride : int
        Rows from the start of a patch to that of the next; patches overlap where it is less than `rows`.

    Raises
    ------
    ValueError
        If one of them is no whole number of at least 1, the stride is above `rows`, or the number of rows of the
        input is open or below `rows`.

    Examples
    --------
    >>> Patches(10, 5)(keras.ops.ones((4, 50, 3))).shape
    TensorShape([4, 3, 9, 10])
    """

    def __init__(self, rows: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name, value in (("rows", rows), ("stride", stride)):
            if int(value) != value or value < 1:
                raise ValueError(f"{name}: found {value!r}, expected a whole number of at least 1")
        if stride > rows:
            raise ValueError(f"stride: found {stride} for patches of {rows} rows, which would skip rows")
        self.rows = int(rows)
        self.stride = int(stride)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Fix the rows of each patch, `[patches, rows]`."""
        lookback = input_shape[1]
        if lookback is None or lookback < self.rows:
            raise ValueError(f"patches of {self.rows} rows: found {lookback} rows, expected at least as many")
        patches = self._patches(lookback)
        start = lookback - self.rows - self.stride * np.arange(patches)[::-1]
        self._index = np.maximum(start[:, None] + np.arange(self.rows), 0).astype("int32")

    def call(self, inputs: Any) -> Any:
        """Cut `inputs [batch, lookback, channels]` into `[batch, channels, patches, rows]`."""
        return ops.transpose(ops.take(inputs, self._index, axis=1), (0, 3, 1, 2))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, channels, patches, rows]`."""
        lookback = input_shape[1]
        patches = None if lookback is None else self._patches(lookback)
        return (input_shape[0], input_shape[-1], patches, self.rows)

    def _patches(self, lookback: int) -> int:
        return 1 - (self.rows - lookback) // self.stride

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "rows": self.rows, "stride": self.stride}
