"""Calendars of exchanges: holidays told from holes."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator

from tsdeep.errors import DataError
from tsdeep.tables import stamp


def _calendar(name: str) -> str:
    import exchange_calendars

    known = exchange_calendars.get_calendar_names(include_aliases=True)
    if name not in known:
        near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.5)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(
            f"found '{name}', expected a calendar of the package exchange_calendars, such as XNYS, XLON or XTKS{hint}"
        )
    return name


CalendarName = Annotated[str, AfterValidator(_calendar)]
"""Annotation of the name of an exchange's calendar, such as `XNYS`."""


def exchange_calendar(name: str, first: pd.Timestamp, last: pd.Timestamp) -> Any:
    """Return an exchange's calendar that covers two dates; DataError if it does not reach as far."""
    import exchange_calendars

    try:
        return exchange_calendars.get_calendar(
            name,
            start=first.normalize() - pd.Timedelta(days=10),
            end=last.normalize() + pd.Timedelta(days=10),
        )
    except ValueError as error:
        raise DataError(
            f"calendar {name}: {error}; choose a later start, or leave the calendar out"
        ) from None


def sessions_of(times: np.ndarray, calendar: Any, daily: bool) -> np.ndarray:
    """Return the session that each bar belongs to.

    Parameters
    ----------
    times : ndarray of datetime64[ns], [rows]
        Session dates, or UTC.
    calendar : ExchangeCalendar
        Of `exchange_calendar`.
    daily : bool
        Whether times are session dates already.

    Returns
    -------
    ndarray of datetime64[ns], [rows]
        The session that is open at the time; outside of trading hours the exchange's date.
    """
    if daily:
        return times
    opens, closes = (_utc(each) for each in (calendar.opens, calendar.closes))
    at = np.clip(np.searchsorted(opens, times, side="right") - 1, 0, None)
    local = pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(calendar.tz).tz_localize(None).normalize()
    is_open = (times >= opens[at]) & (times < closes[at])
    return np.where(
        is_open, calendar.sessions.to_numpy("datetime64[ns]")[at], local.to_numpy("datetime64[ns]")
    )


def in_sessions(bars: pd.DataFrame, calendar: str) -> pd.DataFrame:
    """Cut bars within the day where the sessions of an exchange end, so that nothing crosses a night.

    Parameters
    ----------
    bars : DataFrame
        Canonical: `time` in UTC, `symbol`.
    calendar : str
        Name of the exchange's calendar.

    Returns
    -------
    DataFrame
        With `session` and `segment`, the date of each bar's session (see `sessions_of`); bars of session dates, and
        such that have segments or sessions, as they are.
    """
    daily = (bars["time"] == bars["time"].dt.normalize()).all()
    if daily or "segment" in bars or "session" in bars:
        return bars
    exchange = exchange_calendar(calendar, bars["time"].min(), bars["time"].max())
    sessions = sessions_of(bars["time"].to_numpy("datetime64[ns]"), exchange, daily=False)
    return bars.assign(session=sessions, segment=sessions)


