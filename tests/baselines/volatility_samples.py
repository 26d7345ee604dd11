"""Samples of a task of volatility for tests of its references: made-up assets with VIX, and given series."""

from __future__ import annotations

import numpy as np

import tsdeep
from tests.asset_bars import several
from tsdeep.assets import Assets, aligned
from tsdeep.features import FeatureBank
from tsdeep.samples import Samples
from tsdeep.tasks import get_task

SYMBOLS = ("SPY", "TLT", "GLD")
FEATURES = (
    {"kind": "parkinson", "rows": 1},
    {"kind": "realised_volatility", "rows": 5},
    {"kind": "realised_volatility", "rows": 22},
)


def asset_samples(days: int = 700, *, symbols: tuple[str, ...] = SYMBOLS, seed: int = 0, **task) -> Samples:
    """Samples of several made-up assets on the same days, with the market beside each and VIX."""
    assets = Assets(symbols, market=symbols[0], joined=("vix",))
    panel = aligned(tsdeep.Panel.from_frame(several(*symbols, days=days, seed=seed)), assets)
    vix = 20.0 * np.exp(np.random.default_rng(seed).normal(0.0, 0.2, days))
    panel = panel.replace(vix=np.tile(vix, len(symbols)))
    return samples_of(panel, **task)


def samples_of(panel: tsdeep.Panel, **task) -> Samples:
    return Samples(panel, FeatureBank(FEATURES), get_task("volatility", **task), 1)


def series_panel(
    returns, range_variance=None, *, symbols: tuple[str, ...] = ("A",), **fields
) -> tsdeep.Panel:
    """A panel of given log returns and Parkinson variances, each `[rows]` or `[assets, rows]`, and further fields."""
    returns = np.atleast_2d(returns)
    range_variance = returns**2 if range_variance is None else np.atleast_2d(range_variance)
    n_assets, n_rows = returns.shape
    close = 100.0 * np.exp(np.cumsum(returns, axis=1))
    half = np.sqrt(range_variance * 4.0 * np.log(2.0)) / 2.0
    bars = {"open": close, "close": close, "high": close * np.exp(half), "low": close * np.exp(-half)}
    starts = n_rows * np.arange(n_assets)
    return tsdeep.Panel(
        fields={name: np.ravel(values) for name, values in bars.items()} | fields,
        time=np.tile(
            np.datetime64("1900-01-01", "ns") + np.arange(n_rows) * np.timedelta64(1, "D"), n_assets
        ),
        bounds=np.stack([starts, starts + n_rows], axis=1).astype(np.int64),
        symbols=symbols,
    )


def split_at(samples: Samples, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose labels end by a day (counted from 0), and the origins from that day on, of all assets."""
    days = np.unique(samples.time)
    rows = samples.rows
    train = rows[samples.time[samples.label_end[rows]] <= days[day]]
    return train, samples.origins[samples.time[samples.origins] >= days[day]]
