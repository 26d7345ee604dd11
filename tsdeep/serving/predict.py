"""Predict: the newest rows, which have no label yet."""

from __future__ import annotations

import os
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tsdeep.errors import RunError
from tsdeep.features import ScalerBySymbol
from tsdeep.serving.export import describe
from tsdeep.serving.folders import METADATA
from tsdeep.serving.metadata import latest_version, read_metadata
from tsdeep.serving.raw_rows import Answer, answered

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.validation.result import Result


def predict(
    model: Result | str | os.PathLike[str],
    bars: pd.DataFrame | Panel,
    *,
    rows: int = 1,
    symbol: str | None = None,
) -> pd.DataFrame:
    """Predict the newest rows of raw bars.

    Parameters
    ----------
    model : Result or path
        A walk-forward result, the folder of an export (its newest version is used) or of one version.
    bars : DataFrame or Panel
        Raw bars with the model's fields, time as a DatetimeIndex or a column, optionally `symbol`; at
        least `rows_needed` rows a symbol. A model of several assets needs the same newest days of all of them, and
        series that it joins (`vix`) as a column. Order books are given as a Panel.
    rows : int, default 1
        How many of the newest rows of each symbol to predict.
    symbol : str, optional
        The instrument of a frame without a column `symbol`; by default the one the model was trained on.

    Returns
    -------
    DataFrame
        A row a prediction: time and symbol of the newest bar it reads, then the model's named outputs.

    Raises
    ------
    DataError
        If a field is missing, a value is not usable, or a symbol has too few rows.
    RunError
        If the folder holds no export.
    """
    about, answer = _open(model)
    return answered(about, answer, bars, rows=rows, symbol=symbol)


@lru_cache(maxsize=1)
def _loaded(version: Path, _written_ns: int) -> Any:
    """Keep the model that was asked last, whose reading takes longer than its answer."""
    import tensorflow as tf

    return tf.saved_model.load(str(version))


def _open(model: Result | str | os.PathLike[str]) -> tuple[dict[str, Any], Answer]:
    """Return the description of a model and a function from raw windows to its outputs."""
    import tensorflow as tf

    if isinstance(model, (str, os.PathLike)):
        version = latest_version(model)
        about = read_metadata(version)
        loaded = _loaded(version.absolute(), (version / METADATA).stat().st_mtime_ns)

        def served(fields: dict[str, tf.Tensor], symbol: str) -> Any:
            del symbol
            return loaded.signatures["serving_default"](**fields)
    else:
        from tsdeep.serving.raw_model import raw_model

        if not model.models:
            raise RunError(
                f"{model.model}: the result holds no models, as an average of several; ask its parts"
            )
        models, samples, scaler = model.last_models()
        about = describe(samples, list(samples.task.output_names))

        @cache
        def of(symbol: str | None) -> Any:
            return raw_model(models, samples, scaler, symbol)

        def served(fields: dict[str, tf.Tensor], symbol: str) -> Any:
            # `raw.predict` would cast NumPy float64 prices to float32.
            return of(symbol if isinstance(scaler, ScalerBySymbol) else None)(fields, training=False)

    def answer(windows: dict[str, np.ndarray], symbol: str) -> dict[str, np.ndarray]:
        outputs = served({name: tf.constant(value, tf.float64) for name, value in windows.items()}, symbol)
        return {name: np.asarray(outputs[name]) for name in about["outputs"]}

    return about, answer
