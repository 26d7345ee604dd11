"""Rows of a prepared data set, read into memory: what scalers and thresholds are fitted on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tsdeep.pipeline.checks import check_size
from tsdeep.pipeline.row_ranges import RowRanges

if TYPE_CHECKING:
    from tsdeep.pipeline.prepared import Prepared

LEAST_ROWS = 1_000
"""Rows of each instrument that are taken at least, where it has them."""


def gathered(prepared: Prepared, rows: RowRanges, name: str) -> np.ndarray:
    """Read `x` or `y` of rows, `[rows, columns]`, in order."""
    found = []
    for first, record in prepared.chunks((name, "context") if name == "x" else (name,), rows):
        values = record[name][int(record["context"]) :] if name == "x" else record[name]
        place = np.flatnonzero(rows.position(first + np.arange(len(values))) >= 0)
        found.append(values[place])
    return np.concatenate(found)


def sampled(prepared: Prepared, rows: RowRanges | np.ndarray, max_rows: int) -> RowRanges:
    """Take about a number of rows, evenly spaced within each instrument, of each its share or `LEAST_ROWS`.

    Parameters
    ----------
    prepared : Prepared
        What the rows are of.
    rows : RowRanges or ndarray of int64
        Panel rows; where there are no more than `max_rows`, all are taken.
    max_rows : int
        How many.
    """
    rows = prepared.checked(rows, labels=False)
    check_size("max_rows", max_rows)
    if len(rows) <= max_rows:
        return rows
    symbols = prepared.symbols_of(rows)
    least = min(LEAST_ROWS, max_rows // len(symbols))
    taken = []
    for symbol in symbols:
        segments = [
            b for b, s in zip(prepared.bounds.tolist(), prepared.segment_symbols, strict=True) if s == symbol
        ]
        own = rows & RowRanges.between((start, stop) for start, stop in segments)
        share = max_rows * len(own) // len(rows)
        taken.append(_spaced(own, min(len(own), max(share, least, 1))))
    return RowRanges.of(np.concatenate(taken))


def _spaced(rows: RowRanges, n: int) -> np.ndarray:
    """Return n of the rows, evenly spaced, the first and the last among them, int64 [n]."""
    place = np.linspace(0, len(rows) - 1, n).astype(np.int64)
    at = np.searchsorted(rows.before, place, side="right") - 1
    return rows.starts[at] + place - rows.before[at]
