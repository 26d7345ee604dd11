"""What sources that read books from files share: their settings, and the rows that these leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from tsdeep.books import check_book, touch_faults, touch_text
from tsdeep.durations import Duration
from tsdeep.errors import DataError, unknown_name
from tsdeep.panel import Panel
from tsdeep.sources.base import BookSource, OneOrMore
from tsdeep.sources.book_part import BookPart

PositiveTick = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""Annotation of the smallest step of prices, in their own unit."""


class BookRows(BookSource):
    """Settings of which rows of a book are taken, for `trim` and `settle`.

    Parameters
    ----------
    trim_start, trim_end : str, default "0s"
        Time to leave out at the start and the end of each session, such as `10min`.
    same_time : "keep" or "last"
        Of rows with the same time in a segment keep all, or the last alone: the book after all of them.
    crossed : "refuse" or "remove"
        What to do with a row whose bid is above its ask (crossed) or equal to it (locked), or that has no
        orders on a side: refuse the data, or leave the row out. Rows are removed after `same_time` acted.
    """

    trim_start: Duration = "0s"
    trim_end: Duration = "0s"
    same_time: Literal["keep", "last"] = "keep"
    crossed: Literal["refuse", "remove"] = "refuse"


class _Places(BookSource):
    """Settings of which files are read."""

    path: str
    symbols: OneOrMore[str] | None = None
    levels: int | None = Field(default=None, ge=1)


class BookFiles(BookRows, _Places):
    """Settings that every source of books from files has, beside those of `BookRows`; `book` is the subclass' own.

    Parameters
    ----------
    path : str
        Where the files are.
    symbols : list of str, optional
        Which instruments, in this order; by default all, in alphabetical order.
    levels : int, optional
        How many levels to take of each side, the best first; by default all that there are.
    """

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str) -> str:
        """Keep the place that is meant now, so that a run folder reads the same file from anywhere."""
        return str(Path(value).expanduser().absolute())

    def _check_symbols(self, there: list[str]) -> list[str]:
        """List the instruments to read; DataError for one that is not there."""
        for symbol in self.symbols or ():
            if symbol not in there:
                raise DataError(f"{self.path}: {unknown_name('symbol', symbol, there)}")
        return self.symbols or sorted(there)


class Notes:
    """Counts of the rows that options left out, over all files, to be said in sentences."""

    def __init__(self, said: tuple[str, ...] = ()) -> None:
        self._counts: dict[str, int] = {}
        self._sentences: list[str] = list(said)

    def count(self, what: str, rows: int) -> None:
        """Add to the number of rows that `what` (a text with `{n}`, and `{read}` for all rows) is said of."""
        if rows:
            self._counts[what] = self._counts.get(what, 0) + int(rows)

    def say(self, sentence: str) -> None:
        """Add a sentence."""
        self._sentences.append(sentence)

    def sentences(self, n_read: int) -> tuple[str, ...]:
        """Return all sentences, where `n_read` rows were read in all."""
        counted = [what.format(n=f"{count:,}", read=f"{n_read:,}") for what, count in self._counts.items()]
        return tuple(counted + self._sentences)


def trim(part: BookPart, first: np.ndarray, last: np.ndarray, options: BookRows, notes: Notes) -> BookPart:
    """Leave out the first and the last minutes of each session.

    Parameters
    ----------
    part : BookPart
        Rows of one instrument.
    first, last : ndarray of datetime64[ns], [rows]
        Start and end of the session that each row belongs to, UTC.
    options : BookRows
        `trim_start` and `trim_end`; rows at exactly `trim_start` after the start or `trim_end` before the
        end stay.
    notes : Notes
        Where the rows left out are counted.

    Returns
    -------
    BookPart
    """
    start, end = pd.Timedelta(options.trim_start), pd.Timedelta(options.trim_end)
    early = part.time < first + start.to_timedelta64()
    late = ~early & (part.time > last - end.to_timedelta64())
    if start == pd.Timedelta(0):
        early[:] = False
    if end == pd.Timedelta(0):
        late[:] = False
    text = "Left out {{n}} of {{read}} rows: the {} {} of a session ({})."
    notes.count(text.format("first", options.trim_start, "trim_start"), early.sum())
    notes.count(text.format("last", options.trim_end, "trim_end"), late.sum())
    return part.keep(~(early | late))


def settle(part: BookPart, options: BookRows, notes: Notes) -> BookPart:
    """Collapse rows of the same time, then refuse or leave out those without a market, as the options say."""
    if options.same_time == "last":
        followed = (part.time[1:] == part.time[:-1]) & (part.segment[1:] == part.segment[:-1])
        followed = np.append(followed, False)
        notes.count(
            "Left out {n} of {read} rows: another of the same time follows (same_time).", followed.sum()
        )
        part = part.keep(~followed)
    for name, bad in touch_faults(part.fields).items():
        if options.crossed == "refuse" and bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{part.place(row)}: found a {name} book, {touch_text(part.fields, row)} ({int(bad.sum())} such "
                "rows); the source's setting `crossed: remove` leaves crossed, locked and one-sided rows out"
            )
        notes.count(f"Left out {{n}} of {{read}} rows: the book is {name} (crossed).", bad.sum())
    if options.crossed == "remove":
        part = part.keep(~np.any(list(touch_faults(part.fields).values()), axis=0))
    return part


def fewest_levels(there: list[tuple[str, int]], notes: Notes) -> int:
    """Return the smallest number of levels of (symbol, levels) pairs, a pair a file; say so where they differ."""
    of = {levels: symbol for symbol, levels in reversed(there)}
    fewest = min(of)
    if len(of) > 1:
        said = ", ".join(f"{of[n]} {n}" for n in sorted(of))
        notes.say(f"The first {fewest} levels are used, the fewest of all files ({said}).")
    return fewest


def book_panel(parts: list[BookPart], row: str, tick: float, notes: Notes, n_read: int, where: str) -> Panel:
    """Put parts together to a checked panel.

    Parameters
    ----------
    parts : list of BookPart
        Instrument by instrument, in time order within each.
    row : str
        What a row is.
    tick : float
        The smallest step of prices.
    notes : Notes
        What was left out.
    n_read : int
        Rows that were read in all.
    where : str
        What the message calls the data.

    Returns
    -------
    Panel

    Raises
    ------
    DataError
        If no row is left, or one cannot be used.
    """
    said = notes.sentences(n_read)
    parts = [part for part in parts if part.n_rows]
    if not parts:
        raise DataError(f"{where}: no row is left of {n_read:,}. {' '.join(said)}".rstrip())
    for part in parts:
        lost = sorted(set(parts[0].fields) ^ set(part.fields))
        if lost:
            raise DataError(f"{where}: field '{lost[0]}' is not in all files")
    bounds, symbols, offset = [], [], 0
    for part in parts:
        starts = np.flatnonzero(np.diff(part.segment, prepend=part.segment[0] - 1))
        bounds.append(np.stack([starts, np.append(starts[1:], part.n_rows)], axis=1) + offset)
        symbols += [part.symbol] * len(starts)
        offset += part.n_rows
    return check_book(
        Panel(
            fields={name: np.concatenate([part.fields[name] for part in parts]) for name in parts[0].fields},
            time=np.concatenate([part.time for part in parts]),
            bounds=np.concatenate(bounds).astype(np.int64),
            symbols=tuple(symbols),
            session_date=np.concatenate([part.session for part in parts]),
            row=row,
            tick=tick,
            notes=said,
        )
    )
