"""The base of every source, and the names under which sources are known."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import pandas as pd
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tsdeep.errors import DataError, SpecError, invalid_keys, unknown_name
from tsdeep.panel import Panel
from tsdeep.sources.calendars import in_sessions
from tsdeep.sources.pieces import Piece
from tsdeep.tables import KEYS, plain_table

S = TypeVar("S", bound="type[Source]")
T = TypeVar("T")


def _each_once(names: list[T]) -> list[T]:
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"found {twice[0]!r} twice, expected each once")
    return names


OneOrMore = Annotated[list[T], Field(min_length=1), AfterValidator(_each_once)]
"""Annotation of a list of names: at least one, each once."""


_OVER_NIGHTS = (
    "Bars within the day, and no calendar: windows and labels run on over nights. The calendar of their exchange, such "
    "as XNYS, cuts them at the end of each session; 24/7 is one that cuts at midnight UTC."
)


class Source(BaseModel, ABC):
    """Where data comes from. A subclass declares its settings as pydantic fields and reads bars.

    The table that `bars` returns is canonical: the columns `time` (datetime64[ns]; for daily bars the
    session's date, without a zone) and `symbol`, then fields in lower case (`open`, `high`, `low`, `close`,
    `volume`), float64, in the order of the symbols asked for. Sentences in `attrs["notes"]`, on what a reader
    should know of them, become the panel's `notes`. A source of order books is a `BookSource`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: ClassVar[str]
    dated_by_period: ClassVar[bool] = False
    """Whether values are dated by the period they describe and published later, as economic series are."""

    @abstractmethod
    def bars(self) -> pd.DataFrame:
        """Read all bars.

        Raises
        ------
        DataError
            If they cannot be read; the message says what to do.
        """

    def panel(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> Panel:
        """Read the fields of a period.

        Parameters
        ----------
        names : tuple of str
            Fields to take.
        start, end : Timestamp, optional
            First and last time, or session where there are sessions, both included.

        Returns
        -------
        Panel
            Bars within the day of a source with a calendar are cut into a segment a session.

        Raises
        ------
        DataError
            If the data cannot be read, lacks a field, or has a value that cannot be used.
        """
        read = self.bars()
        notes = tuple(read.attrs.get("notes", ()))
        bars = plain_table(read)
        for name in names:
            if name not in bars.columns:
                known = [column for column in bars.columns if column not in KEYS]
                raise DataError(unknown_name("field", name, known))
        calendar = getattr(self, "calendar", None)
        if calendar is not None:
            bars = in_sessions(bars, calendar)
        elif "segment" not in bars and (bars["time"] != bars["time"].dt.normalize()).any():
            notes = (*notes, _OVER_NIGHTS)
        when = bars["session" if "session" in bars else "time"]
        first, last = when.min(), when.max()
        start, end = first if start is None else start, last if end is None else end
        keys = [key for key in KEYS if key in bars]
        bars = bars.loc[when.between(start, end), [*keys, *names]]
        if bars.empty:
            raise DataError(
                f"no row in the period {start.date()} to {end.date()}; it has {first.date()} to {last.date()}"
            )
        panel = Panel.from_frame(bars)
        return replace(panel, notes=notes) if notes else panel

    def pieces(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> list[Piece]:
        """List the parts in which the fields of a period can be read, each in memory of its own size.

        The panels of the pieces, one behind another in this order (`tsdeep.assets.stacked`), are the panel that
        `panel` gives of the same arguments: fields, times, segments, symbols, sessions, what a row is, tick. A
        piece can be read alone, and pieces in any order. Notes are those of a piece's own rows. Where options
        leave no row of a piece, reading it gives None; `panel` raises only where they leave none of any.

        Parameters
        ----------
        names : tuple of str
            Fields to take.
        start, end : Timestamp, optional
            First and last time, both included.

        Returns
        -------
        list of Piece
            One, the whole, where a source does not say otherwise.

        Raises
        ------
        DataError
            If it cannot be told what there is, or a source of several pieces has none in the period.
        """
        return [Piece("all", lambda: self.panel(names, start, end))]

    @property
    def a_row(self) -> str:
        """What one row is, as in `Panel.row`; horizons and lookbacks count rows."""
        return "one bar"

    @property
    def bar_length(self) -> pd.Timedelta | None:
        """How long an intraday bar is, where its time is when it begins; None for daily bars, series and events."""
        return None

    @property
    def settings_that_differ(self) -> frozenset[str]:
        """Names of the settings whose values are not the defaults, whether they were written down or not."""
        fields = type(self).model_fields
        return frozenset(
            name
            for name, field in fields.items()
            if field.is_required() or getattr(self, name) != field.get_default(call_default_factory=True)
        )

    @property
    def given(self) -> bool:
        """Whether it is known where to read from; False while a path is open that the user must give."""
        return True

    def state(self) -> dict[str, Any]:
        """Tell the data as it is now from what it was or will be, without reading it all, as JSON values.

        Of a file, or all files of a folder: size and time of the last change by name. Nothing where the settings say
        all, as of a simulation.
        """
        path = getattr(self, "path", None)
        if path is None:
            return {}
        top = Path(path)
        files = sorted(file for file in top.rglob("*") if file.is_file()) if top.is_dir() else [top]
        found = {}
        for file in files:
            if file.is_file():
                about = file.stat()
                found[str(file.relative_to(top.parent))] = [about.st_size, about.st_mtime_ns]
        return found

    def describe(self) -> str:
        """Say in a line where the bars come from: the kind, and the settings that are not the defaults."""
        settings = self.model_dump(mode="json", exclude_defaults=True)
        texts = (", ".join(map(str, v)) if isinstance(v, list) else str(v) for v in settings.values())
        said = "; ".join(f"{name}: {text}" for name, text in zip(settings, texts, strict=True))
        return f"{self.kind} ({said})" if said else self.kind


class BookSource(Source):
    """Where order books come from. A subclass reads them with all their fields, checked, in `book`."""

    @property
    def a_row(self) -> str:
        """What one row is, as in `Panel.row`; horizons and lookbacks count rows."""
        return "one book event"

    @abstractmethod
    def book(self) -> Panel:
        """Read all books.

        Returns
        -------
        Panel
            Fields `ask_price`, `ask_size`, `bid_price`, `bid_size` `[rows, levels]`, those of the messages
            where there are any, sessions, what a row is, the tick, and notes on what was left out.

        Raises
        ------
        DataError
            If they cannot be read; the message says what to do.
        """

    def bars(self) -> pd.DataFrame:
        """Refuse: an order book has no bars."""
        raise DataError(f"source '{self.kind}' gives order books, not bars")

    def panel(
        self, names: tuple[str, ...], start: pd.Timestamp | None = None, end: pd.Timestamp | None = None
    ) -> Panel:
        """Read the fields of the sessions in a period; arguments, result and errors as of `Source.panel`."""
        return self._chosen(self.book(), names).select(None, start, end)

    @staticmethod
    def _chosen(book: Panel, names: tuple[str, ...]) -> Panel:
        """Take some fields of a book; DataError for an unknown one, with the nearest name."""
        for name in names:
            if name not in book.fields:
                raise DataError(unknown_name("field", name, book.fields))
        return book.select(names)


_SOURCES: dict[str, type[Source]] = {}


def register_source(kind: str) -> Callable[[S], S]:
    """Make a source known by a name, so that a spec can ask for it: `source: {kind: ...}`."""

    def register(cls: S) -> S:
        cls.kind = kind
        _SOURCES[kind] = cls
        return cls

    return register


def source_names() -> list[str]:
    """List the names of the registered sources."""
    return sorted(_SOURCES)


def source_class(kind: str) -> type[Source]:
    """Return a source's class by its name; SpecError lists the names that exist."""
    if not isinstance(kind, str) or kind not in _SOURCES:
        raise SpecError(unknown_name("source", kind, _SOURCES))
    return _SOURCES[kind]


def make_source(spec: Source | Mapping[str, Any]) -> Source:
    """Make a source from its mapping in a spec.

    Parameters
    ----------
    spec : mapping of str to object, or Source
        `kind` and the settings of that kind. A `Source` is returned as it is.

    Returns
    -------
    Source

    Raises
    ------
    SpecError
        For an unknown kind or setting (with the nearest name), a missing one, or a value that does not fit.

    Examples
    --------
    >>> make_source({"kind": "bundled", "symbols": ["sp500"]}).describe()
    'bundled (symbols: sp500)'
    """
    if isinstance(spec, Source):
        return spec
    if not isinstance(spec, Mapping) or "kind" not in spec:
        raise SpecError(
            f"found {spec!r}, expected a mapping with 'kind', such as {{kind: bundled, symbols: [sp500]}}; "
            f"kinds: {', '.join(source_names())}"
        )
    cls = source_class(spec["kind"])
    try:
        return cls.model_validate({key: value for key, value in spec.items() if key != "kind"})
    except ValidationError as error:
        raise SpecError(f"source '{cls.kind}': " + "; ".join(invalid_keys(error, cls))) from None


_BEHIND_PARAMETERS = re.compile(r"\n\n(?:Notes|References|Examples)\n-+\n")


def source_schema() -> dict[str, Any]:
    """Describe in JSON schema what a spec's `source` may be."""
    kinds = []
    for kind in source_names():
        schema = _SOURCES[kind].model_json_schema()
        schema["title"] = kind
        schema["description"] = _BEHIND_PARAMETERS.split(schema["description"])[0]
        schema["properties"] = {"kind": {"const": kind}, **schema["properties"]}
        schema["required"] = ["kind", *schema.get("required", [])]
        kinds.append(schema)
    return {"oneOf": kinds}
