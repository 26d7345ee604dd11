"""Numbers and small tables as the report writes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd


def number_text(value: Any, form: str) -> str:
    """Format a number, a dash where it is not defined."""
    return "—" if np.isnan(value) else format(value, form)


def p_cell(value: float) -> str:
    """Format a p-value for a table, a dash where it is not defined."""
    return "< 0.001" if value < 0.001 else number_text(value, ".3f")


def plain_table(table: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return header and cells of any small table, dates without an empty clock."""
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
        return "—" if pd.isna(stamp) else f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp}"
    if isinstance(value, float) and np.isfinite(value):
        return f"{int(value):,}" if value == int(value) else f"{value:.4g}"
    return "—" if value is None or value is pd.NaT or value != value else str(value)
