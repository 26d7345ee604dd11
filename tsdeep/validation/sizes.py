"""Lengths of blocks and gaps: in rows, as a share of them, in sessions, or on the calendar."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from numbers import Integral
from typing import Any, Literal

import numpy as np
import pandas as pd

from tsdeep.errors import SpecError

Unit = Literal["rows", "percent", "sessions", "anchors", "span"]

DAY_NANOSECONDS = 86_400_000_000_000
_LONGEST = 36_525 * DAY_NANOSECONDS
_MOST = 10**9

_PERCENT = re.compile(r"(\d+) ?%")
_SPELT_OUT = re.compile(r"(\d+)\s*(row|session|second|minute|hour|day|week|month|year)s?", re.IGNORECASE)
_BARE_LETTER = re.compile(r"(\d*)([YAQM])")
_END_OF = {"Y": "YE", "A": "YE", "Q": "QE", "M": "ME"}
_NANOSECONDS = {
    "nanoseconds": 1,
    "microseconds": 1_000,
    "milliseconds": 1_000_000,
    "seconds": 1_000_000_000,
    "minutes": 60_000_000_000,
    "hours": 3_600_000_000_000,
    "days": DAY_NANOSECONDS,
    "weeks": 7 * DAY_NANOSECONDS,
}
_MONTHS = {"months": 1, "years": 12}


@dataclass(frozen=True)
class Size:
    """A length in one unit.

    Parameters
    ----------
    unit : {"rows", "percent", "sessions", "anchors", "span"}
        Distinct times, hundredths of the labelled rows, sessions, anchor dates of a pandas offset (`anchor`),
        or a plain calendar span.
    amount : int
        Rows, hundredths, sessions or anchor dates; for a span its whole months.
    nanoseconds : int
        For a span, what is added after its months.
    anchor : pandas offset or None
        The offset, once, whose anchor dates are counted.
    """

    unit: Unit
    amount: int
    nanoseconds: int = 0
    anchor: Any = None

    @property
    def key(self) -> tuple[str, str]:
        """What has to be equal for two sizes to add up."""
        return self.unit, "" if self.anchor is None else str(self.anchor.freqstr)

    @property
    def fineness(self) -> tuple[int, float]:
        """Order in which units are added up: a coarse one rounds, and would swallow a finer one before it."""
        rank = ("anchors", "sessions", "percent", "rows", "span").index(self.unit)
        if self.anchor is None:
            return rank, 0.0
        first = pd.Timestamp("2001-01-01")
        return rank, -((first + 12 * self.anchor) - first).total_seconds()

    @property
    def on_calendar(self) -> bool:
        """Whether the size needs dated rows."""
        return self.unit in ("anchors", "span")

    @property
    def within_day(self) -> bool:
        """Whether the size has a part below one day."""
        return self.nanoseconds % DAY_NANOSECONDS != 0

    @property
    def is_zero(self) -> bool:
        """Whether the size is nothing."""
        return self.amount == 0 and self.nanoseconds == 0

    def __mul__(self, times: int) -> Size:
        return replace(self, amount=self.amount * times, nanoseconds=self.nanoseconds * times)

    def __add__(self, other: Size) -> Size:
        if self.key != other.key:
            raise TypeError(f"sizes in {self.key} and {other.key} do not add up")
        nanoseconds = self.nanoseconds + other.nanoseconds
        return replace(self, amount=self.amount + other.amount, nanoseconds=nanoseconds)


def parse_size(value: Any, name: str) -> Size:
    """Read the length of a block.

    Parameters
    ----------
    value : int, str, pandas offset, or timedelta
        An integer is rows; a string is `"250 rows"`, `"60%"`, `"20 sessions"`, `"6 months"` or a pandas offset
        such as `"4YE"`, `"W-FRI"` or `"90D"`.
    name : str
        The argument, for messages.

    Returns
    -------
    Size
        More than nothing.

    Raises
    ------
    SpecError
        If the value is not a length, not positive, or in a unit that has no meaning for a block.

    Examples
    --------
    >>> parse_size("20 sessions", "test")
    Size(unit='sessions', amount=20, nanoseconds=0, anchor=None)
    >>> parse_size("3YE", "train").key
    ('anchors', 'YE-DEC')
    """
    size = _parse(value, name)
    if size.amount < 0 or size.nanoseconds < 0 or size.is_zero:
        raise SpecError(f"{name}={value!r}: expected a length above zero")
    if size.nanoseconds > _LONGEST or size.amount > _MOST:
        raise SpecError(f"{name}={value!r}: expected a length of at most a century")
    return size


def parse_gap(value: Any, name: str) -> Size:
    """Read the length of a purge or an embargo.

    Parameters
    ----------
    value : int, str or timedelta
        As for :func:`parse_size`, and possibly zero; on the calendar only fixed spans such as `"5D"`.
    name : str
        The argument, for messages.

    Returns
    -------
    Size
        In rows, sessions, or nanoseconds.

    Raises
    ------
    SpecError
        If the value is not a length, is negative, or is a calendar length that varies.
    """
    size = _parse(value, name)
    if size.unit in ("anchors", "percent") or (size.unit == "span" and size.amount):
        expected = "rows, sessions, or a fixed span such as '5D'"
        raise SpecError(f"{name}={value!r}: the length of a gap must not vary; expected {expected}")
    if size.amount < 0 or size.nanoseconds < 0:
        raise SpecError(f"{name}={value!r}: a gap cannot be negative")
    return size


def _parse(value: Any, name: str) -> Size:
    if isinstance(value, (timedelta, np.timedelta64)):
        return Size("span", 0, _timedelta_nanoseconds(value, name))
    if isinstance(value, Integral) and not isinstance(value, bool):
        return Size("rows", int(value))
    if isinstance(value, str):
        return _parse_text(value.strip(), name)
    if isinstance(value, pd.tseries.offsets.BaseOffset):
        return _parse_offset(value, name)
    raise SpecError(f"{name}={value!r}: {_expected()}, found {type(value).__name__}")


def _parse_text(text: str, name: str) -> Size:
    if spelt := _SPELT_OUT.fullmatch(text):
        count, unit = int(spelt[1]), spelt[2].lower() + "s"
        if unit in ("rows", "sessions"):
            return Size("rows" if unit == "rows" else "sessions", count)
        if unit in _MONTHS:
            return Size("span", count * _MONTHS[unit])
        return Size("span", 0, count * _NANOSECONDS[unit])
    if percent := _PERCENT.fullmatch(text):
        return Size("percent", int(percent[1]))
    if bare := _BARE_LETTER.fullmatch(text):
        raise SpecError(f"{name}={text!r}: not a pandas offset; did you mean '{bare[1]}{_END_OF[bare[2]]}'?")
    try:
        offset = pd.tseries.frequencies.to_offset(text)
    except ValueError as error:
        raise SpecError(f"{name}={text!r}: {_expected()}") from error
    return _parse_offset(offset, name)


def _parse_offset(offset: Any, name: str) -> Size:
    offsets = pd.tseries.offsets
    if isinstance(offset, offsets.BusinessHour):
        raise SpecError(f"{name}={offset.freqstr!r}: business hours are not a block; {_expected()}")
    if isinstance(offset, offsets.Day):
        return Size("span", 0, offset.n * DAY_NANOSECONDS)
    if isinstance(offset, offsets.Tick):
        return Size("span", 0, _timedelta_nanoseconds(pd.Timedelta(offset), name))
    if isinstance(offset, offsets.Week) and offset.weekday is None:
        return Size("span", 0, offset.n * 7 * DAY_NANOSECONDS)
    if type(offset) is pd.DateOffset:
        parts = dict(offset.kwds) or {"days": 1}
        absolute = set(parts) - set(_NANOSECONDS) - set(_MONTHS)
        if absolute or not all(isinstance(part, Integral) for part in parts.values()):
            raise SpecError(f"{name}={offset!r}: expected whole lengths (years=, months=, days=, ...)")
        months = sum(_MONTHS[key] * int(part) for key, part in parts.items() if key in _MONTHS)
        rest = sum(_NANOSECONDS[key] * int(part) for key, part in parts.items() if key in _NANOSECONDS)
        return Size("span", offset.n * months, offset.n * rest)
    return Size("anchors", offset.n, anchor=offset.base)


def _timedelta_nanoseconds(value: Any, name: str) -> int:
    span = pd.Timedelta(value)
    if span is pd.NaT:
        raise SpecError(f"{name}: expected a length, found NaT")
    return int(span.as_unit("ns").value)


def _expected() -> str:
    return "expected rows (an integer), 'N%', 'N sessions', a pandas offset ('1YE', '3ME', '90D'), or a timedelta"
