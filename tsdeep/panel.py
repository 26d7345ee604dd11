"""Panel: raw rows as named fields, in segments that nothing crosses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.tables import KEYS, check_values, numbers, plain_table, session_dates, stamp


@dataclass(frozen=True, eq=False)
class Panel:
    """Raw market rows of any number of instruments and sessions.

    Rows stand one after another, segment by segment. A segment is an unbroken run of rows of one
    instrument: a whole daily history, or one session of an order book. No window, label or lag crosses
    the end of a segment.

    Parameters
    ----------
    fields : mapping of str to ndarray of float64 or an integer dtype, [rows, ...]
        The raw data by name: `close [rows]`, or `ask_size [rows, levels]`. Values are taken as they are;
        `from_frame` checks them.
    time : ndarray of datetime64[ns], [rows]
        Time of each row, in order within a segment; the events of an order book may share one.
    bounds : ndarray of int64, [segments, 2]
        First row of each segment and the row after its last.
    symbols : tuple of str, [segments]
        The instrument of each segment.
    session_date : ndarray of datetime64[D], [rows], optional
        The trading session that a row belongs to; by default the date of `time`.
    row : str
        What one row is, for reports: "one bar", "one book event", "one snapshot".
    tick : float, optional
        The smallest step of prices, in their own unit; order books need it.
    notes : tuple of str
        What a reader should know of the data: what was left out by a stated option and how much of it, or
        that it is simulated.

    Raises
    ------
    DataError
        If lengths or dtypes are wrong, segments do not cover the rows, times are not in order within a
        segment, or segments of one instrument do not follow each other in time.

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
    row: str = "one bar"
    tick: float | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.time.dtype != np.dtype("datetime64[ns]"):
            raise DataError(f"time: found dtype {self.time.dtype}, expected datetime64[ns]")
        for name, values in self.fields.items():
            if len(values) != self.n_rows:
                raise DataError(f"field '{name}' has {len(values)} rows, time has {self.n_rows}")
            if values.dtype != np.float64 and values.dtype.kind not in "iu":
                raise DataError(f"field '{name}': found dtype {values.dtype}, expected float64 or an integer")
        self._check_bounds()
        for (start, stop), symbol in zip(self.bounds.tolist(), self.symbols, strict=True):
            self._check_order(start, stop, symbol)
        self._check_segments_of_a_symbol()
        if self.session_date is not None:
            self._check_sessions(self.session_date)

    def _check_bounds(self) -> None:
        shape = np.shape(self.bounds)
        if len(shape) != 2 or shape[1] != 2:
            raise DataError(f"bounds: found shape {list(shape)}, expected [segments, 2]")
        edges = [0, *self.bounds[:, 1].tolist()]
        if self.bounds[:, 0].tolist() != edges[:-1] or edges[-1] != self.n_rows:
            raise DataError(
                f"segments {self.bounds.tolist()} do not cover rows 0 to {self.n_rows} one after another"
            )
        if (np.diff(self.bounds, axis=1) <= 0).any():
            raise DataError(f"segments {self.bounds.tolist()}: expected at least one row in each")
        if len(self.symbols) != len(self.bounds):
            raise DataError(f"{len(self.symbols)} symbols for {len(self.bounds)} segments")

    def _check_order(self, start: int, stop: int, symbol: str) -> None:
        time = self.time[start:stop]
        if np.isnat(time).any():
            raise DataError(
                f"symbol '{symbol}': time is missing at row {start + int(np.argmax(np.isnat(time)))}"
            )
        late = time[1:] < time[:-1]
        if late.any():
            row = start + int(np.argmax(late)) + 1
            before = stamp(self.time[row - 1])
            raise DataError(f"{self.place(row)}: unordered times, it follows {before}; sort by time first")

    def _check_segments_of_a_symbol(self) -> None:
        """Check that a later segment of an instrument is later in time, so that no row is there twice."""
        last: dict[str, int] = {}
        for number, symbol in enumerate(self.symbols):
            start = int(self.bounds[number, 0])
            if symbol in last and self.time[start] < self.time[last[symbol]]:
                raise DataError(
                    f"{self.place(start)}: the segment begins before the one ahead of it ends, at "
                    f"{stamp(self.time[last[symbol]])}; expected segments that follow each other in time"
                )
            last[symbol] = int(self.bounds[number, 1]) - 1

    def _check_sessions(self, dates: np.ndarray) -> None:
        if dates.dtype != np.dtype("datetime64[D]") or dates.shape != self.time.shape:
            raise DataError(
                f"session_date: found dtype {dates.dtype} and shape {list(dates.shape)}, "
                f"expected datetime64[D] and [{self.n_rows}]"
            )
        back = np.isnat(dates)
        back[1:] |= (self.segment[1:] == self.segment[:-1]) & (dates[1:] < dates[:-1])
        if back.any():
            row = int(np.argmax(back))
            raise DataError(f"{self.place(row)}: session {dates[row]}, expected dates that never go back")

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

    def place(self, row: int) -> str:
        """Name a row for a message: its symbol, its number among the symbol's rows (from 0), and its time."""
        symbol = self.symbols[int(np.searchsorted(self.bounds[:, 1], row, side="right"))]
        before = sum(
            min(stop, row) - start
            for (start, stop), name in zip(self.bounds.tolist(), self.symbols, strict=True)
            if name == symbol and start < row
        )
        return f"symbol '{symbol}', row {before}, {stamp(self.time[row])}"

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
        if ((ends < 0) | (ends >= self.n_rows)).any():
            raise DataError(f"rows {ends.min()} to {ends.max()} are not all within 0 to {self.n_rows - 1}")
        short = ends - (n_rows - 1) < self.bounds[self.segment[ends], 0]
        if short.any():
            row = int(ends[short][0])
            first = int(self.bounds[self.segment[row], 0])
            raise DataError(
                f"{self.place(row)}: a window that ends here needs {n_rows} rows, its segment has "
                f"{row - first + 1} up to here"
            )
        index = ends[:, None] + np.arange(1 - n_rows, 1)
        return {name: self.raw(name)[index] for name in names}

    def replace(self, **fields: np.ndarray) -> Panel:
        """Return a panel with some fields replaced; their values are not checked again."""
        return replace(self, fields={**self.fields, **fields})

    def select(
        self,
        names: tuple[str, ...] | None = None,
        start: pd.Timestamp | None = None,
        end: pd.Timestamp | None = None,
    ) -> Panel:
        """Take some of the fields, and the rows of a period.

        Parameters
        ----------
        names : tuple of str, optional
            The fields, in this order; by default all.
        start, end : Timestamp, optional
            First and last time to take, both included; rows are taken by their session where the panel has
            sessions, so that none is cut.

        Returns
        -------
        Panel

        Raises
        ------
        DataError
            If a field is not there, or no row is in the period.
        """
        wanted = tuple(self.fields) if names is None else names
        fields = {name: self.raw(name) for name in wanted}
        when = self.time if self.session_date is None else self.session_date.astype("datetime64[ns]")
        keep = np.ones(self.n_rows, bool)
        if start is not None:
            keep &= when >= start.to_datetime64()
        if end is not None:
            keep &= when <= end.to_datetime64()
        if keep.all():
            return replace(self, fields=fields)
        if not keep.any():
            raise DataError(
                f"no row in the period {start} to {end}; the data has {stamp(when.min())} to {stamp(when.max())}"
            )
        return replace(self.take(keep), fields={name: values[keep] for name, values in fields.items()})

    def take(self, keep: np.ndarray) -> Panel:
        """Return the rows where a mask `[rows]` is true; what is left of a segment must stand together.

        Raises
        ------
        DataError
            If rows in the middle of a segment would go, or none would stay.
        """
        segment = self.segment[keep]
        if not len(segment):
            raise DataError(f"none of the {self.n_rows} rows was taken, expected one or more")
        starts = np.flatnonzero(np.diff(segment, prepend=-1))
        rows = np.flatnonzero(keep)
        holes = (np.diff(rows) > 1) & (np.diff(segment) == 0)
        if holes.any():
            raise DataError(
                f"{self.place(int(rows[np.argmax(holes)]))}: rows behind it in the middle of its segment were "
                "not taken, expected whole segments, or their beginnings and ends"
            )
        return replace(
            self,
            fields={name: values[keep] for name, values in self.fields.items()},
            time=self.time[keep],
            bounds=np.stack([starts, np.append(starts[1:], len(segment))], axis=1).astype(np.int64),
            symbols=tuple(self.symbols[number] for number in segment[starts]),
            session_date=None if self.session_date is None else self.session_date[keep],
        )

    def fingerprint(self) -> str:
        """Return a SHA-256 of everything in the panel: equal data, equal fingerprint."""
        digest = hashlib.sha256()
        for name, values in [*sorted(self.fields.items()), ("time", self.time.astype(np.int64))]:
            digest.update(f"{name}{values.shape}{values.dtype}".encode())
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update(repr((self.bounds.tolist(), self.symbols)).encode())
        if self.tick is not None:
            digest.update(repr(self.tick).encode())
        if self.session_date is not None:
            digest.update(self.session_date.astype(np.int64).tobytes())
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
            A row a bar. Time is the column `time` or a DatetimeIndex, timezone-naive, in any unit; `symbol`
            (rows of several may be interleaved), `segment` (rows of one symbol and value stand together) and
            `session` (a date) are optional columns; every other column is a numeric field.
        symbol : str, optional
            The instrument, where the frame has no column `symbol`.

        Returns
        -------
        Panel
            Symbols in the order of the frame, float64 fields.

        Raises
        ------
        DataError
            With symbol, row (of that symbol, from 0) and time, for: no rows, no time, unordered or
            duplicate times, a value that is not a finite number, a price that is not positive, a negative
            volume, a high below the low.
        """
        table = plain_table(frame, symbol)
        names = [column for column in table.columns if column not in KEYS]
        if not names:
            raise DataError(f"the table has no field beside {', '.join(KEYS)}")
        parts = [key for key in ("symbol", "segment") if key in table]
        runs = table.groupby(parts, sort=False).ngroup().to_numpy()
        order = np.argsort(runs, kind="stable")
        table = table.iloc[order]
        starts = np.flatnonzero(np.diff(runs[order], prepend=-1))
        panel = cls(
            fields={name: numbers(table, name) for name in names},
            time=table["time"].to_numpy("datetime64[ns]"),
            bounds=np.stack([starts, np.append(starts[1:], len(table))], axis=1).astype(np.int64),
            symbols=tuple(table["symbol"].iloc[starts]),
            session_date=session_dates(table),
        )
        check_values(panel)
        return panel
