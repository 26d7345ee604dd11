"""Predict: the newest rows, which have no label yet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, RunError
from tsdeep.panel import Panel
from tsdeep.serving.export import METADATA, versions

if TYPE_CHECKING:
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
        least `rows_needed` rows a symbol.
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
    if rows < 1:
        raise DataError(f"rows: found {rows}, expected at least 1")
    needed, fields, known, answer = _open(model)
    panel = bars if isinstance(bars, Panel) else _panel(bars, fields, symbol, known)
    ends: list[int] = []
    for (start, stop), name in zip(panel.bounds, panel.symbols, strict=True):
        if stop - start < needed + rows - 1:
            raise DataError(
                f"symbol '{name}': {rows} prediction(s) need {needed + rows - 1} rows "
                f"({needed} for one), found {stop - start}"
            )
        ends.extend(range(stop - rows, stop))
    raw = panel.windows(np.array(ends), needed, tuple(fields))
    outputs = answer(raw)
    return pd.DataFrame({"time": panel.time[ends], "symbol": panel.symbol[ends], **outputs})


def latest_version(directory: str | os.PathLike[str]) -> Path:
    """Return the folder of the newest version of an export, or the version that was given."""
    directory = Path(directory)
    if (directory / METADATA).is_file():
        return directory
    found = versions(directory)
    if not found:
        raise RunError(f"{directory}: found no exported version; expected {directory}/<n>/{METADATA}")
    return directory / str(found[-1])


def read_metadata(version: Path) -> dict[str, Any]:
    """Read the description beside an export; RunError names the file if it cannot be read."""
    path = version / METADATA
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise RunError(f"{path}: cannot be read as the description of an export: {error}") from error


def _open(model: Result | str | os.PathLike[str]) -> tuple[int, list[str], list[str], Any]:
    """Return rows needed, fields, symbols and a function from raw windows to outputs."""
    import tensorflow as tf

    if isinstance(model, (str, os.PathLike)):
        version = latest_version(model)
        metadata = read_metadata(version)
        loaded = tf.saved_model.load(str(version))

        def answer(raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            fields = {name: tf.constant(value, tf.float64) for name, value in raw.items()}
            outputs = loaded.signatures["serving_default"](**fields)
            return {name: outputs[name].numpy() for name in metadata["outputs"]}

        return metadata["rows_needed"], metadata["fields"], metadata["symbols"], answer
    from tsdeep.serving.raw_model import raw_model

    models, samples, scaler = model.last_models()
    served = raw_model(models, samples, scaler)

    def call(raw: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        # `served.predict` would cast NumPy float64 prices to float32.
        outputs = served(
            {name: tf.constant(value, tf.float64) for name, value in raw.items()}, training=False
        )
        return {name: np.asarray(value) for name, value in outputs.items()}

    return samples.rows_needed, list(samples.features.fields), sorted(set(samples.panel.symbols)), call


def _panel(bars: pd.DataFrame, fields: list[str], symbol: str | None, known: list[str]) -> Panel:
    wanted = [name for name in fields if name != "time"]
    missing = [name for name in wanted if name not in bars.columns]
    if missing:
        raise DataError(f"bars lack {', '.join(missing)}; the model reads: {', '.join(fields)}")
    if symbol is None and "symbol" not in bars.columns:
        if len(known) != 1:
            raise DataError(
                f"bars have no column 'symbol' and the model knows {', '.join(known)}; pass symbol=..."
            )
        symbol = known[0]
    keys = [name for name in ("time", "symbol", "segment", "session") if name in bars.columns]
    return Panel.from_frame(bars[[*keys, *wanted]], symbol=symbol)
