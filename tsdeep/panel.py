"""Panel: raw rows as named fields, in segments that nothing crosses."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from tsdeep.errors import DataError

PRICE_FIELDS = frozenset({"open", "high", "low", "close", "adj_close"})
SIZE_FIELDS = frozenset({"volume"})
_KEYS = ("time", "symbol", "segment", "session")


@dataclass(frozen=True, eq=False)
class Panel:
    """Raw market rows of any number of instruments and sessions.

    Rows stand one after another, segment by segment. A segment is an unbroken run of rows of one
    instrument: a whole daily history, or one session of an order book. No window, label or lag crosses
    the end of a segment.

    Parameters
    ----------
    fields : mapping of str to ndarray of float64, [rows, ...]
        The raw data by name: `close [rows]`, or `ask_size [rows, levels]`.
    time : ndarray of datetime64[ns], [rows]
        Time of each row, strictly increasing within a segment.
    bounds : ndarray of int64, [segments, 2]
        First row of each segment and the row after its last.
    symbols : tuple of str, [segments]
        The instrument of each segment.
    session_date : ndarray of datetime64[D], [rows], optional
        The trading session that a row belongs to; by default the date of `time`.

    Raises
    ------
    DataError
        If lengths differ, segments do not cover the rows, or times are not strictly increasing within a
        segment.

    Examples
    --------
    >>> frame = pd.DataFrame({"close": [1.0, 1.1, 1.2]}, index=pd.date_range("2020-01-01", periods=3))
    >>> panel = Panel.from_frame(frame, symbol="A")
    >>> panel.n_rows, panel.symbols, list(panel.fields)
    (3, ('A',), ['close'])
    """

    fields: Mapping[str, np.ndarray]
    time: np.ndarray
    bounds: np.ndarray
    symbols: tuple[str, ...]
    session_date: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.time.dtype != np.dtype("datetime64[ns]"):
            raise DataError(f"time: found dtype {self.time.dtype}, expected datetime64[ns]")
        for name, values in self.fields.items():
            if len(values) != self.n_rows:
                raise DataError(f"field '{name}' has {len(values)} rows, time has {self.n_rows}")
        edges = [0, *(int(stop) for stop in self.bounds[:, 1])] if len(self.bounds) else [0]
        if [int(start) for start in self.bounds[:, 0]] != edges[:-1] or edges[-1] != self.n_rows:
            raise DataError(f"segments {self.bounds.tolist()} do not cover rows 0 to {self.n_rows} in order")
        if len(self.symbols) != len(self.bounds):
            raise DataError(f"{len(self.symbols)} symbols for {len(self.bounds)} segments")
        for (start, stop), symbol in zip(self.bounds, self.symbols, strict=True):
            self._check_order(int(start), int(stop), symbol)

    def _check_order(self, start: int, stop: int, symbol: str) -> None:
        steps = np.diff(self.time[start:stop].astype(np.int64))
        if steps.size and steps.min() <= 0:
            row = start + int(np.argmax(steps <= 0)) + 1
            here, before = _stamp(self.time[row]), _stamp(self.time[row - 1])
            if here == before:
                raise DataError(
                    f"symbol '{symbol}': duplicate time {here} at row {row}; one row a time is expected"
                )
            raise DataError(
                f"symbol '{symbol}': unordered times at row {row}: {here} follows {before}; sort by time first"
            )

    @property
    def n_rows(self) -> int:
        """Number of rows in all segments."""
        return len(self.time)

    @cached_property
    def segment(self) -> np.ndarray:
        """Number of the segment of each row, int64 [rows]."""
        return np.repeat(np.arange(len(self.bounds)), np.diff(self.bounds, axis=1)[:, 0])

    @cached_property
    def symbol(self) -> np.ndarray:
        """Instrument of each row, object [rows]."""
        return np.array(self.symbols, dtype=object)[self.segment]

    @cached_property
    def session(self) -> np.ndarray:
        """Number of the trading session of each row, ascending in time, int64 [rows]."""
        dates = self.time.astype("datetime64[D]") if self.session_date is None else self.session_date
        return np.unique(dates, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def seconds(self) -> np.ndarray:
        """Time as seconds since 1970-01-01, the raw field `time` of features, float64 [rows]."""
        whole, part = np.divmod(self.time.astype(np.int64), 1_000_000_000)
        return whole.astype(np.float64) + part / 1e9

    def raw(self, name: str) -> np.ndarray:
        """Return a raw field by name, `time` included; DataError names the fields that exist."""
        if name == "time":
            return self.seconds
        if name not in self.fields:
            raise DataError(f"no field '{name}' in the data; it has: {', '.join([*self.fields, 'time'])}")
        return self.fields[name]

    def windows(self, ends: np.ndarray, n_rows: int, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        """Cut raw windows of `n_rows` rows that end at given rows, as a client of a served model sends them.

        Parameters
        ----------
        ends : ndarray of int64, [batch]
            Last row of each window.
        n_rows : int
            Rows of a window.
        names : tuple of str
            The fields to cut.

        Returns
        -------
        dict of str to ndarray, [batch, n_rows, ...]

        Raises
        ------
        DataError
            If a window would begin before its segment.
        """
        ends = np.asarray(ends, np.int64)
        short = ends - (n_rows - 1) < self.bounds[self.segment[ends], 0]
        if short.any():
            row = int(ends[short][0])
            first = int(self.bounds[self.segment[row], 0])
            raise DataError(
                f"symbol '{self.symbol[row]}': a window that ends at {_stamp(self.time[row])} needs {n_rows} rows, "
                f"its segment has {row - first + 1} up to there"
            )
        index = ends[:, None] + np.arange(1 - n_rows, 1)
        return {name: self.raw(name)[index] for name in names}

    def replace(self, **fields: np.ndarray) -> Panel:
        """Return a panel with some fields replaced; their values are not checked again."""
        return replace(self, fields={**self.fields, **fields})

    def fingerprint(self) -> str:
        """Return a SHA-256 of everything in the panel: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        for name, values in [*sorted(self.fields.items()), ("time", self.time.astype(np.int64))]:
            digest.update(f"{name}{values.shape}{values.dtype}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(repr((self.bounds.tolist(), self.symbols)).encode())
        return digest.hexdigest()

    def to_frame(self) -> pd.DataFrame:
        """Return the fields of one value a row as a DataFrame with columns time, symbol and the fields."""
        flat = {name: values for name, values in self.fields.items() if values.ndim == 1}
        return pd.DataFrame({"time": self.time, "symbol": self.symbol, **flat})

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, symbol: str | None = None) -> Panel:
        """Build a panel from a table of bars and check every value.

        Parameters
        ----------
        frame : DataFrame
            A row a bar. Time is the column `time` or a DatetimeIndex, timezone-naive; `symbol`, `segment`
            (rows with one value stand together) and `session` (a date) are optional columns; every other
            column is a numeric field.
        symbol : str, optional
            The instrument, where the frame has no column `symbol`.

        Returns
        -------
        Panel
            Symbols in the order of the frame, float64 fields.

        Raises
        ------
        DataError
            With symbol, row and time, for: no rows, no time, unordered or duplicate times, a value that is
            not a finite number, a price that is not positive, a negative volume, a high below the low.
        """
        table = _with_time(frame, symbol)
        runs = table["symbol"].astype(str)
        if "segment" in table:
            runs = runs + "\0" + table["segment"].astype(str)
        names = [column for column in table.columns if column not in _KEYS]
        if not names:
            raise DataError(f"the table has no field beside {', '.join(_KEYS)}")
        order = np.argsort(pd.factorize(runs)[0], kind="stable")
        table = table.iloc[order]
        runs = runs.iloc[order].to_numpy()
        starts = np.flatnonzero(np.r_[True, runs[1:] != runs[:-1]])
        bounds = np.stack([starts, np.r_[starts[1:], len(table)]], axis=1).astype(np.int64)
        session = None if "session" not in table else table["session"].to_numpy("datetime64[D]")
        panel = cls(
            fields={name: _numbers(table, name) for name in names},
            time=table["time"].to_numpy("datetime64[ns]"),
            bounds=bounds,
            symbols=tuple(str(value) for value in table["symbol"].to_numpy()[starts]),
            session_date=session,
        )
        check_bars(panel)
        return panel


