"""Raw rows, spec mappings and comparisons that the feature tests share."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import numpy as np
from annotated_types import Ge
from hypothesis import strategies as st

from tsdeep.features import Feature, argument_model, get_feature

SECONDS_A_DAY = 86_400.0
BOOK_LEVELS = 5
TICK = 100.0
BASKET = ("AA", "BB", "CC", "DD")
#: What LOBSTER writes as the price of an unoccupied level.
UNOCCUPIED = {"ask": 9_999_999_999.0, "bid": -9_999_999_999.0}

CONSTITUENTS = [
    {"kind": "log_return", "rows": 1},
    {"kind": "log_return", "rows": 3, "field": "open"},
    {"kind": "field", "field": "close"},
    {"kind": "log_volume_change", "rows": 2},
    {"kind": "parkinson", "rows": 2},
]


def bars(length: int, seed: int = 0, batch: int = 2, price: float = 100.0) -> dict[str, np.ndarray]:
    """Daily bars `[batch, length]`, float64, low <= open, close <= high, with weekend gaps in time."""
    rng = np.random.default_rng(seed)
    shape = (batch, length)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.01, shape), axis=1))
    opened = close * np.exp(rng.normal(0, 0.005, shape))
    high = np.maximum(opened, close) * np.exp(rng.exponential(0.004, shape))
    low = np.minimum(opened, close) * np.exp(-rng.exponential(0.004, shape))
    days = rng.integers(-5_000, 20_000, (batch, 1)) + np.cumsum(rng.choice([1, 1, 1, 3], shape), axis=1)
    return {
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "volume": np.exp(rng.normal(10, 1, shape)),
        "time": days * SECONDS_A_DAY,
    }


def book(length: int, seed: int = 0, batch: int = 2) -> dict[str, np.ndarray]:
    """Book rows and their events, `[batch, length, levels]` and `[batch, length]`; some deep levels unoccupied."""
    rng = np.random.default_rng(seed)
    shape = (batch, length)
    spread = rng.integers(1, 4, shape)
    bid = 58_000 + np.cumsum(rng.integers(-1, 2, shape), axis=1)
    raw = {}
    for side, top, away in (("ask", bid + spread, 1), ("bid", bid, -1)):
        gaps = rng.integers(1, 3, (*shape, BOOK_LEVELS))
        gaps[..., 0] = 0
        size = rng.integers(1, 300, (*shape, BOOK_LEVELS)).astype(float)
        price = (top[..., None] + away * np.cumsum(gaps, axis=-1)) * TICK
        empty = np.arange(BOOK_LEVELS) >= rng.integers(1, BOOK_LEVELS + 2, (*shape, 1))
        raw[f"{side}_size"] = np.where(empty, 0.0, size)
        raw[f"{side}_price"] = np.where(empty, UNOCCUPIED[side], price)
    return raw | {
        "event_type": rng.integers(1, 6, shape).astype(float),
        "event_size": rng.integers(1, 300, shape).astype(float),
        "event_price": bid * TICK,
        "event_side": rng.choice([-1.0, 1.0], shape),
    }


def basket(length: int, seed: int = 0, batch: int = 2) -> dict[str, np.ndarray]:
    """What stands beside an asset's bars: the market's bars, those of a basket, VIX and the asset's number."""
    rng = np.random.default_rng(seed)
    shape = (batch, length)
    market = bars(length, seed + 1_000, batch)
    common = rng.normal(0, 0.01, (*shape, 1))
    own = rng.normal(0, 0.01, (*shape, len(BASKET)))
    closes = 50.0 * np.exp(np.cumsum(common + own, axis=1))
    opens = closes * np.exp(rng.normal(0, 0.005, closes.shape))
    wide = 1.0 + np.abs(rng.normal(0, 0.01, closes.shape))
    return {
        **{f"market_{name}": market[name] for name in ("open", "high", "low", "close")},
        "basket_close": closes,
        "basket_open": opens,
        "basket_high": np.maximum(opens, closes) * wide,
        "basket_low": np.minimum(opens, closes) / wide,
        "vix": np.exp(rng.normal(3, 0.3, shape)),
        "asset": rng.integers(0, len(BASKET), shape).astype(float),
    }


def raw_rows(length: int, seed: int = 0, batch: int = 2) -> dict[str, np.ndarray]:
    """Bars, basket and book rows side by side: every field that a feature may read."""
    return bars(length, seed, batch) | basket(length, seed, batch) | book(length, seed, batch)


