"""C(TABL): two bilinear layers and one with temporal attention.

Choose it for short lookbacks, ten rows or so, and little data: eleven thousand weights, and a handful
of matrix products. Every row and every channel has weights of its own, so the lookback is fixed once built.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tsdeep.layers import BilinearLayer, TemporalAttentionBilinear
from tsdeep.models.registry import register_model


@register_model("ctabl")
def ctabl(
    inputs: Any,
    *,
    units: Sequence[int] = (60, 120),
    rows: Sequence[int] = (10, 5),
    dropout: float = 0.1,
    max_norm: float | None = 10.0,
    logits: int = 3,
) -> Any:
    """Build C(TABL) (Tran, Iosifidis, Kanniainen & Gabbouj 2018): their network C with attention in its last layer.

    It has 11,344 parameters on 10 rows of 40 channels with three classes. The last layer gives the logits
    itself. The paper learns `mix` as the weight of the attended part, as here; LOBCAST's port swaps the two
    parts, which learns the same, and returns a softmax that its loss applies again.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; 10 rows in the paper.
    units : sequence of int, default (60, 120)
        Channels of each bilinear layer.
    rows : sequence of int, default (10, 5)
        Rows that each bilinear layer leaves.
    dropout : float, default 0.1
        Fraction dropped after each bilinear layer, in training.
    max_norm : float, optional, default 10.0
        Bound on the norm of each column of the matrices; public ports differ in bound and axis.
    logits : int, default 3
        Logits of the task; the builder sets it.

    Returns
    -------
    KerasTensor, [batch, logits]
        The logits.

    Raises
    ------
    ValueError
        If `units` and `rows` are not of one length, or the lookback is open.

    References
    ----------
    Tran, Iosifidis, Kanniainen and Gabbouj (2018), "Temporal attention-augmented bilinear network for financial
    time-series data analysis", IEEE Transactions on Neural Networks and Learning Systems 30(5), arXiv:1712.00975.
    """
    if len(units) != len(rows):
        raise ValueError(f"rows: found {len(rows)} values for {len(units)} of units, expected as many")
    hidden = inputs
    for number, (width, length) in enumerate(zip(units, rows, strict=True), start=1):
        hidden = BilinearLayer(width, length, max_norm=max_norm, name=f"bilinear_{number}")(hidden)
        if dropout:
            hidden = keras.layers.Dropout(dropout, name=f"dropout_{number}")(hidden)
    hidden = TemporalAttentionBilinear(logits, 1, max_norm=max_norm, name="attention")(hidden)
    return keras.layers.Reshape((logits,), name="flatten")(hidden)
