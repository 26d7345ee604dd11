"""Best quotes of Alpaca as order books of one level, through the package `alpaca-py`."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import model_validator

from tsdeep.books import BOOK_FIELDS, level_fault
from tsdeep.durations import Duration
from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.sources.alpaca_client import ZONE, Rows, all_pages, moments, tables
from tsdeep.sources.base import register_source
from tsdeep.sources.book_options import BookRows, Notes, PositiveTick, book_panel, settle, trim
from tsdeep.sources.book_part import BookPart
from tsdeep.sources.book_sessions import check_gaps, cut_at_gaps, mark_unoccupied, session_spans
from tsdeep.sources.calendars import CalendarName, regular_hours
from tsdeep.sources.clock import local_dates
from tsdeep.sources.fetching import import_extra
from tsdeep.sources.online import Fetched
from tsdeep.tables import stamp

_COLUMNS = {"ap": "ask_price", "as": "ask_size", "bp": "bid_price", "bs": "bid_size"}
_FEEDS = {
    "iex": "the best quotes of the one exchange IEX",
    "sip": "the national best bid and offer of all US exchanges (SIP)",
}


@register_source("alpaca_quotes")
class AlpacaQuotes(BookRows, Fetched):
    """Best bid and ask of US shares and funds from Alpaca, a row a change, as order books of one level.

    The keys are read from the environment variables `APCA_API_KEY_ID` and `APCA_API_SECRET_KEY`; where
    `APCA_API_DATA_URL` is set, it is asked in place of Alpaca's own address. All quotes of the days are fetched
    and stored, of any condition, and the settings from `tick` on choose among them when they are read; those of
    a liquid share are millions a day, ten thousand a page. Sizes are in the unit that Alpaca gives them in.
    Times are UTC, a session is a date in New York, and a segment ends with it and at every gap of more than
    `max_gap`. A side without a size has size 0 and price 0.

    Parameters
    ----------
    symbols : list of str
        Which, in this order.
    start, end : str
        First and last date in New York, both included.
    feed : "iex" or "sip"
        Of one exchange, or of all US exchanges, which takes a paid plan for the newest quotes.
    tick : float, default 0.01
        The smallest step of prices, in dollars.
    calendar : str, default "XNYS"
        Exchange whose regular hours are taken, from the open to the close; `null` for all hours.
    max_gap : str, default "1min"
        The longest time between rows of a segment.
    trim_start, trim_end : str, default "0s"
        Time to leave out at the start and the end of each session, such as `10min`.
    same_time : "keep" or "last"
        Of quotes with the same time keep all, or the last alone.
    crossed : "refuse" or "remove"
        Refuse crossed, locked and one-sided quotes, or leave them out.
    """

    feed: Literal["iex", "sip"] = "iex"
    tick: PositiveTick = 0.01
    calendar: CalendarName | None = "XNYS"
    max_gap: Duration = "1min"

    checks_only: ClassVar[frozenset[str]] = frozenset(
        {"tick", "calendar", "max_gap", "trim_start", "trim_end", "same_time", "crossed"}
    )

    @model_validator(mode="after")
    def _bounded(self) -> AlpacaQuotes:
        missing = [name for name in ("start", "end") if getattr(self, name) is None]
        if missing:
            raise ValueError(f"{' and '.join(missing)} missing: quotes need a first and a last date")
        return self

    @property
    def a_row(self) -> str:
        """What one row is, as in `Panel.row`."""
        return "one quote"

    @property
    def statement(self) -> str:
        """Say whose quotes they are."""
        return f"quotes of Alpaca: {_FEEDS[self.feed]}, of any condition, prices as they were quoted."

    def fetch(self) -> pd.DataFrame:
        """Ask for all symbols and read all pages; result and errors as of `Fetched.fetch`."""
        what = f"quotes of {', '.join(self.symbols)}"

        def ask(client: object) -> Rows:
            data = import_extra("alpaca.data", "alpaca")
            enums = import_extra("alpaca.data.enums", "alpaca")
            return client.get_stock_quotes(  # type: ignore[attr-defined]
                data.StockQuotesRequest(
                    symbol_or_symbols=list(self.symbols),
                    feed=enums.DataFeed(self.feed),
                    **moments(self.start, self.end, ""),
                )
            )

        table = tables(all_pages(self.kind, what, ask), _COLUMNS, self.kind, what)
        table["time"] = table["time"].dt.tz_localize(None)
        return table.astype(dict.fromkeys(BOOK_FIELDS, np.float64))

    def finished(self, table: pd.DataFrame, now: pd.Timestamp) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Leave out a day that is not over in New York at a time, UTC, and say so."""
        today = np.datetime64(now.tz_convert(ZONE).date())
        running = local_dates(table["time"].to_numpy("datetime64[ns]"), ZONE) >= today
        if running.all():
            raise DataError(
                f"{self.kind}: {today} is not over yet in New York, and there is no quote before it"
            )
        if not running.any():
            return table, ()
        note = (
            f"Left out {int(running.sum()):,} quotes of {today}, which was not over when they were fetched."
        )
        return table[~running].reset_index(drop=True), (note,)

    def check(self, table: pd.DataFrame, fetched: pd.Timestamp) -> None:  # noqa: ARG002
        """Refuse quotes that lack a value or are not in order, with the symbol and the row."""
        for symbol in self.symbols:
            part = self._part(symbol, table)
            for name, values in part.fields.items():
                if not np.isfinite(values).all():
                    row = int(np.argmax(~np.isfinite(values[:, 0])))
                    raise DataError(f"{part.place(row)}: {name} is {values[row, 0]}, expected a number")
            back = part.time[1:] < part.time[:-1]
            if back.any():
                row = int(np.argmax(back)) + 1
                raise DataError(
                    f"{part.place(row)}: unordered times, it follows {stamp(part.time[row - 1])} UTC"
                )

    def book(self) -> Panel:
        """Read all quotes, from the cache where they are there; fields `BOOK_FIELDS`, one level.

        Raises
        ------
        DataError
            If they cannot be had (no network and no cached copy, no key, an unknown symbol, too many requests),
            or with symbol, row and time, a value is missing or cannot be, times go back, no quote is in the
            regular hours, or (unless removed) the book is crossed, locked or one-sided.
        """
        answer = self.answer()
        notes = Notes(self.notes(answer.entry))
        parts = [self._sessions(self._part(symbol, answer.table), notes) for symbol in self.symbols]
        for part in parts:
            check_gaps(part, self.max_gap, self.kind)
        return book_panel(parts, self.a_row, self.tick, notes, len(answer.table), self.kind)

    def _part(self, symbol: str, table: pd.DataFrame) -> BookPart:
        """Return the quotes of a symbol as they were fetched."""
        rows = table[table["symbol"] == symbol]
        if rows.empty:
            raise DataError(f"{self.kind}: no quote of the symbol '{symbol}' is of a day that is over")
        time = rows["time"].to_numpy("datetime64[ns]")
        return BookPart(
            symbol=symbol,
            time=time,
            session=local_dates(time, ZONE),
            segment=np.zeros(len(rows), np.int64),
            fields={name: rows[[name]].to_numpy(np.float64, copy=True) for name in BOOK_FIELDS},  # [rows, 1]
            files=(f"{self.kind} {symbol}",),
            file=np.zeros(len(rows), np.int64),
            row=np.arange(len(rows)),
        )

    def _sessions(self, part: BookPart, notes: Notes) -> BookPart:
        """Apply the options, and cut sessions at gaps."""
        mark_unoccupied(part.fields, notes)
        fault = level_fault(part.fields)
        if fault is not None:
            raise DataError(f"{part.place(fault[0])}: {fault[1]}")
        if self.calendar is None:
            first, last = session_spans(part)
        else:
            first, last = regular_hours(part.session, self.calendar)
            regular = (part.time >= first) & (part.time < last)  # a comparison with NaT is false
            notes.count(
                f"Left out {{n}} of {{read}} rows: outside of the regular hours of {self.calendar} (calendar).",
                (~regular).sum(),
            )
            part, first, last = part.keep(regular), first[regular], last[regular]
        return cut_at_gaps(settle(trim(part, first, last, self, notes), self, notes), self.max_gap, notes)
