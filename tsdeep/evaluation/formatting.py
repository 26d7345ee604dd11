"""Numbers and small tables as the report writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd


def number_text(value: Any, form: str) -> str:
    """Format a number, a dash where it is not defined."""
    return "—" if np.isnan(value) else format(value, form)


def p_cell(value: float) -> str:
    """Format a p-value for a table, a dash where it is not defined."""
    return "< 0.001" if value < 0.001 else number_text(value, ".3f")


def interval_text(low: float, high: float, form: str) -> str:
    """Format an interval, a dash where it is not defined."""
    return f"{low:{form}} to {high:{form}}" if np.isfinite(low) else "—"


def text_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    groups: Sequence[tuple[str, int]] = (),
    model: str | None = None,
    last: bool = False,
) -> dict[str, Any]:
    """Return a table of text as the page's `grid` draws it.

    Parameters
    ----------
    header : sequence of str
        Of the columns.
    rows : sequence of sequence of str
        Cells.
    groups : sequence of (str, int)
        Names above columns that belong together, and how many these are.
    model : str, optional
        The row that begins with it is marked.
    last : bool
        Whether the last row is a total.

    Returns
    -------
    dict of str to any
        header, groups and rows, each of these its kind ("", "model" or "total") and its cells.
    """
    kinds = ["model" if model is not None and row[0] == model else "" for row in rows]
    if last and kinds:
        kinds[-1] = "total"
    return {"header": list(header), "groups": list(groups), "rows": list(zip(kinds, rows, strict=True))}


def setting_text(value: Any) -> str:
    """Write a setting as a reader of no code does: yes and no, none, and parts with their names.

    Examples
    --------
    >>> setting_text({"filters": 16, "mirror": False, "assets": None, "dilations": [1, 2]})
    'filters: 16; mirror: no; assets: none; dilations: 1, 2'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {setting_text(each)}" for key, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(setting_text(each) for each in value) or "none"
    return "none" if value is None else str(value)


def plain_table(table: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return header and cells of any small table, dates without an empty clock, times by the second."""
    if table is None:
        return None
    frame = table.reset_index() if table.index.name else table
    return {
        "header": [str(c) for c in frame.columns],
        "rows": [[_cell(v) for v in row] for row in frame.to_numpy()],
    }


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp | np.datetime64):
        stamp = pd.Timestamp(value)
        if pd.isna(stamp):
            return "—"
        return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float) and np.isfinite(value):
        return f"{int(value):,}" if value == int(value) else f"{value:.4g}"
    return "—" if value is None or value is pd.NaT or value != value else str(value)
