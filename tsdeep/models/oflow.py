"""Order flow: a network on the newest row, and a small network over the rows, which begins at nothing.

Choose it for order books with multi-scale features: order-flow imbalance summed over ten to hundreds of
events, returns, deviations from running means. Most of what can be learnt there is in those of the newest
row; the network over the window adds what it can, and training starts where it adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tsdeep.errors import SpecError, unknown_name
from tsdeep.layers import TCN
from tsdeep.models.mlp import mlp
from tsdeep.models.registry import register_model

ENCODERS = ("none", "tcn", "lstm")


@register_model("oflow")
def oflow(
    inputs: Any,
    *,
    units: int = 64,
    dropout: float = 0.3,
    input_dropout: float = 0.0,
    activation: str = "gelu",
    encoder: str = "none",
    filters: int = 16,
    kernel_size: int = 3,
    dilations: Sequence[int] = (1, 2, 4, 8),
    return_sequences: bool = False,
) -> Any:
    """Build the body of an order-flow network.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window.
    units : int, default 64
        Units of the layer on the newest row.
    dropout : float, default 0.3
        Fraction of the values dropped after that layer, in training.
    input_dropout : float, default 0.0
        Fraction of the features dropped, each from the whole window, in training: features of many scales and
        levels say much the same, and no few of them should carry a prediction.
    activation : str, default "gelu"
        Of that layer.
    encoder : {"none", "tcn", "lstm"}, default "none"
        The network over the rows of the window.
    filters : int, default 16
        Its channels.
    kernel_size : int, default 3
        Of the TCN.
    dilations : sequence of int, default (1, 2, 4, 8)
        Of the TCN.
    return_sequences : bool, default False
        Return a representation of every row.

    Returns
    -------
    KerasTensor, [batch, units], or [batch, lookback, units] with `return_sequences`
        The representation of the last row, or of each.

    Raises
    ------
    SpecError
        If the encoder is unknown.
    """
    if encoder not in ENCODERS:
        raise SpecError(unknown_name("encoder", encoder, ENCODERS))
    if input_dropout:
        # One draw a channel and window: [batch, 1, features].
        inputs = keras.layers.Dropout(input_dropout, noise_shape=(None, 1, None), name="input_dropout")(
            inputs
        )
    newest = mlp(
        inputs, units=(units,), dropout=dropout, activation=activation, return_sequences=return_sequences
    )
    if encoder == "none":
        return newest
    if encoder == "tcn":
        rows = TCN(filters, kernel_size, dilations, return_sequences=return_sequences, name="tcn")(inputs)
    else:
        rows = keras.layers.LSTM(filters, return_sequences=return_sequences, name="lstm")(inputs)
    added = keras.layers.Dense(units, use_bias=False, kernel_initializer="zeros", name="added")(rows)
    return keras.layers.Add(name="newest_and_rows")([newest, added])
