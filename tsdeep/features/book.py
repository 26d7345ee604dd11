"""What features of an order book share: their arguments, the mid, the levels that are read.

Fields of a book are `[batch, rows, levels]`, float64, best level first: `ask_price`, `ask_size`, `bid_price`,
`bid_size`, prices in the unit of the source. A level of size 0 is unoccupied and its price is not read. Level 1
of both sides is occupied in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import keras
from pydantic import Field

from tsdeep.errors import DataError

Levels = Annotated[int, Field(strict=True, ge=1, description="Levels a side, best first, 1 or more.")]
"""Annotation of an argument that counts book levels a side."""

Tick = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False, description="Price units of one tick.")]
"""Annotation of an argument that is the tick: the smallest price step, in the price unit of the data."""

QUOTE_FIELDS = ("ask_price", "bid_price")
"""Fields that the mid is computed of."""


def mid(fields: dict[str, Any]) -> Any:
    """Mean of best ask and best bid, in the price unit of the data.

    Parameters
    ----------
    fields : dict of str to tensor
        `ask_price` and `bid_price`, `[batch, rows, levels]`.

    Returns
    -------
    tensor
        `[batch, rows]`.
    """
    ask, bid = best(fields, "ask_price"), best(fields, "bid_price")
    return (ask + bid) / 2.0


def best(fields: dict[str, Any], name: str) -> Any:
    """Level 1 of a field of the book, `[batch, rows]`."""
    return top(fields, name, 1)[:, :, 0]


def top(fields: dict[str, Any], name: str, levels: int) -> Any:
    """Best levels of a field of the book.

    Parameters
    ----------
    fields : dict of str to tensor
        Fields, `[batch, rows, levels]`.
    name : str
        The field.
    levels : int
        How many levels.

    Returns
    -------
    tensor
        `[batch, rows, levels]`.

    Raises
    ------
    DataError
        If the field has no axis of levels, or fewer levels than asked for.
    """
    values = fields[name]
    shape = tuple(values.shape)
    if len(shape) != 3 or (shape[2] is not None and shape[2] < levels):
        raise DataError(
            f"field '{name}' has shape {shape}; expected [batch, rows, levels] with {levels} or more levels"
        )
    return values[:, :, :levels]


def standing_prices(fields: dict[str, Any], side: str, levels: int) -> Any:
    """Prices of one side, where an unoccupied level has the price of the nearest occupied one above it.

    Parameters
    ----------
    fields : dict of str to tensor
        Price and size of the side, `[batch, rows, levels]`.
    side : str
        "ask" or "bid".
    levels : int
        How many levels.

    Returns
    -------
    tensor
        `[batch, rows, levels]`.
    """
    price, size = top(fields, f"{side}_price", levels), top(fields, f"{side}_size", levels)
    standing = [price[:, :, 0]]
    for level in range(1, levels):
        standing.append(keras.ops.where(size[:, :, level] > 0, price[:, :, level], standing[-1]))
    return keras.ops.stack(standing, axis=-1)


def by_level(parts: Sequence[Any], levels: int) -> Any:
    """Order quantities by level: all of level 1, then all of level 2, and so on.

    Parameters
    ----------
    parts : sequence of tensor
        Quantities, each `[batch, rows, levels]`.
    levels : int
        Levels of each.

    Returns
    -------
    tensor
        `[batch, rows, levels x quantities]`.
    """
    joined = keras.ops.concatenate(list(parts), axis=-1)
    order = [part * levels + level for level in range(levels) for part in range(len(parts))]
    return keras.ops.take(joined, order, axis=-1)


def imbalance(bid: Any, ask: Any) -> Any:
    """Bid size less ask size over their sum, within ±1, 0 where both are 0; the shape of its arguments."""
    total = bid + ask
    some = total > 0
    share = (bid - ask) / keras.ops.where(some, total, keras.ops.ones_like(total))
    return keras.ops.where(some, share, keras.ops.zeros_like(share))
