"""How predictions of movements are named and laid out: classes by horizon, and what else a row tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.books import mid, spread
from tsdeep.panel import Panel

CLASSES = ("down", "stationary", "up")
"""Classes of a movement, in the order of the labels 0, 1, 2."""

CALL = "call"
"""Name of the class that a method calls where it is not the one of the largest probability."""


def output_names(horizons: tuple[int, ...]) -> tuple[str, ...]:
    """Name the probabilities, horizon by horizon; of several horizons each with its rows.

    Examples
    --------
    >>> output_names((10, 20))
    ('down_10', 'stationary_10', 'up_10', 'down_20', 'stationary_20', 'up_20')
    """
    if len(horizons) == 1:
        return CLASSES
    return tuple(f"{name}_{horizon}" for horizon in horizons for name in CLASSES)


def named(probabilities: Any, horizons: tuple[int, ...]) -> dict[str, Any]:
    """Take probabilities `[n, 3]`, or `[n, horizons, 3]` of several horizons, apart by name, each `[n]`."""
    names = output_names(horizons)
    if len(horizons) == 1:
        return {name: probabilities[:, i] for i, name in enumerate(names)}
    return {name: probabilities[:, i // 3, i % 3] for i, name in enumerate(names)}


def named_calls(calls: Any, horizons: tuple[int, ...]) -> dict[str, Any]:
    """Name the calls that a method states beside probabilities, int `[n]`, or `[n, horizons]` of several horizons.

    Examples
    --------
    >>> named_calls(np.array([[0, 2], [1, 1]]), (10, 20))
    {'call_10': array([0, 1]), 'call_20': array([2, 1])}
    """
    if len(horizons) == 1:
        return {CALL: calls}
    return {f"{CALL}_{horizon}": calls[:, i] for i, horizon in enumerate(horizons)}


def stack_horizons(
    base: pd.DataFrame, y: np.ndarray, outputs: Mapping[str, np.ndarray], horizons: tuple[int, ...]
) -> pd.DataFrame:
    """Lay out predictions a row a prediction and horizon, one horizon after the other.

    Parameters
    ----------
    base : DataFrame of n rows
        What is known of each prediction.
    y : ndarray, [n] or [n, horizons]
        Classes.
    outputs : mapping of str to ndarray, [n]
        By `output_names`, with `_seed<k>` behind where there are several seeds; of a method that states its calls
        those too, by `named_calls`.
    horizons : tuple of int
        Rows ahead.

    Returns
    -------
    DataFrame of n x horizons rows
        The columns of `base`, horizon, y (int8), down, stationary, up, those of the seeds, and call (int8).
    """
    labels = np.asarray(y).reshape(len(base), len(horizons))
    parts = []
    for number, horizon in enumerate(horizons):
        columns = {}
        for name, values in outputs.items():
            output, _, seed = name.partition("_seed")
            if len(horizons) > 1:
                output, _, rows = output.rpartition("_")
                if rows != str(horizon):
                    continue
            values = np.asarray(values, np.int8) if output == CALL else values
            columns[f"{output}_seed{seed}" if seed else output] = values
        parts.append(base.assign(horizon=horizon, y=labels[:, number].astype(np.int8), **columns))
    return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]


def book_context(panel: Panel, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Tell of rows of books what evaluations look at beside labels.

    Parameters
    ----------
    panel : Panel
        With the fields of a book.
    rows : ndarray of int64, [n]
        Panel rows.

    Returns
    -------
    dict of str to ndarray, [n]
        `row` (of the panel), `session` (its date), `mid` in the price unit of the data, `spread_ticks` (NaN
        where the data has no tick), and `seconds` since the first row that the symbol has in the session.
    """
    keys = np.stack([np.unique(panel.symbol, return_inverse=True)[1], panel.session], axis=1)
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    dates = panel.time.astype("datetime64[D]") if panel.session_date is None else panel.session_date
    elapsed = panel.time[rows] - panel.time[first[group.reshape(-1)[rows]]]
    return {
        "row": np.asarray(rows, np.int64),
        "session": dates[rows].astype("datetime64[ns]"),
        "mid": mid(panel)[rows],
        "spread_ticks": spread(panel)[rows] / (np.nan if panel.tick is None else panel.tick),
        "seconds": elapsed / np.timedelta64(1, "s"),
    }
