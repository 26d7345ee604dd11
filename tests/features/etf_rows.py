"""Real daily bars of ETFs beside made ones, for comparisons with loops."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from tests.data_folder import data_folder
from tests.features.raw_rows import bars

BARS = ("open", "high", "low", "close")
BASKET = ("SPY", "QQQ", "IWM", "EFA", "EEM", "TLT", "IEF", "LQD", "GLD", "VNQ")


@cache
def _table(name: str) -> pd.DataFrame:
    table = pd.read_csv(data_folder() / "etf" / f"{name}.csv", index_col="Date")
    return table.rename(columns=str.lower)


def etf(name: str, first: str = "", last: str = "9999") -> dict[str, np.ndarray]:
    """Bars of an ETF between two dates, `[rows]` each; skips where there is no data."""
    table = _table(name)
    table = table[(table.index >= first) & (table.index <= last)]
    return {field: table[field].to_numpy(float) for field in BARS}


def basket_closes(first: str, last: str) -> np.ndarray:
    """Closes of the ten ETFs on SPY's dates, `[rows, 10]`, NaN before one begins."""
    dates = _table("SPY").index
    dates = dates[(dates >= first) & (dates <= last)]
    return np.stack([_table(name)["close"].reindex(dates).to_numpy(float) for name in BASKET], axis=1)


def bar_rows(source: str) -> dict[str, np.ndarray]:
    """Bars without a batch axis: "etf" (500 days of EEM, one of them without a range) or "made" (80 rows)."""
    if source == "etf":
        return etf("EEM", "2003-04-14", "2005-04-07")
    return {name: rows[0] for name, rows in bars(80, seed=5, batch=1).items() if name in BARS}


both_sources = pytest.mark.parametrize("source", ["etf", "made"])


def of_market(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Bars under the names of the market's."""
    return {f"market_{name}": values for name, values in rows.items()}


def computed(feature, rows: dict[str, np.ndarray]) -> np.ndarray:
    """Values of a feature over rows without a batch axis, `[rows - warmup, channels]`."""
    return np.asarray(feature({name: rows[name][None] for name in feature.fields}))[0]
