"""Predict: the newest rows, which have no label yet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tsdeep.assets import Assets, side_by_side
from tsdeep.errors import DataError, RunError, SpecError
from tsdeep.features import ScalerBySymbol
from tsdeep.panel import Panel
from tsdeep.serving.export import METADATA, describe, versions
from tsdeep.tables import refuse

if TYPE_CHECKING:
    from tsdeep.validation.result import Result

Answer = Callable[[dict[str, np.ndarray], str], dict[str, np.ndarray]]


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
    if isinstance(rows, bool) or not isinstance(rows, (int, np.integer)) or rows < 1:
        raise SpecError(f"rows: found {rows!r}, expected a whole number of at least 1")
    about, answer = _open(model)
    needed, fields = about["rows_needed"], about["fields"]
    panel = bars if isinstance(bars, Panel) else _panel(bars, fields, symbol, about["symbols"])
    assets = about.get("assets")
    if assets is not None:
        names, joined = tuple(assets["names"]), tuple(assets["joined"])
        panel = side_by_side(panel, Assets(names, joined=joined), tuple(fields))
    others = [each for each in dict.fromkeys(panel.symbols) if about.get("scaler_of") not in (None, each)]
    if others:
        raise DataError(
            f"found rows of {', '.join(others)}, expected {about['scaler_of']} alone: the export has the scaler of "
            "that instrument, and each has its own"
        )
    for name in fields:
        found, expected = list(panel.raw(name).shape[1:]), about["field_shapes"][name]
        if found != expected:
            raise DataError(
                f"field '{name}': found {found} values a row, the model was trained on {expected}"
            )
    for name in about["positive_fields"]:
        refuse(panel, name, panel.raw(name) <= 0, "above zero, as the model's features need it")
    newest = dict(zip(panel.symbols, panel.bounds.tolist(), strict=True))  # of each symbol the last segment
    tables = []
    for name, (start, stop) in newest.items():
        whose = f"symbol '{name}'" if assets is None else "the assets"
        if stop - start < needed + rows - 1:
            raise DataError(
                f"{whose}: {rows} prediction(s) need {needed + rows - 1} rows "
                f"({needed} for one), its newest segment has {stop - start}"
                + "".join(f"; {n}" for n in panel.notes[-1:])
            )
        ends = np.arange(stop - rows, stop)
        outputs = answer(panel.windows(ends, needed, tuple(fields)), name)
        if assets is None:
            base = {"time": panel.time[ends], "symbol": panel.symbol[ends]}
        else:
            names = assets["names"]
            base = {"time": np.repeat(panel.time[ends], len(names)), "symbol": np.tile(names, rows)}
        flat = {name: values.reshape(-1) for name, values in outputs.items()}
        tables.append(pd.DataFrame({**base, **flat}))
    return pd.concat(tables, ignore_index=True)


def latest_version(directory: str | os.PathLike[str]) -> Path:
    """Return the folder of the newest version of an export, or the version that was given."""
    directory = Path(directory)
    if (directory / METADATA).is_file():
        return directory
    found = versions(directory)
    if not found:
        each = sorted(entry.name for entry in directory.glob("symbol=*"))
        hint = f"; there is one for each instrument: {', '.join(each)}" if each else ""
        raise RunError(f"{directory}: found no exported version; expected {directory}/<n>/{METADATA}{hint}")
    return directory / str(found[-1])


def read_metadata(version: Path) -> dict[str, Any]:
    """Read the description beside an export; RunError names the file if it cannot be read."""
    path = version / METADATA
    try:
        content = dict(json.loads(path.read_text()))
        missing = {
            "fields",
            "field_shapes",
            "positive_fields",
            "rows_needed",
            "outputs",
            "symbols",
            "spec",
        } - set(content)
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        return content
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{path}: cannot be read as the description of an export: {error}") from error


def _open(model: Result | str | os.PathLike[str]) -> tuple[dict[str, Any], Answer]:
    """Return the description of a model and a function from raw windows to its outputs."""
    import tensorflow as tf

    if isinstance(model, (str, os.PathLike)):
        version = latest_version(model)
        about = read_metadata(version)
        loaded = tf.saved_model.load(str(version))

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


def _panel(bars: pd.DataFrame, fields: list[str], symbol: str | None, known: list[str]) -> Panel:
    wanted = [name for name in fields if name != "time"]
    if "ask_price" in wanted:
        raise DataError("the model reads order books: expected a Panel of them, found a table of bars")
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
