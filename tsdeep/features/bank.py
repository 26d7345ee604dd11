"""Features side by side: one layer from raw rows to the channels that a model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from tsdeep.errors import SpecError
from tsdeep.features.base import Feature, Shape, check_fields
from tsdeep.features.registry import make_feature


@keras.saving.register_keras_serializable("tsdeep")
class FeatureBank(keras.layers.Layer):
    """Features computed side by side, cropped to the largest warm-up and joined.

    Features are computed in float64 and cast at the end: the output is float32, whatever the global
    dtype policy.

    Parameters
    ----------
    features : sequence of Feature or mapping
        Features, or their spec mappings, in the order of the channels.
    **kwargs : object
        `name` and `trainable` of `keras.layers.Layer`.

    Attributes
    ----------
    fields : tuple of str
        Raw fields that any of the features reads, in order of first use.
    positive_fields : tuple of str
        Those of them that must be above zero.
    warmup : int
        Rows before the current one that are read: the largest of the features'.
    names : tuple of str
        One name an output channel.

    Raises
    ------
    SpecError
        If there is no feature, or two channels have the same name.

    Examples
    --------
    >>> bank = FeatureBank([{"kind": "log_return", "rows": 5}, {"kind": "log_volume_change"}])
    >>> bank.fields, bank.warmup, bank.names
    (('close', 'volume'), 5, ('log_return_5', 'log_volume_change_1'))
    >>> bank.compute_output_shape({"close": (None, 100), "volume": (None, 100)})
    (None, 95, 2)
    """

    def __init__(self, features: Sequence[Feature | Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(dtype="float32", autocast=False, **kwargs)
        self.features = [make_feature(feature) for feature in features]
        if not self.features:
            raise SpecError("FeatureBank: no features given; expected one or more")
        self.fields = _in_order(name for feature in self.features for name in feature.fields)
        self.positive_fields = _in_order(
            name for feature in self.features for name in feature.positive_fields
        )
        self.warmup = max(feature.warmup for feature in self.features)
        self.names = tuple(name for feature in self.features for name in feature.names)
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise SpecError(f"FeatureBank: channels given more than once: {', '.join(twice)}")

    def build(self, input_shape: Mapping[str, Shape]) -> None:
        """Build the features."""
        for feature in self.features:
            feature.build(input_shape)
        self.built = True

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Compute all features over raw rows.

        Parameters
        ----------
        inputs : mapping of str to tensor
            Raw fields by name, float64, `[batch, rows, ...]`; others than the features' are ignored.

        Returns
        -------
        tensor
            `[batch, rows - warmup, channels]`, float32; output row i belongs to input row i + warmup.

        Raises
        ------
        DataError
            If a field is missing or not float64, fields differ in length, or there are fewer rows than
            warmup + 1.
        """
        shapes = {name: tuple(x.shape) for name, x in inputs.items()}
        check_fields(shapes, self.fields, self.warmup, f"'{self.name}'")
        parts = [self._part(feature, inputs) for feature in self.features]
        return keras.ops.cast(keras.ops.concatenate(parts, axis=-1), "float32")

    def _part(self, feature: Feature, inputs: Mapping[str, Any]) -> Any:
        """Compute a feature on the rows from which its first output here is; a value is the same from any start."""
        start = self.warmup - feature.warmup
        return feature({name: inputs[name][:, start:] if start else inputs[name] for name in feature.fields})

    def compute_output_shape(self, input_shape: Mapping[str, Shape]) -> Shape:
        """Give the shape `[batch, rows - warmup, channels]` for the fields' shapes; rows may be None."""
        rows = check_fields(input_shape, self.fields, self.warmup, f"'{self.name}'")
        batch = input_shape[self.fields[0]][0]
        return (batch, None if rows is None else rows - self.warmup, len(self.names))

    def mirror(self) -> tuple[np.ndarray, np.ndarray]:
        """Tell how the channels look where the order book is mirrored: bids for asks, ups for downs.

        Returns
        -------
        tuple of ndarray: int64 [channels], float32 [channels]
            Channel c of the mirror image is channel `index[c]` times `sign[c]`.

        Raises
        ------
        SpecError
            If a feature does not say how it is mirrored; with the features that do not.
        """
        silent = [feature.kind or feature.name for feature in self.features if feature.mirror_sign is None]
        if silent:
            raise SpecError(
                f"mirror: {', '.join(silent)} cannot be told from the other side of the book; expected features "
                "that have mirror_sign"
            )
        index, sign = [], []
        for feature in self.features:
            signs = np.broadcast_to(np.array(feature.mirror_sign), len(feature.names))
            for name, each in zip(feature.names, signs.tolist(), strict=True):
                other = _other_side(name)
                index.append(self.names.index(other if other in feature.names else name))
                sign.append(each)
        return np.array(index, np.int64), np.array(sign, np.float32)

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, features serialised."""
        config = super().get_config()
        del config["dtype"]  # float32 whatever the policy
        return {**config, "features": [keras.saving.serialize_keras_object(f) for f in self.features]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureBank:
        """Rebuild a bank from `get_config()`."""
        features = [keras.saving.deserialize_keras_object(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})


def _other_side(name: str) -> str:
    """Swap the words ask and bid in a channel's name."""
    swap = {"ask": "bid", "bid": "ask"}
    return "_".join(swap.get(word, word) for word in name.split("_"))


def _in_order(names: Any) -> tuple[str, ...]:
    """Each name once, in order of first use."""
    return tuple(dict.fromkeys(names))
