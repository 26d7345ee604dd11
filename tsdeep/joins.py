"""Series joined to the rows of a panel by time, so that no row has a value that was not yet published."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from tsdeep.assets import DROPPED_IN_A_ROW, longest_run
from tsdeep.errors import DataError, SpecError
from tsdeep.panel import Panel
from tsdeep.tables import stamp

SERIES_JUMP = 1.6
"""Largest log change of a joined series within a row, a factor of five; VIX doubled at most."""

Missing = Literal["refuse", "previous"]


def joined(
    panel: Panel,
    name: str,
    series: Panel,
    field: str = "close",
    *,
    missing: Missing = "refuse",
    lag: str | None = None,
    max_age: str | None = None,
) -> Panel:
    """Put a series on the rows of a panel: on each the newest value that was known at its time.

    A value is known from its time stamp plus the lag on. A row at time t takes the newest value with
    stamp + lag <= t, whatever the symbol, segment or session of the row.

    Parameters
    ----------
    panel : Panel
        Rows of any number of instruments, sessions and segments.
    name : str
        The new field.
    series : Panel
        Of one symbol, with `field`.
    field : str, default "close"
        What to take of it.
    missing : {"refuse", "previous"}, default "refuse"
        Where the series has no value of the row's own time: refuse, or take the newest one before.
    lag : str, optional
        How long after its time stamp a value is known, in calendar time, such as `1D`, `16h15min` or `45D`; zero
        or more. It counts on the clock of the rows and stamps as they are: UTC for rows within the day, so that
        what is published at 16:15 in New York needs 21h15min after the midnight of its date. Without a lag a
        value is known at its stamp; so for daily rows (all at midnight) with a daily series, where the row of a
        date takes the value of the same date, and for rows within the day with a series of times within the
        day. Any other pair needs a lag.
    max_age : str, optional
        The longest time from a value's stamp to the row that takes it. Without it a series may have no value
        for at most `DROPPED_IN_A_ROW` row times in a row, which a monthly series on daily rows exceeds.

    Returns
    -------
    Panel
        With the field `name`, float64 or as in the series, `[rows]`, and notes on the lag and on how many rows
        an older value than that of their own day was taken; then those of the series.

    Raises
    ------
    DataError
        If the series has several symbols or an unexplained jump, the name is taken, a lag is needed, no value
        is known yet on the first row, or a value is missing or too old; with the row.
    SpecError
        If the settings do not go together.
    """
    fault = rule_fault(missing, lag, max_age)
    if fault is not None:
        raise SpecError(f"{name}: {fault}")
    if len(set(series.symbols)) != 1:
        raise DataError(f"{name}: found {', '.join(dict.fromkeys(series.symbols))}, expected one series")
    if name in panel.fields:
        raise DataError(
            f"{name}: the data has a field of this name already, expected another name for the series"
        )
    if lag is None:
        _check_needs_no_lag(panel, name, series)
    times, place = np.unique(panel.time, return_inverse=True)
    known = np.searchsorted(_known_from(series.time, lag), times, side="right") - 1
    if known[0] < 0:
        after = "" if lag is None else f" and is known {lag} later (lag)"
        raise DataError(
            f"{name}: begins on {stamp(series.time[0])}{after}, after the first row on {stamp(times[0])}; choose a "
            "later period"
        )
    _check_level(name, series, field)
    of = series.time[known]  # [times], the stamp of the value that each takes
    same_day = lag is None and _daily(panel.time)
    notes = []
    absent = of != times
    when = ", ".join(stamp(time) for time in times[absent][:3]) + (", ..." if absent.sum() > 3 else "")
    if absent.any() and missing == "refuse":
        where = "on {} of {} days" if same_day else "at {} of {} row times"
        raise DataError(
            f"{name}: no value {where.format(int(absent.sum()), len(times))} ({when}); give them, or take the value "
            "before with missing: previous"
        )
    if max_age is not None:
        _check_age(panel, name, series, of[place], max_age)
    else:
        stale = absent if same_day else np.append(False, known[1:] == known[:-1])
        _check_carried(name, series, stale, same_day)
    if not same_day:
        notes.append(_lag_note(panel, name, of[place], lag))
    elif absent.any():
        notes.append(
            f"{name} has no value on {int(absent.sum())} days ({when}): its last one before was taken."
        )
    notes += [f"{name}: {note}" for note in series.notes]
    values = series.raw(field)[known][place]
    return replace(panel, fields={**panel.fields, name: values}, notes=(*panel.notes, *notes))


def rule_fault(missing: Missing, lag: str | None, max_age: str | None) -> str | None:
    """Say why the settings of a join do not go together, None where they do; arguments as of `joined`.

    Examples
    --------
    >>> rule_fault("previous", "2D", "1D")
    'max_age: found 1D, expected at least the lag, 2D: a value is that old when it is known'
    """
    for key, value in (("lag", lag), ("max_age", max_age)):
        if value is not None and missing == "refuse":
            return f"{key}: found {value} with missing: refuse, expected it with missing: previous"
    if lag is not None and max_age is not None and pd.Timedelta(max_age) < pd.Timedelta(lag):
        return f"max_age: found {max_age}, expected at least the lag, {lag}: a value is that old when it is known"
    return None


def _daily(time: np.ndarray) -> bool:
    """Tell whether all times are at midnight, so that they are dates."""
    return bool((time == time.astype("datetime64[D]")).all())


def _known_from(time: np.ndarray, lag: str | None) -> np.ndarray:
    """Return the times from which values are known, datetime64[ns]; the last of all times where it would be later."""
    delay = 0 if lag is None else pd.Timedelta(lag).as_unit("ns").value
    return (np.minimum(time.astype(np.int64), np.iinfo(np.int64).max - delay) + delay).astype(time.dtype)


def _check_needs_no_lag(panel: Panel, name: str, series: Panel) -> None:
    """Refuse rows and series that are not both daily or both of times within the day."""
    daily_series = _daily(series.time)
    if daily_series == _daily(panel.time):
        return
    if daily_series:
        row = int(np.argmax(panel.time != panel.time.astype("datetime64[D]")))
        raise DataError(
            f"{name}: found dates in the series, and rows within the day ({panel.place(row)}): the value of a date "
            "is not known at its midnight. Expected a lag: how long after that midnight, on the clock of the rows "
            "(UTC), it is published; such as lag: 21h15min for what comes at 16:15 in New York"
        )
    first = series.time[np.argmax(series.time != series.time.astype("datetime64[D]"))]
    raise DataError(
        f"{name}: found daily rows, and a series with times within the day ({stamp(first)}), expected a lag: with "
        "lag: 0s a row takes the newest value at the midnight that its date begins with"
    )


def _check_age(panel: Panel, name: str, series: Panel, of: np.ndarray, max_age: str) -> None:
    """Refuse rows whose value has a stamp, `[rows]`, that is too long ago."""
    age = panel.time - of
    old = age > pd.Timedelta(max_age).to_timedelta64()
    if old.any():
        row = int(np.argmax(old))
        raise DataError(
            f"{name}: {panel.place(row)}: the newest value known then is of {stamp(of[row])}, "
            f"{pd.Timedelta(age[row])} before; expected one of at most {max_age} before (max_age; {int(old.sum())} "
            f"such rows); it has {stamp(series.time[0])} to {stamp(series.time[-1])}"
        )


def _check_carried(name: str, series: Panel, stale: np.ndarray, daily: bool) -> None:
    """Refuse to carry a value on for long where no `max_age` allows it; `stale` `[times]` has no new one."""
    run = longest_run(stale)
    if run > DROPPED_IN_A_ROW:
        what = f"no value on {run} days" if daily else f"no new value at {run} row times"
        raise DataError(
            f"{name}: {what} in a row, expected at most {DROPPED_IN_A_ROW} to carry the last one on; it has "
            f"{stamp(series.time[0])} to {stamp(series.time[-1])}. A series with fewer values than rows, such as a "
            "monthly one, needs max_age: how old a value may be, such as 80D"
        )


def _lag_note(panel: Panel, name: str, of: np.ndarray, lag: str | None) -> str:
    """Say what the lag is, and on how many rows a value is of an earlier day; `of` has the stamps, `[rows]`."""
    days = panel.time.astype("datetime64[D]") if panel.session_date is None else panel.session_date
    earlier = int((of.astype("datetime64[D]") < days).sum())
    oldest = pd.Timedelta((panel.time - of).max())
    known = "at its time stamp" if lag is None else f"{lag} after its time stamp (lag)"
    return (
        f"{name} is taken as known {known}: on {earlier:,} of {panel.n_rows:,} rows it is of an earlier day than the "
        f"row; the oldest value is of {oldest} before its row."
    )


def _check_level(name: str, series: Panel, field: str) -> None:
    """Refuse a series above zero that goes to a multiple or a fraction within a row, as where its unit changes."""
    values = series.raw(field)
    if (values <= 0).any():
        return
    jump = np.abs(np.diff(np.log(values))) > SERIES_JUMP
    if jump.any():
        row = int(np.argmax(jump)) + 1
        raise DataError(
            f"{name}: {series.place(row)}: field '{field}' is {values[row]}, after {values[row - 1]}: an unexplained "
            f"jump, expected a log change of at most {SERIES_JUMP}"
        )
