"""TLOB: attention between the rows of a window and between its channels, in turn.

Choose it where there is much data and longer horizons are asked for. Channels attend to each other with rows as
their features, so the lookback is fixed once built; hold it against `mlplob`, which is it without attention.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError, unknown_name
from tsdeep.layers import AttentionMLP, BilinearNormalization, LearnedPosition, SinusoidalPosition
from tsdeep.models.mlplob import narrowed, quartered
from tsdeep.models.registry import register_model

POSITIONS: dict[str, Any] = {"sinusoidal": SinusoidalPosition, "learned": LearnedPosition, "none": None}


@register_model("tlob")
def tlob(
    inputs: Any,
    *,
    units: int = 40,
    layers: int = 4,
    heads: int = 1,
    position: str = "sinusoidal",
    normalise: bool = True,
    unbiased: bool = False,
    scale_initializer: str = "ones",
    reprojected: bool = False,
) -> Any:
    """Build the body of TLOB (Berti & Kasneci 2025): dual attention.

    On 128 rows of ten levels with three classes and the defaults it has 845,539 parameters, and 1,135,971 with
    `reprojected=True`, which is their code's number less the three of an embedding of the order type that it
    cuts off from training.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; 128 rows in the authors' code.
    units : int, default 40
        Channels, at least 4. The authors' code takes 40 for ten levels, 144 for all features of FI-2010.
    layers : int, default 4
        Pairs of attention between rows and between channels; the last pair leaves a quarter of both.
    heads : int, default 1
        Attention heads, each as wide as its input.
    position : {"sinusoidal", "learned", "none"}, default "sinusoidal"
        Encoding of a row's place in the window.
    normalise : bool, default True
        Begin with bilinear normalisation.
    unbiased : bool, default False
        Of the normalisation: divide squares by the number of values less one, as the public ports do.
    scale_initializer : str, default "ones"
        Of the normalisation's scales; `"glorot_normal"` in the public ports.
    reprojected : bool, default False
        Map queries, keys, values and results twice, as the authors' code does; see `AttentionMLP`.

    Returns
    -------
    KerasTensor, [batch, representation]
        At most 128 numbers; the head makes the logits.

    Raises
    ------
    SpecError
        If the lookback, `units` or `layers` is too small, or the position is unknown.

    References
    ----------
    Berti and Kasneci (2025), "TLOB: a novel transformer model with dual attention for price trend prediction with
    limit order book data", arXiv:2502.15757.
    """
    if position not in POSITIONS:
        raise SpecError(unknown_name("position", position, POSITIONS))
    rows = quartered(inputs, units, layers)
    hidden = inputs
    if normalise:
        hidden = BilinearNormalization(unbiased=unbiased, scale_initializer=scale_initializer, name="bin")(
            hidden
        )
    hidden = keras.layers.Dense(units, name="embedding")(hidden)  # [batch, lookback, units]
    if POSITIONS[position] is not None:
        hidden = POSITIONS[position](name="position")(hidden)
    for number in range(1, layers + 1):
        share = 4 if number == layers else 1
        hidden = AttentionMLP(heads, units // share, reprojected=reprojected, name=f"between_rows_{number}")(
            hidden
        )
        hidden = keras.layers.Permute((2, 1), name=f"rows_last_{number}")(hidden)  # [batch, units, rows]
        hidden = AttentionMLP(
            heads, rows // share, reprojected=reprojected, name=f"between_channels_{number}"
        )(hidden)
        hidden = keras.layers.Permute((2, 1), name=f"channels_last_{number}")(hidden)
    return narrowed(hidden)
