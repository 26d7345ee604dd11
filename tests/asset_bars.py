"""Bars of made-up assets, for tests of panels of several."""

import numpy as np
import pandas as pd


def bars(symbol, start="2004-01-01", days=300, seed=0, volatility=0.01):
    """A table of daily bars of one asset: time, symbol, open, high, low, close, volume."""
    random = np.random.default_rng([seed, *symbol.encode()])
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, volatility, days)))
    before = np.concatenate([[100.0], close[:-1]])
    start_of_day = before * np.exp(random.normal(0.0, 0.3 * volatility, days))
    body = np.stack([start_of_day, close])
    high = body.max(axis=0) * np.exp(np.abs(random.normal(0.0, 0.4 * volatility, days)))
    low = body.min(axis=0) * np.exp(-np.abs(random.normal(0.0, 0.4 * volatility, days)))
    return pd.DataFrame(
        {
            "time": pd.bdate_range(start, periods=days),
            "symbol": symbol,
            "open": start_of_day,
            "high": high,
            "low": low,
            "close": close,
            "volume": random.integers(1_000, 9_000, days).astype(float),
        }
    )


def several(*symbols, **settings):
    """Bars of several assets on the same days."""
    return pd.concat([bars(symbol, **settings) for symbol in symbols], ignore_index=True)
