"""Where a stream's steps come from: models in memory, or an export."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tsdeep.errors import RunError, SpecError
from tsdeep.features import ScalerBySymbol
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
    fingerprint : str
        The model that a state is of.
    """

    fields: dict[str, tuple[int, ...]]
    positive: tuple[str, ...]
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
    """Models in memory."""

    def __init__(
        self,
        models: Sequence[Any],
        samples: Samples,
        scaler: Any | None,
        symbols: tuple[str, ...] | None,
        mode: str,
    ) -> None:
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
        self.shapes, self.dtypes = first.shapes, first.dtypes

    @cached_property
    def fingerprint(self) -> str:  # type: ignore[override]
        """Digest of the model with every scaler."""
        models = {id(self._scalers[name]): self._model(name) for name in self._scalers}
        return "-".join(model.fingerprint() for model in models.values())

    def _model(self, symbol: str | None) -> StreamModel:
        return StreamModel(self._models, self._samples, self._scalers[symbol], self.mode)

    def group_of(self, symbol: str | None) -> Any:
        return next(name for name in self._scalers if self._scalers[name] is self._scalers[symbol])

    def step_of(self, group: Any) -> Step:
        return self._model(group).step


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
    import keras

    if isinstance(model, (str, os.PathLike)):
        return _Exported(model, symbols, mode)
    if isinstance(model, (keras.Model, Sequence)):
        if samples is None:
            raise RunError(
                "streaming a model needs the samples it was trained on: Stream(model, samples=..., scaler=...)"
            )
        models = [model] if isinstance(model, keras.Model) else list(model)
    else:
        if not model.models:
            raise RunError(
                f"{model.model}: the result holds no models, as an average of several; stream its parts"
            )
        models, samples, scaler = model.last_models()
    return _Live(models, samples, scaler, symbols, mode or "exact")
