"""From bars of several assets side by side to the rows of each, as features read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tsdeep.assets import ASSET, BASKET, MARKET, Assets
from tsdeep.errors import SpecError
from tsdeep.features.bank import FeatureBank
from tsdeep.features.base import Shape, check_fields


@keras.saving.register_keras_serializable("tsdeep")
class AssetFeatures(keras.layers.Layer):
    """Features of each of several assets, from rows that hold a value for each.

    The features are those of one asset at a time: its own bars, those of the market, the closes of the basket and
    series for all. This layer picks these fields for each asset out of the rows, computes the features of all
    assets in one pass, and puts them side by side again. Nothing but selection is added, so a value is that of the
    features on the asset's own rows.

    Parameters
    ----------
    bank : FeatureBank
        Features of one asset.
    names : sequence of str
        The assets, in the order of the fields' last axis.
    market : str, optional
        The asset whose bars are `market_<field>`.
    joined : sequence of str
        Fields of one value for all assets.
    pooled : bool, default False
        Give each asset a sample of its own instead of channels side by side.
    **kwargs : object
        `name` and `trainable` of `keras.layers.Layer`.

    Attributes
    ----------
    fields, positive_fields : tuple of str
        Raw fields that are read, and those that must be above zero.
    warmup : int
        As of the bank.
    names : tuple of str
        One name an output channel: those of the bank, `<asset>:<channel>` where assets are side by side.
    features : list of Feature
        The bank's.

    Raises
    ------
    SpecError
        If a feature reads the market and none is named.
    """

    def __init__(
        self,
        bank: FeatureBank,
        names: Sequence[str],
        market: str | None = None,
        joined: Sequence[str] = (),
        pooled: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="float32", autocast=False, **kwargs)
        self.bank, self.pooled = bank, pooled
        self.assets = Assets(tuple(names), market=market, joined=tuple(joined))
        self.fields = self.assets.raw_fields(bank.fields)
        self.positive_fields = self.assets.raw_fields(bank.positive_fields)
        self.warmup = bank.warmup
        self.features = bank.features
        self.names = bank.names if pooled else tuple(f"{a}:{c}" for a in names for c in bank.names)
        asks = [name for name in bank.fields if name.startswith(MARKET)]
        if asks and market is None:
            raise SpecError(f"features read {asks[0]}, but no asset is named as the market")

    def build(self, input_shape: Mapping[str, Shape]) -> None:
        """Build the features."""
        del input_shape
        self.bank.build(dict.fromkeys(self.bank.fields, (None, None)))
        self.built = True

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Compute the features of all assets.

        Parameters
        ----------
        inputs : mapping of str to tensor
            Fields of bars `[batch, rows, assets]` and joined ones `[batch, rows]`, float64.

        Returns
        -------
        tensor
            `[batch, rows - warmup, assets * channels]`, asset by asset, float32; `[batch * assets, rows - warmup,
            channels]` where `pooled`, the assets of a request one after another.
        """
        shapes = {name: tuple(x.shape) for name, x in inputs.items()}
        check_fields(shapes, self.fields, self.warmup, f"'{self.name}'")
        ops, n = keras.ops, len(self.assets.names)
        x = self.bank({name: self._of_each(name, inputs) for name in self.bank.fields})
        if self.pooled:
            return x
        rows, channels = x.shape[1], x.shape[2]
        rows = -1 if rows is None else rows
        x = ops.transpose(ops.reshape(x, (-1, n, rows, channels)), (0, 2, 1, 3))
        return ops.reshape(x, (-1, rows, n * channels)) if rows != -1 else _flat(x, n * channels)

    def _of_each(self, name: str, inputs: Mapping[str, Any]) -> Any:
        """Return a field of each asset's rows, `[batch * assets, rows, ...]`."""
        ops, n = keras.ops, len(self.assets.names)
        if name in self.assets.joined:
            return ops.repeat(inputs[name], n, axis=0)
        if name.startswith(BASKET):
            return ops.repeat(inputs[name.removeprefix(BASKET)], n, axis=0)
        if name == ASSET:
            any_field = next(f for f in self.fields if f not in self.assets.joined)
            numbers = ops.zeros_like(inputs[any_field]) + ops.convert_to_tensor(
                np.arange(n, dtype=np.float64)
            )
            return _assets_to_batch(numbers)
        if name.startswith(MARKET):
            assert self.assets.market is not None
            column = inputs[name.removeprefix(MARKET)][:, :, self.assets.names.index(self.assets.market)]
            return ops.repeat(column, n, axis=0)
        return _assets_to_batch(inputs[name])

    def compute_output_shape(self, input_shape: Mapping[str, Shape]) -> Shape:
        """Give the output's shape for the fields' shapes; batch and rows may be None."""
        rows = check_fields(input_shape, self.fields, self.warmup, f"'{self.name}'")
        rows = None if rows is None else rows - self.warmup
        batch, n = input_shape[self.fields[0]][0], len(self.assets.names)
        if self.pooled:
            return (None if batch is None else batch * n, rows, len(self.names))
        return (batch, rows, len(self.names))

    def mirror(self) -> tuple[np.ndarray, np.ndarray]:
        """Refuse: bars have no other side."""
        raise SpecError("mirror: bars of assets have no other side; it is for order books")

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments."""
        config = super().get_config()
        del config["dtype"]
        return {
            **config,
            "bank": keras.saving.serialize_keras_object(self.bank),
            "names": list(self.assets.names),
            "market": self.assets.market,
            "joined": list(self.assets.joined),
            "pooled": self.pooled,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> AssetFeatures:
        """Rebuild the layer from `get_config()`."""
        return cls(**{**config, "bank": keras.saving.deserialize_keras_object(config["bank"])})


def _assets_to_batch(x: Any) -> Any:
    """Turn `[batch, rows, assets]` into `[batch * assets, rows]`."""
    by_asset = keras.ops.transpose(x, (0, 2, 1))
    rows = by_asset.shape[2]
    return keras.ops.reshape(by_asset, (-1, keras.ops.shape(by_asset)[2] if rows is None else rows))


def _flat(x: Any, channels: int) -> Any:
    """Join the last two axes of `[batch, rows, assets, channels]` where the rows are not known."""
    shape = keras.ops.shape(x)
    return keras.ops.reshape(x, (shape[0], shape[1], channels))
