"""One half of TLOB's dual attention: attention between rows, and a network for each row."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.layers.residual_mlp import ResidualMLP


@keras.saving.register_keras_serializable("tsdeep")
class AttentionMLP(keras.layers.Layer):
    """Full self-attention with a residual and a layer normalisation, then a `ResidualMLP` (Berti & Kasneci 2025).

    Rows attend to each other; with channels in the place of rows (`keras.layers.Permute((2, 1))`) channels do.
    Heads are as wide as the input, each. Where the units are the input's channels, the input is added to the
    output once more, as in the authors' code. A mask is not supported.

    Parameters
    ----------
    heads : int, default 1
        Attention heads.
    units : int, optional
        Channels of the output; the input's unless given.
    reprojected : bool, default False
        Map queries, keys, values and the result through a second linear map each, as the authors' code does: it
        maps them and hands them to a ready-made attention layer that maps them again. Two linear maps in a row
        are one, so it adds weights and no functions.

    Examples
    --------
    >>> AttentionMLP(units=10)(keras.ops.ones((2, 128, 40))).shape
    TensorShape([2, 128, 10])
    """

    def __init__(
        self, heads: int = 1, units: int | None = None, *, reprojected: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.units = units
        self.reprojected = bool(reprojected)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the attention, its normalisation and the network that follows."""
        channels = input_shape[-1]
        if channels is None:
            raise ValueError(f"channels: found {input_shape}, expected a known number of channels")
        policy, wide = self.dtype_policy, (*input_shape[:-1], self.heads * channels)
        inner = wide if self.reprojected else input_shape
        self.attention = keras.layers.MultiHeadAttention(
            self.heads, channels, output_shape=inner[-1], dtype=policy, name="attention"
        )
        self.attention.build(inner, inner, inner)
        self.projections = []
        if self.reprojected:
            self.projections = [
                keras.layers.Dense(wide[-1], dtype=policy, name=name) for name in ("query", "key", "value")
            ]
            for projection in self.projections:
                projection.build(input_shape)
            self.result = keras.layers.Dense(channels, dtype=policy, name="result")
            self.result.build(wide)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="norm")
        self.norm.build(input_shape)
        self.mlp = ResidualMLP(4 * channels, self.units or channels, dtype=policy, name="mlp")
        self.mlp.build(input_shape)

    def call(self, inputs: Any) -> Any:
        """Turn `inputs [batch, rows, channels]` into `[batch, rows, units]`."""
        if self.reprojected:
            query, key, value = (projection(inputs) for projection in self.projections)
            attended = self.result(self.attention(query, value, key))
        else:
            attended = self.attention(inputs, inputs)
        outputs = self.mlp(self.norm(ops.add(attended, inputs)))
        return ops.add(outputs, inputs) if outputs.shape[-1] == inputs.shape[-1] else outputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, rows, units]`."""
        return (*input_shape[:-1], self.units or input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "heads": self.heads,
            "units": self.units,
            "reprojected": self.reprojected,
        }
