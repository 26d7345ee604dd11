"""Simulated order books: messages and books as LOBSTER's, so that a book model runs with no files."""

from __future__ import annotations

import datetime
import zlib
from functools import partial
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from tsdeep.panel import Panel
from tsdeep.sources.base import BookSource, OneOrMore, register_source
from tsdeep.sources.order_flow import Flow, OrderFlow, simulate
from tsdeep.sources.pieces import Piece, in_period

_LOT = 100
_MIDDLE_TICKS = 10_000
_OPEN = np.timedelta64(14 * 60 + 30, "m")
_SECONDS = 6.5 * 3600
_NO_PRICE = 9_999_999_999.0


@register_source("simulated_book")
class SimulatedBook(BookSource):
    """Order books of a simulator: a queue-reactive order flow, the same at every run of a seed.

    The model is `OrderFlow`, with its defaults. Rows are as LOBSTER's: row k is the book after message
    k, messages touch the levels that are seen, an unoccupied level has price 9999999999 (ask) or -9999999999
    (bid) and size 0. Every session of every symbol has its own randomness and begins afresh at a price near
    10,000 ticks, after a warm-up that is left out; more sessions or symbols leave the others as they are.
    The rows of a session fill the time from 14:30 to 21:00 UTC, more of them at its begin and end.

    Parameters
    ----------
    symbols : list of str, default ["SIM"]
        Names of the instruments; they do not depend on each other.
    sessions : int, default 5
        Sessions of each symbol, on consecutive business days (Monday to Friday).
    rows : int, default 20000
        Rows of a session.
    levels : int, default 10
        Levels of a side, at most 30.
    seed : int, default 0
        Decides the data, together with a symbol's name and the number of a session.
    tick : float, default 100
        The tick, in the unit of prices; 100 as in LOBSTER, where the unit is 1e-4 dollars.
    start : date, default 2024-01-02
        Day of the first session, or the next business day.

    References
    ----------
    Huang, Lehalle and Rosenbaum (2015), "Simulating and analyzing order book data: the queue-reactive model",
    Journal of the American Statistical Association 110(509).
    """

    symbols: OneOrMore[Annotated[str, Field(min_length=1)]] = Field(default_factory=lambda: ["SIM"])
    sessions: Annotated[int, Field(ge=1)] = 5
    rows: Annotated[int, Field(ge=1)] = 20_000
    levels: Annotated[int, Field(ge=1, le=30)] = 10
    seed: Annotated[int, Field(ge=0)] = 0
    tick: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100.0
    start: datetime.date = datetime.date(2024, 1, 2)

    def book(self) -> Panel:
        """Simulate all sessions.

        Returns
        -------
        Panel
            Fields `ask_price`, `ask_size`, `bid_price`, `bid_size` `[rows, levels]` and `event_type` (1
            submission, 2 partial cancellation, 3 deletion, 4 execution), `event_size`, `event_price`,
            `event_side` (1 if the resting order is a buy, -1 if a sell) `[rows]`; sizes are round lots of 100.
        """
        return self._simulated([(s, number) for s in self.symbols for number in range(self.sessions)])

    def pieces(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> list[Piece]:
        """List the sessions, a piece each; arguments, result and errors as of `Source.pieces`."""
        keep = in_period(self._dates(), start, end)
        return [
            Piece(f"{symbol} {date}", partial(self._piece, symbol, number, names))
            for symbol in self.symbols
            for number, date in enumerate(self._dates())
            if keep[number]
        ]

    def _piece(self, symbol: str, number: int, names: tuple[str, ...]) -> Panel:
        return self._chosen(self._simulated([(symbol, number)]), names)

    def _dates(self) -> np.ndarray:
        """Return the days of the sessions, datetime64[D] `[sessions]`."""
        first = np.busday_offset(np.datetime64(self.start, "D"), 0, roll="forward")
        return np.busday_offset(first, np.arange(self.sessions)).astype("datetime64[D]")

    def _simulated(self, sessions: list[tuple[str, int]]) -> Panel:
        """Simulate sessions, each of a symbol and with its number."""
        flows = [self._session(symbol, number) for symbol, number in sessions]
        edges = np.arange(len(flows) + 1, dtype=np.int64) * self.rows
        days = self._dates()[[number for _, number in sessions]]
        opens = days.astype("datetime64[ns]") + _OPEN
        return Panel(
            fields=self._fields(flows),
            time=np.concatenate([_clock(flow, begin) for flow, begin in zip(flows, opens, strict=True)]),
            bounds=np.stack([edges[:-1], edges[1:]], axis=1),
            symbols=tuple(symbol for symbol, _ in sessions),
            session_date=np.repeat(days, self.rows),
            row=self.a_row,
            tick=self.tick,
            notes=(
                "The data is simulated, no market made it: a queue-reactive order flow (after Cont, Stoikov and "
                f"Talreja 2010 and Huang, Lehalle and Rosenbaum 2015), seed {self.seed}, {self.sessions} sessions "
                f"of {self.rows:,} rows for each of: {', '.join(self.symbols)}.",
            ),
        )

    def _session(self, symbol: str, number: int) -> Flow:
        rng = np.random.default_rng([self.seed, zlib.crc32(symbol.encode()), number])
        open_ticks = round(_MIDDLE_TICKS * np.exp(0.01 * rng.standard_normal()))
        return simulate(OrderFlow(), self.rows, self.levels, rng, open_ticks=open_ticks)

    def _fields(self, flows: list[Flow]) -> dict[str, np.ndarray]:
        def join(name: str, unit: float = 1.0) -> np.ndarray:
            return np.concatenate([getattr(flow, name) for flow in flows]) * np.float64(unit)

        ask_size, bid_size = join("ask_lots", _LOT), join("bid_lots", _LOT)
        return {
            "ask_price": np.where(ask_size > 0, join("ask_price", self.tick), _NO_PRICE),
            "ask_size": ask_size,
            "bid_price": np.where(bid_size > 0, join("bid_price", self.tick), -_NO_PRICE),
            "bid_size": bid_size,
            "event_type": join("kind"),
            "event_size": join("lots", _LOT),
            "event_price": join("price", self.tick),
            "event_side": join("side"),
        }


def _clock(flow: Flow, begin: np.datetime64) -> np.ndarray:
    """Lay a session's own time over the trading day, three times as dense at its ends as in the middle."""
    day = np.linspace(0.0, 1.0, 1001)
    passed = np.cumsum(1.0 + 2.0 * (2.0 * day - 1.0) ** 2)
    passed = (passed - passed[0]) / (passed[-1] - passed[0])
    seconds = np.interp(flow.time / flow.time[-1], passed, day) * _SECONDS
    return begin + (seconds * 1e9).astype("timedelta64[ns]")
