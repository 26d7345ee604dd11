"""Network on the features of the newest row alone.

Choose it where the features already say over which rows they look: sums, returns and volatilities over many
scales. It is the quickest model there is, and the bar that a model of sequences has to pass: what a TCN, an
LSTM or attention adds is what they find in the order of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tsdeep.models.registry import register_model


@register_model("mlp")
def mlp(
    inputs: Any,
    *,
    units: Sequence[int] = (64,),
    dropout: float = 0.0,
    activation: str = "gelu",
    return_sequences: bool = False,
) -> Any:
    """Build the body of a feed-forward network on the last row of the window.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; rows before its last are not read, so a lookback of 1 is enough.
    units : sequence of int, default (64,)
        Units of each layer.
    dropout : float, default 0.0
        Fraction of the values dropped after each layer, in training.
    activation : str, default "gelu"
        Of each layer.
    return_sequences : bool, default False
        Return a representation of every row.

    Returns
    -------
    KerasTensor, [batch, units], or [batch, lookback, units] with `return_sequences`
        The representation of the last row, or of each.
    """
    hidden = inputs if return_sequences else inputs[:, -1]
    for number, size in enumerate(units, start=1):
        hidden = keras.layers.Dense(size, activation=activation, name=f"dense_{number}")(hidden)
        if dropout:
            hidden = keras.layers.Dropout(dropout, name=f"dropout_{number}")(hidden)
    return hidden
