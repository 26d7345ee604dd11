"""What the linear and the boosted reference of movements read: imbalance, order flow, past returns; or levels."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

import numpy as np

from tsdeep.books import levels
from tsdeep.errors import DataError, unknown_name

if TYPE_CHECKING:
    from tsdeep.features import FeatureBank
    from tsdeep.panel import Panel

_WINDOWS = (10, 20, 50, 100)
_LEVELS = 10
_CHUNK_ROWS = 16_384

_KNOWN: weakref.WeakKeyDictionary[Panel, dict[tuple[int, ...], np.ndarray]] = weakref.WeakKeyDictionary()


def movement_bank(panel: Panel, horizons: tuple[int, ...]) -> FeatureBank:
    """Return the feature layers of the references, whatever a model reads.

    Parameters
    ----------
    panel : Panel
        Gives levels, and tick: where it has none, prices and sizes were normalised before.
    horizons : tuple of int
        Rows ahead that the labels look.

    Returns
    -------
    FeatureBank
        Of up to 10 levels, queue imbalance, and order-flow imbalance over 10, 20, 50 and 100 rows; mid returns
        over the same and over twice each horizon; the deviation of the mid from its mean over each horizon. Of a
        normalised book, where sizes below zero and bids above asks make no imbalance and no flow: the levels as
        they are, and the change of the mid over each horizon.
    """
    from tsdeep.features import FeatureBank

    n_levels = min(_LEVELS, levels(panel))
    if panel.tick is None:
        return FeatureBank(
            [
                {"kind": "book_levels", "levels": n_levels, "normalised": True},
                {"kind": "mid_return", "tick": 1.0, "rows": sorted(set(horizons))},
            ]
        )
    tick = panel.tick
    twice = (2 * horizon for horizon in horizons)
    return FeatureBank(
        [
            {"kind": "queue_imbalance", "levels": n_levels},
            {"kind": "order_flow_imbalance", "levels": n_levels, "rows": list(_WINDOWS)},
            {"kind": "mid_return", "tick": tick, "rows": sorted({*_WINDOWS, *twice})},
            {"kind": "mid_deviation", "tick": tick, "rows": sorted({max(2, row) for row in horizons})},
        ]
    )


def movement_features(panel: Panel, horizons: tuple[int, ...]) -> np.ndarray:
    """Compute the features of `movement_bank` at every row of a panel, once a panel.

    The first rows of a segment lack rows that the features read: there the book stands as in its first row since
    long before, so that flow and returns are what happened since then.

    Parameters
    ----------
    panel : Panel
        Raw rows.
    horizons : tuple of int
        Rows ahead that the labels look.

    Returns
    -------
    ndarray of float32, [rows, channels]

    Raises
    ------
    DataError
        If a feature is not finite; with the place.
    """
    known = _KNOWN.setdefault(panel, {})
    if horizons not in known:
        known[horizons] = _compute(panel, movement_bank(panel, horizons))
    return known[horizons]


def _compute(panel: Panel, bank: FeatureBank) -> np.ndarray:
    x = np.empty((panel.n_rows, len(bank.names)), np.float32)
    for first, last, before in _chunks(panel, bank.warmup):
        rows = np.maximum(np.arange(first - bank.warmup, last), before)
        raw = {name: panel.raw(name)[None, rows].astype(np.float64) for name in bank.fields}
        x[first:last] = np.asarray(bank(raw))[0]
    if not np.isfinite(x).all():
        row, channel = np.argwhere(~np.isfinite(x))[0]
        raise DataError(
            f"{panel.place(int(row))}: feature '{bank.names[channel]}' of the references is {x[row, channel]}"
        )
    return x


def _chunks(panel: Panel, warmup: int) -> Iterator[tuple[int, int, int]]:
    """Give first row, row after the last, and first row of the segment, of pieces of segments."""
    size = max(_CHUNK_ROWS, warmup)
    for start, stop in panel.bounds.tolist():
        for first in range(start, stop, size):
            yield first, min(first + size, stop), start


class SymbolScaler(ABC):
    """A scale of its own for each symbol, from its training rows."""

    def __init__(self) -> None:
        self._scales: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def fit(self, x: np.ndarray, symbol: np.ndarray) -> Self:
        """Take the centres and sizes of `x` `[rows, channels]` by `symbol` `[rows]`."""
        for name in dict.fromkeys(symbol.tolist()):
            centre, size = self._measure(x[symbol == name].astype(np.float64))
            self._scales[name] = centre, np.where(size > 0, size, 1.0)
        return self

    def transform(self, x: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        """Return scaled features, float64 `[rows, channels]`; DataError for a symbol that `fit` did not have."""
        scaled = np.empty(x.shape)
        for name in dict.fromkeys(symbol.tolist()):
            if name not in self._scales:
                raise DataError(unknown_name("symbol among the training rows", name, self._scales))
            own = symbol == name
            centre, size = self._scales[name]
            scaled[own] = self._shape((x[own] - centre) / size)
        return scaled

    @abstractmethod
    def _measure(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centre and size of each channel, `[channels]`; a size of 0 is taken as 1."""

    def _shape(self, x: np.ndarray) -> np.ndarray:
        """Values in place of scaled ones; by default the same."""
        return x


class Standard(SymbolScaler):
    """Features less their mean over their standard deviation, by symbol; a constant one is only centred."""

    def _measure(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        constant = x.min(axis=0) == x.max(axis=0)  # whose deviation rounding may leave above 0
        return x.mean(axis=0), np.where(constant, 0.0, x.std(axis=0))


class SignedLog(SymbolScaler):
    """Features as sign(x) ln(1 + |x| / median |x|), in ±3, by the medians of each symbol's training rows.

    A channel whose median is 0 is divided by its mean size, and by 1 if it is always 0.
    """

    def _measure(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sizes = np.abs(x)
        median = np.median(sizes, axis=0)
        return np.zeros(x.shape[1]), np.where(median > 0, median, sizes.mean(axis=0))

    def _shape(self, x: np.ndarray) -> np.ndarray:
        return np.clip(np.log1p(np.abs(x)) * np.sign(x), -3.0, 3.0)


def scaler_of(panel: Panel) -> SymbolScaler:
    """Return the unfitted scaler of a panel's features: `Standard` for normalised books, else `SignedLog`."""
    return Standard() if panel.tick is None else SignedLog()
