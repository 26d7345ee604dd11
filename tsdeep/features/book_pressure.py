"""Which side of the order book is the heavier: imbalances of queues and depth, and the microprice."""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.features.base import Feature
from tsdeep.features.book import Levels, Tick, best, imbalance, top
from tsdeep.features.registry import register_feature
from tsdeep.features.rolling import rolling_sums
from tsdeep.features.row_windows import Windows, channels, kept, windows_of


@register_feature("queue_imbalance")
class QueueImbalance(Feature):
    """Queue imbalance by level, (bid size - ask size) / (bid size + ask size), or its mean over the last rows.

    Within ±1, above zero where more is bid; 0 where both sides of a level are unoccupied.

    Parameters
    ----------
    levels : int
        Levels, best first.
    rows : int or sequence of int
        Rows of the mean, the current one included; 1 is the imbalance of the current row.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Gould and Bonart (2016), "Queue imbalance as a one-tick-ahead price predictor in a limit order book", Market
    Microstructure and Liquidity 2(2).
    """

    mirror_sign = -1
    fields = ("bid_size", "ask_size")

    def __init__(self, levels: Levels, rows: Windows = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = levels
        self.rows = kept(rows)
        self._windows = windows_of(rows, "queue_imbalance")
        self.warmup = max(self._windows) - 1
        self.names = tuple(
            f"queue_imbalance_{level}" + (f"_over_{window}" if window > 1 else "")
            for window in self._windows
            for level in range(1, levels + 1)
        )

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows - warmup, windows x levels]`: all levels of the first window first."""
        bid, ask = (top(fields, name, self.levels) for name in self.fields)
        sums = rolling_sums(imbalance(bid, ask), self._windows)
        return channels([total / window for total, window in zip(sums, self._windows, strict=True)])


@register_feature("depth")
class Depth(Feature):
    """Log of the size that the best levels hold together, of asks and of bids, and the imbalance of the two.

    Channels are log(1 + ask size), log(1 + bid size), with sizes summed over the levels, and (bid size - ask
    size) / (bid size + ask size), which is 0 where both are 0.

    Parameters
    ----------
    levels : int
        Levels summed, from the best.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = (1, 1, -1)
    fields = ("ask_size", "bid_size")
    warmup = 0

    def __init__(self, levels: Levels, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = levels
        self.names = (f"log_ask_depth_{levels}", f"log_bid_depth_{levels}", f"depth_imbalance_{levels}")

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows, 3]`."""
        ask, bid = (self._depth(top(fields, name, self.levels)) for name in self.fields)
        return channels([keras.ops.log1p(ask), keras.ops.log1p(bid), imbalance(bid, ask)])

    def _depth(self, size: Any) -> Any:
        """Sum sizes level by level, `[batch, rows]`: always in the same order, hence the same in every segment."""
        total = size[:, :, 0]
        for level in range(1, self.levels):
            total = total + size[:, :, level]
        return total


@register_feature("microprice")
class Microprice(Feature):
    """Mean of best ask and bid weighted by the size of the other side, less the mid, in ticks.

    (ask x bid size + bid x ask size) / (bid size + ask size) - mid, which is half the spread times the queue
    imbalance of level 1. Stoikov calls it the weighted mid-price.

    Parameters
    ----------
    tick : float
        Price units of one tick.
    **kwargs : object
        See `Feature`.

    References
    ----------
    Stoikov (2018), "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18(12).
    """

    mirror_sign = -1
    fields = ("ask_price", "ask_size", "bid_price", "bid_size")
    warmup = 0
    names = ("microprice",)

    def __init__(self, tick: Tick, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tick = tick

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows]`."""
        half_spread = (best(fields, "ask_price") - best(fields, "bid_price")) / (2.0 * self.tick)
        return half_spread * imbalance(best(fields, "bid_size"), best(fields, "ask_size"))
