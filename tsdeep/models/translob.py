"""TransLOB: dilated causal convolutions, then causal self-attention over rows.

Choose it to have the first transformer of the order-book literature, as a thing to compare with: others could
not reproduce its results (Prata et al. 2024), and its author's attention layer lets the windows of a batch mix.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.errors import SpecError
from tsdeep.models.registry import register_model

DILATIONS = (1, 2, 4, 8, 16)


@register_model("translob")
def translob(
    inputs: Any,
    *,
    filters: int = 14,
    heads: int = 3,
    blocks: int = 2,
    units: int = 64,
    dropout: float = 0.1,
    l2: float = 0.0,
    shared_blocks: bool = False,
) -> Any:
    """Build the body of TransLOB (Wallbridge 2020).

    Five causal convolutions of two rows, a layer normalisation, the row's place in the window (-1 the oldest,
    1 the newest) as one more channel, two blocks of causal self-attention, all rows flattened into a dense
    layer. On 100 rows of ten levels with three classes it has 104,265 parameters, counted as in the author's
    attention layer: no biases, and no map after the heads. His layer lays out keys and
    heads by reshaping without transposing, which scrambles the keys and hands what a window attended to to the
    other windows of the batch; here it does not. LOBCAST's port attends to later rows too, and normalises over
    the batch where the paper does over channels.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; 100 rows in the paper.
    filters : int, default 14
        Channels of the convolutions; with the place, `filters + 1`, a multiple of the heads.
    heads : int, default 3
        Attention heads.
    blocks : int, default 2
        Blocks of attention.
    units : int, default 64
        Units of the dense layer.
    dropout : float, default 0.1
        Fraction dropped after the dense layer, in training.
    l2 : float, default 0.0
        Penalty on the squared weights of the dense layer.
    shared_blocks : bool, default False
        All blocks are one block, run again.

    Returns
    -------
    KerasTensor, [batch, units]
        The representation of the window.

    Raises
    ------
    SpecError
        If the heads do not divide the channels, or the lookback is open or a single row.

    References
    ----------
    Wallbridge (2020), "Transformers for limit order books", arXiv:2003.00130.
    """
    rows = inputs.shape[1]
    channels = filters + 1
    if channels % heads:
        raise SpecError(
            f"heads: found {heads} for {filters} filters and the place, expected a divisor of {channels}"
        )
    if rows is None or rows < 2:
        raise SpecError(f"lookback: found {rows}, expected at least 2 rows")
    hidden = inputs
    for dilation in DILATIONS:
        hidden = keras.layers.Conv1D(
            filters, 2, dilation_rate=dilation, padding="causal", activation="relu", name=f"conv_{dilation}"
        )(hidden)
    hidden = keras.layers.LayerNormalization(epsilon=1e-5, name="norm")(hidden)
    # A constant of one value a row, added to zeros, TensorFlow's optimizer takes for a bias and fails on.
    row = ops.cumsum(ops.ones_like(hidden[..., :1]), axis=1)  # [batch, rows, 1]
    hidden = ops.concatenate([hidden, (row - 1.0) * (2.0 / (rows - 1)) - 1.0], axis=-1)
    block = _Block(channels, heads, "block_1")
    for number in range(1, blocks + 1):
        if number > 1 and not shared_blocks:
            block = _Block(channels, heads, f"block_{number}")
        hidden = block(hidden)
    hidden = keras.layers.Flatten(name="flatten")(hidden)
    penalty = keras.regularizers.L2(l2) if l2 else None
    hidden = keras.layers.Dense(units, activation="relu", kernel_regularizer=penalty, name="dense")(hidden)
    return keras.layers.Dropout(dropout, name="dropout")(hidden) if dropout else hidden


class _Block:
    """Causal self-attention and a network for each row, each with a residual and then a normalisation."""

    def __init__(self, channels: int, heads: int, name: str) -> None:
        self.channels, self.heads = channels, heads
        self.project = keras.layers.Dense(3 * channels, use_bias=False, name=f"{name}_project")
        self.expand = keras.layers.Dense(4 * channels, activation="relu", name=f"{name}_expand")
        self.contract = keras.layers.Dense(channels, name=f"{name}_contract")
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, name=f"{name}_{part}_norm")
            for part in ("attention", "network")
        ]

    def __call__(self, hidden: Any) -> Any:
        """Turn `hidden [batch, rows, channels]` into as many."""
        rows = hidden.shape[1]
        width = self.channels // self.heads
        parts = ops.reshape(self.project(hidden), (-1, rows, 3, self.heads, width))
        attended = ops.dot_product_attention(parts[:, :, 0], parts[:, :, 1], parts[:, :, 2], is_causal=True)
        attended = ops.reshape(attended, (-1, rows, self.channels))
        hidden = self.norms[0](ops.add(hidden, attended))
        return self.norms[1](ops.add(hidden, self.contract(self.expand(hidden))))
