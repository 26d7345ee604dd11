"""Where a stream's steps come from: models in memory, or an export."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tsdeep.errors import RunError, SpecError
from tsdeep.features import ScalerBySymbol
from tsdeep.serving.fitted import fitted, refuse_own
from tsdeep.serving.metadata import latest_version, read_metadata
from tsdeep.serving.raw_model import scaler_of, served_features
from tsdeep.serving.stream_engine import Step
from tsdeep.serving.stream_model import StreamModel

if TYPE_CHECKING:
    from tsdeep.samples import Samples


class StreamSource(ABC):
    """What a stream needs to know, and the step of each group of instruments.

    Attributes
    ----------
    fields, outputs, rows_needed, mode, shapes, dtypes
        As of `StreamModel`.
    positive : tuple of str
        Fields that must be above zero.
    assets : tuple of str or None
        The assets of a model of several, in the order of a field's values.
    fingerprint : str
        The model that a state is of.
    """

    fields: dict[str, tuple[int, ...]]
    positive: tuple[str, ...]
    assets: tuple[str, ...] | None
    outputs: tuple[str, ...]
    rows_needed: int
    mode: str
    shapes: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    fingerprint: str

    @abstractmethod
    def group_of(self, symbol: str | None) -> Any:
        """Return what instruments with the same step have in common."""

    @abstractmethod
    def step_of(self, group: Any) -> Step:
        """Return the step of a group."""


class _Live(StreamSource):
    """Models in memory, with the weights that they have now."""

    def __init__(
        self,
        models: Sequence[Any],
        samples: Samples,
        scaler: Any | None,
        symbols: tuple[str, ...] | None,
        mode: str,
    ) -> None:
        import tensorflow as tf

        self._models, self._samples, self.mode = models, samples, mode
        scalers = [scaler]
        if isinstance(scaler, ScalerBySymbol):
            scalers = [scaler.of(each) for each in symbols] if symbols else [scaler_of(scaler, None)]
        self._scalers = dict(
            zip(symbols or (None,), scalers * (len(symbols or (None,)) // len(scalers)), strict=True)
        )
        first = self._model(next(iter(self._scalers)))
        self.fields, self.outputs, self.rows_needed = first.fields, first.outputs, first.rows_needed
        self.positive = tuple(served_features(samples).positive_fields)
        self.assets = None if samples.assets is None else tuple(samples.assets.names)
        self.shapes, self.dtypes = first.shapes, first.dtypes
        groups = dict.fromkeys(self.group_of(name) for name in self._scalers)
        self.fingerprint = "-".join(self._model(group).fingerprint() for group in groups)
        holders = [*models, *(each for each in map(self._scalers.get, groups) if each is not None)]
        self._weights = [
            (variable, tf.constant(variable.value.numpy())) for each in holders for variable in each.variables
        ]

    def _model(self, symbol: str | None) -> StreamModel:
        return StreamModel(self._models, self._samples, self._scalers[symbol], self.mode)

    def group_of(self, symbol: str | None) -> Any:
        return next(name for name in self._scalers if self._scalers[name] is self._scalers[symbol])

    def step_of(self, group: Any) -> Step:
        step = self._model(group).step

        def with_kept_weights(state: dict[str, Any], fields: dict[str, Any]) -> Any:
            with keras.StatelessScope(state_mapping=self._weights):
                return step(state, fields)

        return with_kept_weights


class _Exported(StreamSource):
    """An export with `stream_step`."""

    def __init__(
        self, path: str | os.PathLike[str], symbols: tuple[str, ...] | None, mode: str | None
    ) -> None:
        import tensorflow as tf

        version = latest_version(path)
        about = read_metadata(version)
        stream = about.get("signatures", {}).get("stream_step", {}).get("stream")
        if not stream:
            raise RunError(
                f"{version}: the export has no stream_step; expected one exported with stream='exact', 'window' "
                "or 'carry'"
            )
        if mode not in (None, stream["mode"]):
            raise SpecError(
                f"mode: found '{mode}', expected '{stream['mode']}', in which {version} was exported"
            )
        owner = about.get("scaler_of")
        others = [name for name in symbols or () if owner not in (None, name)]
        if others:
            raise SpecError(
                f"symbols: found {', '.join(others)}, expected {owner} alone: the export has the scaler of that "
                "instrument, and each has its own"
            )
        self.fields = {name: tuple(about["field_shapes"][name]) for name in about["fields"]}
        self.positive, self.outputs = tuple(about["positive_fields"]), tuple(about["outputs"])
        self.assets = tuple(about["assets"]["names"]) if about.get("assets") else None
        self.rows_needed, self.mode, self.fingerprint = (
            about["rows_needed"],
            stream["mode"],
            stream["fingerprint"],
        )
        self.shapes = {name: tuple(shape) for name, shape in stream["state_shapes"].items()}
        self.dtypes = dict(stream["state_dtypes"])
        self._loaded = tf.saved_model.load(str(version))

    def group_of(self, symbol: str | None) -> Any:
        del symbol

    def step_of(self, group: Any) -> Step:
        del group
        signature = self._loaded.signatures["stream_step"]

        def step(state: dict[str, Any], fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
            found = signature(**state, **fields)
            return {name: found[name] for name in self.outputs}, {name: found[name] for name in self.shapes}

        return step


def source_of(
    model: Any,
    samples: Samples | None,
    scaler: Any | None,
    symbols: tuple[str, ...] | None,
    mode: str | None,
) -> StreamSource:
    """Return what a stream of a result, models with their samples, or an export is made of; see `Stream`."""
    if isinstance(model, (str, os.PathLike)):
        refuse_own(samples, scaler, "an export")
        return _Exported(model, symbols, mode)
    models, samples, scaler = fitted(model, samples, scaler, "Stream(model")
    return _Live(models, samples, scaler, symbols, mode or "exact")