def check_sessions(
    table: pd.DataFrame,
    calendar: str,
    *,
    start: str | None = None,
    end: str | None = None,
    daily: bool = True,
) -> None:
    """Refuse bars that do not have the sessions of an exchange: a hole, or a bar on a day without trading.

    Parameters
    ----------
    table : DataFrame
        Canonical: `time`, `symbol`; every symbol is checked from its first to its last bar.
    calendar : str
        Name of the exchange's calendar.
    start, end : str, optional
        First and last date that were asked for: every symbol must have the sessions from and up to there too.
    daily : bool, default True
        Whether `time` is the date of the session; False for times of a day, in UTC.

    Raises
    ------
    DataError
        With symbol, dates and how many.
    """
    first, last = table["time"].min(), table["time"].max()
    first = first if start is None else min(first, pd.Timestamp(start))
    last = last if end is None else max(last, pd.Timestamp(end))
    exchange = exchange_calendar(calendar, first, last)
    known = exchange.sessions.to_numpy("datetime64[ns]")
    for symbol, times in table.groupby("symbol", sort=False)["time"]:
        there = np.unique(sessions_of(times.to_numpy("datetime64[ns]"), exchange, daily))
        closed = there[~np.isin(there, known)]
        if len(closed):
            raise DataError(
                f"symbol '{symbol}': bars on {len(closed)} days on which {calendar} has no session "
                f"({_some(closed)}); expected bars on sessions alone: is it the calendar of this symbol's exchange?"
            )
        begin = there[0] if start is None else min(there[0], np.datetime64(start, "ns"))
        stop = there[-1] if end is None else max(there[-1], np.datetime64(end, "ns"))
        expected = known[(known >= begin) & (known <= stop)]
        holes = expected[~np.isin(expected, there)]
        if len(holes):
            raise DataError(
                f"symbol '{symbol}': no bar on {len(holes)} of {len(expected)} sessions of {calendar} "
                f"({_some(holes)}); it has {stamp(there[0])} to {stamp(there[-1])}. {_advice(holes, there)}"
            )


def session_ends(times: pd.Series, calendar: str) -> np.ndarray:
    """Return when the sessions of daily bars close, UTC datetime64[ns] [rows]; a day without one at its own end."""
    exchange = exchange_calendar(calendar, times.min(), times.max())
    dates = times.to_numpy("datetime64[ns]")
    sessions = exchange.sessions.to_numpy("datetime64[ns]")
    at = np.clip(np.searchsorted(sessions, dates), 0, len(sessions) - 1)
    ends = _utc(exchange.closes)[at]
    return np.where(sessions[at] == dates, ends, dates + np.timedelta64(1, "D"))


def closes_later(one: str, other: str) -> bool:
    """Tell whether a session of an exchange closes after that of another of the same date, in summer or in winter.

    Parameters
    ----------
    one, other : str
        Names of calendars.

    Returns
    -------
    bool

    Examples
    --------
    >>> closes_later("XNYS", "XTKS"), closes_later("XTKS", "XNYS"), closes_later("XNYS", "NYSE")
    (True, False, False)
    """
    if one == other:
        return False
    days = pd.DatetimeIndex(["2024-01-10", "2024-07-10"])
    late, early = (
        exchange_calendar(name, days[0], days[1]).closes.reindex(days, method="bfill")
        for name in (one, other)
    )
    return bool((late - early > pd.Timedelta(0)).any())


def regular_hours(dates: np.ndarray, calendar: str) -> tuple[np.ndarray, np.ndarray]:
    """Return when the regular hours of days begin and end.

    Parameters
    ----------
    dates : ndarray of datetime64[D], [rows]
        Days of the exchange.
    calendar : str
        Name of its calendar.

    Returns
    -------
    tuple of ndarray of datetime64[ns], [rows]
        Opens and closes, UTC; NaT on a day without a session.
    """
    days, row = np.unique(dates, return_inverse=True)
    exchange = exchange_calendar(calendar, pd.Timestamp(days[0]), pd.Timestamp(days[-1]))
    sessions = exchange.sessions.to_numpy("datetime64[D]")
    at = np.clip(np.searchsorted(sessions, days), 0, len(sessions) - 1)
    there = sessions[at] == days
    opens, closes = (
        np.where(there, _utc(each)[at], np.datetime64("NaT", "ns"))
        for each in (exchange.opens, exchange.closes)
    )
    return opens[row], closes[row]


def _advice(holes: np.ndarray, there: np.ndarray) -> str:
    if (holes < there[0]).all():
        return "Ask from its first bar on, or leave start out to take each symbol from its own"
    if (holes > there[-1]).all():
        return "Ask up to its last bar, or leave end out"
    return "Fetch again, take another source or period, or leave the calendar out to do without the check"


def _utc(moments: pd.Series) -> np.ndarray:
    return moments.dt.tz_localize(None).to_numpy("datetime64[ns]")


def _some(days: np.ndarray) -> str:
    return ", ".join(stamp(day) for day in days[:3]) + (", ..." if len(days) > 3 else "")
