"""Which asset a row is of: an intercept for each."""

from __future__ import annotations

from typing import Annotated, Any

import keras
import numpy as np
from pydantic import Field

from tsdeep.errors import SpecError
from tsdeep.features.base import Feature
from tsdeep.features.registry import register_feature

AssetName = Annotated[str, Field(min_length=1, description="Name of an asset, such as `SPY`.")]


@register_feature("asset")
class AssetOneHot(Feature):
    """One channel an asset: 1 on its rows, 0 on those of others.

    With these a model on the pooled rows of all assets has an intercept for each (fixed effects).

    Parameters
    ----------
    symbols : sequence of str
        Assets in the order of their numbers in the field `asset`, from 0; a spec takes them from the data, those to
        train on only included. Rows of assets beyond these are 0 in every channel, so that they share one intercept.
    **kwargs : object
        See `Feature`.

    Raises
    ------
    SpecError
        If an asset is named twice.
    """

    fields = ("asset",)
    warmup = 0

    def __init__(self, symbols: Annotated[tuple[AssetName, ...], Field(min_length=1)], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.symbols = distinct_assets(symbols, "asset")
        self.names = tuple(f"asset_{name}" for name in self.symbols)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows, assets]`."""
        numbers = keras.ops.convert_to_tensor(np.arange(len(self.symbols), dtype=np.float64))
        return keras.ops.cast(keras.ops.expand_dims(fields["asset"], -1) == numbers, "float64")


def distinct_assets(assets: Any, kind: str) -> tuple[str, ...]:
    """Give names of assets as a tuple.

    Parameters
    ----------
    assets : sequence of str
        As given to a feature.
    kind : str
        The feature, for the message.

    Returns
    -------
    tuple of str
        The same.

    Raises
    ------
    SpecError
        If a name is there twice.
    """
    twice = [name for name in assets if list(assets).count(name) > 1]
    if twice:
        raise SpecError(f"feature '{kind}': found the asset '{twice[0]}' twice, expected each once")
    return tuple(assets)
