"""Bars of Alpaca, through the package `alpaca-py`."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, model_validator

from tsdeep.errors import DataError
from tsdeep.sources.alpaca_client import ZONE, all_pages, moments
from tsdeep.sources.base import register_source
from tsdeep.sources.calendars import CalendarName
from tsdeep.sources.fetching import import_extra
from tsdeep.sources.online import OnlineSource
from tsdeep.sources.splits import refuse_splits

_COLUMNS = {
    "o": "open",
    "h": "high",
    "l": "low",
    "c": "close",
    "v": "volume",
    "n": "trade_count",
    "vw": "vwap",
}
_EARLIEST = "2000-01-01"  # before anything that Alpaca has; by default it gives the current day alone
_UNITS = {"Min": "Minute", "Hour": "Hour", "Day": "Day"}
_LONGEST = {"Min": 59, "Hour": 23, "Day": 1}
_ADJUSTED = {
    "raw": "not adjusted for anything",
    "split": "adjusted for splits, not for dividends",
    "dividend": "adjusted for dividends, not for splits",
    "all": "adjusted for splits and dividends",
}
FEEDS = {
    "iex": "the feed IEX: prices and volume are of that one exchange's trades, a small part of the market's",
    "sip": "the feed SIP: of all US exchanges",
}
"""What the feeds are, for statements."""


def _timeframe(value: str) -> str:
    found = re.fullmatch(r"([1-9]\d*)(Min|Hour|Day)", value)
    if found is None or int(found[1]) > _LONGEST[found[2]]:
        raise ValueError(
            f"found {value!r}, expected 1Day, 1Min to 59Min or 1Hour to 23Hour (weeks and months are dated by their "
            "first day, before what they describe is over)"
        )
    return value


@register_source("alpaca")
class Alpaca(OnlineSource):
    """Bars of US shares and funds from Alpaca.

    The keys are read from the environment variables `APCA_API_KEY_ID` and `APCA_API_SECRET_KEY`; where
    `APCA_API_DATA_URL` is set, it is asked in place of Alpaca's own address. Bars have `open`, `high`, `low`,
    `close`, `volume` (shares), `trade_count` and `vwap`.

    Parameters
    ----------
    symbols : list of str
        Which, in this order.
    start, end : str, optional
        First and last date in New York, both included; by default all that there is. Bars within a day need a
        `start`.
    calendar : str, default "XNYS"
        Exchange whose sessions bars must have; `null` to do without the check, as for shares that are not
        traded every day on the one exchange of the feed `iex`.
    timeframe : str, default "1Day"
        Length of a bar: `1Day`, dated by its session, or `1Min` to `59Min`, `1Hour` to `23Hour`, by the UTC
        time at which it begins.
    adjustment : "all", "raw", "split" or "dividend"
        For what prices are adjusted, by what is known when they are fetched. Prices that are not adjusted for
        splits are refused where one goes through them.
    feed : "iex" or "sip"
        One exchange, or all US exchanges, which takes a paid plan for the newest prices.

    Notes
    -----
    What adjustment does to returns and levels is said of `yfinance`; `split` leaves dividends out. It is kept in the
    cache, see `OnlineSource`.

    References
    ----------
    https://docs.alpaca.markets, by the package `alpaca-py`.
    """

    settling: ClassVar[pd.Timedelta] = pd.Timedelta(hours=4, minutes=30)  # trades after hours count as volume

    calendar: CalendarName | None = "XNYS"
    timeframe: Annotated[str, AfterValidator(_timeframe)] = "1Day"
    adjustment: Literal["raw", "split", "dividend", "all"] = "all"
    feed: Literal["iex", "sip"] = "iex"

    @model_validator(mode="after")
    def _bounded(self) -> Alpaca:
        if self.bar_length is not None and self.start is None:
            raise ValueError(f"start is missing: bars of {self.timeframe} need a first date")
        return self

    @property
    def bar_length(self) -> pd.Timedelta | None:
        """How long an intraday bar is; None for daily bars."""
        if self.timeframe == "1Day":
            return None
        amount, unit = re.split(r"(?<=\d)(?=\D)", self.timeframe)
        return pd.Timedelta(int(amount), {"Min": "min", "Hour": "h"}[unit])

    @property
    def statement(self) -> str:
        """Say how prices are adjusted, and whose trades they are."""
        begins = "" if self.bar_length is None else f"; a bar's time is when its {self.timeframe} begin"
        return f"prices of Alpaca, {_ADJUSTED[self.adjustment]}, as known on that day; {FEEDS[self.feed]}{begins}."

    def fetch(self) -> pd.DataFrame:
        """Ask for all symbols and read all pages; result and errors as of `OnlineSource.fetch`."""
        what = f"bars of {self.timeframe} of {', '.join(self.symbols)}"

        def ask(client: object) -> object:
            data = import_extra("alpaca.data", "alpaca")
            enums = import_extra("alpaca.data.enums", "alpaca")
            amount, unit = re.split(r"(?<=\d)(?=\D)", self.timeframe)
            return client.get_stock_bars(  # type: ignore[attr-defined]
                data.StockBarsRequest(
                    symbol_or_symbols=list(self.symbols),
                    timeframe=data.TimeFrame(int(amount), data.TimeFrameUnit[_UNITS[unit]]),
                    adjustment=enums.Adjustment(self.adjustment),
                    feed=enums.DataFeed(self.feed),
                    **moments(self.start, self.end, _EARLIEST),
                )
            )

        table = all_pages(self.kind, what, ask, _COLUMNS)
        if self.bar_length is None:
            local = table["time"].dt.tz_convert(ZONE).dt.tz_localize(None)
            off = (local != local.dt.normalize()).to_numpy()
            if off.any():
                row = int(np.argmax(off))
                raise DataError(
                    f"{self.kind}: symbol '{table['symbol'][row]}': a daily bar has the time {table['time'][row]}, "
                    "expected midnight in New York; the provider has changed it"
                )
            table["time"] = local
        else:
            table["time"] = table["time"].dt.tz_localize(None)
        return table

    def check(self, table: pd.DataFrame, fetched: pd.Timestamp) -> None:
        """Refuse bars that cannot be used, and a split in prices that are not adjusted for splits."""
        super().check(table, fetched)
        if self.adjustment in ("raw", "dividend"):
            refuse_splits(table, "adjustment: all")
