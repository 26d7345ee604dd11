"""Panels of order books: rows of the real files where they are, and made-up ones."""

from __future__ import annotations

import functools
import zipfile

import numpy as np
import pandas as pd

from tests.data_folder import data_folder
from tsdeep import Panel


@functools.cache
def lobster_rows(symbol: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """First rows of a LOBSTER file pair, read with pandas alone: messages [rows, 6], book [rows, 4 x levels]."""
    (path,) = (data_folder() / "lobster").glob(f"*_{symbol}_*.zip")
    with zipfile.ZipFile(path) as file:
        tables = []
        for part in ("message", "orderbook"):
            (name,) = (name for name in file.namelist() if part in name and name.endswith(".csv"))
            with file.open(name) as stream:
                tables.append(pd.read_csv(stream, header=None, nrows=rows).to_numpy(np.float64))
    return tables[0], tables[1]


def lobster_panel(symbol: str = "GOOG", lengths: tuple[int, ...] = (2000,)) -> Panel:
    """Real books in segments of given lengths, cut one after another from the first rows of the day."""
    messages, book = lobster_rows(symbol, sum(lengths))
    midnight = np.datetime64("2012-06-21T04:00:00", "ns")
    return book_panel(
        [book[:, column::4] for column in range(4)],
        lengths,
        (symbol,) * len(lengths),
        time=midnight + np.round(messages[:, 0] * 1e9).astype("timedelta64[ns]"),
        tick=100.0,
    )


def made_up_panel(lengths=(120, 90), symbols=("A", "B"), *, levels=3, seed=0, tick=0.01) -> Panel:
    """Books whose mid goes at random, in decimal prices."""
    random = np.random.default_rng(seed)
    n_rows = sum(lengths)
    bid = 10_000 + np.cumsum(random.integers(-2, 3, n_rows))
    ask = bid + random.integers(1, 4, n_rows)
    depth = np.arange(levels)
    sizes = random.integers(1, 500, (2, n_rows, levels)).astype(float)
    prices = (ask[:, None] + depth) * tick, (bid[:, None] - depth) * tick
    time = np.datetime64("2024-03-01T09:30", "ns") + np.cumsum(random.integers(0, 10**9, n_rows)).astype(
        "timedelta64[ns]"
    )
    return book_panel([prices[0], sizes[0], prices[1], sizes[1]], lengths, symbols, time=time, tick=tick)


def book_panel(parts, lengths, symbols, *, time, tick) -> Panel:
    """Panel of ask prices, ask sizes, bid prices and bid sizes, each [rows, levels]."""
    names = ("ask_price", "ask_size", "bid_price", "bid_size")
    stops = np.cumsum(lengths)
    return Panel(
        fields=dict(zip(names, parts, strict=True)),
        time=time,
        bounds=np.stack([stops - lengths, stops], axis=1).astype(np.int64),
        symbols=tuple(symbols),
        row="one book event",
        tick=tick,
    )
