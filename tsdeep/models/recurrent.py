"""What the recurrent models have in common: a stack of one kind of layer."""

from __future__ import annotations

from typing import Any

import keras


def recurrent_stack(
    layer: type[keras.layers.Layer],
    inputs: Any,
    *,
    units: int,
    layers: int,
    dropout: float,
    recurrent_dropout: float,
    unroll: bool,
    return_sequences: bool,
) -> Any:
    """Stack recurrent layers, each followed by dropout; see `tsdeep.models.lstm` for the arguments.

    Parameters
    ----------
    layer : type
        `keras.layers.LSTM` or `keras.layers.GRU`.
    inputs : KerasTensor, [batch, lookback, features]
        The window.

    Returns
    -------
    KerasTensor, [batch, units], or [batch, lookback, units] with `return_sequences`
        The state after the last row, or after each.

    Raises
    ------
    ValueError
        If `layers` is below 1.
    """
    if int(layers) != layers or layers < 1:
        raise ValueError(f"layers: found {layers!r}, expected a whole number of at least 1")
    hidden = inputs
    kind = layer.__name__.lower()
    for number in range(1, layers + 1):
        hidden = layer(
            units,
            recurrent_dropout=recurrent_dropout,
            unroll=unroll,
            return_sequences=return_sequences or number < layers,
            name=f"{kind}_{number}",
        )(hidden)
        if dropout:
            hidden = keras.layers.Dropout(dropout, name=f"dropout_{number}")(hidden)
    return hidden
