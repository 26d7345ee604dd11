"""The order book of one row, level by level: raw levels, distances of prices to the mid, sizes."""

from __future__ import annotations

from typing import Any, Literal

import keras

from tsdeep.errors import SpecError
from tsdeep.features.base import Feature
from tsdeep.features.book import QUOTE_FIELDS, Levels, Tick, best, by_level, mid, standing_prices, top
from tsdeep.features.registry import register_feature

_ALL = ("ask_price", "ask_size", "bid_price", "bid_size")


@register_feature("book_levels")
class BookLevels(Feature):
    """Raw levels in the order of LOBSTER: ask price, ask size, bid price, bid size of level 1, then of level 2.

    An unoccupied level has size 0 and the price of the deepest occupied level of its side, so that what a
    source writes there (LOBSTER 9999999999) is not learnt from.

    Parameters
    ----------
    levels : int
        Levels a side, best first.
    normalised : bool
        Take values as they are: in a book that was normalised before, as FI-2010's by z-score, a size of zero
        or less does not say that a level is unoccupied.
    **kwargs : object
        See `Feature`.
    """

    fields = _ALL
    warmup = 0

    def __init__(self, levels: Levels, normalised: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = levels
        self.normalised = normalised
        self.names = tuple(f"{name}_{level}" for level in range(1, levels + 1) for name in _ALL)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows, 4 x levels]`; prices in the unit of the data."""
        parts = []
        for side in ("ask", "bid"):
            price = (
                top(fields, f"{side}_price", self.levels)
                if self.normalised
                else standing_prices(fields, side, self.levels)
            )
            parts += [price, top(fields, f"{side}_size", self.levels)]
        return by_level(parts, self.levels)


@register_feature("price_distance")
class PriceDistance(Feature):
    """Distance of each level's price to the mid, in ticks or in spreads: above zero for asks, below for bids.

    An unoccupied level stands where the deepest occupied level of its side does. In spreads level 1 is at ±1/2
    by definition and is left out.

    Parameters
    ----------
    levels : int
        Levels a side, best first; 2 or more in spreads.
    tick : float
        Price units of one tick.
    unit : str
        "ticks", or "spread": the spread of the row, one tick at least.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = -1
    fields = _ALL
    warmup = 0

    def __init__(
        self, levels: Levels, tick: Tick, unit: Literal["ticks", "spread"] = "ticks", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.levels = levels
        self.tick = tick
        self.unit = unit
        self._first = int(unit == "spread")
        if levels <= self._first:
            raise SpecError(
                "feature 'price_distance': in spreads level 1 is left out: levels must be 2 or more"
            )
        ending = "_in_spreads" if unit == "spread" else ""
        self.names = tuple(
            f"{side}_distance_{level}{ending}"
            for level in range(1 + self._first, levels + 1)
            for side in ("ask", "bid")
        )

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows, 2 x levels]`: ask and bid of level 1, then of level 2."""
        unit = self.tick
        if self.unit == "spread":
            width = best(fields, "ask_price") - best(fields, "bid_price")
            unit = keras.ops.expand_dims(keras.ops.maximum(width, self.tick), -1)
        middle = keras.ops.expand_dims(mid(fields), -1)
        parts = [
            (standing_prices(fields, side, self.levels)[:, :, self._first :] - middle) / unit
            for side in ("ask", "bid")
        ]
        return by_level(parts, self.levels - self._first)


@register_feature("log_size")
class LogSize(Feature):
    """Log of one plus the size at each level: 0 where a level is unoccupied.

    Parameters
    ----------
    levels : int
        Levels a side, best first.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = 1
    fields = ("ask_size", "bid_size")
    warmup = 0

    def __init__(self, levels: Levels, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels = levels
        self.names = tuple(
            f"log_{side}_size_{level}" for level in range(1, levels + 1) for side in ("ask", "bid")
        )

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows, 2 x levels]`: ask and bid of level 1, then of level 2."""
        sizes = [top(fields, name, self.levels) for name in self.fields]
        return keras.ops.log1p(by_level(sizes, self.levels))


@register_feature("spread")
class Spread(Feature):
    """Best ask less best bid, in ticks.

    Parameters
    ----------
    tick : float
        Price units of one tick.
    **kwargs : object
        See `Feature`.
    """

    mirror_sign = 1
    fields = QUOTE_FIELDS
    warmup = 0
    names = ("spread",)

    def __init__(self, tick: Tick, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tick = tick

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature, `[batch, rows]`."""
        return (best(fields, "ask_price") - best(fields, "bid_price")) / self.tick
