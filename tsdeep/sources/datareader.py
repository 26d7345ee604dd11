"""Series of FRED and factors of Kenneth French's data library, through pandas-datareader."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from tsdeep.errors import DataError, unknown_name
from tsdeep.sources.base import OneOrMore, register_source
from tsdeep.sources.fetching import asking, check_columns, short
from tsdeep.sources.field_names import field_names
from tsdeep.sources.online import OnlineSource
from tsdeep.sources.period_ends import MONTHS, Period, period_ends

_PRICES = "for prices of shares and funds use the source yfinance, alpaca or nasdaq"
# fmt: off
_OF_OLD = ("yahoo", "google", "stooq", "iex", "tiingo", "av-", "quandl", "nasdaq", "morningstar", "robinhood",
           "enigma", "moex", "naver", "tsp")
# fmt: on
_ALL = {"start": "1700-01-01", "end": "2261-12-31"}  # by default the package asks for five years
_NO_VALUE = (-99.99, -999.0)  # as the data library's files say


@register_source("datareader")
class DataReader(OnlineSource):
    """Economic series of FRED, or factors and portfolios of Kenneth French's data library.

    Values are dated by what they describe: a day, or the last day of a month, quarter or year. They were
    published later, and are as revised when they were fetched: what stood there at the time may have been
    another value. Dates without a value are left out, and `notes` says how many.

    Parameters
    ----------
    symbols : list of str
        Series of FRED, such as `VIXCLS`; or data sets, such as `F-F_Research_Data_Factors_daily`.
    reader : "fred" or "famafrench"
        FRED gives the field `value`, in the unit of the series. The data library gives its columns in lower
        case (`mkt_rf`, `smb`, `hml`, `rf`), returns in percent as published. pandas-datareader has no prices
        of shares any more.
    start, end : str, optional
        First and last date to take, both included; by default all that there is.
    calendar : str, optional
        Exchange whose sessions the dates must be, such as `XNYS` for a daily series.
    period : "day", "month", "quarter", "half-year" or "year", optional
        Of FRED, which dates a period by its first day: what one value describes; told from the dates by
        default. Weeks are dated by their last day already: `day`.
    table : int, default 0
        Of the data library, which table of a data set: in many the second one has years.
    fields : list of str, optional
        Of the data library, which columns, as fields; by default all.

    References
    ----------
    https://fred.stlouisfed.org and https://mba.tuck.dartmouth.edu/pages/faculty/ken.french/data_library.html, by
    the package `pandas-datareader`.
    """

    dated_by_period: ClassVar[bool] = True

    reader: Literal["fred", "famafrench"]
    period: Period | None = None
    table: int = Field(default=0, ge=0)
    fields: OneOrMore[str] | None = None

    @field_validator("reader", mode="before")
    @classmethod
    def _no_prices(cls, value: Any) -> Any:
        if isinstance(value, str) and value.lower().startswith(_OF_OLD):
            raise ValueError(f"found {value!r}: pandas-datareader has no such reader any more; {_PRICES}")
        return value

    @model_validator(mode="after")
    def _of_the_reader(self) -> DataReader:
        others = ("table", "fields") if self.reader == "fred" else ("period",)
        for name in others:
            if name in self.settings_that_differ:
                raise ValueError(f"`{name}` says nothing to `reader: {self.reader}`, expected it left out")
        return self

    @property
    def statement(self) -> str:
        """Say what the values are."""
        what = (
            "Values of FRED in the unit of each series"
            if self.reader == "fred"
            else f"Table {self.table} of data sets of Kenneth French's data library, returns in percent as published"
        )
        return (
            f"{what}, as revised when fetched; dated by the day, or the last day of the period, that they describe, "
            "not by when they were published."
        )

    def fetch(self) -> pd.DataFrame:
        """Ask for each symbol in turn.

        Raises
        ------
        DataError
            If there is no such series, data set, table or field, the provider is not reached or has changed
            its answer, or no value is in the period.
        """
        notes: list[str] = []
        parts = [self._part(symbol, notes) for symbol in self.symbols]
        for part in parts:
            check_columns(part.columns, list(parts[0].columns), f"{self.kind}: {part['symbol'].iloc[0]}")
            check_columns(parts[0].columns, list(part.columns), f"{self.kind}: {self.symbols[0]}")
        table = pd.concat(parts, ignore_index=True)
        table.attrs["notes"] = tuple(notes)
        return table

    def _part(self, symbol: str, notes: list[str]) -> pd.DataFrame:
        """Return the values of a symbol in the period, and say what was left out."""
        table = self._fred(symbol, notes) if self.reader == "fred" else self._famafrench(symbol)
        there = table.index
        table = table.loc[self.start : self.end] if self.start or self.end else table
        if table.empty:
            raise DataError(
                f"{self.kind}: {symbol}: no value from {self.start} to {self.end}; it has {there[0].date()} to "
                f"{there[-1].date()}"
            )
        missing = table.isna().any(axis=1)
        if missing.all():
            raise DataError(f"{self.kind}: {symbol}: none of {len(table):,} dates has a value")
        if missing.any():
            notes.append(
                f"Left out {int(missing.sum()):,} of {len(table):,} dates of {symbol}: without a value."
            )
        table = table[~missing].rename_axis("time").reset_index()
        table["time"] = table["time"].astype("datetime64[ns]")
        table.insert(1, "symbol", symbol)
        return table

    def _fred(self, series: str, notes: list[str]) -> pd.DataFrame:
        from pandas_datareader.fred import FredReader

        def check(answer: Any) -> None:
            header = [name.strip().upper() for name in short(answer.text.partition("\n")[0]).split(",")]
            expected = ["OBSERVATION_DATE", series.upper()]
            check_columns(header, expected, self.kind)
            if len(header) > len(expected):
                raise DataError(
                    f"{self.kind}: found the columns {', '.join(header)}, expected {' and '.join(expected)} alone; "
                    "the provider has changed its columns, see whether a newer pandas-datareader reads them"
                )

        values = self._read(partial(FredReader, series), f"series {series} of FRED", check)
        values.columns = ["value"]
        values = self._checked(values, series)
        dates, period = period_ends(values.index, self.period, f"{self.kind}: {series}")
        if period in MONTHS:
            notes.append(f"{series} is dated by the last day of each {period}.")
        return values.set_axis(dates)

    def _famafrench(self, name: str) -> pd.DataFrame:
        from pandas_datareader.famafrench import FamaFrenchReader

        def check(answer: Any) -> None:
            if not zipfile.is_zipfile(io.BytesIO(answer.content)):
                raise DataError(
                    f"{self.kind}: {name}: found an answer that begins {short(answer.text[:60])!r}, expected a zip "
                    "of CSV; the provider has changed it, see whether a newer pandas-datareader reads it"
                )

        tables = self._read(partial(FamaFrenchReader, name), f"data set {name} of Kenneth French", check)
        numbers = [key for key in tables if isinstance(key, int)]
        if self.table not in numbers:
            raise DataError(
                f"{self.kind}: {name}: no table {self.table} (table); it has {len(numbers)}: {short(tables['DESCR'])}"
            )
        table = tables[self.table]
        table.columns = field_names(table.columns, f"{self.kind}: {name}")
        for field in self.fields or ():
            if field not in table.columns:
                raise DataError(f"{self.kind}: {name}: {unknown_name('field', field, table.columns)}")
        table = self._checked(table if self.fields is None else table[self.fields], name)
        table = table.set_axis(table.index.to_timestamp(how="end").normalize())
        return table.where(~np.isin(table, _NO_VALUE))

    def _read(self, reader: Callable[..., Any], what: str, check: Callable[[Any], None]) -> Any:
        """Ask through a reader of the package, once a try."""
        import requests

        from tsdeep.sources.telling_session import Failed, TellingSession

        def call() -> Any:
            try:
                return reader(**_ALL, retry_count=0, session=TellingSession(check)).read()
            except Failed as failed:
                raise failed.error from None

        def translate(error: Exception) -> Exception | None:
            if isinstance(error, requests.RequestException):
                unknown = error.response is not None and error.response.status_code == 404
                return DataError(f"{self.kind}: there is no {what}; {_PRICES}") if unknown else None
            if isinstance(error, (ValueError, TypeError, LookupError, zipfile.BadZipFile)):
                return DataError(
                    f"{self.kind}: {what}: the answer cannot be read as a table of dates and values: "
                    f"{short(str(error))}; see whether a newer pandas-datareader reads it"
                )
            return None

        return asking(self.kind, what, call, translate)

    def _checked(self, table: pd.DataFrame, symbol: str) -> pd.DataFrame:
        """Refuse a table of other things than dates and numbers."""
        if not isinstance(table.index, (pd.DatetimeIndex, pd.PeriodIndex)):
            raise DataError(
                f"{self.kind}: {symbol}: found {table.index[0]!r}, expected dates as the first column"
            )
        for name in table.columns:
            if not pd.api.types.is_numeric_dtype(table[name]):
                bad = pd.to_numeric(table[name], errors="coerce").isna() & table[name].notna()
                where = f"{self.kind}: {symbol}, {table.index[int(np.argmax(bad))]}"
                raise DataError(f"{where}: '{name}' is {table[name][bad].iloc[0]!r}, expected a number")
        return table.astype(np.float64)
