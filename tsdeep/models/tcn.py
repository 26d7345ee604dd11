"""Temporal convolutional network.

Choose it for long dependencies and much data: order books, intraday bars, lookbacks from some tens to many
hundreds of rows. All rows are computed at once, so training is fast; what it can see is stated exactly by
`receptive_field`, and rows beyond that are not read at all. Let the receptive field be about the lookback. On
short sequences with little data an LSTM of few units is often as good with fewer settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tsdeep.layers import TCN
from tsdeep.models.registry import register_model


@register_model("tcn")
def tcn(
    inputs: Any,
    *,
    filters: int = 32,
    kernel_size: int = 3,
    dilations: Sequence[int] = (1, 2, 4, 8),
    stacks: int = 1,
    dropout: float = 0.0,
    weight_norm: bool = False,
    activation: str = "relu",
    return_sequences: bool = False,
) -> Any:
    """Build the body of a temporal convolutional network (Bai et al. 2018).

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window.
    filters : int, default 32
        Channels of every block.
    kernel_size : int, default 3
        Rows that each convolution reads.
    dilations : sequence of int, default (1, 2, 4, 8)
        The dilation rate of each block of a stack. The receptive field is
        `1 + 2 (kernel_size - 1) stacks sum(dilations)` rows, by default 61.
    stacks : int, default 1
        Times that the dilations are run through.
    dropout : float, default 0.0
        Fraction of the values dropped after each convolution, in training.
    weight_norm : bool, default False
        Weight normalisation of every convolution of the blocks.
    activation : str, default "relu"
        After each convolution and each addition.
    return_sequences : bool, default False
        Return a representation of every row.

    Returns
    -------
    KerasTensor, [batch, filters], or [batch, lookback, filters] with `return_sequences`
        The representation of the last row, or of each.

    References
    ----------
    Bai, Kolter and Koltun (2018), "An empirical evaluation of generic convolutional and recurrent networks for
    sequence modeling", arXiv:1803.01271.
    """
    return TCN(
        filters,
        kernel_size,
        dilations,
        stacks,
        dropout=dropout,
        weight_norm=weight_norm,
        activation=activation,
        return_sequences=return_sequences,
        name="tcn",
    )(inputs)
