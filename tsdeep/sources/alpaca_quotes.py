"""Best quotes of Alpaca as order books of one level, through the package `alpaca-py`."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import model_validator

from tsdeep.books import BOOK_FIELDS, level_fault
from tsdeep.durations import Duration
from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.sources.alpaca_client import ZONE, all_pages, moments
from tsdeep.sources.base import register_source
from tsdeep.sources.book_options import BookRows, Notes, PositiveTick, book_panel, settle, trim
from tsdeep.sources.book_part import BookPart, join
from tsdeep.sources.book_sessions import check_gaps, cut_at_gaps, mark_unoccupied, session_spans
from tsdeep.sources.calendars import CalendarName, exchange_calendar, regular_hours
from tsdeep.sources.clock import local_dates
from tsdeep.sources.fetching import import_extra
from tsdeep.sources.online import Fetched
from tsdeep.sources.pieces import Piece, in_period
from tsdeep.tables import stamp

_CALENDAR = "XNYS"
_COLUMNS = {"ap": "ask_price", "as": "ask_size", "bp": "bid_price", "bs": "bid_size"}
_FEEDS = {
    "iex": "the best quotes of the one exchange IEX",
    "sip": "the national best bid and offer of all US exchanges (SIP)",
}


@register_source("alpaca_quotes")
class AlpacaQuotes(BookRows, Fetched):
    """Best bid and ask of US shares and funds from Alpaca, a row a change, as order books of one level.

    The keys are read from the environment variables `APCA_API_KEY_ID` and `APCA_API_SECRET_KEY`; where
    `APCA_API_DATA_URL` is set, it is asked in place of Alpaca's own address. Quotes are fetched and cached a
    symbol and a session at a time, so that a fetch that failed goes on where it was, and longer periods share
    days; a session on which a symbol has none is refused. All quotes of a day are stored, of any condition, and
    the settings from `tick` on choose among them when they are read; those of a liquid share are millions a
    day, ten thousand a page. Sizes are in the unit that Alpaca gives them in. Times are UTC, a session is a
    date in New York, and a segment ends with it and at every gap of more than `max_gap`. A side without a size
    has size 0 and price 0.

    Parameters
    ----------
    symbols : list of str
        Which, in this order.
    start, end : str
        First and last date in New York, both included; both over.
    feed : "iex" or "sip"
        Of one exchange, or of all US exchanges, which takes a paid plan for the newest quotes.
    tick : float, default 0.01
        The smallest step of prices, in dollars.
    calendar : str, default "XNYS"
        Exchange whose regular hours are taken, from the open to the close; `null` for all hours of the
        sessions of New York.
    max_gap : str, default "1min"
        The longest time between rows of a segment.
    trim_start, trim_end : str, default "0s"
        Time to leave out at the start and the end of each session, such as `10min`.
    same_time : "keep" or "last"
        Of quotes with the same time keep all, or the last alone.
    crossed : "refuse" or "remove"
        Refuse crossed, locked and one-sided quotes, or leave them out.

    References
    ----------
    https://docs.alpaca.markets, by the package `alpaca-py`.
    """

    feed: Literal["iex", "sip"] = "iex"
    tick: PositiveTick = 0.01
    calendar: CalendarName | None = _CALENDAR
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
        period = self.start if self.start == self.end else f"{self.start} to {self.end}"
        what = f"quotes of {', '.join(self.symbols)} of {period}"

        def ask(client: object) -> object:
            data = import_extra("alpaca.data", "alpaca")
            enums = import_extra("alpaca.data.enums", "alpaca")
            return client.get_stock_quotes(  # type: ignore[attr-defined]
                data.StockQuotesRequest(
                    symbol_or_symbols=list(self.symbols),
                    feed=enums.DataFeed(self.feed),
                    **moments(self.start, self.end, ""),
                )
            )

        table = all_pages(self.kind, what, ask, _COLUMNS)
        table["time"] = table["time"].dt.tz_localize(None)
        return table.astype(dict.fromkeys(BOOK_FIELDS, np.float64))

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

    def parts(self) -> list[Fetched]:
        """List a source for each symbol and session, by symbol and then by date: what is asked for at a time.

        Raises
        ------
        DataError
            If the end is not over, or no session is in the period.
        """
        return list(self._days())

    def _days(self) -> list[AlpacaQuotes]:
        over = pd.Timestamp.now(tz="UTC").tz_convert(ZONE).tz_localize(None).normalize() - pd.Timedelta(
            days=1
        )
        start, end = pd.Timestamp(self.start), pd.Timestamp(self.end)
        if end > over:
            raise DataError(
                f"{self.kind}: found the end {self.end}, expected at most {over.date()}: quotes are fetched by the "
                "day, when it is over in New York"
            )
        calendar = self.calendar or _CALENDAR
        sessions = exchange_calendar(calendar, start, end).sessions
        days = sessions[(sessions >= start) & (sessions <= end)]
        if not len(days):
            raise DataError(f"{self.kind}: {calendar} has no session from {self.start} to {self.end}")
        return [
            self.model_copy(update={"symbols": [symbol], "start": day, "end": day})
            for symbol in self.symbols
            for day in map(stamp, days)
        ]

    def book(self) -> Panel:
        """Read all quotes, from the cache where they are there; fields `BOOK_FIELDS`, one level.

        Raises
        ------
        DataError
            If they cannot be had (no network and no cached copy, no key, an unknown symbol, too many requests, a
            session without quotes), or with symbol, row and time, a value is missing or cannot be, times go back, no
            quote is in the regular hours, or (unless removed) the book is crossed, locked or one-sided.
        """
        return self._book(self._days())

    def panel(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> Panel:
        """Read the fields of the sessions in a period, and no other; arguments and errors as of `Source.panel`."""
        return self._chosen(self._book(self._within(start, end)), names)

    def pieces(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> list[Piece]:
        """List the symbols and sessions in the period, a piece each; one that is not cached is fetched when it is read.

        Arguments, result and errors are as of `Source.pieces`. A `max_gap` that is shorter than the usual step is
        refused by `panel` only, as one odd day does not tell.
        """
        return [
            Piece(f"{day.symbols[0]} {day.start}", partial(day._piece, names))
            for day in self._within(start, end)
        ]

    def _within(self, start: pd.Timestamp | None, end: pd.Timestamp | None) -> list[AlpacaQuotes]:
        days = self._days()
        keep = in_period(np.array([day.start for day in days], "datetime64[D]"), start, end)
        return [day for day, kept in zip(days, keep, strict=True) if kept]

    def _book(self, days: list[AlpacaQuotes]) -> Panel:
        """Read days of symbols, in this order, as one panel."""
        counted, said, n_read = Notes(), [], 0
        parts: dict[str, list[BookPart]] = {symbol: [] for symbol in self.symbols}
        for day in days:
            part, n_rows, notes = day._read(counted)
            parts[part.symbol].append(part)
            said += [note for note in notes if note not in said]
            n_read += n_rows
        for note in said:
            counted.say(note)
        for each in parts.values():
            check_gaps(join(each), self.max_gap, self.kind)
        whole = [part for each in parts.values() for part in each]
        return book_panel(whole, self.a_row, self.tick, counted, n_read, self.kind)

    def _piece(self, names: tuple[str, ...]) -> Panel | None:
        notes = Notes()
        part, n_read, said = self._read(notes)
        if not part.n_rows:
            return None
        for note in said:
            notes.say(note)
        return self._chosen(book_panel([part], self.a_row, self.tick, notes, n_read, self.kind), names)

    def _read(self, notes: Notes) -> tuple[BookPart, int, tuple[str, ...]]:
        """Read one symbol's quotes of a day: what the options leave, how many there were, and what they are."""
        answer = self.answer()
        part = self._sessions(self._part(self.symbols[0], answer.table), notes)
        return part, len(answer.table), self.notes(answer.entry)

    def _part(self, symbol: str, table: pd.DataFrame) -> BookPart:
        """Return the quotes of a symbol as they were fetched."""
        rows = table[table["symbol"] == symbol]
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
