"""From bars to the windows that a served model reads, and from its outputs to a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.assets import Assets, side_by_side
from tsdeep.errors import DataError, SpecError
from tsdeep.panel import Panel
from tsdeep.tables import refuse

Answer = Callable[[dict[str, np.ndarray], str], Mapping[str, np.ndarray]]
"""From raw windows `field [batch, rows_needed, ...]` and their symbol to `output [batch]` or `[batch, assets]`."""


def answered(
    about: Mapping[str, Any],
    answer: Answer,
    bars: pd.DataFrame | Panel,
    *,
    rows: int = 1,
    symbol: str | None = None,
) -> pd.DataFrame:
    """Ask a model about the newest rows of raw bars.

    Parameters
    ----------
    about : mapping
        The model's description, as in `tsdeep.json`: `fields`, `field_shapes`, `positive_fields`, `rows_needed`
        and `symbols`; `assets` and `scaler_of` where it has them. `rows_needed` None, not known, sends all rows
        there are, of which a model reads the newest; `symbols` None is not known either.
    answer : callable
        The model: from raw windows, float64, and their symbol to outputs by name.
    bars : DataFrame or Panel
        Raw bars with the model's fields; at least `rows_needed` rows a symbol.
    rows : int, default 1
        How many of the newest rows of each symbol to predict.
    symbol : str, optional
        The instrument of a frame without a column `symbol`; by default the one the model was trained on.

    Returns
    -------
    DataFrame
        A row a prediction: time and symbol of the newest bar it reads, then the outputs.

    Raises
    ------
    SpecError
        If `rows` is not a whole number of at least 1.
    DataError
        If a field is missing, a value is not usable, or a symbol has too few rows.
    """
    panel, newest = newest_rows(about, bars, rows=rows, symbol=symbol)
    needed, fields, assets = about["rows_needed"], tuple(about["fields"]), about.get("assets")
    tables = []
    for name, (start, stop) in newest.items():
        ends = np.arange(stop - rows, stop)
        windows = panel.windows(ends, stop - start - rows + 1 if needed is None else needed, fields)
        outputs = answer({name: values.astype(np.float64) for name, values in windows.items()}, name)
        if assets is None:
            base = {"time": panel.time[ends], "symbol": panel.symbol[ends]}
        else:
            names = assets["names"]
            base = {"time": np.repeat(panel.time[ends], len(names)), "symbol": np.tile(names, rows)}
        flat = {name: values.reshape(-1) for name, values in outputs.items()}
        tables.append(pd.DataFrame({**base, **flat}))
    return pd.concat(tables, ignore_index=True)


def newest_rows(
    about: Mapping[str, Any], bars: pd.DataFrame | Panel, *, rows: int = 1, symbol: str | None = None
) -> tuple[Panel, dict[str, list[int]]]:
    """Check raw bars for what a model needs of them, before it is asked.

    Parameters
    ----------
    about, bars, rows, symbol
        As of `answered`.

    Returns
    -------
    panel : Panel
        As of `panel_of`.
    newest : dict of str to list of int
        By symbol, first row and end of its newest segment, which has as many rows as the predictions need.

    Raises
    ------
    SpecError
        If `rows` is not a whole number of at least 1.
    DataError
        If a field is missing, a value is not usable, or a symbol has too few rows.
    """
    if isinstance(rows, bool) or not isinstance(rows, (int, np.integer)) or rows < 1:
        raise SpecError(f"rows: found {rows!r}, expected a whole number of at least 1")
    panel = panel_of(about, bars, symbol)
    newest = dict(zip(panel.symbols, panel.bounds.tolist(), strict=True))  # of each symbol the last segment
    fewest = 1 if about["rows_needed"] is None else about["rows_needed"]
    for name, (start, stop) in newest.items():
        whose = f"symbol '{name}'" if about.get("assets") is None else "the assets"
        if stop - start < fewest + rows - 1:
            raise DataError(
                f"{whose}: {rows} prediction(s) need {fewest + rows - 1} rows "
                f"({fewest} for one), its newest segment has {stop - start}"
                + "".join(f"; {n}" for n in panel.notes[-1:])
            )
    return panel, newest


def panel_of(about: Mapping[str, Any], bars: pd.DataFrame | Panel, symbol: str | None = None) -> Panel:
    """Make the panel that a model is asked about of raw bars, and check what the model needs of them.

    Parameters
    ----------
    about, bars, symbol
        As of `answered`.

    Returns
    -------
    Panel
        With the model's fields; assets that a model takes together stand side by side.

    Raises
    ------
    DataError
        If a field is missing, a value is not usable, or the model's scaler is another instrument's.
    """
    if not isinstance(bars, (pd.DataFrame, Panel)):
        raise DataError(f"bars: found {type(bars).__name__}, expected a DataFrame or a Panel")
    fields = tuple(about["fields"])
    panel = bars if isinstance(bars, Panel) else _panel(bars, fields, symbol, about["symbols"])
    assets = about.get("assets")
    if assets is not None:
        names, joined = tuple(assets["names"]), tuple(assets["joined"])
        panel = side_by_side(panel, Assets(names, joined=joined), fields)
    others = [each for each in dict.fromkeys(panel.symbols) if about.get("scaler_of") not in (None, each)]
    if others:
        raise DataError(
            f"found rows of {', '.join(others)}, expected {about['scaler_of']} alone: the export has the scaler of "
            "that instrument, and each has its own"
        )
    for name in fields:
        found, expected = list(panel.raw(name).shape[1:]), list(about["field_shapes"][name])
        if found != expected:
            raise DataError(
                f"field '{name}': found {found} values a row, the model was trained on {expected}"
            )
        refuse(panel, name, ~np.isfinite(panel.raw(name)), "a finite number")
    for name in about["positive_fields"]:
        refuse(panel, name, panel.raw(name) <= 0, "above zero, as the model's features need it")
    return panel


def _panel(bars: pd.DataFrame, fields: tuple[str, ...], symbol: str | None, known: list[str] | None) -> Panel:
    wanted = [name for name in fields if name != "time"]
    if "ask_price" in wanted:
        raise DataError("the model reads order books: expected a Panel of them, found a table of bars")
    missing = [name for name in wanted if name not in bars.columns]
    if missing:
        raise DataError(f"bars lack {', '.join(missing)}; the model reads: {', '.join(fields)}")
    if symbol is None and "symbol" not in bars.columns:
        if known is None or len(known) != 1:
            knows = f" and the model knows {', '.join(known)}" if known else ""
            raise DataError(f"bars have no column 'symbol'{knows}; pass symbol=...")
        symbol = known[0]
    keys = [name for name in ("time", "symbol", "segment", "session") if name in bars.columns]
    return Panel.from_frame(bars[[*keys, *wanted]], symbol=symbol)
