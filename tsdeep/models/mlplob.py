"""MLPLOB: dense layers over the channels and over the rows of a window, in turn.

Choose it as the strong simple model: no attention, no convolution, and in its authors' hands better than most of
what came before. Rows have weights of their own, so the lookback is fixed once built and much of the size.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError
from tsdeep.layers import BilinearNormalization, ResidualMLP
from tsdeep.models.registry import register_model


@register_model("mlplob")
def mlplob(
    inputs: Any,
    *,
    units: int = 40,
    layers: int = 3,
    normalise: bool = True,
    unbiased: bool = False,
    scale_initializer: str = "ones",
) -> Any:
    """Build the body of MLPLOB (Berti & Kasneci 2025).

    Its authors train it on lookbacks of 384 rows, where with three classes, ten levels and the defaults it has
    3,012,411 parameters (234,618 on 100 rows). Their code has three more, an embedding of the order type of
    LOBSTER messages that it cuts off from training; the type is no input here.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; the lookback at least 4 rows.
    units : int, default 40
        Channels, at least 4. The authors' code takes 40 for ten levels, 144 for all features of FI-2010.
    layers : int, default 3
        Pairs of a network over channels and one over rows; the last pair leaves a quarter of both.
    normalise : bool, default True
        Begin with bilinear normalisation.
    unbiased : bool, default False
        Of the normalisation: divide squares by the number of values less one, as the public ports do.
    scale_initializer : str, default "ones"
        Of the normalisation's scales; `"glorot_normal"` in the public ports.

    Returns
    -------
    KerasTensor, [batch, representation]
        At most 128 numbers; the head makes the logits.

    Raises
    ------
    SpecError
        If the lookback, `units` or `layers` is too small.

    References
    ----------
    Berti and Kasneci (2025), "TLOB: a novel transformer model with dual attention for price trend prediction with
    limit order book data", arXiv:2502.15757.
    """
    rows = quartered(inputs, units, layers)
    hidden = inputs
    if normalise:
        hidden = BilinearNormalization(unbiased=unbiased, scale_initializer=scale_initializer, name="bin")(
            hidden
        )
    hidden = keras.layers.Dense(units, activation="gelu", name="embedding")(
        hidden
    )  # [batch, lookback, units]
    for number in range(1, layers + 1):
        last = number == layers
        times, share = (2, 4) if last else (4, 1)
        hidden = ResidualMLP(times * units, units // share, name=f"channels_{number}")(hidden)
        hidden = keras.layers.Permute((2, 1), name=f"rows_last_{number}")(hidden)  # [batch, units, rows]
        hidden = ResidualMLP(times * rows, rows // share, name=f"rows_{number}")(hidden)
        hidden = keras.layers.Permute((2, 1), name=f"channels_last_{number}")(hidden)
    return narrowed(hidden)


def quartered(inputs: Any, units: int, layers: int) -> int:
    """Return the lookback; SpecError where it, the units or the layers leave no quarter."""
    rows = inputs.shape[1]
    for name, value, least in (("lookback", rows, 4), ("units", units, 4), ("layers", layers, 1)):
        if value is None or int(value) != value or value < least:
            raise SpecError(f"{name}: found {value!r}, expected a whole number of at least {least}")
    return rows


def narrowed(hidden: Any) -> Any:
    """Flatten `[batch, rows, channels]` and take dense layers of a quarter each until at most 128 are left."""
    hidden = keras.layers.Flatten(name="flatten")(hidden)
    number = 1
    while hidden.shape[-1] > 128:
        hidden = keras.layers.Dense(hidden.shape[-1] // 4, activation="gelu", name=f"narrow_{number}")(hidden)
        number += 1
    return hidden
