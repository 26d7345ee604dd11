"""tsdeep: deep learning on market data with TensorFlow and Keras, with no look-ahead on the way.

The public names are imported when they are first used, so that `import tsdeep` is quick.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsdeep.comparing import compare
    from tsdeep.datasets import load_prepared, prepare
    from tsdeep.devices import device_report
    from tsdeep.errors import DataError, RunError, SpecError, TsdeepError
    from tsdeep.features import (
        Feature,
        FeatureBank,
        Scaler,
        ScalerBySymbol,
        StandardScaler,
        feature_names,
        make_feature,
        make_scaler,
        register_feature,
        register_scaler,
        scaler_names,
    )
    from tsdeep.manual import help
    from tsdeep.models import build, initialise, load_model, model_names, receptive_field, register_model
    from tsdeep.panel import Panel
    from tsdeep.pipeline import Prepared, RowRanges, windows
    from tsdeep.runs import load_run, run
    from tsdeep.samples import Samples
    from tsdeep.serving import Stream, export, predict
    from tsdeep.sources import BookSource, Source, make_source, register_source, source_names
    from tsdeep.spec import DataSpec, load, load_spec, make_spec
    from tsdeep.spec_files import spec_names
    from tsdeep.spec_schema import json_schema
    from tsdeep.tasks import Task, get_task, register_task, task_names
    from tsdeep.validation import CombinatorialPurged, Fold, Result, WalkForward, audit, average, walk_forward

__version__ = importlib.metadata.version("tsdeep")

_HOME = {
    "tsdeep.errors": ("DataError", "RunError", "SpecError", "TsdeepError"),
    "tsdeep.panel": ("Panel",),
    "tsdeep.comparing": ("compare",),
    "tsdeep.datasets": ("load_prepared", "prepare"),
    "tsdeep.devices": ("device_report",),
    "tsdeep.samples": ("Samples",),
    "tsdeep.spec": ("DataSpec", "load", "load_spec", "make_spec"),
    "tsdeep.spec_files": ("spec_names",),
    "tsdeep.spec_schema": ("json_schema",),
    "tsdeep.features": (
        *("Feature", "FeatureBank", "feature_names", "make_feature", "register_feature"),
        *("Scaler", "ScalerBySymbol", "StandardScaler", "make_scaler", "register_scaler", "scaler_names"),
    ),
    "tsdeep.sources": ("BookSource", "Source", "make_source", "register_source", "source_names"),
    "tsdeep.tasks": ("Task", "get_task", "register_task", "task_names"),
    "tsdeep.manual": ("help",),
    "tsdeep.pipeline": ("Prepared", "RowRanges", "windows"),
    "tsdeep.models": (
        "build",
        "initialise",
        "load_model",
        "model_names",
        "receptive_field",
        "register_model",
    ),
    "tsdeep.validation": (
        "CombinatorialPurged",
        "Fold",
        "Result",
        "WalkForward",
        "audit",
        "average",
        "walk_forward",
    ),
    "tsdeep.serving": ("Stream", "export", "predict"),
    "tsdeep.runs": ("load_run", "run"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "BookSource",
    "CombinatorialPurged",
    "DataError",
    "DataSpec",
    "Feature",
    "FeatureBank",
    "Fold",
    "Panel",
    "Prepared",
    "Result",
    "RowRanges",
    "RunError",
    "Samples",
    "Scaler",
    "ScalerBySymbol",
    "Source",
    "SpecError",
    "StandardScaler",
    "Stream",
    "Task",
    "TsdeepError",
    "WalkForward",
    "__version__",
    "audit",
    "average",
    "build",
    "compare",
    "device_report",
    "export",
    "feature_names",
    "get_task",
    "help",
    "initialise",
    "json_schema",
    "load",
    "load_model",
    "load_prepared",
    "load_run",
    "load_spec",
    "make_feature",
    "make_scaler",
    "make_source",
    "make_spec",
    "model_names",
    "predict",
    "prepare",
    "receptive_field",
    "register",
    "register_feature",
    "register_model",
    "register_scaler",
    "register_source",
    "register_task",
    "run",
    "scaler_names",
    "source_names",
    "spec_names",
    "task_names",
    "walk_forward",
    "windows",
]


def register() -> None:
    """Register tsdeep's layers with Keras and its builders with TensorFlow Datasets.

    `keras.models.load_model` then knows the layers, and `tfds.load("tsdeep_lob/lob_midprice")` and
    `tfds.load("tsdeep_bars/sp500_direction")`, with any spec's name, prepare and read data sets.
    """
    importlib.import_module("tsdeep.datasets")
    from tsdeep.models.load import register_all

    register_all()


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'tsdeep' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
