"""A bilinear layer: one map over the channels and one over the rows."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class BilinearLayer(keras.layers.Layer):
    """Map the channels and the rows of a window, each by a matrix: `activation(R' X C + B)`.

    It is the bilinear layer (BL) of Tran et al. 2018; they write a window with its rows as columns, so
    that their W1 is `channel_kernel` transposed and their W2 is `row_kernel`. It has
    `channels * units + rows * output_rows + output_rows * units` weights. A mask is not supported.

    Parameters
    ----------
    units : int
        Output channels.
    output_rows : int
        Output rows.
    activation : str or callable, default "relu"
        Of the output.
    max_norm : float, optional
        Bound on the Euclidean norm of each column of both matrices, kept in training.
    kernel_initializer : str or Initializer, default "he_uniform"
        Of both matrices.

    Raises
    ------
    ValueError
        If `units` or `output_rows` is below 1, or the number of rows of the input is open.

    Examples
    --------
    >>> BilinearLayer(60, 10)(keras.ops.ones((2, 10, 40))).shape
    TensorShape([2, 10, 60])
    """

    def __init__(
        self,
        units: int,
        output_rows: int,
        *,
        activation: Any = "relu",
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
        """Create the matrices `[channels, units]` and `[rows, output_rows]`, and the bias `[output_rows, units]`."""
        rows, channels = closed(input_shape)
        self.channel_kernel = self.add_weight(
            shape=(channels, self.units),
            initializer=self.kernel_initializer,
            constraint=bounded(self.max_norm),
            name="channel_kernel",
        )
        self.row_kernel = self.add_weight(
            shape=(rows, self.output_rows),
            initializer=self.kernel_initializer.clone(),
            constraint=bounded(self.max_norm),
            name="row_kernel",
        )
        self.bias = self.add_weight(shape=(self.output_rows, self.units), initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Turn `inputs [batch, rows, channels]` into `[batch, output_rows, units]`."""
        hidden = ops.matmul(inputs, ops.convert_to_tensor(self.channel_kernel))  # [batch, rows, units]
        mixed = ops.matmul(ops.transpose(ops.convert_to_tensor(self.row_kernel)), hidden)
        return self.activation(mixed + ops.convert_to_tensor(self.bias))

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


def closed(input_shape: tuple[int | None, ...]) -> tuple[int, int]:
    """Return rows and channels; ValueError where either is open, since each has weights of its own."""
    rows, channels = input_shape[1:]
    if rows is None or channels is None:
        raise ValueError(
            f"rows: found a window of {input_shape[1:]}, expected known rows and channels: each has its own weights"
        )
    return rows, channels


def bounded(max_norm: float | None) -> Any:
    """Return the constraint that bounds the norm of each column of a matrix, if one is asked for."""
    return None if max_norm is None else keras.constraints.MaxNorm(max_norm, axis=0)
