"""The base of sources that are fetched over the network: a request, its answer in the cache, and what is checked."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import field_validator, model_validator

from tsdeep.dates import Date
from tsdeep.errors import DataError, unknown_name
from tsdeep.panel import Panel
from tsdeep.sources import cache
from tsdeep.sources.base import OneOrMore, Source
from tsdeep.sources.calendars import CalendarName, check_sessions, session_ends
from tsdeep.sources.changes import Changes, changes
from tsdeep.tables import plain_table, stamp

SLACK = pd.Timedelta(days=5)
"""How far a first bar may be after the date asked for without a calendar: a long weekend."""
SETTLING = pd.Timedelta(minutes=30)
"""After the close, until delayed feeds have the last trades of a session."""


@dataclass(frozen=True)
class Answer:
    """What a provider answered, from the cache or fetched just now.

    Parameters
    ----------
    table : DataFrame
        Canonical.
    entry : Entry
        What the cache knows of it.
    changes : Changes, optional
        Against the answer that was in the cache before, where it was asked anew.
    """

    table: pd.DataFrame
    entry: cache.Entry
    changes: Changes | None = None


class Fetched(Source):
    """What a provider serves, bars or other rows. A subclass asks for it in `fetch`, and reads `answer`.

    Parameters
    ----------
    symbols : list of str
        Which, in this order.
    start, end : str, optional
        First and last date to ask for, both included; by default all that the provider has.
    """

    symbols: OneOrMore[str]
    start: Date = None
    end: Date = None

    checks_only: ClassVar[frozenset[str]] = frozenset()
    """Settings that decide what is refused, and not what the provider answers: they are not in the request."""

    @field_validator("symbols")
    @classmethod
    def _plain_symbols(cls, value: list[str]) -> list[str]:
        for symbol in value:
            if not symbol or symbol != symbol.strip():
                raise ValueError(f"found {symbol!r}, expected a symbol without blanks before and behind it")
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Fetched:
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"end: found {self.end}, expected a date not before the start, {self.start}")
        return self

    @abstractmethod
    def fetch(self) -> pd.DataFrame:
        """Ask the provider, without the cache.

        Returns
        -------
        DataFrame
            `time`, `symbol`, numeric fields; symbols in the order asked for. Sentences on what was left out may stand
            in `attrs["notes"]`.

        Raises
        ------
        DataError
            If it cannot be had; the message says what to do.
        """

    @property
    @abstractmethod
    def statement(self) -> str:
        """Say in a sentence what the values are: how prices are adjusted, in which unit a series is."""

    @property
    def request(self) -> dict[str, Any]:
        """The kind and the settings that decide the answer, as JSON values: what the cache knows it by."""
        return {"kind": self.kind, **self.model_dump(mode="json", exclude=set(self.checks_only))}

    def finished(
        self,
        table: pd.DataFrame,
        now: pd.Timestamp,  # noqa: ARG002
    ) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Leave out rows that are not final at a time, UTC, and say so; by default none."""
        return table, ()

    def check(self, table: pd.DataFrame, fetched: pd.Timestamp) -> None:
        """Refuse an answer that cannot be used, before it is stored and whenever it is read."""

    def parts(self) -> list[Fetched]:
        """List what is asked for, and cached, at a time: by default the whole. DataError if that cannot be told."""
        return [self]

    def state(self) -> dict[str, Any]:
        """Tell the answers by their hashes; those that are not in the cache are fetched."""
        return {cache.request_key(part.request): part.answer().entry.sha256 for part in self.parts()}

    @property
    def cached(self) -> bool:
        """Whether the answer is in the cache."""
        return cache.place(self.request).exists()

    def answer(self, *, refresh: bool = False) -> Answer:
        """Read the answer from the cache; ask the provider where it is not there.

        Parameters
        ----------
        refresh : bool, default False
            Ask anew, and say what has changed. An older copy is kept where history has.

        Returns
        -------
        Answer

        Raises
        ------
        DataError
            If it cannot be had or used, or the cached copy is damaged.
        """
        path = cache.place(self.request)
        if not refresh and path.exists():
            return self._cached()
        with cache.locked(path):
            if not refresh and path.exists():  # another process has just fetched it
                return self._cached()
            older = cache.read(path) if path.exists() else None
            now = pd.Timestamp.now(tz="UTC").floor("s")
            raw = self.fetch()
            notes = tuple(raw.attrs.get("notes", ()))
            table, left_out = self.finished(self._plain(raw), now)
            self.check(table, now)
            found = None if older is None else changes(older[1], table)
            if older is not None and found is not None and found.history:
                cache.keep_older(older[0])
            entry = cache.write(
                self.request, table, fetched=now, statement=self.statement, notes=(*notes, *left_out)
            )
        return Answer(table, entry, found)

    def _cached(self) -> Answer:
        entry, table = cache.read(cache.place(self.request))
        self.check(table, entry.fetched)
        return Answer(table, entry)

    def _plain(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Check that all symbols asked for are there, in this order, and no other."""
        table = plain_table(raw)
        table.attrs.clear()
        there = list(dict.fromkeys(table["symbol"]))
        for symbol in self.symbols:
            if symbol not in there:
                others = [name for name in there if name not in self.symbols]
                instead = f" (it has '{others[0]}', which was not asked for)" if others else ""
                raise DataError(
                    f"{self.kind}: no rows of the symbol '{symbol}' in the answer{instead}; is it what the provider "
                    "calls it, in these letters?"
                )
        for symbol in there:
            if symbol not in self.symbols:
                raise DataError(
                    f"{self.kind}: {unknown_name('symbol', symbol, self.symbols)}, which were asked for"
                )
        order = table["symbol"].map(list(self.symbols).index)
        return table.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)

    def notes(self, entry: cache.Entry) -> tuple[str, ...]:
        """Say where an answer is from, when it was fetched, what its values are, and what was left out."""
        return (f"{self.kind}, fetched {entry.fetched.date()} (UTC): {entry.statement}", *entry.notes)


class OnlineSource(Fetched):
    """Bars or series that a provider serves. A subclass asks for them in `fetch`.

    The settings are the request: what was fetched for equal settings is read from the cache from then on, so that a
    study runs again offline on the same bytes. `tsdeep data fetch` asks anew.

    Parameters
    ----------
    symbols : list of str
        Which, in this order.
    start, end : str, optional
        First and last date to ask for, both included; by default all that the provider has.
    calendar : str, optional
        Exchange whose sessions bars must have, such as `XNYS`: a session without a bar is a hole, and refused. Bars
        within the day are cut at the end of each session: no window or label crosses a night.

    Notes
    -----
    The cache: an answer is checked and kept as a Parquet file with a hash under `TSDEEP_CACHE`, by default the user's
    cache folder; `run.json` has the hash of its data. Only `tsdeep data fetch SPEC` asks again, and says what has
    changed; the copy from before is kept where history has changed. `tsdeep data ls` lists what is kept, `tsdeep data
    rm KEY` removes it. A session that is not over is left out and said; a hole by the exchange's calendar, a start
    that is not reached and an unknown symbol are refused.
    """

    calendar: CalendarName | None = None

    checks_only: ClassVar[frozenset[str]] = frozenset({"calendar"})
    settling: ClassVar[pd.Timedelta] = SETTLING
    """How long after the close of its session a daily bar may still change."""

    def bars(self) -> pd.DataFrame:
        """Read all bars, from the cache where they are there.

        Returns
        -------
        DataFrame
            Canonical, with sentences on what it is in `attrs["notes"]`.

        Raises
        ------
        DataError
            If they cannot be had: no network and no cached copy, no key, an unknown symbol, too many requests, a
            start that is not reached, a hole by the calendar, a value that cannot be; or the cached copy is damaged.
        """
        answer = self.answer()
        table = answer.table.copy()
        table.attrs["notes"] = (*self.notes(answer.entry), *_ended(table))
        return table

    def finished(self, table: pd.DataFrame, now: pd.Timestamp) -> tuple[pd.DataFrame, tuple[str, ...]]:
        """Leave out the bars of a session, or of a span of a day, that is not over at a time, UTC, and say so."""
        times = table["time"].to_numpy("datetime64[ns]")
        moment = now.tz_convert("UTC").tz_localize(None)
        if self.bar_length is not None:
            ends = times + self.bar_length.to_timedelta64()
        elif self.calendar is not None:
            ends = session_ends(table["time"], self.calendar) + self.settling.to_timedelta64()
        else:
            ends = times + np.timedelta64(1, "D")
        running = ends > moment.to_datetime64()
        if not running.any():
            return table, ()
        row = int(np.argmax(running))
        if running.all():
            raise DataError(
                f"{self.kind}: {stamp(table['time'].iloc[row])} is not over yet, and there is no bar before it; ask "
                "from an earlier start"
            )
        first = stamp(table["time"].iloc[row])
        note = (
            f"Left out {int(running.sum())} bars from {first} on, which were not over when they were fetched: their "
            "values would have changed."
        )
        return table[~running].reset_index(drop=True), (note,)

    def check(self, table: pd.DataFrame, fetched: pd.Timestamp) -> None:
        """Refuse bars that cannot be used, with the symbol and the date."""
        there = set(table["symbol"])
        for symbol in self.symbols:
            if symbol not in there:
                raise DataError(
                    f"{self.kind}: no row of the symbol '{symbol}' is final; ask from an earlier start"
                )
        times = table["time"]
        if self.bar_length is None and (times != times.dt.normalize()).any():
            row = int(np.argmax(times != times.dt.normalize()))
            raise DataError(
                f"{self.kind}: symbol '{table['symbol'].iloc[row]}': found the time {times.iloc[row]}, expected "
                "the date of a session"
            )
        Panel.from_frame(table)
        if self.calendar is not None:
            end = None if self.end is None else min(self.end, _last_over(fetched - self.settling))
            check_sessions(table, self.calendar, start=self.start, end=end, daily=self.bar_length is None)
        else:
            self._check_reach(table, fetched)

    def _check_reach(self, table: pd.DataFrame, fetched: pd.Timestamp) -> None:
        """Refuse a symbol that begins after the start, or ends before the end, that was asked for."""
        start = None if self.start is None else pd.Timestamp(self.start)
        end = None if self.end is None else pd.Timestamp(min(self.end, _last_over(fetched)))
        for symbol, times in table.groupby("symbol", sort=False)["time"]:
            usual = times.drop_duplicates().diff().median() * 1.5  # a month may pass in a monthly series
            slack = SLACK if pd.isna(usual) else max(SLACK, usual)
            first, last = times.min().normalize(), times.max().normalize()
            where = f"{self.kind}: symbol '{symbol}'"
            if start is not None and first - start > slack:
                raise DataError(
                    f"{where}: asked from {self.start} on, it begins {(first - start).days} days later, on "
                    f"{stamp(first)}; ask from then on, or leave start out to take each symbol from its own"
                )
            if end is not None and end - last > slack:
                raise DataError(
                    f"{where}: asked up to {self.end}, it ends on {stamp(last)}, {(end - last).days} days before "
                    f"{stamp(end)}; ask up to then, or leave end out"
                )


def _ended(table: pd.DataFrame) -> tuple[str, ...]:
    """Say which symbols end before the others, as one that was delisted or renamed does."""
    last = table.groupby("symbol", sort=False)["time"].max()
    early = last[last.max() - last > SLACK]
    if early.empty:
        return ()
    said = ", ".join(f"{symbol} on {stamp(time)}" for symbol, time in early.items())
    return (f"Symbols that end before the last, {stamp(last.max())}: {said}.",)


def _last_over(fetched: pd.Timestamp) -> str:
    """Return the last date that was over everywhere when an answer was fetched."""
    return str((fetched.tz_convert("UTC").normalize() - pd.Timedelta(days=1)).date())
