"""Order books in a panel: the names of their fields, and what every reader of them needs."""

from __future__ import annotations

import numpy as np

from tsdeep.panel import Panel

BOOK_FIELDS = ("ask_price", "ask_size", "bid_price", "bid_size")
"""Fields of a book, `[rows, levels]`, best level first; a level of size 0 is unoccupied, its price means nothing."""

EVENT_FIELDS = ("event_type", "event_size", "event_price", "event_side")
"""Fields of the message that led to a book row, `[rows]`; `event_side` is that of the resting order, 1 a buy."""


def mid(panel: Panel) -> np.ndarray:
    """Return the mid price of each row, in the price unit of the data, float64 `[rows]`."""
    return (panel.raw("ask_price")[:, 0] + panel.raw("bid_price")[:, 0]) / 2.0


def spread(panel: Panel) -> np.ndarray:
    """Return best ask minus best bid of each row, in the price unit of the data, float64 `[rows]`."""
    return panel.raw("ask_price")[:, 0] - panel.raw("bid_price")[:, 0]
