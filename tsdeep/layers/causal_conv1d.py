"""A one-dimensional convolution that reads the present and the past only."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class CausalConv1D(keras.layers.Layer):
    """Causal convolution: row t reads row t and `kernel_size - 1` rows before it, `dilation_rate` apart.

    Rows before the first are zero. The shifted rows are laid side by side and multiplied by the kernel at
    once: compiled with XLA, and for one window at a time, that is faster on a CPU than a dilated
    convolution. With `weight_norm` the kernel is `gain * v / ||v||`, the norm taken over each filter, and
    training moves `gain` and `v` (Salimans & Kingma 2016, eq. 2); the gain starts at `||v||`, so that the
    first output is that of `v`.

    A mask `[batch, rows]` is honoured: masked rows are read as zero, so a window that is padded at the front
    gives at its other rows what the shorter window gives. The mask is passed on.

    Parameters
    ----------
    filters : int
        Output channels.
    kernel_size : int
        Rows that each output row reads.
    dilation_rate : int, default 1
        Distance in rows between the rows that are read.
    weight_norm : bool, default False
        Learn the length and the direction of each filter apart.
    activation, kernel_initializer, bias_initializer, kernel_regularizer
        As in `keras.layers.Conv1D`.
    use_bias : bool, default True
        Add a bias to each filter.

    Raises
    ------
    ValueError
        If `filters`, `kernel_size` or `dilation_rate` is below 1.

    Examples
    --------
    >>> CausalConv1D(8, kernel_size=3, dilation_rate=4)(keras.ops.ones((2, 20, 5))).shape
    TensorShape([2, 20, 8])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        dilation_rate: int = 1,
        weight_norm: bool = False,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for name, value in (
            ("filters", filters),
            ("kernel_size", kernel_size),
            ("dilation_rate", dilation_rate),
        ):
            if int(value) != value or value < 1:
                raise ValueError(f"{name}: found {value!r}, expected a whole number of at least 1")
        self.filters = int(filters)
        self.kernel_size = int(kernel_size)
        self.dilation_rate = int(dilation_rate)
        self.weight_norm = bool(weight_norm)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @property
    def receptive_field(self) -> int:
        """Rows that one output row reads, the current one included."""
        return 1 + (self.kernel_size - 1) * self.dilation_rate

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel `[kernel_size, channels, filters]`, the gain and bias `[filters]`."""
        # The norm of a half-precision kernel would overflow or vanish, so it is taken before the cast.
        self.kernel = self.add_weight(
            shape=(self.kernel_size, input_shape[-1], self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            autocast=not self.weight_norm,
            name="kernel",
        )
        if self.weight_norm:
            self.gain = self.add_weight(
                shape=(self.filters,),
                initializer=lambda shape, dtype: ops.cast(
                    ops.reshape(self._length(self.kernel), shape), dtype
                ),
                autocast=False,
                name="gain",
            )
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer=self.bias_initializer, name="bias")

    def effective_kernel(self) -> Any:
        """Return the kernel `[kernel_size, channels, filters]` that inputs are multiplied with."""
        if not self.weight_norm:
            return ops.cast(self.kernel, self.compute_dtype)
        length = self._length(self.kernel)
        kernel = ops.cast(self.kernel, length.dtype) * (ops.cast(self.gain, length.dtype) / length)
        return ops.cast(kernel, self.compute_dtype)

    def call(self, inputs: Any, mask: Any = None, row_stride: int = 1) -> Any:
        """Convolve `inputs [batch, rows, channels]` into `[batch, rows, filters]`.

        Parameters
        ----------
        inputs : tensor, [batch, rows, channels]
            The rows, oldest first.
        mask : bool tensor, [batch, rows], optional
            False where a row is padding.
        row_stride : int, default 1
            The inputs hold every `row_stride`-th row of the sequence; it must divide the dilation rate.
        """
        if mask is not None:
            inputs = ops.where(ops.expand_dims(mask, -1), inputs, ops.zeros((), inputs.dtype))
        distance = self.dilation_rate // row_stride
        columns = ops.concatenate(
            [_delay(inputs, tap * distance) for tap in reversed(range(self.kernel_size))], axis=-1
        )  # [batch, rows, kernel_size * channels]
        return self._filtered(columns)

    def stream_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what a stream keeps between rows, after the batch axis; zeros before the first row.

        These are the `(kernel_size - 1) * dilation_rate` rows before the next one (Paine et al. 2016, "Fast
        WaveNet generation algorithm").
        """
        rows = self.receptive_field - 1
        return {"rows": (rows, self.kernel.shape[1])} if rows else {}

    def stream_step(self, state: dict[str, Any], inputs: Any) -> tuple[Any, dict[str, Any]]:
        """Convolve the next row `[batch, 1, channels]` of a sequence into `[batch, 1, filters]`.

        Parameters
        ----------
        state : dict of str to tensor
            What the step before returned; zeros, of `stream_shapes`, at the first.
        inputs : tensor, [batch, 1, channels]
            The row.

        Returns
        -------
        tuple of tensor, dict
            The output row, equal to that of `call` on all rows so far, and the state for the next.
        """
        inputs = ops.cast(inputs, self.compute_dtype)
        if not state:
            return self._filtered(inputs), {}
        rows = state["rows"]
        taps = [rows[:, tap * self.dilation_rate :][:, :1] for tap in range(self.kernel_size - 1)]
        columns = ops.concatenate([*taps, inputs], axis=-1)  # [batch, 1, kernel_size * channels]
        return self._filtered(columns), {"rows": ops.concatenate([rows[:, 1:], inputs], axis=1)}

    def _filtered(self, columns: Any) -> Any:
        """Turn `[batch, rows, kernel_size * channels]` into `[batch, rows, filters]`."""
        kernel = ops.reshape(self.effective_kernel(), (-1, self.filters))
        outputs = ops.matmul(columns, kernel)
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, self.compute_dtype)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, rows, filters]`."""
        return (*input_shape[:-1], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation_rate": self.dilation_rate,
            "weight_norm": self.weight_norm,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }

    @staticmethod
    def _length(kernel: Any) -> Any:
        """Return the Euclidean norm of each filter, at least float32, never zero."""
        kernel = ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
        return ops.sqrt(ops.maximum(ops.sum(ops.square(kernel), axis=(0, 1)), 1e-24))


def _delay(inputs: Any, rows: int) -> Any:
    """Move `inputs [batch, rows, channels]` later by a number of rows, zeros coming in at the front."""
    if rows == 0:
        return inputs
    length = inputs.shape[1]
    front = [[0, 0], [rows, 0], [0, 0]]
    if length is None:
        return ops.pad(inputs, front)[:, :-rows]
    return ops.zeros_like(inputs) if rows >= length else ops.pad(inputs[:, :-rows], front)
