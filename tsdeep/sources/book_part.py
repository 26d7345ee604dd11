"""Rows of books as they come from files: of one instrument, each knowing its file and row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tsdeep.books import BOOK_FIELDS
from tsdeep.tables import stamp


@dataclass(frozen=True, eq=False)
class BookPart:
    """Book rows of one instrument in time order, on the way from files to a panel.

    Parameters
    ----------
    symbol : str
        The instrument.
    time : ndarray of datetime64[ns], [rows]
        UTC.
    session : ndarray of datetime64[D], [rows]
        The trading day.
    segment : ndarray of int64, [rows]
        A number that changes where a segment ends.
    fields : mapping of str to ndarray, [rows, ...]
        `BOOK_FIELDS` `[rows, levels]` float64, and others.
    files : tuple of str
        The files that rows are from.
    file : ndarray of int64, [rows]
        Number of each row's file in `files`.
    row : ndarray of int64, [rows]
        Each row's number in its file, from 0.
    """

    symbol: str
    time: np.ndarray
    session: np.ndarray
    segment: np.ndarray
    fields: Mapping[str, np.ndarray]
    files: tuple[str, ...]
    file: np.ndarray
    row: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.time)

    @property
    def levels(self) -> int:
        """Number of levels of each side."""
        return self.fields["ask_price"].shape[1]

    def place(self, row: int) -> str:
        """Name a row for a message: its file, its number there (from 0), instrument and time."""
        file = self.files[int(self.file[row])]
        return f"{file}: row {int(self.row[row])}, {self.symbol}, {stamp(self.time[row])} UTC"

    def keep(self, rows: np.ndarray) -> BookPart:
        """Return the rows where a bool array `[rows]` is true, or those of an index, in this order."""
        if rows.dtype == bool and rows.all():
            return self
        return replace(
            self,
            time=self.time[rows],
            session=self.session[rows],
            segment=self.segment[rows],
            fields={name: values[rows] for name, values in self.fields.items()},
            file=self.file[rows],
            row=self.row[rows],
        )

    def first_levels(self, levels: int) -> BookPart:
        """Return the book cut to its best levels."""
        if levels == self.levels:
            return self
        cut = {name: np.ascontiguousarray(self.fields[name][:, :levels]) for name in BOOK_FIELDS}
        return replace(self, fields={**self.fields, **cut})


def join(parts: list[BookPart]) -> BookPart:
    """Return the rows of parts of one instrument, one part after another, all with the same fields."""
    if len(parts) == 1:
        return parts[0]
    offsets = np.cumsum([0, *(len(part.files) for part in parts)])
    return BookPart(
        symbol=parts[0].symbol,
        time=np.concatenate([part.time for part in parts]),
        session=np.concatenate([part.session for part in parts]),
        segment=np.concatenate([part.segment for part in parts]),
        fields={name: np.concatenate([part.fields[name] for part in parts]) for name in parts[0].fields},
        files=tuple(file for part in parts for file in part.files),
        file=np.concatenate([part.file + offset for part, offset in zip(parts, offsets, strict=False)]),
        row=np.concatenate([part.row for part in parts]),
    )
