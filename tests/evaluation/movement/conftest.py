from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsdeep.evaluation import Evidence

NAMES = ["down", "stationary", "up"]


def make_movement(
    rows: int = 600,
    *,
    sessions: int = 2,
    symbols: tuple[str, ...] = ("GOOG",),
    horizons: tuple[int, ...] = (10,),
    folds: int = 2,
    skill: float = 1.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Rows of random mids whose drift the model sees, with noise: each symbol and session has `rows` rows."""
    rng = np.random.default_rng(seed)
    frames = []
    first = 0
    for symbol in symbols:
        for session in range(sessions):
            day = pd.Timestamp("2012-06-18") + pd.Timedelta(days=session)
            reach = rows + max(horizons)
            drift = np.convolve(rng.normal(size=reach + 20), np.ones(21) / 21, "valid")
            mid = np.cumsum(1.2 * drift + rng.normal(size=reach) * 0.5)
            seconds = np.sort(rng.uniform(0, 3600 * 6.5, rows))
            spread = rng.integers(1, 12, rows).astype(float)
            for horizon in horizons:
                move = mid[horizon : horizon + rows] - mid[:rows]
                threshold = np.quantile(np.abs(move), 1 / 3)
                y = np.where(move > threshold, 2, np.where(move < -threshold, 0, 1))
                signal = skill * np.array([drift[t + 1 : t + 1 + horizon].sum() for t in range(rows)])
                logits = np.stack([-signal, 0.1 - 0.2 * np.abs(signal), signal], 1) / np.sqrt(horizon)
                p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
                frame = pd.DataFrame(
                    {
                        "fold": session * folds // sessions,
                        "cutoff": day - pd.Timedelta("1D"),
                        "time": day + pd.Timedelta("9.5h") + pd.to_timedelta(seconds, unit="s"),
                        "symbol": symbol,
                        "row": first + np.arange(rows),
                        "session": np.datetime64(day, "D"),
                        "mid": 100 + mid[:rows],
                        "spread_ticks": spread,
                        "seconds": seconds,
                        "horizon": horizon,
                        "y": y.astype("int8"),
                    }
                )
                frames.append(frame.assign(**dict(zip(NAMES, p.T, strict=True))))
            first += rows + 50
    return pd.concat(frames, ignore_index=True)


def constant(frame: pd.DataFrame, method: str, p: tuple[float, float, float]) -> pd.DataFrame:
    return frame.assign(method=method, **dict(zip(NAMES, p, strict=True)))


def make_references(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The training shares, and a method that sees the model's probabilities through noise."""
    rng = np.random.default_rng(seed)
    noisy = np.log(frame[NAMES].to_numpy()) + 0.7 * rng.normal(size=(len(frame), 3))
    p = np.exp(noisy) / np.exp(noisy).sum(axis=1, keepdims=True)
    logistic = frame.assign(method="logistic", **dict(zip(NAMES, p.T, strict=True)))
    return pd.concat([constant(frame, "majority", (0.35, 0.33, 0.32)), logistic], ignore_index=True)


TICK = 0.01


def touch_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Best prices on the grid of a cent, around the mids of the frame, and ten rows more a segment."""
    rows = frame[frame["horizon"] == frame["horizon"].iloc[0]]
    parts = []
    for _, part in rows.groupby(["symbol", "session"], sort=False):
        bid = (part["mid"] / TICK - part["spread_ticks"] / 2).round() * TICK
        book = part[["row", "time", "symbol"]].assign(
            segment=len(parts), ask=bid + part["spread_ticks"] * TICK, bid=bid
        )
        more = pd.concat([book.iloc[[-1]]] * 10).assign(row=book["row"].iloc[-1] + 1 + np.arange(10))
        parts += [pd.concat([book, more])]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return make_movement()


@pytest.fixture(scope="session")
def evidence(frame) -> Evidence:
    return Evidence(
        "lob_midprice",
        "tlob",
        frame,
        references=make_references(frame),
        task="movement",
        row="one book event",
        notes=("Rows outside 9:30 to 16:00 were left out: 12.",),
        draws=200,
    )
