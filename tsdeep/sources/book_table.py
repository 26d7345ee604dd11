"""Book snapshots in Parquet or CSV files, with columns of any name."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from tsdeep.books import BOOK_FIELDS, level_fault
from tsdeep.durations import Duration
from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.sources.base import register_source
from tsdeep.sources.book_options import (
    BookFiles,
    Notes,
    PositiveTick,
    book_panel,
    fewest_levels,
    settle,
    trim,
)
from tsdeep.sources.book_part import BookPart, join
from tsdeep.sources.book_sessions import check_gaps, cut_at_gaps, mark_unoccupied, session_spans
from tsdeep.sources.book_table_files import (
    as_dates,
    as_numbers,
    as_texts,
    as_times,
    column_names,
    date_in_name,
    find_files,
    read_columns,
)
from tsdeep.sources.clock import known_zone, local_dates
from tsdeep.sources.pieces import Piece, in_period
from tsdeep.tables import stamp

_KEYS = ("time", "symbol", "session")


@register_source("book_table")
class BookTable(BookFiles):
    """Snapshots of order books from a Parquet or CSV file, or a folder of them.

    A level without orders (size zero or missing) has size 0 and price 0; where it has a price nevertheless,
    `notes` says how many. A segment ends with the session and at every gap of more than `max_gap`. A single
    snapshot far from others, such as that of a call auction, is a segment of its own.

    Parameters
    ----------
    path : str
        A file (`.parquet`, `.pq`, `.csv`, `.csv.gz`), or a folder, searched all the way down.
    columns : dict of str to str
        Field to column: `time`, `ask_price`, `ask_size`, `bid_price`, `bid_size`, these four with `{level}`
        where the number of the level stands, from 1 or 0: `ask_price: "ask{level}"`. Optional are `symbol`,
        `session` and any number of others of one value a row, such as `volume` and `last`.
    tick : float
        The smallest step of prices, in their unit.
    symbols : list of str, optional
        Which instruments, in this order; by default all, in alphabetical order.
    symbol : str, optional
        The instrument, where no column says it.
    pattern : str, default "*"
        Of a folder, which names of files to read, such as `rb_*.parquet`.
    levels : int, optional
        How many levels to take of each side; by default all: of files with different numbers, the smallest.
    time_format : str, default "ISO8601"
        How texts are written: ISO 8601 or a format of `strptime`; of numbers since 1970 UTC their unit:
        `s`, `ms`, `us`, `ns`. Times of Parquet's own type need none.
    timezone : str, default "UTC"
        The zone of times that carry none, and of the calendar dates of sessions.
    session : "calendar", "file" or "column"
        How the trading day is found: the date in `timezone`, the date in the file's name, or the column that
        `columns` gives for `session`.
    max_gap : str, default "30s"
        The longest time between rows of a segment.
    row : str, default "one snapshot"
        What a row is, for reports.
    trim_start, trim_end : str, default "0s"
        Time to leave out after the first and before the last snapshot of each trading day.
    same_time : "keep" or "last"
        Of snapshots with the same time keep all, or the last alone.
    crossed : "refuse" or "remove"
        Refuse crossed, locked and one-sided rows (as at a price limit), or leave them out; where that makes
        a gap of more than `max_gap`, a segment ends.
    """

    columns: dict[str, str]
    tick: PositiveTick
    symbol: str | None = None
    pattern: str = Field(default="*", min_length=1)
    time_format: str = "ISO8601"
    timezone: str = "UTC"
    session: Literal["calendar", "file", "column"] = "calendar"
    max_gap: Duration = "30s"
    row: str = Field(default="one snapshot", min_length=1)

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("columns")
    @classmethod
    def _complete(cls, value: dict[str, str]) -> dict[str, str]:
        for name in ("time", *BOOK_FIELDS):
            if name not in value:
                raise ValueError(f"no column for '{name}', expected one for time, {', '.join(BOOK_FIELDS)}")
        columns = list(value.values())
        twice = [column for column in columns if columns.count(column) > 1]
        if twice:
            raise ValueError(f"found the column {twice[0]!r} for two fields, expected one field a column")
        numbered = ["{level}" in value[name] for name in BOOK_FIELDS]
        if any(numbered) != all(numbered):
            raise ValueError("expected '{level}' in all of " + ", ".join(BOOK_FIELDS) + ", or in none")
        return value

    @model_validator(mode="after")
    def _known_by_one(self) -> BookTable:
        if (self.symbol is None) == ("symbol" not in self.columns):
            raise ValueError("expected the instrument either in `columns` (symbol: ...) or as `symbol`")
        if (self.session == "column") != ("session" in self.columns):
            raise ValueError("`session: column` and a column for 'session' go together")
        return self

    @property
    def a_row(self) -> str:
        """What one row is: as the setting `row` says."""
        return self.row

    def book(self) -> Panel:
        """Read all snapshots; fields `BOOK_FIELDS`, and the others that `columns` names.

        Raises
        ------
        DataError
            With file, row (from 0) and reason, if a column is not there, a value is no number or time, times
            go back, files overlap in time, levels are not in order, or (unless removed) the book is crossed,
            locked or one-sided.
        """
        notes = Notes()
        parts = [part for file in find_files(Path(self.path), self.pattern) for part in self._read(file)]
        wanted = self._check_symbols(sorted({part.symbol for part in parts}))
        parts = [part for part in parts if part.symbol in wanted]
        levels = fewest_levels([(part.symbol, part.levels) for part in parts], notes)
        parts = [part.first_levels(levels) for part in parts]
        n_read = sum(part.n_rows for part in parts)
        whole = [self._sessions([p for p in parts if p.symbol == symbol], notes) for symbol in wanted]
        for part in whole:
            check_gaps(part, self.max_gap, self.path)
        return book_panel(whole, self.row, self.tick, notes, n_read, self.path)

    def pieces(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> list[Piece]:
        """List the instruments and days, a piece each, in the period by the date in a file's name.

        So with `session: file`; files of one date are one piece. With the date in the rows (`session: calendar`
        or `column`) it takes reading them to tell where a session begins, and one may go from file to file: all
        is one piece then. Arguments, result and errors are as of `Source.pieces`. That files of different dates
        do not overlap in time shows where panels are put one behind another. A `max_gap` that is shorter than
        the usual step is refused by `panel` only, as one odd day does not tell.
        """
        if self.session != "file":
            return super().pieces(names, start, end)
        files = find_files(Path(self.path), self.pattern)
        symbols = [self._symbols_of(file) for file in files]
        wanted = self._check_symbols(sorted({symbol for each in symbols for symbol in each}))
        notes = Notes()
        levels = fewest_levels(
            [
                (symbol, len(self._levels(file)))
                for file, each in zip(files, symbols, strict=True)
                for symbol in each
                if symbol in wanted
            ],
            notes,
        )
        said = notes.sentences(0)
        parts: dict[tuple[str, np.datetime64], list[Path]] = {}
        dated = sorted(((date_in_name(file), n) for n, file in enumerate(files)))
        for symbol in wanted:
            for date, n in dated:
                if symbol in symbols[n]:
                    parts.setdefault((symbol, date), []).append(files[n])
        keep = in_period(np.array([date for _, date in parts]), start, end)
        return [
            Piece(f"{symbol} {date}", partial(self._piece, symbol, there, levels, names, said))
            for ((symbol, date), there), kept in zip(parts.items(), keep, strict=True)
            if kept
        ]

    def _piece(
        self, symbol: str, files: list[Path], levels: int, names: tuple[str, ...], said: tuple[str, ...]
    ) -> Panel | None:
        notes = Notes(said)
        parts = [part for file in files for part in self._read(file) if part.symbol == symbol]
        parts = [part.first_levels(levels) for part in parts]
        n_read = sum(part.n_rows for part in parts)
        part = self._sessions(parts, notes)
        if not part.n_rows:
            return None
        return self._chosen(book_panel([part], self.row, self.tick, notes, n_read, self.path), names)

    def _symbols_of(self, file: Path) -> list[str]:
        """List the instruments of a file, of its columns reading that of the symbol alone."""
        if self.symbol is not None:
            return [self.symbol]
        table = read_columns(file, [], [self.columns["symbol"]])
        return list(pd.unique(as_texts(table, self.columns["symbol"], file)))

    def _read(self, file: Path) -> list[BookPart]:
        """Read a file, a part an instrument."""
        levels = self._levels(file)
        names = {
            field: [self.columns[field].replace("{level}", str(level)) for level in levels]
            for field in BOOK_FIELDS
        }
        scalars = [field for field in self.columns if field not in (*_KEYS, *BOOK_FIELDS)]
        columns = [column for each in names.values() for column in each] + [self.columns[f] for f in scalars]
        table = read_columns(file, columns, [self.columns[key] for key in _KEYS if key in self.columns])
        n_rows = table.num_rows
        time = as_times(table, self.columns["time"], file, self.time_format, self.timezone)
        fields = {
            field: np.stack([as_numbers(table, column, file) for column in names[field]], axis=1)
            for field in BOOK_FIELDS
        }  # [rows, levels]
        fields |= {field: as_numbers(table, self.columns[field], file) for field in scalars}
        whole = BookPart(
            symbol=self.symbol or "",
            time=time,
            session=self._session_dates(table, time, file),
            segment=np.zeros(n_rows, np.int64),
            fields=fields,
            files=(str(file),),
            file=np.zeros(n_rows, np.int64),
            row=np.arange(n_rows),
        )
        if self.symbol is not None:
            return [whole]
        symbols = as_texts(table, self.columns["symbol"], file)
        return [replace(whole.keep(symbols == symbol), symbol=symbol) for symbol in pd.unique(symbols)]

    def _levels(self, file: Path) -> list[int]:
        """List the numbers of the levels that a file has, or those asked for."""
        there = set(column_names(file))
        if "{level}" not in self.columns["ask_price"]:
            counts = dict.fromkeys(BOOK_FIELDS, 1)
            first = 1
        else:
            first = 0 if self.columns["ask_price"].replace("{level}", "0") in there else 1
            counts = {}
            for field in BOOK_FIELDS:
                level = first
                while self.columns[field].replace("{level}", str(level)) in there:
                    level += 1
                counts[field] = level - first
        fewest = min(counts.values())
        said = ", ".join(f"{count} of {field} ('{self.columns[field]}')" for field, count in counts.items())
        if fewest == 0 or (self.levels is None and fewest < max(counts.values())):
            raise DataError(f"{file}: found levels {said}, expected one or more, as many of each")
        if self.levels is not None and self.levels > fewest:
            raise DataError(f"{file}: found levels {said}, {self.levels} are asked for (levels)")
        return list(range(first, first + (self.levels or fewest)))

    def _session_dates(self, table: pa.Table, time: np.ndarray, file: Path) -> np.ndarray:
        if self.session == "file":
            return np.full(len(time), date_in_name(file))
        if self.session == "column":
            return as_dates(table, self.columns["session"], file)
        return local_dates(time, self.timezone)

    def _sessions(self, parts: list[BookPart], notes: Notes) -> BookPart:
        """Put the files of an instrument in order, apply the options, and cut sessions at gaps."""
        for part in parts:
            mark_unoccupied(part.fields, notes)
        for part in parts:
            back = part.time[1:] < part.time[:-1]
            if back.any():
                row = int(np.argmax(back)) + 1
                raise DataError(
                    f"{part.place(row)}: unordered times, it follows {stamp(part.time[row - 1])} UTC"
                )
            fault = level_fault(part.fields)
            if fault is not None:
                raise DataError(f"{part.place(fault[0])}: {fault[1]}")
            for name in set(part.fields) - set(BOOK_FIELDS):
                given = name.startswith("label_")  # a row may have none
                bad = np.isinf(part.fields[name]) if given else ~np.isfinite(part.fields[name])
                if bad.any():
                    row = int(np.argmax(bad))
                    raise DataError(
                        f"{part.place(row)}: field '{name}' is {part.fields[name][row]}, expected a finite number"
                    )
        parts = sorted(parts, key=lambda part: (part.time[0], part.time[-1]))
        for one, after in pairwise(parts):
            if after.time[0] < one.time[-1]:
                raise DataError(
                    f"{after.place(0)}: the file begins before {one.files[0]} ends, at {stamp(one.time[-1])} UTC"
                )
        part = join(parts)
        back = part.session[1:] < part.session[:-1]
        if back.any():
            row = int(np.argmax(back)) + 1
            raise DataError(f"{part.place(row)}: session {part.session[row]} follows {part.session[row - 1]}")
        first, last = session_spans(part)
        return cut_at_gaps(settle(trim(part, first, last, self, notes), self, notes), self.max_gap, notes)
