"""Bundled: the S&P 500 and NASDAQ daily history that comes inside the package `arch`."""

from __future__ import annotations

import importlib
from typing import Literal

import pandas as pd

from tsdeep.sources.base import OneOrMore, Source, register_source

_FIELDS = ("open", "high", "low", "close", "volume")


@register_source("bundled")
class Bundled(Source):
    """Daily bars of an index, 1999-01-04 to 2018-12-31, with no file and no network.

    The history is part of the package `arch` (originally from Yahoo Finance). The S&P 500 opens equal the
    prior close on nearly all days before 2006, so `next_open` and overnight figures mean little there.

    Parameters
    ----------
    symbols : list of "sp500" or "nasdaq"
        The indices, in this order.

    References
    ----------
    The package `arch`, https://github.com/bashtage/arch, `arch.data.sp500` and `arch.data.nasdaq`.
    """

    symbols: OneOrMore[Literal["sp500", "nasdaq"]]

    def bars(self) -> pd.DataFrame:
        """Read all bars: time, symbol, open, high, low, close, volume."""
        tables = []
        for symbol in self.symbols:
            table = importlib.import_module(f"arch.data.{symbol}").load()
            table = table.rename(columns=str.lower)[list(_FIELDS)].astype("float64")
            tables.append(table.rename_axis("time").reset_index().assign(symbol=symbol))
        bars = pd.concat(tables, ignore_index=True)
        bars["time"] = bars["time"].astype("datetime64[ns]")
        return bars[["time", "symbol", *_FIELDS]]
