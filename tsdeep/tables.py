"""Tables as users give them: made plain, and every value checked where it enters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tsdeep.errors import DataError

if TYPE_CHECKING:
    from tsdeep.panel import Panel

KEYS = ("time", "symbol", "segment", "session")
PRICE_FIELDS = frozenset({"open", "high", "low", "close", "adj_close"})
SIZE_FIELDS = frozenset({"volume"})


def plain_table(frame: pd.DataFrame, symbol: str | None = None) -> pd.DataFrame:
    """Give a table the columns `time` (datetime64[ns]) and `symbol` (text), and check both.

    Parameters
    ----------
    frame : DataFrame
        A row a bar. Time is the column `time` or a DatetimeIndex.
    symbol : str, optional
        The instrument, where the frame has no column `symbol`.

    Returns
    -------
    DataFrame
        With rows in the same order, numbered from 0.

    Raises
    ------
    DataError
        For no rows, unclear column names, no time or symbol, or times that are missing, carry a zone or lie
        outside the years 1678 to 2261.
    """
    if not len(frame):
        raise DataError("the table has no rows")
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError("the table has two rows of column names, expected one name a column")
    for name in frame.columns:
        if not isinstance(name, str):
            raise DataError(f"column {name!r}: found a {type(name).__name__} as its name, expected text")
    twice = frame.columns[frame.columns.duplicated()].unique()
    if len(twice):
        raise DataError(f"the table has more than one column '{twice[0]}', expected one")
    times = frame["time"] if "time" in frame.columns else frame.index
    if "time" not in frame.columns and not isinstance(frame.index, pd.DatetimeIndex):
        raise DataError("the table has no column 'time' and its index is not a DatetimeIndex")
    table = frame.reset_index(drop=True)
    table["time"] = _times(pd.Series(times).reset_index(drop=True))
    if symbol is not None and "symbol" in frame.columns:
        raise DataError(f"the table has a column 'symbol'; symbol={symbol!r} would go unused")
    if symbol is None and "symbol" not in frame.columns:
        raise DataError("the table has no column 'symbol'; name the instrument with symbol=...")
    if symbol is not None:
        table["symbol"] = symbol
    for key in ("symbol", "segment"):
        if key in table and table[key].isna().any():
            row = int(np.argmax(table[key].isna()))
            raise DataError(f"row {row}, {stamp(table['time'][row])}: {key} is missing")
    table["symbol"] = table["symbol"].astype(str)
    return table


def _times(times: pd.Series) -> pd.Series:
    if not pd.api.types.is_datetime64_any_dtype(times):
        raise DataError(
            f"time: found dtype {times.dtype}, expected datetimes (pandas.to_datetime makes them)"
        )
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        raise DataError(
            f"time: found the zone {times.dt.tz}, expected session dates or UTC without a zone "
            "(Series.dt.tz_localize(None) drops it)"
        )
    if times.isna().any():
        raise DataError(f"row {int(np.argmax(times.isna()))}: time is missing")
    try:
        return times.astype("datetime64[ns]")
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(f"time: {error}; expected years 1678 to 2261") from None


def session_dates(table: pd.DataFrame) -> np.ndarray | None:
    """Read the optional column `session` as datetime64[D] [rows]; DataError gives the row that is no date."""
    if "session" not in table:
        return None
    dates = pd.to_datetime(table["session"], errors="coerce")
    if dates.isna().any():
        row = int(np.argmax(dates.isna()))
        where = f"row {row}, {stamp(table['time'].iloc[row])}"
        raise DataError(f"{where}: session is {table['session'].iloc[row]!r}, expected a date")
    return dates.to_numpy().astype("datetime64[D]")


def numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    """Read a column as float64 [rows]; DataError gives the first value that is no number."""
    column = table[name]
    types = pd.api.types
    if types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column):
        raise DataError(f"field '{name}': found dtype {column.dtype}, expected numbers")
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        row = next(row for row, value in enumerate(column) if not _is_number(value))
        where = f"symbol '{table['symbol'].iloc[row]}', {stamp(table['time'].iloc[row])}"
        raise DataError(f"{where}: field '{name}' is {column.iloc[row]!r}, expected a number") from None


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return value is None or value is pd.NA
    return True


def check_values(panel: Panel) -> None:
    """Refuse values that cannot be: DataError names the field, symbol, row, time and value.

    Every bar must have a time of its own, every field be finite, prices positive, volumes not negative, and
    a high not below the low of its row.
    """
    twice = (panel.time[1:] == panel.time[:-1]) & (panel.segment[1:] == panel.segment[:-1])
    if twice.any():
        raise DataError(f"{panel.place(int(np.argmax(twice)) + 1)}: duplicate time, expected one row a time")
    last: dict[str, int] = {}
    for (start, stop), symbol in zip(panel.bounds.tolist(), panel.symbols, strict=True):
        if symbol in last and panel.time[start] == panel.time[last[symbol]]:
            raise DataError(
                f"{panel.place(start)}: the segment begins at the time at which the one before it ends, expected "
                "segments that follow each other in time"
            )
        last[symbol] = stop - 1
    for name, values in panel.fields.items():
        refuse(panel, name, ~np.isfinite(values), "a finite number")
        if name in PRICE_FIELDS:
            refuse(panel, name, values <= 0, "a price above zero")
        if name in SIZE_FIELDS:
            refuse(panel, name, values < 0, "a size of zero or more")
    if {"high", "low"} <= set(panel.fields):
        low = panel.fields["low"]
        below = panel.fields["high"] < low
        row = int(np.argmax(below.reshape(panel.n_rows, -1).any(axis=1)))
        refuse(panel, "high", below, f"at least the low of its row, {low[row]}")


def refuse(panel: Panel, name: str, bad: np.ndarray, expected: str) -> None:
    """Raise DataError at the first row where `bad` `[rows, ...]` is true, if there is one."""
    rows = np.flatnonzero(bad.reshape(panel.n_rows, -1).any(axis=1))
    if len(rows):
        found = panel.raw(name)[rows[0]]
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        raise DataError(f"{panel.place(rows[0])}: field '{name}' is {found}, expected {expected}{more}")


def stamp(time: np.datetime64 | pd.Timestamp) -> str:
    """Write a time for a message: as a date where it is midnight.

    Examples
    --------
    >>> stamp(np.datetime64("2020-01-02")), stamp(np.datetime64("2020-01-02T09:30"))
    ('2020-01-02', '2020-01-02 09:30:00')
    """
    moment = pd.Timestamp(time)
    return str(moment.date()) if moment == moment.normalize() else str(moment)