def changed(raw: dict[str, np.ndarray], rows: slice | int, way: str) -> dict[str, np.ndarray]:
    """Copy rows with some changed: poisoned (NaN), wider with the close up or down, or flat; the book likewise."""
    raw = {name: values.copy() for name, values in raw.items()}
    if way == "poisoned":
        for values in raw.values():
            values[:, rows] = np.nan
    elif way == "flat":
        for prefix in ("", "market_", "basket_"):
            for name in ("open", "high", "low"):
                raw[prefix + name][:, rows] = raw[f"{prefix}close"][:, rows]
        raw["time"][:, rows] += 11 * SECONDS_A_DAY
    else:
        up = way == "up"
        factors = {"high": 1.5, "low": 0.6, "close": 1.3 if up else 0.7, "open": 0.7 if up else 1.3}
        for name, factor in factors.items():
            for prefix in ("", "market_"):
                raw[prefix + name][:, rows] *= factor
        for name in ("open", "high", "low"):
            raw[f"basket_{name}"][:, rows] *= factors[name]
        raw["basket_close"][:, rows] *= np.linspace(0.7, 1.3, len(BASKET)) if up else (1.3, 0.8, 1.1, 0.7)
        raw["vix"][:, rows] *= 1.5 if up else 0.5
        raw["asset"][:, rows] = (raw["asset"][:, rows] + 1) % len(BASKET)
        raw["volume"][:, rows] *= 50.0 if up else 0.02
        raw["time"][:, rows] += (37 if up else -41) * SECONDS_A_DAY
    if way != "poisoned" and "ask_price" in raw:
        step = {"up": 4, "down": -4, "flat": 2}[way]
        raw["ask_price"][:, rows] += (step + 3) * TICK
        raw["bid_price"][:, rows] += step * TICK
        raw["ask_size"][:, rows] += 5.0
        raw["bid_size"][:, rows] += 400.0
        raw["event_type"][:, rows] = {"up": 4.0, "down": 5.0, "flat": 1.0}[way]
        raw["event_size"][:, rows] *= 50.0
    return raw


@st.composite
def mappings(draw: Any, kind: str) -> dict[str, Any]:
    """Draw a spec mapping of a kind: rows, flags and nested features by annotation, else the default."""
    drawn: dict[str, Any] = {"kind": kind}
    for name, info in argument_model(get_feature(kind)).model_fields.items():
        if (kind, name) == ("calendar", "parts"):
            drawn[name] = draw(st.lists(st.sampled_from(info.default), min_size=1, unique=True))
        elif (kind, name) == ("event_count", "types"):
            drawn[name] = draw(st.lists(st.sampled_from([1, 4, 5]), min_size=1, unique=True))
        elif (kind, name) == ("price_distance", "unit"):
            drawn[name] = draw(st.sampled_from(["ticks", "spread"]))
        elif name == "levels":
            drawn[name] = draw(st.integers(2 if kind == "price_distance" else 1, BOOK_LEVELS))
        elif name in ("assets", "symbols"):
            drawn[name] = BASKET
        elif (kind, name) == ("correlation", "outputs"):
            outputs = st.sampled_from(["matrix", "average", "first_eigenvalue", "own"])
            drawn[name] = draw(outputs | st.lists(outputs, min_size=1, unique=True))
        elif get_origin(info.annotation) is Literal:
            drawn[name] = draw(st.sampled_from(get_args(info.annotation)))
        elif name == "tick":
            drawn[name] = draw(st.sampled_from([TICK, 0.25]))
        elif name == "rows" and info.annotation is not int:
            rows = st.integers(2 if kind == "mid_deviation" else 1, 11)
            drawn[name] = draw(rows | st.lists(rows, min_size=1, max_size=3, unique=True))
        elif info.annotation is Feature:
            drawn[name] = draw(st.sampled_from(CONSTITUENTS))
        elif info.annotation is int:
            least = max([limit.ge for limit in info.metadata if isinstance(limit, Ge)], default=1)
            drawn[name] = draw(st.integers(least, 11))
        elif info.annotation is bool:
            drawn[name] = draw(st.booleans())
        elif info.annotation is str and info.is_required():
            drawn[name] = draw(st.sampled_from(["close", "volume"]))
        elif info.is_required():
            raise NotImplementedError(f"say here how to draw argument '{name}' of feature '{kind}'")
    if drawn.get("estimator") == "close":
        drawn["overnight"] = False  # it has the night already
    return drawn


def values_of(layer: Any, raw: dict[str, np.ndarray]) -> np.ndarray:
    """Call a layer and give its values."""
    return np.asarray(layer(raw))
