"""Stacked GRU layers.

Choose it where an LSTM would serve, with a quarter fewer weights: short sequences and little data. Neither is
better in general; the GRU is somewhat faster and the LSTM holds a count or a level for longer. On a GPU the
cuDNN kernel serves it as long as `recurrent_dropout` is 0.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.models.recurrent import recurrent_stack
from tsdeep.models.registry import register_model


@register_model("gru")
def gru(
    inputs: Any,
    *,
    units: int = 32,
    layers: int = 1,
    dropout: float = 0.0,
    recurrent_dropout: float = 0.0,
    unroll: bool = False,
    return_sequences: bool = False,
) -> Any:
    """Build the body of a stacked GRU (Cho et al. 2014, reset after the matrix product, as in cuDNN).

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window.
    units : int, default 32
        Units of each layer.
    layers : int, default 1
        Layers, each reading the sequence of the one before.
    dropout : float, default 0.0
        Fraction of each layer's output dropped, in training.
    recurrent_dropout : float, default 0.0
        Fraction of the recurrent state dropped, in training (Gal & Ghahramani 2016); above 0 it rules out the
        cuDNN kernel.
    unroll : bool, default False
        Write the steps out one by one in the graph.
    return_sequences : bool, default False
        Return a representation of every row.

    Returns
    -------
    KerasTensor, [batch, units], or [batch, lookback, units] with `return_sequences`
        The state after the last row, or after each.

    References
    ----------
    Cho et al. (2014), "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", EMNLP, arXiv:1406.1078. Gal and Ghahramani (2016), "A theoretically grounded application of
    dropout in recurrent neural networks", NIPS.
    """
    return recurrent_stack(
        keras.layers.GRU,
        inputs,
        units=units,
        layers=layers,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        unroll=unroll,
        return_sequences=return_sequences,
    )
