"""The blocks of a transformer encoder, which several models have."""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError
from tsdeep.layers import TransformerBlock


def encoder(
    hidden: Any,
    *,
    heads: int,
    layers: int,
    feedforward_units: int | None,
    dropout: float,
    activation: str,
    pre_norm: bool,
    causal: bool = False,
    last_only: bool = False,
) -> Any:
    """Put transformer blocks one on another, and a normalisation behind them where each normalises first.

    Parameters
    ----------
    hidden : KerasTensor, [batch, tokens, units]
        Embedded tokens.
    heads, feedforward_units, dropout, activation, pre_norm, causal
        See `TransformerBlock`; `4 * units` feed-forward units unless given.
    layers : int
        Blocks.
    last_only : bool, default False
        Let the last block compute the last token alone.

    Returns
    -------
    KerasTensor, [batch, tokens, units], or [batch, units] with `last_only`

    Raises
    ------
    SpecError
        If `layers` is no whole number of at least 1.
    """
    if int(layers) != layers or layers < 1:
        raise SpecError(f"layers: found {layers!r}, expected a whole number of at least 1")
    units = hidden.shape[-1]
    for number in range(1, layers + 1):
        hidden = TransformerBlock(
            heads,
            feedforward_units or 4 * units,
            dropout=dropout,
            activation=activation,
            causal=causal,
            pre_norm=pre_norm,
            return_sequences=number < layers or not last_only,
            name=f"block_{number}",
        )(hidden)
    if pre_norm:
        hidden = keras.layers.LayerNormalization(epsilon=1e-6, name="norm")(hidden)
    return hidden
