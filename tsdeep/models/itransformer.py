"""iTransformer: attention between assets, or between channels, each with its whole window as one token.

Choose it where what happens to one asset bears on the others, and which others depends on the day. It was taken
before TSMixer (Chen et al. 2023), which mixes assets by dense weights: those are the same in calm and in crisis,
belong to one number and order of assets, and give each asset weights of its own to learn from a tenth of the
data; the body here is one for all assets, and every asset's days train it. Dense mixing of rows and channels is
`mlplob`. Hold it against the same assets learnt pooled: much of what assets share may stand in a market
channel already.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError, unknown_name
from tsdeep.layers import LearnedPosition, SequencePooling
from tsdeep.models.encoder import encoder
from tsdeep.models.registry import register_model

POOLINGS = ("mean", "attention")


@register_model("itransformer")
def itransformer(
    inputs: Any,
    *,
    units: int = 32,
    heads: int = 4,
    layers: int = 2,
    feedforward_units: int | None = None,
    dropout: float = 0.0,
    activation: str = "gelu",
    pre_norm: bool = True,
    identity: bool = True,
    pooling: str = "mean",
    assets: int = 1,
) -> Any:
    """Build the body of an iTransformer (Liu et al. 2024): an inverted transformer.

    With several assets, the window of each, all its rows and channels, is embedded as one token by one dense
    layer shared by all, the tokens attend to each other, and each is the representation of its asset. With one
    asset the channels are the tokens, as the paper's variates are, and they are pooled into one vector.

    It differs from the paper where the question does. A token of several channels there is one channel. Windows
    are not normalised one by one, which would take out the level of volatility, most of what is known of it. A
    forecast there is of the token's own future, so that tokens need no names; here the label may be of all of
    them, or differ from asset to asset, and `identity` tells them apart. Normalisation comes before each branch.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; its lookback is fixed once built. With several assets the features of each stand together,
        asset by asset.
    units : int, default 32
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
    identity : bool, default True
        Add to each token a learned vector of its asset or channel. Without it assets in another order give the same
        representations in that order, and channels in another order the same representation.
    pooling : {"mean", "attention"}, default "mean"
        How channels become one vector; of no effect with several assets, which are not pooled.
    assets : int, default 1
        Assets in a sample; the builder sets it.

    Returns
    -------
    KerasTensor, [batch, units], or [batch, assets, units] with several assets
        The representation of the window, or of each asset.

    Raises
    ------
    SpecError
        If `pooling` is unknown, the lookback open, the features no multiple of the assets, or a size no whole number
        of at least 1.

    References
    ----------
    Liu, Hu, Zhang, Wu, Wang, Ma and Long (2024), "iTransformer: inverted transformers are effective for time series
    forecasting", ICLR, arXiv:2310.06625.
    """
    if pooling not in POOLINGS:
        raise SpecError(unknown_name("pooling", pooling, POOLINGS))
    lookback, channels = inputs.shape[1:]
    if lookback is None:
        raise SpecError("lookback: found None, expected a known number of rows")
    if channels % assets:
        raise SpecError(f"features: found {channels}, expected as many for each of {assets} assets")
    tokens = keras.layers.Permute((2, 1), name="rows_last")(inputs)  # [batch, features, lookback]
    if assets > 1:
        tokens = keras.layers.Reshape((assets, channels // assets * lookback), name="by_asset")(tokens)
    hidden = keras.layers.Dense(units, name="embedding")(tokens)  # [batch, tokens, units]
    if identity:
        hidden = LearnedPosition(name="identity")(hidden)
    hidden = encoder(
        hidden,
        heads=heads,
        layers=layers,
        feedforward_units=feedforward_units,
        dropout=dropout,
        activation=activation,
        pre_norm=pre_norm,
    )
    if assets > 1:
        return hidden
    return SequencePooling(pooling, name="pooling")(hidden)  # [batch, units]
