"""Whether the opens of a price series were observed."""

from __future__ import annotations

import pandas as pd

_SAME_OPEN = 2e-5  # the rounding of a quoted index: two cents on a thousand


def opens_equal_to_prior_close(prices: pd.DataFrame) -> pd.Series:
    """Return the share of opens that equal the prior close (to 2e-5), by calendar year.

    An index whose open is the prior close was not observed at the open: `next_open` then fills at the
    close it pretends to avoid.

    Parameters
    ----------
    prices : pandas.DataFrame
        Columns time, symbol, open, close.

    Returns
    -------
    pandas.Series
        Index: year; values in [0, 1].
    """
    ordered = prices.sort_values(["symbol", "time"])
    prior = ordered.groupby("symbol")["close"].shift(1)
    same = ((ordered["open"] / prior - 1.0).abs() <= _SAME_OPEN)[prior.notna()]
    return same.groupby(ordered["time"].dt.year[prior.notna()]).mean()


def open_warning(prices: pd.DataFrame, meaning: str = "a fill at next_open says little there") -> str:
    """Say which years' opens repeat the prior close, or return "" where opens can be trusted.

    Parameters
    ----------
    prices : pandas.DataFrame
        Columns time, symbol, close, and open (without it the answer says so).
    meaning : str
        What follows from an open that was not observed.

    Returns
    -------
    str
        A sentence or two for a report: years in which over 90% of the opens are repeated, then over 20%.
    """
    if "open" not in prices.columns or prices["open"].isna().all():
        return "The data has no opens, so next_open cannot be computed."
    shares = opens_equal_to_prior_close(prices)
    said = [
        f"In {_years(chosen)} {chosen.mean():.0%} of the opens equal the prior close"
        for chosen in (shares[shares > 0.9], shares[(shares > 0.2) & (shares <= 0.9)])
        if len(chosen)
    ]
    if not said:
        return ""
    return f"{'. '.join(said)}. Such an open was not observed, and {meaning}."


def _years(shares: pd.Series) -> str:
    """Write years as ranges: 1999 to 2005, 2008."""
    years = [int(year) for year in shares.index]
    starts = [year for year in years if year - 1 not in years]
    ends = [year for year in years if year + 1 not in years]
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))
