"""LOBSTER: the order books of NASDAQ, an event a row, from its message and orderbook files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import field_validator

from tsdeep.books import level_fault
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
from tsdeep.sources.book_part import BookPart
from tsdeep.sources.clock import known_zone, local_to_utc
from tsdeep.sources.lobster_files import Pair, find_pairs
from tsdeep.sources.lobster_tables import HALT, check_executions, halts, read_message, read_orderbook
from tsdeep.sources.pieces import Piece, distinct, in_period


@register_source("lobster")
class Lobster(BookFiles):
    """Order books from LOBSTER's files, a row an event (Huang and Polak 2011, lobsterdata.com).

    Prices are in 1e-4 dollars as in the files, exact; times are UTC to the nanosecond; a session is the day
    of the file name. A level without orders has size 0 and LOBSTER's price +-9999999999. Beside the book,
    rows have `event_type` (1 submission, 2 partial cancellation, 3 deletion, 4 visible execution, 5 hidden
    execution, 6 cross), `event_size`, `event_price` and `event_side` (1 where the resting order is a buy,
    -1 a sell): row k is the book after its event.

    A trading halt (type 7) ends the segment, the next one starts after the message that trading resumes.
    The messages of type 7 are rows of no segment; so are the rows between a halt and the resumption, when
    orders are taken but none is matched, so that the book may be crossed and its mid is no price that one
    trades at. Where the first message of type 7 in a file says that quoting or trading resumes, the rows
    before it are taken as halted. `notes` has the counts.

    Parameters
    ----------
    path : str
        A zip as LOBSTER ships it, one of the two CSV files of a day, or a folder or zip of any number of
        days and tickers; names are LOBSTER's, `GOOG_2012-06-21_34200000_57600000_message_10.csv`.
    symbols : list of str, optional
        Which tickers, in this order; by default all, in alphabetical order.
    levels : int, optional
        How many levels to take of each side; by default all that the files have: of several with
        different numbers, the smallest. Events that change deeper levels alone stay as rows.
    tick : float, default 100.0
        The smallest step of prices, in 1e-4 dollars: a cent.
    trim_start, trim_end : str, default "0s"
        Time to leave out at the start and end of the session that the file name gives, such as `10min`.
    same_time : "keep" or "last"
        Of events with the same time keep all, or the last alone, with its own message.
    crossed : "refuse" or "remove"
        Refuse crossed, locked and one-sided rows, or leave them out.
    order_id : bool, default False
        Whether to give the field `order_id`, int64.
    timezone : str, default "America/New_York"
        The zone of the exchange, in which the files have seconds after midnight.

    References
    ----------
    Huang and Polak (2011), "LOBSTER: limit order book reconstruction system", https://lobsterdata.com.
    """

    tick: PositiveTick = 100.0
    order_id: bool = False
    timezone: str = "America/New_York"

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str) -> str:
        return known_zone(value)

    def book(self) -> Panel:
        """Read all events; fields `BOOK_FIELDS`, `EVENT_FIELDS` and, if asked for, `order_id`.

        Raises
        ------
        DataError
            With file, row (from 0) and reason, if files are missing or have no partner, their lengths
            differ, a row has another number of columns, a value is not a whole number, times go back, an
            event type is unknown, a size is not positive, levels are not in order, more than 1% of the visible
            executions are not at the best price of the row before (rows of the two files that are shifted
            against each other), or (unless removed) the book is crossed, locked or one-sided.
        """
        pairs, levels, notes = self._files()
        parts, n_read = [], 0
        for pair in pairs:
            part, n_rows = self._read(pair, notes)
            parts.append(part.first_levels(levels))
            n_read += n_rows
        return book_panel(parts, self.a_row, self.tick, notes, n_read, self.path)

    def pieces(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> list[Piece]:
        """List the pairs of files: a piece a ticker and day, in the period by the date in its name.

        Files of other days are not read. Arguments, result and errors are as of `Source.pieces`.
        """
        pairs, levels, notes = self._files()
        said = notes.sentences(0)
        keep = in_period(np.array([pair.date for pair in pairs]), start, end)
        pairs = [pair for pair, there in zip(pairs, keep, strict=True) if there]
        called = distinct(
            [f"{pair.symbol} {pair.date}" for pair in pairs],
            [f"{pair.start_ms}-{pair.stop_ms}" for pair in pairs],
        )
        return [
            Piece(name, partial(self._piece, pair, levels, names, said))
            for name, pair in zip(called, pairs, strict=True)
        ]

    def _piece(self, pair: Pair, levels: int, names: tuple[str, ...], said: tuple[str, ...]) -> Panel | None:
        notes = Notes(said)
        part, n_rows = self._read(pair, notes)
        if not part.n_rows:
            return None
        book = book_panel([part.first_levels(levels)], self.a_row, self.tick, notes, n_rows, self.path)
        return self._chosen(book, names)

    def _files(self) -> tuple[list[Pair], int, Notes]:
        """Find the files to read, in order, the number of levels to take, and notes on both."""
        pairs, others = find_pairs(Path(self.path))
        notes = Notes()
        if others:
            more = f" and {len(others) - 3} more" if len(others) > 3 else ""
            notes.say(f"Not read, as the name is not LOBSTER's: {', '.join(others[:3])}{more}.")
        wanted = self._check_symbols(sorted({pair.symbol for pair in pairs}))
        pairs = sorted(
            (pair for pair in pairs if pair.symbol in wanted), key=lambda p: wanted.index(p.symbol)
        )
        if self.levels is None:
            return pairs, fewest_levels([(pair.symbol, pair.levels) for pair in pairs], notes), notes
        for pair in pairs:
            if self.levels > pair.levels:
                raise DataError(
                    f"{pair.orderbook}: found {pair.levels} levels, {self.levels} are asked for (levels)"
                )
        return pairs, self.levels, notes

    def _read(self, pair: Pair, notes: Notes) -> tuple[BookPart, int]:
        message, ns = read_message(pair)
        book = read_orderbook(pair)
        n_rows = len(ns)
        if len(book["ask_price"]) != n_rows:
            raise DataError(
                f"{pair.orderbook}: found {len(book['ask_price']):,} rows, the message file has {n_rows:,}; "
                f"expected one book row for each message (row {min(len(book['ask_price']), n_rows)} is in one alone)"
            )
        part = BookPart(
            symbol=pair.symbol,
            time=self._utc(pair, ns),
            session=np.full(n_rows, pair.date),
            segment=np.zeros(n_rows, np.int64),
            fields={
                **book,
                "event_type": message["type"].astype(np.float64),
                "event_size": message["size"].astype(np.float64),
                "event_price": message["price"].astype(np.float64),
                "event_side": message["direction"].astype(np.float64),
                **({"order_id": message["order id"]} if self.order_id else {}),
            },
            files=(str(pair.orderbook),),
            file=np.zeros(n_rows, np.int64),
            row=np.arange(n_rows),
        )
        fault = level_fault(part.fields)
        if fault is not None:
            raise DataError(f"{part.place(fault[0])}: {fault[1]}")
        check_executions(pair, message, book)
        segment, halted = halts(message["type"], message["price"])
        is_halt = message["type"] == HALT
        start, stop = self._utc(pair, np.array([pair.start_ms, pair.stop_ms]) * 1_000_000)
        part = replace(part, segment=segment)
        notes.count("{n} of {read} rows are messages of trading halts, which end a segment.", is_halt.sum())
        notes.count(
            "Left out {n} of {read} rows: between a trading halt and the resumption of trading.",
            (halted & ~is_halt).sum(),
        )
        part = part.keep(~(halted | is_halt))
        part = trim(part, np.full(part.n_rows, start), np.full(part.n_rows, stop), self, notes)
        return settle(part, self, notes), n_rows

    def _utc(self, pair: Pair, ns: np.ndarray) -> np.ndarray:
        """Turn nanoseconds after local midnight into UTC, exactly; the clock reading is what counts."""
        local = pair.date.astype("datetime64[ns]") + ns.astype("timedelta64[ns]")
        return local_to_utc(local, self.timezone, str(pair.message))
