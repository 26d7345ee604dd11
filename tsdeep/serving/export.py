"""Export: a SavedModel that takes raw rows, with a description of itself beside it."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsdeep.errors import RunError
from tsdeep.features import ScalerBySymbol
from tsdeep.versions import library_versions

if TYPE_CHECKING:
    import keras

    from tsdeep.samples import Samples
    from tsdeep.validation.result import Result

METADATA = "tsdeep.json"


def export(
    what: Result | keras.Model | Sequence[keras.Model],
    directory: str | os.PathLike[str],
    *,
    samples: Samples | None = None,
    scaler: Any | None = None,
    symbol: str | None = None,
) -> Path:
    """Write a SavedModel that answers on raw rows, as the next version in a folder.

    Features and scaler are in the graph. The version is written beside its place and moved there whole,
    so that a server which polls the folder never sees half of one.

    Parameters
    ----------
    what : Result, keras.Model or sequence of keras.Model
        A walk-forward result (its last fold's model and scaler), or fitted models whose outputs are
        averaged.
    directory : path
        The model's folder; the version goes to `directory/<n>/` with the next free number.
    samples, scaler : Samples, Layer, optional
        What a model given by itself was trained on and with; a result brings its own.
    symbol : str, optional
        The instrument that the export is for, where each has a scaler of its own.

    Returns
    -------
    Path
        The folder of the version: a SavedModel whose `serving_default` takes one float64 tensor
        `[batch, rows_needed, ...]` a field by name and returns float32 outputs `[batch]` by name (`[batch, assets]`
        of samples of several assets, whose bars it takes side by side), and `tsdeep.json` (fields, rows needed,
        outputs, assets in their order, spec, cutoff, metrics, versions).

    Raises
    ------
    RunError
        If a model is given without its samples, or a result does not hold its models.
    SpecError
        If each instrument has a scaler of its own and `symbol` does not say which is meant.
    """
    import keras

    from tsdeep.serving.raw_model import raw_model
    from tsdeep.validation.result import Result

    if isinstance(what, Result):
        if not what.models:
            raise RunError(
                f"{what.model}: the result holds no models, as an average of several; export its parts"
            )
        models, samples, scaler = what.last_models()
        extra = what.description()
    elif samples is None:
        raise RunError(
            "exporting a model needs the samples it was trained on: export(model, dir, samples=..., scaler=...)"
        )
    else:
        models, extra = ([what] if isinstance(what, keras.Model) else list(what)), {}
    model = raw_model(models, samples, scaler, symbol)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    # A name that is no number is never taken for a version by a server that polls the folder.
    temporary = directory / f".writing-{uuid.uuid4().hex}"
    try:
        _write_saved_model(model, temporary)
        described = describe(samples, list(model.output)) | extra
        described["scaler_of"] = None  # one scaler for all
        if isinstance(scaler, ScalerBySymbol):
            described["scaler_of"] = symbol or next(iter(scaler.scalers))
            described["symbols"] = [described["scaler_of"]]
        (temporary / METADATA).write_text(json.dumps(described, indent=2, default=str) + "\n")
        version = directory / str(max(versions(directory), default=0) + 1)
        os.replace(temporary, version)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return version


def versions(directory: Path) -> list[int]:
    """List the version numbers in a model's folder, ascending."""
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if re.fullmatch(r"[1-9]\d*", entry.name))


def describe(samples: Samples, outputs: list[str]) -> dict[str, Any]:
    """Describe an export for the people and programs that will call it."""
    from tsdeep.serving.raw_model import served_features, served_fields

    shapes = served_fields(samples)
    return {
        "format": 1,
        "fields": list(shapes),
        "field_shapes": {name: list(shape) for name, shape in shapes.items()},
        "positive_fields": list(served_features(samples).positive_fields),
        "rows_needed": samples.rows_needed,
        "lookback": samples.lookback,
        "warmup": samples.features.warmup,
        "feature_names": list(samples.feature_names),
        "task": {"kind": samples.task.kind, **vars(samples.task)},
        "outputs": outputs,
        "row": samples.panel.row,
        "tick": samples.panel.tick,
        "symbols": sorted(set(samples.panel.symbols))
        if samples.assets is None
        else list(samples.assets.names),
        "assets": None
        if samples.assets is None
        else {"names": samples.assets.names, "joined": samples.assets.joined},
        "spec": None if samples.spec is None else samples.spec.resolved(),
        "versions": library_versions(),
    }


def _write_saved_model(model: keras.Model, path: Path) -> None:
    import tensorflow as tf

    # tf.function names the inputs of a signature after the names of the specs in the dict.
    signature = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tf.float64, name=name)
        for name, tensor in model.input.items()
    }

    def serve(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: tf.cast(value, tf.float32) for name, value in model(fields, training=False).items()}

    # Of the model only the variables: tracked whole, with its layers, it would be stored twice.
    archive = tf.Module()
    archive.weights = [variable.value for variable in model.variables]
    with _portable_recurrence(model):
        served = tf.function(serve, input_signature=[signature], autograph=False)
        with _quiet(tf.get_logger()):
            tf.saved_model.save(archive, str(path), signatures={"serving_default": served})


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Leave out remarks below warnings, such as the name of a temporary folder."""
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _portable_recurrence(model: keras.Model) -> Iterator[None]:
    """Trace recurrent layers without cuDNN: its kernels are fixed in the graph and run on no CPU."""
    recurrent = [layer for layer in _all_layers(model) if hasattr(layer, "use_cudnn")]
    before = [layer.use_cudnn for layer in recurrent]
    for layer in recurrent:
        layer.use_cudnn = False
    try:
        yield
    finally:
        for layer, use_cudnn in zip(recurrent, before, strict=True):
            layer.use_cudnn = use_cudnn


def _all_layers(layer: keras.Layer) -> Iterator[keras.Layer]:
    yield layer
    for child in getattr(layer, "layers", []) or layer._layers:
        yield from _all_layers(child)
