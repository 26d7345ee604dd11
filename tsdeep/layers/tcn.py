"""The temporal convolutional network as one layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from tsdeep.layers.temporal_block import TemporalBlock, clone_initializer, joined_shapes, step_through


@keras.saving.register_keras_serializable("tsdeep")
class TCN(keras.layers.Layer):
    """Temporal convolutional network: residual blocks of dilated causal convolutions (Bai et al. 2018).

    Its blocks run through `dilations`, `stacks` times over. Row t of the output reads the rows
    `t - receptive_field + 1 .. t` of the input and no other, with
    `receptive_field = 1 + 2 (kernel_size - 1) stacks sum(dilations)`.

    With `return_sequences=False` only the last row is returned, and only the rows that it depends on are
    computed: from a block on, every g-th row counted from the last, where g is the greatest common divisor of
    the dilations still to come. For dilations 1, 2, 4, ... that is two blocks' arithmetic in place of all.

    A mask `[batch, rows]` is honoured (see `CausalConv1D`) and passed on with `return_sequences=True`.

    Parameters
    ----------
    filters : int, default 32
        Channels of every block.
    kernel_size : int, default 3
        Rows that each convolution reads.
    dilations : sequence of int, default (1, 2, 4, 8)
        The dilation rate of each block of a stack, used as given.
    stacks : int, default 1
        Times that the dilations are run through.
    dropout : float, default 0.0
        Fraction of the values dropped after each convolution, in training.
    weight_norm : bool, default False
        Weight normalisation of every convolution of the blocks.
    activation : str or callable, default "relu"
        After each convolution and each addition.
    kernel_initializer : str or Initializer, optional
        Of every kernel; unless given it is that of `TemporalBlock`.
    return_sequences : bool, default True
        Return every row `[batch, rows, filters]`, or the last alone `[batch, filters]`.

    Raises
    ------
    ValueError
        If `dilations` is empty, or it or another size is not made of whole numbers of at least 1.

    Examples
    --------
    >>> TCN(16, kernel_size=2, dilations=(1, 2, 4, 8), stacks=2).receptive_field
    61
    """

    def __init__(
        self,
        filters: int = 32,
        kernel_size: int = 3,
        dilations: Sequence[int] = (1, 2, 4, 8),
        stacks: int = 1,
        *,
        dropout: float = 0.0,
        weight_norm: bool = False,
        activation: Any = "relu",
        kernel_initializer: Any = None,
        return_sequences: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        dilations = tuple(dilations)
        if not dilations or any(int(rate) != rate or rate < 1 for rate in dilations):
            raise ValueError(
                f"dilations: found {dilations!r}, expected one or more whole numbers of at least 1"
            )
        if int(stacks) != stacks or stacks < 1:
            raise ValueError(f"stacks: found {stacks!r}, expected a whole number of at least 1")
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilations = tuple(int(rate) for rate in dilations)
        self.stacks = int(stacks)
        self.dropout = dropout
        self.weight_norm = weight_norm
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.return_sequences = bool(return_sequences)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.blocks = [
            TemporalBlock(
                filters,
                kernel_size,
                dilation_rate=rate,
                dropout=dropout,
                weight_norm=weight_norm,
                activation=self.activation,
                kernel_initializer=clone_initializer(self.kernel_initializer),
                dtype=self.dtype_policy,
                name=f"block_{number}",
            )
            for number, rate in enumerate(self.dilations * self.stacks)
        ]

    @property
    def receptive_field(self) -> int:
        """Rows that one output row reads: `1 + 2 (kernel_size - 1) stacks sum(dilations)`."""
        return 1 + 2 * (self.kernel_size - 1) * self.stacks * sum(self.dilations)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the blocks."""
        for block in self.blocks:
            block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Turn `inputs [batch, rows, channels]` into `[batch, rows, filters]`, or `[batch, filters]`."""
        hidden = inputs
        stride = 1
        rates = [block.dilation_rate for block in self.blocks]
        for number, block in enumerate(self.blocks):
            if not self.return_sequences:
                needed = math.gcd(*rates[number:])
                hidden, mask = (_every(value, needed // stride) for value in (hidden, mask))
                stride = needed
            hidden = block(hidden, mask=mask, training=training, row_stride=stride)
        return hidden if self.return_sequences else hidden[:, -1]

    def stream_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of what all blocks keep between rows: `receptive_field - 1` rows in all."""
        return joined_shapes(self.blocks)

    def stream_step(self, state: dict[str, Any], inputs: Any) -> tuple[Any, dict[str, Any]]:
        """Turn the next row `[batch, 1, channels]` into `[batch, 1, filters]`, or `[batch, filters]`.

        See `CausalConv1D.stream_step`.
        """
        row, state = step_through(self.blocks, state, inputs)
        return row if self.return_sequences else row[:, -1], state

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        """Pass the mask on where every row is returned."""
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, rows, filters]`, or `[batch, filters]`."""
        if self.return_sequences:
            return (*input_shape[:-1], self.filters)
        return (input_shape[0], self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilations": self.dilations,
            "stacks": self.stacks,
            "dropout": self.dropout,
            "weight_norm": self.weight_norm,
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "return_sequences": self.return_sequences,
        }


def _every(values: Any, stride: int) -> Any:
    """Keep every `stride`-th row of `[batch, rows, ...]`, counted back from the last one."""
    if values is None or stride == 1:
        return values
    rows = values.shape[1]
    if rows is None:
        return values[:, ::-1][:, ::stride][:, ::-1]
    return values[:, (rows - 1) % stride :: stride]
