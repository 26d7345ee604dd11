"""The order of a row's values: by the names of instruments or assets, where the row has them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError


def keys_of(row: Any) -> Collection[Any]:
    """Return the names of a row's fields: of a mapping, a Series, a DataFrame or a structured array."""
    if hasattr(row, "keys"):
        keys: Collection[Any] = row.keys()
        return keys
    return getattr(getattr(row, "dtype", None), "names", None) or ()


def in_order(
    row: Any,
    fields: Mapping[str, tuple[int, ...]],
    symbols: Sequence[str] | None,
    assets: Sequence[str] | None,
) -> Any:
    """Return a row with its values in the order of the instruments, or of a model's assets.

    The names are the row's `symbol` where it has that, otherwise the index of a DataFrame, or of each field that is a
    Series or DataFrame. Arrays and lists have no names and are taken as they are.

    Parameters
    ----------
    row : mapping, Series or DataFrame
        As given to `Stream.push`.
    fields : mapping of str to tuple
        The shape of each field of one instrument's row.
    symbols : sequence of str or None
        The instruments of the row; None where it has no axis of them.
    assets : sequence of str or None
        The assets of a model of several.

    Returns
    -------
    object
        The row itself where there is nothing to put in order, otherwise a dict of its fields and `time`.

    Raises
    ------
    DataError
        If the names are not those of the instruments or assets, each once.
    """
    names = assets if symbols is None else symbols
    if names is None:
        return row
    keys = keys_of(row)
    wanted = [key for key in keys if key in fields or key == "time"]
    if isinstance(row, pd.DataFrame) or "symbol" in keys:
        order = _order(_names(row, keys), names, "a row")
        found = {key: _taken(row[key], order) for key in wanted}
    else:
        found = {key: row[key] for key in wanted}
        named = {key: v for key, v in found.items() if isinstance(v, (pd.Series, pd.DataFrame))}
        if not named:
            return row
        for key, values in named.items():
            ordered = values.to_numpy()[_order(values.index, names, f"field '{key}'")]
            if isinstance(values, pd.DataFrame) and symbols is not None and assets is not None:
                ordered = ordered[:, _order(values.columns, assets, f"field '{key}'")]
            found[key] = ordered
    if symbols is None:  # what all assets share may stand beside each of them
        for key, values in found.items():
            if (
                not fields.get(key, ())
                and np.ndim(values) == 1
                and len(set(np.asarray(values).tolist())) == 1
            ):
                found[key] = values[0]
    return found


def _names(row: Any, keys: Collection[Any]) -> Any:
    if "symbol" in keys:
        return np.atleast_1d(np.asarray(row["symbol"], object))
    return row.index.get_level_values("symbol") if "symbol" in row.index.names else row.index


def _order(found: Any, names: Sequence[str], what: str) -> np.ndarray:
    """Return where each name stands."""
    places = {name: place for place, name in enumerate(found)}
    if len(found) != len(names) or places.keys() != set(names):
        raise DataError(
            f"{what}: found values of {_short(found)}, expected {_short(names)}, each once, by the column 'symbol' or "
            "the index; arrays are taken in this order"
        )
    return np.array([places[name] for name in names])


def _taken(values: Any, order: np.ndarray) -> Any:
    """Put values in an order; what is not one each is refused later, by its shape."""
    array = np.asarray(values)
    return array[order] if array.ndim and len(array) == len(order) else values


def _short(names: Any) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:8], f"and {len(shown) - 8} more"])
