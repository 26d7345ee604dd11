"""Yahoo Finance, through the package `yfinance`."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from tsdeep.errors import DataError
from tsdeep.sources.base import register_source
from tsdeep.sources.fetching import (
    RateLimited,
    Unreachable,
    asking,
    check_columns,
    import_extra,
    refusal,
    short,
)
from tsdeep.sources.online import OnlineSource
from tsdeep.tables import stamp

_PRICES = ("Open", "High", "Low", "Close")
_COLUMNS = (*_PRICES, "Adj Close", "Volume")
_TIMEOUT = 30
_LEAST_SPLIT = 0.2  # a smaller one cannot be told from a day's move


@register_source("yfinance")
class YFinance(OnlineSource):
    """Bars of Yahoo Finance; for personal use, by Yahoo's terms.

    Parameters
    ----------
    symbols : list of str
        Which, in this order, as Yahoo calls them: `SPY`, `^GSPC`, `BTC-USD`.
    start, end : str, optional
        First and last date to ask for, both included; by default all that Yahoo has.
    calendar : str, optional
        Exchange whose sessions bars must have, such as `XNYS`.
    interval : str, default "1d"
        `1d`: a bar a session, dated by it. `1m`, `2m`, `5m`, `15m`, `60m`, `90m`: bars of the regular hours by the time
        they begin, UTC; Yahoo keeps some days to months of these.
    adjustment : "all" or "splits"
        All prices of a bar adjusted for splits and dividends, as they are known when it is fetched; or for splits
        alone, as Yahoo always does. Intraday prices are adjusted for splits alone.

    Notes
    -----
    Prices adjusted for all splits and dividends are so by what is known when they are fetched: returns are what a
    holder earned, levels are not what was quoted, and the next dividend changes all of history. `splits` leaves
    dividends out. Notes in the panel and the report say which, and when it was fetched. It is kept in the cache, see
    `OnlineSource`.

    References
    ----------
    https://finance.yahoo.com, by the package `yfinance`, https://github.com/ranaroussi/yfinance.
    """

    interval: Literal["1d", "1m", "2m", "5m", "15m", "60m", "90m"] = "1d"
    adjustment: Literal["all", "splits"] = Field(default="all")

    @model_validator(mode="after")
    def _adjustable(self) -> YFinance:
        if self.interval != "1d" and self.adjustment == "all":
            raise ValueError(
                f"adjustment: found 'all' with the interval {self.interval}, expected 'splits': Yahoo adjusts intraday "
                "prices for splits alone"
            )
        return self

    @property
    def bar_length(self) -> pd.Timedelta | None:
        """How long an intraday bar is; None for daily bars."""
        return None if self.interval == "1d" else pd.Timedelta(minutes=int(self.interval[:-1]))

    @property
    def statement(self) -> str:
        """Say how prices are adjusted."""
        what = "splits and dividends" if self.adjustment == "all" else "splits, not for dividends"
        return f"prices of Yahoo Finance, adjusted for {what}, as known on that day; where it gives no volume it is 0."

    def fetch(self) -> pd.DataFrame:
        """Ask Yahoo for each symbol; result and errors as of `OnlineSource.fetch`."""
        yfinance = import_extra("yfinance", "yfinance")
        tables, notes = [], []
        for symbol in self.symbols:
            ask = partial(self._ask, yfinance, symbol)
            table = asking(self.kind, f"{self._what} of {symbol}", ask, partial(self._translate, symbol))
            table, note = self._canonical(table, symbol)
            tables.append(table)
            notes += note
        bars = pd.concat(tables, ignore_index=True)
        bars.attrs["notes"] = tuple(notes)
        return bars

    @property
    def _what(self) -> str:
        return "daily bars" if self.interval == "1d" else f"bars of {self.interval}"

    def _ask(self, yfinance: Any, symbol: str) -> pd.DataFrame:
        period: dict[str, Any] = {"start": self.start} if self.start is not None else {"period": "max"}
        if self.end is not None:  # Yahoo's end is not included
            period["end"] = str((pd.Timestamp(self.end) + pd.Timedelta(days=1)).date())
        with _raising(yfinance):
            yfinance.data.YfData.cache_get.cache_clear()  # it would give the same answer again within a process
            ticker = yfinance.Ticker(symbol)
            ticker._data = _Answers(ticker._data, self.kind, f"{self._what} of {symbol}")
            return ticker.history(
                **period,
                interval=self.interval,
                auto_adjust=False,
                actions=True,
                keepna=True,
                timeout=_TIMEOUT,
            )

    def _translate(self, symbol: str, error: Exception) -> Exception | None:
        """Understand the exceptions of yfinance and of both of its HTTP clients."""
        import yfinance

        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(error, yfinance.exceptions.YFRateLimitError):
            return RateLimited(short(str(error)))
        if isinstance(error, yfinance.exceptions.YFTickerMissingError) or status == 404:
            words = getattr(error, "yahoo_reason", None)
            said = f"; Yahoo says: {short(words)}" if words else ""
            return DataError(
                f"{self.kind}: no {self._what} of the symbol '{symbol}', expected one that Yahoo knows, with bars "
                f"in the period{said}"
            )
        if isinstance(error, yfinance.exceptions.YFDataException):  # "Yahoo is currently down"
            return Unreachable(short(str(error)))
        known = _of_curl(error, self.kind, f"{self._what} of {symbol}")
        if known is not None:
            return known
        if isinstance(error, json.JSONDecodeError):
            return Unreachable(f"an answer that is no JSON: {short(error.doc)!r}")
        if isinstance(error, yfinance.exceptions.YFException):
            return DataError(f"{self.kind}: {self._what} of {symbol}: refused: {short(str(error))}")
        if isinstance(error, (KeyError, TypeError, IndexError, AttributeError, ValueError)):
            return DataError(
                f"{self.kind}: {self._what} of {symbol}: yfinance {yfinance.__version__} could not read Yahoo's answer "
                f"({type(error).__name__}: {short(str(error))}), expected a chart with open, high, low, close and "
                "volume; the provider has changed its columns, see whether a newer yfinance reads them"
            )
        return None

    def _canonical(self, table: pd.DataFrame, symbol: str) -> tuple[pd.DataFrame, list[str]]:
        """Make one symbol's bars canonical; say how many without prices were left out."""
        check_columns(table.columns, _COLUMNS, self.kind)
        absent = table[list(_PRICES)].isna().all(axis=1).to_numpy()
        notes = []
        if absent.any():
            first = stamp(table.index[absent][0].tz_localize(None))
            notes.append(
                f"Left out {int(absent.sum())} of {len(table)} rows of {symbol}, the first on {first}: Yahoo has no "
                "prices there."
            )
        table = table[~absent]
        if table.empty:
            raise DataError(f"{self.kind}: no {self._what} of the symbol '{symbol}' in the period")
        self._check_splits(table, symbol)
        prices = table[list(_PRICES)].astype(np.float64)
        if self.adjustment == "all":
            prices = prices.mul(self._factor(table, symbol), axis=0)
        index = pd.DatetimeIndex(table.index)
        time = (
            index.tz_localize(None) if self.bar_length is None else index.tz_convert("UTC").tz_localize(None)
        )
        made = prices.rename(columns=str.lower).assign(volume=table["Volume"].astype(np.float64))
        made.insert(0, "time", time.as_unit("ns"))
        made.insert(1, "symbol", symbol)
        return made.reset_index(drop=True), notes

    def _check_splits(self, table: pd.DataFrame, symbol: str) -> None:
        """Refuse prices that fall by a split that Yahoo lists: those before it are not adjusted for it."""
        if "Stock Splits" not in table:
            return
        ratio = table["Stock Splits"].to_numpy(np.float64)[1:]
        close, first = table["Close"].to_numpy(np.float64)[:-1], table["Open"].to_numpy(np.float64)[1:]
        with np.errstate(all="ignore"):  # a price of zero is refused later
            size = np.abs(np.log(ratio))
            as_by_split = np.abs(np.log(close / first / ratio)) < size / 2
        bad = np.flatnonzero((ratio > 0) & (size > _LEAST_SPLIT) & as_by_split)
        if len(bad):
            row = int(bad[0])
            day = stamp(table.index[row + 1].tz_localize(None))
            raise DataError(
                f"{self.kind}: symbol '{symbol}', {day}: Yahoo lists a split of {ratio[row]:g}:1, and its price goes "
                f"from {close[row]:g} to {first[row]:g}, expected prices adjusted for splits; it has not adjusted "
                "those before yet: ask again later, or end before that day"
            )

    def _factor(self, table: pd.DataFrame, symbol: str) -> pd.Series:
        """Return adjusted over unadjusted close; refuse where Yahoo gave no adjusted closes."""
        factor = table["Adj Close"].astype(np.float64) / table["Close"].astype(np.float64)
        bad = ~(np.isfinite(factor) & (factor > 0)).to_numpy() & table["Close"].notna().to_numpy()
        if bad.any():
            row = int(np.argmax(bad))
            day, close, adjusted = stamp(table.index[row].tz_localize(None)), "Close", "Adj Close"
            raise DataError(
                f"{self.kind}: symbol '{symbol}', {day}: the close is {table[close].iloc[row]}, the adjusted one "
                f"{table[adjusted].iloc[row]}, expected both above zero ({int(bad.sum())} such rows of {len(table)}); "
                "ask again, or set adjustment: splits"
            )
        paid = (
            table["Dividends"].to_numpy(np.float64) > 0
            if "Dividends" in table
            else np.zeros(len(table), bool)
        )
        if paid[1:].any() and (factor == 1).all():
            day = stamp(table.index[1:][paid[1:]][0].tz_localize(None))
            raise DataError(
                f"{self.kind}: symbol '{symbol}': a dividend on {day}, and adjusted closes equal to unadjusted ones: "
                "Yahoo's answer has no adjusted prices, expected them; ask again, or set adjustment: splits"
            )
        return factor


