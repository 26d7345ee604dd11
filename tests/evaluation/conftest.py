from __future__ import annotations

import io

import arch.data.sp500
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure


def make_predictions(rows: int = 400, folds: int = 4, seed: int = 0, symbol: str = "SPX") -> pd.DataFrame:
    """Random direction predictions on business days; nothing relates `up` to `y`."""
    rng = np.random.default_rng(seed)
    time = pd.bdate_range("2010-01-04", periods=rows)
    fold = np.arange(rows) * folds // rows
    first = pd.Series(time).groupby(fold).transform("min")
    return pd.DataFrame(
        {
            "fold": fold,
            "cutoff": first.to_numpy() - pd.Timedelta("1D"),
            "time": time,
            "symbol": symbol,
            "y": rng.integers(0, 2, rows).astype("int8"),
            "up": rng.uniform(0.4, 0.6, rows),
        }
    )


def make_prices(rows: int = 401, seed: int = 1, symbol: str = "SPX") -> pd.DataFrame:
    """Random prices on the days of `make_predictions` and one more, with opens between closes."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=rows)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(0.004 * rng.normal(size=rows))
    time = pd.bdate_range("2010-01-04", periods=rows)
    return pd.DataFrame({"time": time, "symbol": symbol, "open": opened, "close": close})


def labelled(figure: Figure) -> bool:
    """Whether it draws, and every outer axis says what it shows."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    left = [axis for axis in figure.axes if axis.get_subplotspec().is_first_col()]
    named = all(axis.get_ylabel() or [t.get_text() for t in axis.get_yticklabels()] for axis in left)
    return named and len(buffer.getvalue()) > 5000


@pytest.fixture
def predictions() -> pd.DataFrame:
    return make_predictions()


@pytest.fixture
def prices() -> pd.DataFrame:
    return make_prices()


@pytest.fixture
def references(predictions: pd.DataFrame) -> pd.DataFrame:
    always = predictions.assign(method="always_up", up=1.0)
    base = predictions.assign(method="base_rate", up=0.52)
    return pd.concat([always, base], ignore_index=True)


@pytest.fixture(scope="session")
def sp500() -> pd.DataFrame:
    """S&P 500 bars 1999 to 2018, as the bundled file has them."""
    bars = arch.data.sp500.load()
    return pd.DataFrame(
        {
            "time": bars.index,
            "symbol": "SPX",
            "open": bars["Open"].to_numpy(),
            "close": bars["Close"].to_numpy(),
            "volume": bars["Volume"].to_numpy(),
        }
    )


@pytest.fixture(scope="session")
def sp500_rows(sp500: pd.DataFrame) -> pd.DataFrame:
    """Test rows 2004 to 2018, a fold a year; `up` says that the day's move will turn around."""
    close = sp500["close"].to_numpy()
    rows = sp500.iloc[:-1][["time", "symbol"]].copy()
    rows["y"] = (close[1:] > close[:-1]).astype("int8")
    today = np.concatenate([[0.0], np.sign(np.diff(close))])[:-1]
    rows["up"] = 0.5 - 0.5 * today
    rows["fold"] = rows["time"].dt.year - 2004
    rows["cutoff"] = pd.to_datetime(rows["time"].dt.year.astype(str) + "-01-01") - pd.Timedelta("1D")
    return rows[rows["time"] >= "2004"].reset_index(drop=True)
