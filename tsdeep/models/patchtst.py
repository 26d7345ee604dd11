"""PatchTST: a transformer over patches of rows, each channel by itself.

Choose it for long lookbacks: a patch of ten rows in the place of each row makes attention a hundred times cheaper,
and one network shared by all channels has few weights for what it reads. Channels meet in the head alone; where it
matters what one channel does while another does something, take `transformer` or `itransformer`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.errors import SpecError, unknown_name
from tsdeep.layers import POOLINGS, LearnedPosition, Patches, SequencePooling
from tsdeep.models.encoder import encoder
from tsdeep.models.registry import register_model


@register_model("patchtst")
def patchtst(
    inputs: Any,
    *,
    patch_rows: int = 10,
    stride: int = 5,
    units: int = 16,
    heads: int = 4,
    layers: int = 2,
    feedforward_units: int | None = None,
    dropout: float = 0.0,
    activation: str = "gelu",
    pre_norm: bool = True,
    pooling: str = "last",
    assets: int = 1,
) -> Any:
    """Build the body of PatchTST (Nie et al. 2023): channel-independent patches.

    Each channel is cut into patches that end at the newest row; a patch is embedded by one dense layer, gets a
    learned vector of its place, and attends to the channel's other patches. The vectors of the channels, reduced
    from patches to one, stand side by side in the representation. With several assets it holds for each asset those
    of its own channels: the same weights read every asset, so any order of the assets gives the same.

    It differs from the paper where the question does. The label is no future of a channel, so channels meet in the
    head, where the paper has a forecast for each. Windows are not normalised one by one: that would take out
    their level, which is most of what is known of volatility to come, and no forecast of a channel is there to
    put it back into. Blocks normalise over units (layer normalisation) before each branch; theirs over the batch
    and after. Patches are pooled, as most windows here are few; theirs are flattened.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; its lookback, at least `patch_rows`, is fixed once built. With several assets the features of
        each stand together, asset by asset.
    patch_rows : int, default 10
        Rows of a patch.
    stride : int, default 5
        Rows from the start of a patch to that of the next.
    units : int, default 16
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
    pre_norm : bool, default True
        Normalise the input of each branch, and once at the end; otherwise the sum after each.
    pooling : {"last", "mean", "attention"}, default "last"
        How the patches of a channel become one vector; for `"last"` the last block computes that patch alone.
    assets : int, default 1
        Assets in a sample; the builder sets it.

    Returns
    -------
    KerasTensor, [batch, features * units], or [batch, assets, features / assets * units] with several assets
        The representation of the window, or of each asset's.

    Raises
    ------
    SpecError
        If `pooling` is unknown, the lookback open or shorter than a patch, a size no whole number of at least 1, or
        the features no multiple of the assets.

    References
    ----------
    Nie, Nguyen, Sinthong and Kalagnanam (2023), "A time series is worth 64 words: long-term forecasting with
    transformers", ICLR, arXiv:2211.14730.
    """
    if pooling not in POOLINGS:
        raise SpecError(unknown_name("pooling", pooling, POOLINGS))
    channels = inputs.shape[-1]
    if channels % assets:
        raise SpecError(f"features: found {channels}, expected as many for each of {assets} assets")
    hidden = Patches(patch_rows, stride, name="patches")(inputs)  # [batch, features, patches, patch_rows]
    hidden = ops.reshape(hidden, (-1, *hidden.shape[2:]))  # [batch * features, patches, patch_rows]
    hidden = keras.layers.Dense(units, name="embedding")(hidden)  # [batch * features, patches, units]
    hidden = LearnedPosition(name="position")(hidden)
    hidden = encoder(
        hidden,
        heads=heads,
        layers=layers,
        feedforward_units=feedforward_units,
        dropout=dropout,
        activation=activation,
        pre_norm=pre_norm,
        last_only=pooling == "last",
    )
    if len(hidden.shape) == 3:
        hidden = SequencePooling(pooling, name="pooling")(hidden)  # [batch * features, units]
    each = channels // assets * units
    return ops.reshape(hidden, (-1, each) if assets == 1 else (-1, assets, each))