class _Answers:
    """What yfinance asks through, with answers looked at before it reads them, which it does whatever they are.

    Parameters
    ----------
    data : YfData
        yfinance's own.
    kind, what : str
        As of `asking`.
    """

    def __init__(self, data: Any, kind: str, what: str) -> None:
        self._data, self._kind, self._what = data, kind, what

    def __getattr__(self, name: str) -> Any:
        return getattr(self._data, name)

    def get(self, **options: Any) -> Any:
        """Ask; raise what the status means, unless Yahoo says in its own form why there is no chart."""
        return self._seen(self._data.get(**options))

    def cache_get(self, **options: Any) -> Any:
        """Ask as `get` does, or give the answer of before to the same request."""
        return self._seen(self._data.cache_get(**options))

    def _seen(self, answer: Any) -> Any:
        try:
            chart = answer.json().get("chart") or {}
        except (ValueError, AttributeError):
            chart = {}
        if answer.status_code >= 400 and not chart.get("error"):
            raise refusal(answer.status_code, answer.text, self._kind, self._what)
        for result in chart.get("result") or ():
            stamps = result.get("timestamp") or []
            twice = [stamp for stamp, after in pairwise(sorted(stamps)) if stamp == after]
            if twice:
                time = pd.Timestamp(twice[0], unit="s")
                raise DataError(
                    f"{self._kind}: {self._what}: Yahoo's answer has the time {time} UTC twice, expected one bar a "
                    "time; ask again, or take another period"
                )
        return answer


def _of_curl(error: Exception, kind: str, what: str) -> Exception | None:
    """Understand the exceptions of curl_cffi, which yfinance asks through where it is installed."""
    try:
        from curl_cffi.requests import exceptions
    except ImportError:
        return None
    if isinstance(error, exceptions.HTTPError) and getattr(error, "response", None) is not None:
        return refusal(error.response.status_code, error.response.text, kind, what)
    if isinstance(error, exceptions.RequestException):
        return Unreachable(short(f"{type(error).__name__}: {error}"))
    return None


@contextmanager
def _raising(yfinance: Any) -> Iterator[None]:
    """Have yfinance raise what it would log, and log nothing, while it is asked."""
    debug, logger = yfinance.config.debug, logging.getLogger("yfinance")
    hidden, level = debug.hide_exceptions, logger.level
    debug.hide_exceptions = False
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of pandas, by yfinance's own code
            yield
    finally:
        debug.hide_exceptions = hidden
        logger.setLevel(level)
