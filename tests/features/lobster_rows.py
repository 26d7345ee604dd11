"""Real and made book rows for comparisons with loops; a reader of its own for LOBSTER's sample."""

from __future__ import annotations

import zipfile
from functools import cache

import numpy as np
import pytest

from tests.data_folder import data_folder
from tests.features.raw_rows import book

GOOG = "lobster/LOBSTER_SampleFile_GOOG_2012-06-21_10.zip"
MIDNIGHT = 1_340_236_800.0
"""2012-06-21 in seconds since 1970."""


@cache
def _goog(first: int, stop: int) -> dict[str, np.ndarray]:
    path = data_folder() / GOOG
    tables = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".csv"):
                lines = archive.read(name).decode().splitlines()[first:stop]
                kind = "message" if "message" in name else "book"
                tables[kind] = np.array([line.split(",") for line in lines], dtype=float)
    message, levels = tables["message"], tables["book"]
    return {
        "time": MIDNIGHT + message[:, 0],
        "event_type": message[:, 1],
        "event_size": message[:, 3],
        "event_price": message[:, 4],
        "event_side": message[:, 5],
        "ask_price": levels[:, 0::4],
        "ask_size": levels[:, 1::4],
        "bid_price": levels[:, 2::4],
        "bid_size": levels[:, 3::4],
    }


def book_rows(source: str) -> dict[str, np.ndarray]:
    """Rows without a batch axis: "goog" (2,000 real rows of ten levels) or "made" (400 rows, unoccupied levels)."""
    if source == "goog":
        return _goog(60_000, 62_000)
    made = {name: rows[0] for name, rows in book(400, seed=3, batch=1).items()}
    gaps = np.random.default_rng(0).choice([0.0, 1e-7, 0.002, 1.5], 400)
    return {**made, "time": MIDNIGHT + 40_000 + np.cumsum(gaps)}


both_sources = pytest.mark.parametrize("source", ["goog", "made"])


def computed(feature, rows: dict[str, np.ndarray]) -> np.ndarray:
    """Values of a feature over rows without a batch axis, `[rows - warmup, channels]`."""
    return np.asarray(feature({name: rows[name][None] for name in feature.fields}))[0]
