"""What sources that read bars from files share: their settings, and how columns become fields."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import pandas as pd
from pydantic import Field, field_validator

from tsdeep.durations import Duration
from tsdeep.errors import DataError, unknown_name
from tsdeep.sources.base import OneOrMore, Source
from tsdeep.sources.calendars import CalendarName, check_sessions


class BarFiles(Source):
    """Bars from one file, or from a folder with a file for each symbol; `_table` is the subclass' own.

    Parameters
    ----------
    path : str, optional
        A file, whose symbol is its column `symbol` or its own name; or a folder of `<symbol>` files. Left open
        in a spec for data that every user keeps elsewhere; it must be given to read.
    symbols : list of str, optional
        Which symbols, in this order; by default all, a folder's in alphabetical order.
    time : str, default "date"
        The column of dates or times. A date is that of a session, and its row is known at the session's close; a
        time within the day is one at which the values of its row are known, unless `bar` says otherwise.
    bar : str, optional
        The length of bars within the day, such as `1min`, where their times are those at which they begin: they
        are known one length later, and a spec that joins them to others needs a lag of at least that.
    time_format : str, default "ISO8601"
        How texts are written: ISO 8601 or a format of `strptime`.
    columns : dict, optional
        Field to column name, where they differ: `{close: Adj Close}`.
    calendar : str, optional
        Exchange whose sessions bars must have, such as `XNYS`: a session without a bar is a hole, and refused. Bars
        within the day, whose times are then UTC, are cut at the end of each session: no window or label crosses a
        night.
    """

    suffix: ClassVar[str]
    """Ending of the names of files in a folder, such as `.csv`."""
    what: ClassVar[str]
    """What messages call the format."""
    zone: ClassVar[str | None] = None
    """The zone that times may carry, beside none."""

    path: str | None = None
    symbols: OneOrMore[str] | None = None
    time: str = "date"
    bar: Duration | None = None
    time_format: str = "ISO8601"
    columns: dict[str, str] = Field(default_factory=dict)
    calendar: CalendarName | None = None

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """Keep the place that is meant now, so that a run folder reads the same file from anywhere."""
        return None if value is None else str(Path(value).expanduser().absolute())

    @field_validator("columns")
    @classmethod
    def _one_field_a_column(cls, value: dict[str, str]) -> dict[str, str]:
        columns = [column.lower() for column in value.values()]
        twice = [column for column in value.values() if columns.count(column.lower()) > 1]
        if twice:
            raise ValueError(f"found the column {twice[0]!r} for two fields, expected one field a column")
        return value

    @field_validator("bar")
    @classmethod
    def _longer_than_zero(cls, value: str | None) -> str | None:
        if value is not None and pd.Timedelta(value) == pd.Timedelta(0):
            raise ValueError(f"found {value}, expected a time longer than zero, such as 1min")
        return value

    @property
    def bar_length(self) -> pd.Timedelta | None:
        """How long a bar is, where its time is when it begins; None where a time is when its row is known."""
        return None if self.bar is None else pd.Timedelta(self.bar)

    @property
    def given(self) -> bool:
        """Whether there is a path."""
        return self.path is not None

    def bars(self) -> pd.DataFrame:
        """Read all bars.

        Raises
        ------
        DataError
            If no path was given, a file is missing, empty or cannot be read, a column is not there or there
            twice, a time is not one, or a symbol asked for is not found; with the file, and the row from 0. With a
            calendar, if a session has no bar, or a bar is on a day without a session; with the symbol and dates.
        """
        bars = self._all_bars()
        if self.calendar is not None:
            daily = bool((bars["time"] == bars["time"].dt.normalize()).all())
            check_sessions(bars, self.calendar, daily=daily)
        return bars

    def _all_bars(self) -> pd.DataFrame:
        if self.path is None:
            files = ", ".join(f"{symbol}{self.suffix}" for symbol in self.symbols or ("<symbol>",))
            raise DataError(
                f"no path given: name a folder with {files} (columns {self.time}, open, high, low, close, "
                "volume), as with --path FOLDER on the command line"
            )
        path = Path(self.path)
        if path.is_dir():
            there = sorted(file.stem for file in path.glob(f"*{self.suffix}"))
            if not there:
                raise DataError(f"{path}: the folder has no {self.suffix} file")
            self._check_symbols(there)
            return pd.concat(
                [self._read(path / f"{s}{self.suffix}") for s in self.symbols or there], ignore_index=True
            )
        bars = self._read(path)
        self._check_symbols(bars["symbol"].unique())
        if self.symbols is None:
            return bars
        return pd.concat([bars[bars["symbol"] == symbol] for symbol in self.symbols], ignore_index=True)

    def _check_symbols(self, there: Iterable[str]) -> None:
        for symbol in self.symbols or ():
            if symbol not in there:
                raise DataError(f"{self.path}: {unknown_name('symbol', symbol, there)}")

    @abstractmethod
    def _table(self, file: Path) -> pd.DataFrame:
        """Read a file as it is, columns named as in it; DataError if it cannot be read."""

    def _read(self, file: Path) -> pd.DataFrame:
        if not file.is_file():
            raise DataError(f"{file}: no such file, expected {self.what} bars or a folder of them")
        table = self._table(file)
        header = [str(column) for column in table.columns]
        table = self._named(table, file)
        if table.empty:
            raise DataError(f"{file}: found a header and no rows")
        if "time" not in table.columns:
            raise DataError(
                f"{file}: no time column '{self.time}'; it has: {', '.join(header)}. "
                "The source's key `time` names another"
            )
        table["time"] = self._times(table["time"], file)
        return table if "symbol" in table.columns else table.assign(symbol=file.stem)

    def _is_key(self, column: str) -> bool:
        """Whether a column is the time or the symbol, by its name in the file."""
        keys = (self.time.lower(), self.columns.get("symbol", "symbol").lower())
        return column.strip().lower() in keys

    def _named(self, table: pd.DataFrame, file: Path) -> pd.DataFrame:
        """Name the columns after the fields."""
        names = {column: str(column).strip().lower() for column in table.columns}
        mapped = {self.time.lower(): "time"}
        for field, column in self.columns.items():
            if column.lower() not in names.values():
                raise DataError(
                    f"{file}: no column '{column}' for the field '{field}'; it has: {', '.join(table.columns)}"
                )
            mapped[column.lower()] = field.lower()
        taken = set(mapped.values())
        # A column that a mapped one stands in for is left out.
        kept = [c for c, name in names.items() if name in mapped or name not in taken]
        table = table[kept].rename(columns={c: mapped.get(names[c], names[c]) for c in kept})
        twice = table.columns[table.columns.duplicated()]
        if len(twice):
            raise DataError(f"{file}: found more than one column '{twice[0]}', expected one")
        return table

    def _times(self, column: pd.Series, file: Path) -> pd.Series:
        expected = (
            "an ISO 8601 date or time" if self.time_format == "ISO8601" else f"the form {self.time_format}"
        )
        try:
            times = pd.to_datetime(column, format=self.time_format, errors="coerce")
        except ValueError as error:
            raise DataError(f"{file}: column '{self.time}': {error}") from None
        if times.isna().any():
            row = int(times.isna().argmax())
            raise DataError(
                f"{file}: column '{self.time}' is {column.iloc[row]!r} at row {row}, expected {expected}"
            )
        if times.dt.tz is not None:
            if str(times.dt.tz) != self.zone:
                or_utc = "" if self.zone is None else " or with the zone UTC"
                raise DataError(
                    f"{file}: column '{self.time}' has the zone {times.dt.tz} ({column.iloc[0]!r}), expected "
                    f"session dates or UTC without a zone{or_utc}"
                )
            times = times.dt.tz_localize(None)
        try:
            return times.astype("datetime64[ns]")
        except pd.errors.OutOfBoundsDatetime as error:
            raise DataError(f"{file}: column '{self.time}': {error}, expected years 1678 to 2261") from None