def check_bars(panel: Panel) -> None:
    """Refuse bars that cannot be: DataError names the field, symbol, row, time and value.

    Prices must be finite and positive, volumes finite and not negative, every other field finite, and a
    high must not be below the low of its row.
    """
    for name, values in panel.fields.items():
        for row in _rows_where(~np.isfinite(values)):
            raise DataError(_at(panel, name, row, "a finite number"))
        if name in PRICE_FIELDS:
            for row in _rows_where(values <= 0):
                raise DataError(_at(panel, name, row, "a price above zero"))
        if name in SIZE_FIELDS:
            for row in _rows_where(values < 0):
                raise DataError(_at(panel, name, row, "a size of zero or more"))
    if {"high", "low"} <= set(panel.fields):
        for row in _rows_where(panel.fields["high"] < panel.fields["low"]):
            raise DataError(_at(panel, "high", row, f"at least the low, {panel.fields['low'][row]}"))


def _rows_where(bad: np.ndarray) -> Iterator[int]:
    rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1)) if bad.size else np.empty(0, int)
    yield from (int(row) for row in rows)


def _at(panel: Panel, name: str, row: int, expected: str) -> str:
    where = f"symbol '{panel.symbol[row]}', row {row}, {_stamp(panel.time[row])}"
    return f"{where}: field '{name}' is {panel.fields[name][row]}, expected {expected}"


def _stamp(time: np.datetime64) -> str:
    stamp = pd.Timestamp(time)
    return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)


def _with_time(frame: pd.DataFrame, symbol: str | None) -> pd.DataFrame:
    if isinstance(frame.columns, pd.MultiIndex):
        raise DataError("the table has two rows of column names; one name a column is expected")
    table = frame
    if "time" not in table.columns:
        if not isinstance(table.index, pd.DatetimeIndex):
            raise DataError("the table has no column 'time' and its index is not a DatetimeIndex")
        table = table.assign(time=table.index)
    table = table.reset_index(drop=True)
    if table.empty:
        raise DataError("the table has no rows")
    if not pd.api.types.is_datetime64_any_dtype(table["time"]):
        raise DataError(f"column 'time' has dtype {table['time'].dtype}, expected datetimes")
    if isinstance(table["time"].dtype, pd.DatetimeTZDtype):
        raise DataError(
            f"times carry the zone {table['time'].dt.tz}; give session dates or UTC without a zone"
        )
    if table["time"].isna().any():
        raise DataError(f"time is missing at row {int(np.argmax(table['time'].isna()))}")
    if "symbol" not in table.columns:
        if symbol is None:
            raise DataError("the table has no column 'symbol'; name the instrument with symbol=...")
        table = table.assign(symbol=symbol)
    return table


def _numbers(table: pd.DataFrame, name: str) -> np.ndarray:
    column = table[name]
    try:
        return column.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        values = pd.to_numeric(column, errors="coerce")
        row = int(np.argmax((values.isna() & column.notna()).to_numpy()))
        raise DataError(
            f"field '{name}' is {column.iloc[row]!r} at row {row}, {table['time'].iloc[row]}; expected a number"
        ) from None
