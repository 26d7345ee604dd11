"""CSV files of bars: one file, or a folder with a file for each symbol."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field, field_validator

from tsdeep.errors import DataError, unknown_name
from tsdeep.sources.base import OneOrMore, Source, register_source

# From 3.1 on pandas does so by itself, and warns of the argument.
_EXACT_BY_DEFAULT = tuple(int(part) for part in pd.__version__.split(".")[:2]) >= (3, 1)
_TO_THE_LAST_DIGIT: dict[str, Any] = {} if _EXACT_BY_DEFAULT else {"float_precision": "round_trip"}


@register_source("csv")
class Csv(Source):
    """Bars from CSV files with a header row; names of columns are compared in lower case.

    Parameters
    ----------
    path : str, optional
        A file, whose symbol is its column `symbol` or its own name; or a folder of `<symbol>.csv`. Left open
        in a spec for data that every user keeps elsewhere; it must be given to read.
    symbols : list of str, optional
        Which symbols, in this order; by default all, a folder's in alphabetical order.
    time : str, default "date"
        The column of dates or times.
    time_format : str, default "ISO8601"
        How they are written: 2018-12-31, 20181231, 2018-12-31 15:59:00; or a format of `strptime`, such as
        `%m/%d/%Y`.
    columns : dict, optional
        Field to column name, where they differ: `{close: Adj Close}`.
    """

    path: str | None = None
    symbols: OneOrMore[str] | None = None
    time: str = "date"
    time_format: str = "ISO8601"
    columns: dict[str, str] = Field(default_factory=dict)

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

    @property
    def given(self) -> bool:
        """Whether there is a path."""
        return self.path is not None

    def bars(self) -> pd.DataFrame:
        """Read all bars.

        Raises
        ------
        DataError
            If no path was given, a file is missing, empty or cannot be parsed, a column is not there or there
            twice, a time is not one, or a symbol asked for is not found; with the file, and the row from 0.
        """
        if self.path is None:
            files = ", ".join(f"{symbol}.csv" for symbol in self.symbols or ("<symbol>",))
            raise DataError(
                f"no path given: name a folder with {files} (columns {self.time}, open, high, low, close, "
                "volume), as with --path FOLDER on the command line"
            )
        path = Path(self.path)
        if path.is_dir():
            there = sorted(file.stem for file in path.glob("*.csv"))
            if not there:
                raise DataError(f"{path}: the folder has no .csv file")
            self._check_symbols(there)
            return pd.concat(
                [self._read(path / f"{s}.csv") for s in self.symbols or there], ignore_index=True
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

    def _read(self, file: Path) -> pd.DataFrame:
        if not file.is_file():
            raise DataError(f"{file}: no such file, expected CSV bars or a folder of them")
        try:
            header = list(pd.read_csv(file, nrows=0).columns)
            # As text, so that a symbol keeps its leading zeros and 20181231 is no number.
            keys = (self.time.lower(), self.columns.get("symbol", "symbol").lower())
            text = {name: str for name in header if name.strip().lower() in keys}
            table = pd.read_csv(file, dtype=text, **_TO_THE_LAST_DIGIT)
        except (ValueError, OSError) as error:
            raise DataError(f"{file}: cannot be read as CSV: {error}") from error
        if not isinstance(
            table.index, pd.RangeIndex
        ):  # pandas takes what is before the named columns as index
            raise DataError(
                f"{file}: found rows with more values than the {len(header)} columns of the header"
            )
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
            raise DataError(
                f"{file}: column '{self.time}' has the zone {times.dt.tz} ({column.iloc[0]!r}), expected session "
                "dates or UTC without a zone"
            )
        try:
            return times.astype("datetime64[ns]")
        except pd.errors.OutOfBoundsDatetime as error:
            raise DataError(f"{file}: column '{self.time}': {error}, expected years 1678 to 2261") from None
