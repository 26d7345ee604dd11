"""What a later fetch of the same request says otherwise than the one before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.tables import stamp


@dataclass(frozen=True)
class Changes:
    """How a new table differs from the old one of the same request, by symbol and time.

    Parameters
    ----------
    appended : int
        Rows after the last old one of their symbol; these change no history.
    changed, gone, inserted : int
        Rows with another value, rows no longer there, and rows among or before the old ones that were not.
    sentences : tuple of str
        A sentence for each kind of change, with the first row of the kind.
    """

    appended: int
    changed: int
    gone: int
    inserted: int
    sentences: tuple[str, ...]

    @property
    def history(self) -> bool:
        """Whether anything that was there is not there as it was."""
        return bool(self.changed or self.gone or self.inserted) or any("field" in s for s in self.sentences)


def changes(old: pd.DataFrame, new: pd.DataFrame) -> Changes:
    """Compare two answers to one request.

    Parameters
    ----------
    old, new : DataFrame
        `time`, `symbol` and numeric fields; rows of a symbol and a time are compared in their order.

    Returns
    -------
    Changes
    """
    fields = [name for name in new.columns if name in old.columns and name not in ("time", "symbol")]
    before, after = _indexed(old), _indexed(new)
    common = before.index.intersection(after.index, sort=False)
    gone = before.index.difference(after.index, sort=False)
    more = after.index.difference(before.index, sort=False)
    last = old.groupby("symbol")["time"].max()
    ends = last.reindex(more.get_level_values("symbol")).to_numpy()
    late = more.get_level_values("time").to_numpy() > ends
    inserted = more[~late & more.get_level_values("symbol").isin(last.index)]
    appended = len(more) - len(inserted)
    was, now = (each.loc[common, fields].to_numpy(np.float64) for each in (before, after))  # [rows, fields]
    differs = (was != now) & ~(np.isnan(was) & np.isnan(now))
    rows = np.flatnonzero(differs.any(axis=1))
    said = []
    for what, names in (
        ("gone", old.columns.difference(new.columns)),
        ("new", new.columns.difference(old.columns)),
    ):
        if len(names):
            said.append(f"fields {what}: {', '.join(names)}.")
    if len(rows):
        row = rows[0]
        column = int(np.argmax(differs[row]))
        said.append(
            f"{len(rows):,} of {len(common):,} rows changed; the first, {_place(common[row])}: {fields[column]} "
            f"{was[row, column]:.10g} -> {now[row, column]:.10g}."
        )
    if len(gone):
        said.append(f"{len(gone):,} rows are gone; the first, {_place(gone[0])}.")
    if len(inserted):
        said.append(
            f"{len(inserted):,} rows are new within what was there; the first, {_place(inserted[0])}."
        )
    if appended:
        said.append(f"{appended:,} rows are new after the last that was there.")
    return Changes(appended, len(rows), len(gone), len(inserted), tuple(said))


def _indexed(table: pd.DataFrame) -> pd.DataFrame:
    number = table.groupby(["symbol", "time"]).cumcount().rename("number")
    return table.set_index([table["symbol"], table["time"], number]).drop(columns=["symbol", "time"])


def _place(key: tuple[str, pd.Timestamp, int]) -> str:
    return f"symbol '{key[0]}', {stamp(key[1])}"
