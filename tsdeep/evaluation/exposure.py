"""How much a strategy holds, how often it changes its mind, and how much it trades."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation.backtest import Backtest


def exposure_figures(traded: Backtest) -> dict[str, float]:
    """Return figures of what a strategy held and traded.

    Parameters
    ----------
    traded : Backtest
        What was traded.

    Returns
    -------
    dict of str to float
        net, gross and largest_gross (exposure: mean sum of positions, mean and largest sum of their sizes, as fractions
        of equity); long, short and flat (shares of rows and symbols); turnover (a year, in equities); changes
        (a year and symbol: rows at which the side, long, short or flat, is another one); held_rows (mean rows for
        which a side is kept; NaN where none is taken).

    Examples
    --------
    >>> from tsdeep.evaluation import backtest
    >>> time = pd.bdate_range("2020-01-01", periods=5)
    >>> up = pd.DataFrame({"time": time[:4], "symbol": "SPX", "up": [0.6, 0.6, 0.4, 0.5]})
    >>> prices = pd.DataFrame({"time": time, "symbol": "SPX", "close": 10.0})
    >>> figures = exposure_figures(backtest(up, prices))
    >>> figures["net"], figures["gross"], figures["flat"], figures["held_rows"]
    (0.25, 0.75, 0.25, 1.5)
    """
    positions = traded.positions
    year = traded.periods_per_year
    net, gross = exposure_series(traded)
    sides = np.sign(positions.to_numpy())  # [rows, symbols]
    before = np.vstack([np.zeros((1, sides.shape[1])), sides[:-1]])
    begun = (sides != before) & (sides != 0)
    rows = len(positions)
    return {
        "net": float(net.mean()),
        "gross": float(gross.mean()),
        "largest_gross": float(gross.max()),
        "long": float((sides > 0).mean()),
        "short": float((sides < 0).mean()),
        "flat": float((sides == 0).mean()),
        "turnover": float(traded.days["turnover"].mean() * year),
        "changes": float((sides != before).mean(axis=1).sum() / rows * year),
        "held_rows": float((sides != 0).sum() / begun.sum()) if begun.any() else float("nan"),
    }


def exposure_series(traded: Backtest) -> tuple[pd.Series, pd.Series]:
    """Return net and gross exposure of each row, as fractions of equity; every symbol has an equal share."""
    return traded.positions.mean(axis=1), traded.positions.abs().mean(axis=1)
