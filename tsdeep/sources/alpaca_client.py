"""What the sources of Alpaca share: the client with its keys, all pages as a table, and dates as moments."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from tsdeep.errors import DataError
from tsdeep.sources.fetching import asking, check_columns, import_extra, refusal, require_keys, short

KEYS = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
"""Environment variables of the two keys."""
ADDRESS = "APCA_API_DATA_URL"
"""Environment variable of another address of the data interface, such as a proxy's."""
ZONE = "America/New_York"
"""The zone of Alpaca's days."""


def all_pages(kind: str, what: str, ask: Callable[[Any], Any], columns: Mapping[str, str]) -> pd.DataFrame:
    """Ask Alpaca, page after page, each page again with growing waits where it asks for fewer requests.

    A page is made a table when it is there, so that no more than one is in memory as it was sent.

    Parameters
    ----------
    kind, what : str
        The source, and what is asked for, for messages.
    ask : callable
        From a `StockHistoricalDataClient` to what it gives.
    columns : mapping of str to str
        Alpaca's name of a value to the field; `t`, the time, is taken besides.

    Returns
    -------
    DataFrame
        `time` (datetime64[ns], UTC with its zone), `symbol`, and the fields, of all pages.

    Raises
    ------
    DataError
        If a key is missing or not taken, the provider is not reached, refuses or has changed its answer, there is no
        row, one lacks a value, or a time is none.
    """
    key, secret = require_keys(kind, *KEYS)
    import_extra("alpaca", "alpaca")
    errors = import_extra("alpaca.common.exceptions", "alpaca")
    historical = import_extra("alpaca.data.historical", "alpaca")
    from tsdeep.sources.time_limits import limited

    def translate(error: Exception) -> Exception | None:
        if not isinstance(error, errors.APIError):
            return None
        answer = error.response
        if answer is None:
            return DataError(f"{kind}: {what}: {short(str(error))}")
        return refusal(answer.status_code, _words(answer.text), kind, what, _wait(answer.headers))

    parts: list[pd.DataFrame] = []

    class Client(historical.StockHistoricalDataClient):  # type: ignore[name-defined]
        def get(self, path: str, data: Any = None, **options: Any) -> Any:
            answer = asking(kind, what, lambda: super(Client, self).get(path, data, **options), translate)
            if not isinstance(answer, dict):
                return answer
            return {name: self._taken(value) for name, value in answer.items()}

        def _taken(self, value: Any) -> Any:
            """Take the rows out of a part of an answer, where it has rows of symbols."""
            if not isinstance(value, dict):
                return value
            for symbol, rows in value.items():
                if rows and isinstance(rows, list):
                    parts.append(_table(symbol, rows, columns, kind, what))
            return {symbol: [] if isinstance(rows, list) else rows for symbol, rows in value.items()}

    client = Client(key, secret, raw_data=True, url_override=os.environ.get(ADDRESS, "").strip() or None)
    client._retry = 0  # `asking` tries again, with waits that grow
    limited(client._session)
    try:
        answer = ask(client)
        wrong = not isinstance(answer, dict) or not all(isinstance(rows, list) for rows in answer.values())
    except DataError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise _changed(kind, what, f"{type(error).__name__}: {short(str(error))}") from error
    if wrong:
        raise _changed(kind, what, short(repr(answer)))
    if not parts:
        raise DataError(
            f"{kind}: {what}: no row in the period; are the symbols what Alpaca calls them, and were they listed then?"
        )
    return pd.concat(parts, ignore_index=True)


def _table(
    symbol: str, rows: list[dict[str, Any]], columns: Mapping[str, str], kind: str, what: str
) -> pd.DataFrame:
    """Put the rows of a symbol on a page in a table."""
    found = pd.DataFrame(rows)
    check_columns(found.columns, ["t", *columns], f"{kind}: {symbol}")
    try:
        times = pd.to_datetime(found["t"], format="ISO8601", utc=True)
    except (ValueError, TypeError) as error:
        raise _changed(kind, what, f"the time {short(str(error))}") from None
    part = found[list(columns)].rename(columns=dict(columns))
    part.insert(0, "time", times.dt.as_unit("ns"))
    part.insert(1, "symbol", symbol)
    return part


def moments(start: str | None, end: str | None, earliest: str) -> dict[str, Any]:
    """Return the moments at which a first date begins and a last one ends in New York, for a request of Alpaca."""
    first = pd.Timestamp(start or earliest).tz_localize(ZONE)
    asked: dict[str, Any] = {"start": first.to_pydatetime()}
    if end is not None:
        after = (pd.Timestamp(end) + pd.Timedelta(days=1)).tz_localize(ZONE)
        asked["end"] = (after - pd.Timedelta(microseconds=1)).to_pydatetime()
    return asked


def _changed(kind: str, what: str, found: str) -> DataError:
    return DataError(
        f"{kind}: {what}: found {found} in the answer, expected rows of each symbol; the provider has changed it, see "
        "whether a newer alpaca-py reads it"
    )


def _words(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, TypeError, LookupError):
        return text


def _wait(headers: Mapping[str, str]) -> str | None:
    """Return the seconds after which Alpaca wants to be asked again, where it says so."""
    reset = headers.get("X-RateLimit-Reset", "")
    if reset.isdigit():  # seconds since 1970
        return str(max(int(reset) - int(time.time()), 0))
    return headers.get("Retry-After")
