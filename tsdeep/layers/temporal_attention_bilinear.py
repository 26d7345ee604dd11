"""The bilinear layer that weighs rows by attention."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tsdeep.layers.bilinear_layer import bounded, closed


@keras.saving.register_keras_serializable("tsdeep")
class UnitInterval(keras.constraints.Constraint):
    """Keep a weight between 0 and 1."""

    def __call__(self, w: Any) -> Any:
        """Return the nearest value in the interval."""
        return ops.clip(w, 0.0, 1.0)


@keras.saving.register_keras_serializable("tsdeep")
class TemporalAttentionBilinear(keras.layers.Layer):
    """Bilinear layer with temporal attention (TABL; Tran et al. 2018).

    With `Z = X C` the channels mapped, each channel's rows are scored by `W' Z`, where the diagonal of `W` is
    held at `1 / rows`, and the softmax over rows of the scores is the attention `A`. The output is
    `activation(R' (mix * Z * A + (1 - mix) * Z) + B)` with a learned `mix` between 0 and 1. It has
    `channels * units + rows**2 + rows * output_rows + output_rows * units + 1` weights, the diagonal counted,
    as the authors do, though it is not read. A mask is not supported.

    Parameters
    ----------
    units : int
        Output channels.
    output_rows : int, default 1
        Output rows.
    activation : str or callable, optional
        Of the output; none by default, so that the layer gives logits.
    max_norm : float, optional
        Bound on the Euclidean norm of each column of the matrices, kept in training.
    kernel_initializer : str or Initializer, default "he_uniform"
        Of the maps over channels and rows; scores start even, and `mix` at 0.5.

    Raises
    ------
    ValueError
        If `units` or `output_rows` is below 1, or the number of rows of the input is open.

    Examples
    --------
    >>> TemporalAttentionBilinear(3)(keras.ops.ones((2, 5, 120))).shape
    TensorShape([2, 1, 3])
    """

    def __init__(
        self,
        units: int,
        output_rows: int = 1,
        *,
        activation: Any = None,
        max_norm: float | None = None,
        kernel_initializer: Any = "he_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (("units", units), ("output_rows", output_rows)):
            if int(value) != value or value < 1:
                raise ValueError(f"{name}: found {value!r}, expected a whole number of at least 1")
        self.units = int(units)
        self.output_rows = int(output_rows)
        self.activation = keras.activations.get(activation)
        self.max_norm = max_norm
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the matrices over channels, rows and scores, the mix `[1]` and the bias."""
        rows, channels = closed(input_shape)
        self._off_diagonal = 1.0 - np.eye(rows, dtype="float32")
        self.channel_kernel = self.add_weight(
            shape=(channels, self.units),
            initializer=self.kernel_initializer,
            constraint=bounded(self.max_norm),
            name="channel_kernel",
        )
        self.score_kernel = self.add_weight(
            shape=(rows, rows),
            initializer=keras.initializers.Constant(1.0 / rows),
            constraint=bounded(self.max_norm),
            name="score_kernel",
        )
        self.row_kernel = self.add_weight(
            shape=(rows, self.output_rows),
            initializer=self.kernel_initializer.clone(),
            constraint=bounded(self.max_norm),
            name="row_kernel",
        )
        self.mix = self.add_weight(
            shape=(1,), initializer=keras.initializers.Constant(0.5), constraint=UnitInterval(), name="mix"
        )
        self.bias = self.add_weight(shape=(self.output_rows, self.units), initializer="zeros", name="bias")

    def attention(self, hidden: Any) -> Any:
        """Return the weights `[batch, rows, units]`, adding up to 1 over rows, of mapped channels `hidden`."""
        rows = self._off_diagonal.shape[0]
        off_diagonal = ops.cast(self._off_diagonal, hidden.dtype)
        scores = ops.convert_to_tensor(self.score_kernel) * off_diagonal + (1.0 - off_diagonal) / rows
        return ops.softmax(ops.matmul(ops.transpose(scores), hidden), axis=1)

    def call(self, inputs: Any) -> Any:
        """Turn `inputs [batch, rows, channels]` into `[batch, output_rows, units]`."""
        hidden = ops.matmul(inputs, ops.convert_to_tensor(self.channel_kernel))  # [batch, rows, units]
        mix = ops.convert_to_tensor(self.mix)
        weighed = mix * hidden * self.attention(hidden) + (1.0 - mix) * hidden
        outputs = ops.matmul(ops.transpose(ops.convert_to_tensor(self.row_kernel)), weighed)
        return self.activation(outputs + ops.convert_to_tensor(self.bias))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, output_rows, units]`."""
        return (input_shape[0], self.output_rows, self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "units": self.units,
            "output_rows": self.output_rows,
            "activation": keras.activations.serialize(self.activation),
            "max_norm": self.max_norm,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
