"""Closes of real ETFs, and of made-up assets side by side."""

import numpy as np
import pandas as pd

from tests.data_folder import data_folder
from tsdeep import Panel


def etf_panel(*symbols):
    """Closes of real ETFs, one segment each, one after another."""
    folder = data_folder() / "etf"
    frames = [
        pd.read_csv(folder / f"{symbol}.csv", parse_dates=["Date"])
        .rename(columns={"Date": "time", "Close": "close"})[["time", "close"]]
        .assign(symbol=symbol)
        for symbol in symbols
    ]
    return Panel.from_frame(pd.concat(frames, ignore_index=True))


def side_by_side(n_rows=60, n_assets=3, seed=0):
    steps = np.random.default_rng(seed).normal(0, [0.005, 0.01, 0.02][:n_assets], (n_rows, n_assets))
    return Panel(
        fields={"close": 50 * np.exp(np.cumsum(steps, axis=0))},
        time=np.datetime64("2020-01-01", "ns") + np.arange(n_rows) * np.timedelta64(1, "D"),
        bounds=np.array([[0, n_rows]]),
        symbols=("basket",),
    )
