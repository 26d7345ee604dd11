"""One plain signal on the S&P 500, and what two engines' accounts have in common."""

from __future__ import annotations

import numpy as np
import pandas as pd

FIRST, LAST = "2008-01-01", "2018-12-31"
FILL = ["ordered", "time", "symbol", "side"]


def dip(sp500: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Long at a close that is in the lower 40% of the last 14 days' closes' range, else flat; 2008 to 2018."""
    closes = sp500["close"].rolling(14)
    place = (sp500["close"] - closes.min()) / (closes.max() - closes.min())
    up = pd.Series(np.where(place < 0.4, 0.6, 0.4), sp500.index)
    chosen = sp500["time"].between(FIRST, LAST)
    prices = sp500[chosen].reset_index(drop=True)
    predictions = prices[["time", "symbol"]].assign(up=up[chosen].to_numpy()).iloc[:-1]
    return predictions, prices


def assert_same(engine, vectorised, *, relative: float, rounding: float = 0.0) -> None:
    """Daily returns to 1e-6, and trade by trade: dates, symbol, side; price, shares and fee to `relative`.

    `rounding` allows for whole shares: a part of the largest number of shares traded, and of the largest fee.
    """
    for name in ("net", "gross", "cost", "borrow"):
        assert np.abs(engine.days[name] - vectorised.days[name]).max() < 1e-6, name
    assert engine.days.index.equals(vectorised.days.index)
    assert np.abs(engine.positions - vectorised.positions).max().max() < 1e-6
    assert len(vectorised.fills) > 50
    pd.testing.assert_frame_equal(engine.fills[FILL], vectorised.fills[FILL])
    for name in ("price", "shares", "fee"):
        known = vectorised.fills[name]
        least = 0.0 if name == "price" else rounding * known.abs().max()
        assert np.allclose(engine.fills[name], known, rtol=relative, atol=least), name
