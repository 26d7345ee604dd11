"""From a sequence to one vector."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

POOLINGS = ("last", "mean", "attention")


@keras.saving.register_keras_serializable("tsdeep")
class SequencePooling(keras.layers.Layer):
    """Reduce `[batch, rows, channels]` to `[batch, channels]`.

    `"last"` takes the newest row; `"mean"` averages the rows; `"attention"` averages them with weights that
    are the softmax over rows of a learned score of each row. `"mean"` and `"attention"` leave masked rows
    out; `"last"` takes the last row as it is, so padding belongs at the front. No mask is passed on.

    Parameters
    ----------
    mode : {"last", "mean", "attention"}, default "last"
        How the rows are reduced.

    Examples
    --------
    >>> SequencePooling("last")(keras.ops.ones((2, 20, 5))).shape
    TensorShape([2, 5])
    """

    def __init__(self, mode: str = "last", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in POOLINGS:
            raise ValueError(f"mode: found {mode!r}, expected one of {', '.join(POOLINGS)}")
        self.mode = mode
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @property
    def receptive_field(self) -> int | None:
        """Rows that the output reads: 1 with `"last"`, and with the others every row, for which this is None."""
        return 1 if self.mode == "last" else None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the score's weights `[channels, 1]` for `"attention"`."""
        if self.mode == "attention":
            self.score = self.add_weight(
                shape=(input_shape[-1], 1), initializer="glorot_uniform", name="score"
            )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Reduce `inputs [batch, rows, channels]`, leaving out rows where `mask [batch, rows]` is False."""
        if self.mode == "last":
            return inputs[:, -1]
        if self.mode == "mean":
            if mask is None:
                return ops.mean(inputs, axis=1)
            weight = ops.expand_dims(ops.cast(mask, inputs.dtype), -1)  # [batch, rows, 1]
            return ops.sum(inputs * weight, axis=1) / ops.maximum(ops.sum(weight, axis=1), 1)
        score = ops.matmul(inputs, ops.convert_to_tensor(self.score))  # [batch, rows, 1]
        if mask is not None:
            lowest = ops.cast(-3e4, score.dtype)
            score = ops.where(ops.expand_dims(mask, -1), score, lowest)
        return ops.sum(inputs * ops.softmax(score, axis=1), axis=1)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:  # noqa: ARG002
        """Return None: the rows are gone."""
        return

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, channels]`."""
        return (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "mode": self.mode}
