"""Sessions of books: their spans, cut at gaps; and levels without orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.sources.book_options import Notes
from tsdeep.sources.book_part import BookPart

_NO_PRICE = 1e300  # feeds write the largest float64 where there is no price


def session_spans(part: BookPart) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last time of each row's session, datetime64[ns] `[rows]`."""
    starts = np.flatnonzero(np.append(True, part.session[1:] != part.session[:-1]))
    stops = np.append(starts[1:], part.n_rows)
    return np.repeat(part.time[starts], stops - starts), np.repeat(part.time[stops - 1], stops - starts)


def cut_at_gaps(part: BookPart, max_gap: str, notes: Notes) -> BookPart:
    """Give each row the number of its segment, which ends with its session and at a gap.

    Parameters
    ----------
    part : BookPart
        Rows of one instrument.
    max_gap : str
        The longest time between rows of a segment.
    notes : Notes
        Where the gaps are counted.

    Returns
    -------
    BookPart
    """
    if not part.n_rows:
        return part
    within = part.session[1:] == part.session[:-1]
    gap = within & (np.diff(part.time) > pd.Timedelta(max_gap).to_timedelta64())
    notes.count(f"Sessions are cut at {{n}} gaps of more than {max_gap} (max_gap).", gap.sum())
    segment = np.append(0, np.cumsum(gap | ~within))
    return replace(part, segment=segment)


def check_gaps(part: BookPart, max_gap: str, where: str) -> None:
    """Refuse a `max_gap` that most steps within the sessions of an instrument exceed; DataError says the usual one."""
    step = np.diff(part.time)[part.session[1:] == part.session[:-1]]
    gaps = int((step > pd.Timedelta(max_gap).to_timedelta64()).sum())
    if gaps * 2 > len(step):
        usual = pd.Timedelta(np.median(step.astype(np.int64)), "ns")
        raise DataError(
            f"{where}: {part.symbol}: {gaps:,} of {len(step):,} steps within sessions are longer than "
            f"max_gap {max_gap}, the usual one is {usual.total_seconds()} s; expected a longer max_gap"
        )


def mark_unoccupied(fields: Mapping[str, np.ndarray], notes: Notes) -> None:
    """Give levels without size the size and price 0, in place; `notes` counts those that had a price."""
    priced = 0
    for side in ("ask", "bid"):
        price, size = fields[f"{side}_price"], fields[f"{side}_size"]
        price[np.abs(price) >= _NO_PRICE] = np.nan
        size[np.isnan(size)] = 0.0
        empty = size == 0
        priced += int((empty & (price > 0)).sum())
        price[empty] = 0.0
    notes.count("{n} levels have a price and no size; they are taken as unoccupied.", priced)
