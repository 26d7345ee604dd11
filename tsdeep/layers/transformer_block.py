"""The encoder block that transformers are stacked from."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a two-layer network for each row, both with residuals (Vaswani et al. 2017).

    A mask `[batch, rows]` keeps padded rows from being attended to, and is passed on with
    `return_sequences=True`.

    Parameters
    ----------
    heads : int, default 4
        Attention heads; it must divide the channels of the input.
    feedforward_units : int, default 128
        Hidden units of the network that follows the attention.
    dropout : float, default 0.0
        Fraction dropped from the attention weights and from both branches, in training.
    activation : str or callable, default "gelu"
        Of the hidden units.
    causal : bool, default False
        Attend to the current row and earlier ones only.
    pre_norm : bool, default True
        Normalise the input of each branch (Xiong et al. 2020), which trains without a warm-up of the learning
        rate; otherwise the sum after each branch, as in the first paper.
    return_sequences : bool, default True
        Return every row `[batch, rows, channels]`, or compute and return the last alone `[batch, channels]`.

    Raises
    ------
    ValueError
        If `heads` does not divide the channels of the input.
    """

    def __init__(
        self,
        heads: int = 4,
        feedforward_units: int = 128,
        *,
        dropout: float = 0.0,
        activation: Any = "gelu",
        causal: bool = False,
        pre_norm: bool = True,
        return_sequences: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.feedforward_units = feedforward_units
        self.dropout = dropout
        self.activation = keras.activations.get(activation)
        self.causal = bool(causal)
        self.pre_norm = bool(pre_norm)
        self.return_sequences = bool(return_sequences)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the attention, both normalisations and both dense layers."""
        channels = input_shape[-1]
        if channels is None or channels % self.heads:
            raise ValueError(
                f"heads: found {self.heads} for {channels} channels, expected a divisor of the channels"
            )
        policy = self.dtype_policy
        hidden = (*input_shape[:-1], self.feedforward_units)
        self.attention = keras.layers.MultiHeadAttention(
            self.heads, channels // self.heads, dropout=self.dropout, dtype=policy, name="attention"
        )
        self.attention.build(input_shape, input_shape)
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=policy, name="attention_norm"
        )
        self.feedforward_norm = keras.layers.LayerNormalization(
            epsilon=1e-6, dtype=policy, name="feedforward_norm"
        )
        self.expand = keras.layers.Dense(
            self.feedforward_units, activation=self.activation, dtype=policy, name="expand"
        )
        self.contract = keras.layers.Dense(channels, dtype=policy, name="contract")
        self.branch_dropouts = [keras.layers.Dropout(self.dropout, dtype=policy) for _ in range(2)]
        self.attention_norm.build(input_shape)
        self.feedforward_norm.build(input_shape)
        self.expand.build(input_shape)
        self.contract.build(hidden)

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Turn `inputs [batch, rows, channels]` into `[batch, rows, channels]`, or `[batch, channels]`."""
        source = self.attention_norm(inputs) if self.pre_norm else inputs
        query = source if self.return_sequences else source[:, -1:]
        attended = self.attention(
            query,
            source,
            key_mask=mask,
            use_causal_mask=self.causal and self.return_sequences,  # the last row may read every row
            training=training,
        )
        shortcut = inputs if self.return_sequences else inputs[:, -1:]
        hidden = ops.add(shortcut, self.branch_dropouts[0](attended, training=training))
        if not self.pre_norm:
            hidden = self.attention_norm(hidden)
        branch = self.feedforward_norm(hidden) if self.pre_norm else hidden
        branch = self.contract(self.expand(branch))
        outputs = ops.add(hidden, self.branch_dropouts[1](branch, training=training))
        if not self.pre_norm:
            outputs = self.feedforward_norm(outputs)
        return outputs if self.return_sequences else outputs[:, 0]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:  # noqa: ARG002
        """Pass the mask on where every row is returned."""
        return mask if self.return_sequences else None

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape, without the rows where only the last is returned."""
        return tuple(input_shape) if self.return_sequences else (input_shape[0], input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "heads": self.heads,
            "feedforward_units": self.feedforward_units,
            "dropout": self.dropout,
            "activation": keras.activations.serialize(self.activation),
            "causal": self.causal,
            "pre_norm": self.pre_norm,
            "return_sequences": self.return_sequences,
        }
