"""Transformer encoder.

Choose it where rows far apart act on each other and there is much data to learn which: long lookbacks, many
instruments pooled. Its cost grows with the square of the lookback, and on little data it overfits first: keep
it small, with dropout, and hold it against the LSTM and the TCN.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError, unknown_name
from tsdeep.layers import POOLINGS, LearnedPosition, SequencePooling, SinusoidalPosition
from tsdeep.models.encoder import encoder
from tsdeep.models.registry import register_model

POSITIONS: dict[str, Any] = {"sinusoidal": SinusoidalPosition, "learned": LearnedPosition, "none": None}


@register_model("transformer")
def transformer(
    inputs: Any,
    *,
    units: int = 32,
    heads: int = 4,
    layers: int = 2,
    feedforward_units: int | None = None,
    dropout: float = 0.0,
    activation: str = "gelu",
    causal: bool = True,
    position: str = "sinusoidal",
    pre_norm: bool = True,
    pooling: str = "last",
    return_sequences: bool = False,
) -> Any:
    """Build the body of a transformer encoder (Vaswani et al. 2017).

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window.
    units : int, default 32
        Channels of every block, a multiple of `heads`.
    heads : int, default 4
        Attention heads.
    layers : int, default 2
        Blocks.
    feedforward_units : int, optional
        Hidden units of the network in each block; `4 * units` unless given.
    dropout : float, default 0.0
        Fraction dropped in each block, in training.
    activation : str, default "gelu"
        Of those hidden units.
    causal : bool, default True
        Attend to the current row and earlier ones only; otherwise to every row of the window.
    position : {"sinusoidal", "learned", "none"}, default "sinusoidal"
        Positional encoding. Causal attention tells the order of rows even with `"none"`.
    pre_norm : bool, default True
        Normalise the input of each branch, and once at the end; otherwise the sum after each.
    pooling : {"last", "mean", "attention"}, default "last"
        How the rows become one vector; for `"last"` the last block computes that row alone.
    return_sequences : bool, default False
        Return a representation of every row.

    Returns
    -------
    KerasTensor, [batch, units], or [batch, lookback, units] with `return_sequences`
        The representation of the window, or of each row.

    Raises
    ------
    SpecError
        If `position` or `pooling` is unknown, or rows are asked for that full attention would let see later rows.

    References
    ----------
    Vaswani et al. (2017), "Attention is all you need", NIPS, arXiv:1706.03762.
    """
    if position not in POSITIONS:
        raise SpecError(unknown_name("position", position, POSITIONS))
    if pooling not in POOLINGS:
        raise SpecError(unknown_name("pooling", pooling, POOLINGS))
    if return_sequences and not causal:
        raise SpecError(
            "causal: found False, expected True where every row is predicted: rows would see later ones"
        )
    hidden = keras.layers.Dense(units, name="embedding")(inputs)  # [batch, lookback, units]
    encoding = POSITIONS[position]
    if encoding is not None:
        hidden = encoding(name="position")(hidden)
    hidden = encoder(
        hidden,
        heads=heads,
        layers=layers,
        feedforward_units=feedforward_units,
        dropout=dropout,
        activation=activation,
        pre_norm=pre_norm,
        causal=causal,
        last_only=pooling == "last" and not return_sequences,
    )
    if return_sequences or len(hidden.shape) == 2:
        return hidden
    return SequencePooling(pooling, name="pooling")(hidden)  # [batch, units]
