"""Nasdaq Data Link: time series and tables, through the package `nasdaqdatalink`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from tsdeep.errors import DataError, unknown_name
from tsdeep.sources.base import register_source
from tsdeep.sources.fetching import asking, check_columns, import_extra, refusal, require_keys, short
from tsdeep.sources.field_names import field_names
from tsdeep.sources.online import OnlineSource

KEY = "NASDAQ_DATA_LINK_API_KEY"
"""Environment variable of the key."""

Value = str | int | float | bool


@register_source("nasdaq")
class Nasdaq(OnlineSource):
    """Time series of Nasdaq Data Link, or rows of one of its tables; dates and numbers as published.

    The key is read from the environment variable `NASDAQ_DATA_LINK_API_KEY`.

    Parameters
    ----------
    symbols : list of str
        Time series by their codes, such as `LBMA/GOLD`; or, with `table`, instruments in it, such as `AAPL`.
    table : str, optional
        Code of a table, such as `SHARADAR/SEP`; all its pages are read.
    start, end : str, optional
        First and last date to ask for, both included; by default all that there is.
    calendar : str, optional
        Exchange whose sessions bars must have, such as `XNYS`.
    columns : dict, optional
        Which columns to take, field to column: `{close: closeadj}`, `{value: USD (PM)}`. By default all that are
        numbers, in lower case with underscores: `usd_pm`. A table may have adjusted and unadjusted prices side
        by side: name those that go together.
    missing : "refuse" or "remove"
        What to do with a row in which one of the columns has no value: refuse the data, or leave the row out.
    time : str, default "date"
        Of a table, the column of dates.
    symbol : str, default "ticker"
        Of a table, the column of instruments.
    filters : dict, optional
        Of a table, what to ask for besides, column to value, values, or a mapping of comparisons:
        `{dimension: ARQ}`, `{volume: {gte: 1}}`.

    References
    ----------
    https://docs.data.nasdaq.com, by the package `Nasdaq-Data-Link`.
    """

    dated_by_period: ClassVar[bool] = True

    table: str | None = None
    columns: dict[str, str] = Field(default_factory=dict)
    missing: Literal["refuse", "remove"] = "refuse"
    time: str = "date"
    symbol: str = "ticker"
    filters: dict[str, Value | list[Value] | dict[str, Value]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _of_a_table(self) -> Nasdaq:
        codes = self.symbols if self.table is None else [self.table]
        for code in codes:
            if len(code.split("/")) != 2 or not all(code.split("/")):
                raise ValueError(f"found {code!r}, expected a code such as LBMA/GOLD")
        if self.table is None:
            for name in ("time", "symbol", "filters"):
                if name in self.settings_that_differ:
                    raise ValueError(f"`{name}` is of a table: expected a `table`, or `{name}` left out")
        for name in self.filters:
            if name in (self.time, self.symbol):
                raise ValueError(f"filters: '{name}' is asked for by `start`, `end` and `symbols` already")
        return self

    @property
    def statement(self) -> str:
        """Say what the values are, and from which columns."""
        what = "Time series" if self.table is None else f"Rows of the table {self.table}"
        columns = ", ".join(f"{field} is '{column}'" for field, column in self.columns.items())
        return f"{what} of Nasdaq Data Link as published, adjusted or not as the columns are: {columns or 'all taken'}."

    def fetch(self) -> pd.DataFrame:
        """Ask for each time series in turn, or for all pages of the table.

        Raises
        ------
        DataError
            If there is no key, or it is not taken, there is no such series, table, column or instrument, the
            provider is not reached, asked too often, or has more than the most pages, or a value is missing.
        """
        (key,) = require_keys(self.kind, KEY)
        package = import_extra("nasdaqdatalink", "nasdaq")
        notes: list[str] = []
        with _configured(package, key):
            if self.table is not None:
                parts = [self._table(package, key, notes)]
            else:
                parts = [self._series(package, key, code, notes) for code in self.symbols]
        for part in parts[1:]:
            if list(part.columns) != list(parts[0].columns):
                raise DataError(
                    f"{self.kind}: {part['symbol'].iloc[0]} has the fields {', '.join(part.columns[2:])}, "
                    f"{self.symbols[0]} has {', '.join(parts[0].columns[2:])}; expected the same: "
                    "`columns` chooses, or join two sources"
                )
        table = pd.concat(parts, ignore_index=True)
        table.attrs["notes"] = tuple(notes)
        return table

    def _series(self, package: Any, key: str, code: str, notes: list[str]) -> pd.DataFrame:
        period = {"start_date": self.start, "end_date": self.end}
        options = {name: date for name, date in period.items() if date is not None}
        found = self._ask(package, key, f"time series {code}", lambda: package.get(code, **options))
        if found.empty:
            raise DataError(
                f"{self.kind}: {code}: no row from {self.start or 'its first'} to {self.end or 'its last'}"
            )
        found = found.reset_index(names="time")
        return self._canonical(found, "time", code, notes)

    def _table(self, package: Any, key: str, notes: list[str]) -> pd.DataFrame:
        period = {"gte": self.start, "lte": self.end}
        query: dict[str, Any] = {
            self.symbol: list(self.symbols),
            self.time: {name: date for name, date in period.items() if date is not None},
            **self.filters,
        }
        if self.columns:
            query["qopts"] = {
                "columns": list(dict.fromkeys([self.symbol, self.time, *self.columns.values()]))
            }
        query = {name: value for name, value in query.items() if value != {}}
        found = self._ask(
            package, key, f"table {self.table}", lambda: package.get_table(self.table, paginate=True, **query)
        )
        check_columns(found.columns, [self.time, self.symbol], f"{self.kind}: {self.table}")
        if found.empty:
            raise DataError(f"{self.kind}: {self.table}: no row of {', '.join(self.symbols)} in the period")
        return self._canonical(found, self.time, None, notes).sort_values("time", kind="stable")

    def _canonical(
        self, found: pd.DataFrame, time: str, symbol: str | None, notes: list[str]
    ) -> pd.DataFrame:
        """Return `time`, `symbol` and the fields, rows as they are asked to be."""
        where = f"{self.kind}: {symbol or self.table}"
        keys = [time] if symbol is not None else [time, self.symbol]
        others = [name for name in found.columns if name not in keys]
        if self.columns:
            for column in self.columns.values():
                if column not in others:
                    raise DataError(f"{where}: {unknown_name('column', column, others)}")
            fields, chosen = list(self.columns), list(self.columns.values())
        else:
            chosen = [name for name in others if pd.api.types.is_numeric_dtype(found[name])]
            fields = field_names(chosen, where)
            left = [str(name) for name in others if name not in chosen]
            if left:
                notes.append(
                    f"Columns of {symbol or self.table} not taken, as they are no numbers: {', '.join(left)}."
                )
        table = found[chosen].set_axis(fields, axis=1)
        table.insert(0, "time", _dates(found[time], where))
        table.insert(1, "symbol", found[self.symbol].astype(str) if symbol is None else symbol)
        missing = table.isna().any(axis=1).to_numpy()
        if missing.any() and self.missing == "refuse":
            row = table.loc[missing].iloc[0]
            field = row.index[row.isna()][0]
            raise DataError(
                f"{where}: {row['symbol']}, {str(row['time'])[:10]}: '{field}' is missing ({int(missing.sum())} such "
                f"rows of {len(table)}); the source's setting `missing: remove` leaves them out, `columns` chooses"
            )
        if missing.all():
            raise DataError(f"{where}: each of {len(table)} rows lacks a value")
        if missing.any():
            notes.append(
                f"Left out {int(missing.sum()):,} of {len(table):,} rows of {symbol or self.table}: a value is missing."
            )
        return table[~missing]

    def _ask(self, package: Any, key: str, what: str, call: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        import requests

        errors = import_extra("nasdaqdatalink.errors.data_link_error", "nasdaq")

        def translate(error: Exception) -> Exception | None:
            if isinstance(error, requests.RequestException):
                return None
            if isinstance(error, errors.DataLinkError):
                words = error.data_link_message if error.data_link_error_code else error.http_body
                words = short(str(words or error)).replace(
                    key, "***"
                )  # some of its messages have the key in them
                if error.http_status is None and isinstance(error, errors.LimitExceededError):
                    return DataError(
                        f"{self.kind}: {what} has more than {package.ApiConfig.page_limit} pages for this request, the "
                        "most that the package reads; ask for fewer symbols or a shorter period"
                    )
                if isinstance(error, errors.NotFoundError):
                    return DataError(f"{self.kind}: there is no {what}: {words}")
                if isinstance(error, errors.AuthenticationError):
                    return DataError(f"{self.kind}: {what}: the key in {KEY} is not taken: {words}")
                if error.http_status is not None:
                    after = error.http_headers.get("Retry-After")
                    return refusal(error.http_status, words, self.kind, what, after)
                return DataError(f"{self.kind}: {what}: {words}")
            if isinstance(error, (LookupError, TypeError, ValueError, NameError)):
                return DataError(
                    f"{self.kind}: {what}: the answer is not what the package expects ({type(error).__name__}: "
                    f"{short(str(error))}); see whether a newer nasdaq-data-link reads it"
                )
            return None

        return asking(self.kind, what, call, translate)


@contextmanager
def _configured(package: Any, key: str) -> Iterator[None]:
    """Set the package's own settings for a while: the key, no tries beside those of `asking`, and a time limit."""
    from tsdeep.sources.time_limits import limited

    connection = import_extra("nasdaqdatalink.connection", "nasdaq").Connection
    config, get_session = package.ApiConfig, connection.get_session
    before = config.api_key, config.use_retries
    config.api_key, config.use_retries = key, False
    connection.get_session = lambda: limited(get_session())
    try:
        yield
    finally:
        config.api_key, config.use_retries = before
        connection.get_session = get_session


def _dates(column: pd.Series, where: str) -> np.ndarray:
    try:
        return pd.to_datetime(column, format=None if column.dtype.kind == "M" else "ISO8601").to_numpy(
            "datetime64[ns]"
        )
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: column '{column.name}': {error}, expected dates") from None
