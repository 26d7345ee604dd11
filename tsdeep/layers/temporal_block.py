"""The residual block that temporal convolutional networks are stacked from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tsdeep.layers.causal_conv1d import CausalConv1D


@keras.saving.register_keras_serializable("tsdeep")
class TemporalBlock(keras.layers.Layer):
    """Two dilated causal convolutions with activation and dropout, added to the input (Bai et al. 2018).

    Where the input has another number of channels than `filters`, a 1x1 convolution brings it there. A mask
    `[batch, rows]` is honoured by both convolutions and passed on.

    Parameters
    ----------
    filters : int
        Output channels.
    kernel_size : int, default 3
        Rows that each convolution reads.
    dilation_rate : int, default 1
        Distance in rows between them.
    dropout : float, default 0.0
        Fraction of the values dropped after each convolution, in training.
    weight_norm : bool, default False
        Weight normalisation of both convolutions, as the paper has it.
    activation : str or callable, default "relu"
        After each convolution and after the addition.
    kernel_initializer : str or Initializer, optional
        Of all three convolutions. Unless given it is uniform within +-1 / sqrt(fan-in), as in the paper's
        code: both branches start small, so that depth does not inflate the first outputs.

    Examples
    --------
    >>> TemporalBlock(8, kernel_size=3, dilation_rate=2).receptive_field
    9
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        dilation_rate: int = 1,
        dropout: float = 0.0,
        weight_norm: bool = False,
        activation: Any = "relu",
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation_rate = dilation_rate
        self.dropout = dropout
        self.weight_norm = weight_norm
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = (
            keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")
            if kernel_initializer is None
            else keras.initializers.get(kernel_initializer)
        )
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.convolutions = [
            CausalConv1D(
                filters,
                kernel_size,
                dilation_rate=dilation_rate,
                weight_norm=weight_norm,
                activation=self.activation,
                kernel_initializer=clone_initializer(self.kernel_initializer),
                dtype=self.dtype_policy,
                name=f"convolution_{number}",
            )
            for number in (1, 2)
        ]
        self.dropouts = [keras.layers.Dropout(dropout, dtype=self.dtype_policy) for _ in range(2)]
        self.residual: Any = None

    @property
    def receptive_field(self) -> int:
        """Rows that one output row reads: `1 + 2 (kernel_size - 1) dilation_rate`."""
        return 1 + 2 * (self.kernel_size - 1) * self.dilation_rate

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build both convolutions, and the 1x1 convolution where the channels differ."""
        hidden = (*input_shape[:-1], self.filters)
        self.convolutions[0].build(input_shape)
        self.convolutions[1].build(hidden)
        if input_shape[-1] != self.filters:
            self.residual = keras.layers.Dense(
                self.filters,
                kernel_initializer=clone_initializer(self.kernel_initializer),
                dtype=self.dtype_policy,
                name="residual",
            )
            self.residual.build(input_shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None, row_stride: int = 1) -> Any:
        """Turn `inputs [batch, rows, channels]` into `[batch, rows, filters]`.

        Parameters
        ----------
        inputs : tensor, [batch, rows, channels]
            The rows, oldest first.
        mask : bool tensor, [batch, rows], optional
            False where a row is padding.
        training : bool, optional
            Whether dropout acts.
        row_stride : int, default 1
            The inputs hold every `row_stride`-th row of the sequence; it must divide the dilation rate.
        """
        hidden = inputs
        for convolution, dropout in zip(self.convolutions, self.dropouts, strict=True):
            hidden = convolution(hidden, mask=mask, row_stride=row_stride)
            hidden = dropout(hidden, training=training)
        shortcut = inputs if self.residual is None else self.residual(inputs)
        return self.activation(ops.add(shortcut, hidden))

    def stream_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what both convolutions keep between rows; see `CausalConv1D.stream_shapes`."""
        return joined_shapes(self.convolutions)

    def stream_step(self, state: dict[str, Any], inputs: Any) -> tuple[Any, dict[str, Any]]:
        """Turn the next row `[batch, 1, channels]` into `[batch, 1, filters]`; see `CausalConv1D.stream_step`."""
        hidden, state = step_through(self.convolutions, state, inputs)
        shortcut = inputs if self.residual is None else self.residual(inputs)
        return self.activation(ops.add(ops.cast(shortcut, self.compute_dtype), hidden)), state

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
            "dropout": self.dropout,
            "weight_norm": self.weight_norm,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }


def clone_initializer(initializer: Any) -> Any:
    """Copy an initializer: one that is used twice warns, and repeats itself."""
    return initializer.clone() if isinstance(initializer, keras.initializers.Initializer) else initializer


def joined_shapes(layers: Sequence[Any]) -> dict[str, tuple[int, ...]]:
    """Return what each of some layers keeps between the rows of a stream, under the names `layer/name`."""
    return {
        f"{layer.name}/{name}": shape for layer in layers for name, shape in layer.stream_shapes().items()
    }


def step_through(layers: Sequence[Any], state: dict[str, Any], row: Any) -> tuple[Any, dict[str, Any]]:
    """Send the next row of a stream through layers one after another, with the state of `joined_shapes`."""
    after: dict[str, Any] = {}
    for layer in layers:
        own = {name: state[f"{layer.name}/{name}"] for name in layer.stream_shapes()}
        row, own = layer.stream_step(own, row)
        after |= {f"{layer.name}/{name}": value for name, value in own.items()}
    return row, after
