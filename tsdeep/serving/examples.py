"""Real raw rows: what exports are compared on, and what servers are warmed up with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tsdeep.assets import Assets, side_by_side
from tsdeep.errors import DataError
from tsdeep.serving.raw_model import served_fields

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

N_EXAMPLES = 16
"""Windows that an export is compared on."""


def raw_examples(samples: Samples, symbol: str | None = None, n: int = N_EXAMPLES) -> dict[str, np.ndarray]:
    """Cut windows of raw rows from a panel, as a client sends them, spread over all of it, the newest last.

    Parameters
    ----------
    samples : Samples
        Whose panel they are cut from.
    symbol : str, optional
        Of this instrument alone.
    n : int
        At most so many.

    Returns
    -------
    dict of str to ndarray of float64, [windows, rows_needed, ...]
        By field.

    Raises
    ------
    DataError
        If the panel has no row of the instrument with enough rows before it.
    """
    panel, fields = _as_served(samples)
    needed = samples.rows_needed
    ends = np.concatenate(
        [
            np.arange(min(start + needed - 1, stop), stop)
            for (start, stop), name in zip(panel.bounds.tolist(), panel.symbols, strict=True)
            if symbol in (None, name)
        ]
        or [np.empty(0, np.int64)]
    )
    if not len(ends):
        raise DataError(
            f"symbol '{symbol}': the panel has no {needed} rows of it in a segment; an export is compared on them"
        )
    chosen = ends[np.unique(np.linspace(0, len(ends) - 1, n).round().astype(np.int64))]
    windows = panel.windows(chosen, needed, fields)
    return {name: np.asarray(values, np.float64) for name, values in windows.items()}


def _as_served(samples: Samples) -> tuple[Panel, tuple[str, ...]]:
    """Return a panel whose rows are those of requests, and the fields of requests."""
    fields = tuple(served_fields(samples))
    assets = samples.assets
    if assets is None or samples.pooled is not None:
        return samples.panel, fields
    return side_by_side(samples.panel, Assets(assets.names, joined=assets.joined), fields), fields
