from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import norm

from tsdeep.evaluation import Evidence

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


def make_prices(
    days: int, symbols: tuple[str, ...], *, seed: int = 0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Closes whose daily log variance is a common and an own autoregression; returns (prices, true daily
    variance [days, assets], log returns [days, assets], the first of which is unused)."""
    rng = np.random.default_rng(seed)
    n = len(symbols)
    shocks = 0.13 * rng.normal(size=(days, 1)) + 0.07 * rng.normal(size=(days, n))
    log = np.zeros((days, n))
    for t in range(1, days):
        log[t] = 0.98 * log[t - 1] + shocks[t]
    level = np.linspace(np.log(0.08**2 / 252), np.log(0.25**2 / 252), n)
    variance = np.exp(level + log - 0.5)
    mixed = 0.6 * rng.normal(size=(days, 1)) + 0.8 * rng.normal(size=(days, n))
    returns = np.sqrt(variance) * mixed
    close = 100 * np.exp(np.cumsum(returns, axis=0))
    time = pd.bdate_range("2009-06-01", periods=days)
    frames = [
        pd.DataFrame({"time": time, "symbol": s, "open": close[:, i], "close": close[:, i]})
        for i, s in enumerate(symbols)
    ]
    return pd.concat(frames, ignore_index=True), variance, returns


def with_forecast(
    frame: pd.DataFrame, log_variance: np.ndarray, spread: float, quantiles: bool
) -> pd.DataFrame:
    """A forecast whose log variance is normal around `log_variance`, with units and quantiles to match."""
    m, s2 = np.asarray(log_variance, float), spread**2
    found = frame.assign(variance=np.exp(m + s2 / 2), volatility=np.exp(m / 2 + s2 / 8), median=np.exp(m / 2))
    if quantiles:
        names = {f"q{round(1000 * p):03d}": np.exp((m + spread * norm.ppf(p)) / 2) for p in LEVELS}
        found = found.assign(**names)
    return found


def smoothed(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Standard normal noise that lasts for some twenty rows."""
    return lfilter([np.sqrt(1 - 0.95**2)], [1, -0.95], rng.normal(size=rows))


def make_volatility(
    days: int = 500,
    symbols: tuple[str, ...] = ("AAA", "BBB", "CCC"),
    *,
    horizon: int = 5,
    methods: tuple[str, ...] = ("random_walk", "ewma", "log_har"),
    seed: int = 0,
    skill: float = 0.2,
    members: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Predictions, references and prices; the model sees the true log variance through noise of size `skill`."""
    prices, variance, returns = make_prices(days + 60 + horizon, symbols, seed=seed)
    rng = np.random.default_rng(seed + 1)
    time = pd.bdate_range("2009-06-01", periods=len(variance))
    squares = np.concatenate([np.zeros((1, len(symbols))), np.cumsum(returns**2, axis=0)])
    origin = np.arange(60, 60 + days)
    frames, truth, past, slow = [], [], [], []
    weights = 0.94 ** np.arange(60)
    for i, symbol in enumerate(symbols):
        ahead = 252 * (squares[origin + 1 + horizon, i] - squares[origin + 1, i]) / horizon
        frame = pd.DataFrame(
            {
                "fold": time[origin].year - 2009,
                "cutoff": pd.to_datetime([f"{year - 1}-12-31" for year in time[origin].year]),
                "time": time[origin],
                "symbol": symbol,
                "end": time[origin + horizon],
                "y": np.sqrt(ahead),
            }
        )
        frame["cutoff"] = np.minimum(frame["cutoff"], frame["time"].min() - pd.Timedelta("1D"))
        frames.append(frame)
        log = np.log(252 * variance[:, i])
        truth.append(log[origin])
        past.append(np.log(252 * (squares[origin + 1, i] - squares[origin + 1 - 21, i]) / 21))
        lags = returns[origin[:, None] - np.arange(60), i] ** 2
        slow.append(np.log(252 * (lags @ weights) / weights.sum()))
    base = pd.concat(frames, ignore_index=True)
    real, recent, smooth = (np.concatenate(each) for each in (truth, past, slow))
    noisy = real + skill * smoothed(rng, len(base))
    spread = np.sqrt(2.6 / horizon)
    predictions = with_forecast(base, noisy, spread, quantiles=True)
    shifted = {f"conformal_{n}": predictions[n] * 1.01 for n in predictions if n.startswith("q")}
    predictions = predictions.assign(**shifted)
    for k in range(members):
        one = with_forecast(base, noisy + 0.1 * rng.normal(size=len(base)), spread, quantiles=False)
        names = ("variance", "volatility", "median")
        predictions = predictions.assign(**{f"{name}_seed{k}": one[name] for name in names})
    views = {"random_walk": recent, "ewma": smooth, "log_har": 0.5 * smooth + 0.5 * real}
    tables = []
    for k, method in enumerate(methods):
        log = views.get(method, real + (0.2 + 0.05 * k) * smoothed(rng, len(base)))
        tables.append(with_forecast(base, log, spread, quantiles=True).assign(method=method))
    return predictions, pd.concat(tables, ignore_index=True), prices


@pytest.fixture(scope="session")
def made() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return make_volatility()


@pytest.fixture(scope="session")
def evidence(made) -> Evidence:
    predictions, references, prices = made
    return Evidence(
        "etf_volatility",
        "har_network",
        predictions,
        prices,
        references=references,
        task="volatility",
        row="one trading day",
        horizon_rows=5,
        draws=200,
    )
