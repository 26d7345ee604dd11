"""Order books in a panel: the names of their fields, what every reader of them needs, and their checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tsdeep.errors import DataError
from tsdeep.panel import Panel

BOOK_FIELDS = ("ask_price", "ask_size", "bid_price", "bid_size")
"""Fields of a book, `[rows, levels]`, best level first; a level of size 0 is unoccupied, its price means nothing."""

EVENT_FIELDS = ("event_type", "event_size", "event_price", "event_side")
"""Fields of the message that led to a book row, `[rows]`; `event_side` is that of the resting order, 1 a buy."""

# Of a tick, for prices that are decimal fractions in binary: 580.23 / 0.01 is 58023.00000000001.
_OFF_THE_GRID = 1e-4


def levels(panel: Panel) -> int:
    """Return the number of levels of each side that the book has."""
    return panel.raw("ask_price").shape[1]


def mid(panel: Panel) -> np.ndarray:
    """Return the mid price of each row, in the price unit of the data, float64 `[rows]`."""
    return (panel.raw("ask_price")[:, 0] + panel.raw("bid_price")[:, 0]) / 2.0


def spread(panel: Panel) -> np.ndarray:
    """Return best ask minus best bid of each row, in the price unit of the data, float64 `[rows]`."""
    return panel.raw("ask_price")[:, 0] - panel.raw("bid_price")[:, 0]


def level_fault(book: Mapping[str, np.ndarray]) -> tuple[int, str] | None:
    """Find the first row whose levels cannot be those of a book.

    Sizes are finite and not negative, prices finite, and above zero where the level is occupied (its size is
    above zero); occupied levels stand before unoccupied ones, ask prices ascending and bid prices descending.

    Parameters
    ----------
    book : mapping of str to ndarray of float64, [rows, levels]
        The fields `BOOK_FIELDS`, others are not looked at.

    Returns
    -------
    tuple of int and str, or None
        The row and what is wrong with it; None where all rows are well.

    Examples
    --------
    >>> size = np.ones((1, 2))
    >>> ask, bid = np.array([[11.0, 12.0]]), np.array([[9.0, 10.0]])
    >>> level_fault({"ask_price": ask, "ask_size": size, "bid_price": bid, "bid_size": size})
    (0, 'unordered levels: bid level 2 at 10.0 is not below level 1 at 9.0')
    """
    first: tuple[int, str] | None = None
    for side in ("ask", "bid"):
        price, size = book[f"{side}_price"], book[f"{side}_size"]
        for bad, text in _side_faults(side, price, size):
            rows = np.flatnonzero(bad.any(axis=1))
            if len(rows) and (first is None or rows[0] < first[0]):
                row = int(rows[0])
                level = int(np.argmax(bad[row]))
                before = max(level - 1, 0)
                first = (
                    row,
                    text.format(
                        level=level + 1,
                        price=price[row, level],
                        size=size[row, level],
                        before=level,
                        price_before=price[row, before],
                    ),
                )
    return first


def _side_faults(side: str, price: np.ndarray, size: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
    """Give each kind of fault of one side: where it is `[rows, levels]`, and its text."""
    occupied = size > 0
    yield ~(np.isfinite(size) & (size >= 0)), side + " level {level} has size {size}, expected 0 or more"
    yield ~np.isfinite(price), side + " level {level} has price {price}, expected a finite number"
    yield (
        occupied & (price <= 0),
        side + " level {level} has size {size} at price {price}, expected a price above zero",
    )
    first = np.zeros((len(size), 1), bool)  # level 1 has none before it
    behind = occupied[:, 1:] & ~occupied[:, :-1]
    yield (
        np.concatenate([first, behind], axis=1),
        side + " level {level} is occupied (size {size} at {price}) behind level {before}, which is not",
    )
    further = price[:, 1:] > price[:, :-1] if side == "ask" else price[:, 1:] < price[:, :-1]
    unordered = occupied[:, 1:] & occupied[:, :-1] & ~further
    yield (
        np.concatenate([first, unordered], axis=1),
        f"unordered levels: {side} "
        + "level {level} at {price} is not "
        + ("above" if side == "ask" else "below")
        + " level {before} at {price_before}",
    )


def touch_faults(book: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mark the rows that have no market: no best price of one side, or a best bid not below the best ask.

    Parameters
    ----------
    book : mapping of str to ndarray of float64, [rows, levels]
        The fields `BOOK_FIELDS`, others are not looked at.

    Returns
    -------
    dict of str to ndarray of bool, [rows]
        `crossed` (bid above ask), `locked` (bid equals ask) and `one-sided` (a side without orders, or both);
        a row is in one of them at most.
    """
    ask, bid = book["ask_price"][:, 0], book["bid_price"][:, 0]
    both = (book["ask_size"][:, 0] > 0) & (book["bid_size"][:, 0] > 0)
    return {"crossed": both & (bid > ask), "locked": both & (bid == ask), "one-sided": ~both}


def touch_text(book: Mapping[str, np.ndarray], row: int) -> str:
    """Write the best prices and sizes of a row for a message.

    Examples
    --------
    >>> one = np.array([[1.0]])
    >>> touch_text({"ask_price": one * 9, "ask_size": one, "bid_price": one * 9, "bid_size": one * 5}, 0)
    'best ask 9.0 (size 1.0), best bid 9.0 (size 5.0)'
    """
    ask, ask_size, bid, bid_size = (book[name][row, 0] for name in BOOK_FIELDS)
    return f"best ask {ask} (size {ask_size}), best bid {bid} (size {bid_size})"


def check_book(panel: Panel) -> Panel:
    """Refuse a panel whose rows are not those of an order book with a market on every row.

    Parameters
    ----------
    panel : Panel
        With the fields `BOOK_FIELDS`, float64 `[rows, levels]`.

    Returns
    -------
    Panel
        The same.

    Raises
    ------
    DataError
        If a field is not there or of another shape, and, with symbol, row, time and values, for a size or
        price that cannot be, unordered levels, an occupied level behind an unoccupied one, a row that is
        crossed, locked or one-sided, or a best price that is not a whole number of the panel's ticks.
    """
    shape = panel.raw("ask_price").shape
    if len(shape) != 2 or shape[1] < 1:
        raise DataError(f"field 'ask_price': found shape {list(shape)}, expected [rows, levels]")
    for name in BOOK_FIELDS:
        values = panel.raw(name)
        if values.shape != shape or values.dtype != np.float64:
            raise DataError(
                f"field '{name}': found {values.dtype} {list(values.shape)}, expected float64 {list(shape)}"
            )
    fault = level_fault(panel.fields)
    if fault is not None:
        raise DataError(f"{panel.place(fault[0])}: {fault[1]}")
    for name, bad in touch_faults(panel.fields).items():
        if bad.any():
            row = int(np.argmax(bad))
            raise DataError(
                f"{panel.place(row)}: found a {name} book, {touch_text(panel.fields, row)}, expected orders on "
                f"both sides and the bid below the ask ({int(bad.sum())} such rows)"
            )
    if panel.tick is not None:
        _check_ticks(panel, panel.tick)
    return panel


def _check_ticks(panel: Panel, tick: float) -> None:
    """Refuse best prices off the grid of ticks; deeper ones may be, such as stub quotes below a dollar."""
    for name in ("ask_price", "bid_price"):
        ticks = panel.raw(name)[:, 0] / tick
        off = np.abs(ticks - np.rint(ticks)) > _OFF_THE_GRID
        if off.any():
            row = int(np.argmax(off))
            raise DataError(
                f"{panel.place(row)}: the best {name[:3]} is {panel.raw(name)[row, 0]}, expected a whole number of "
                f"ticks of {tick} ({int(off.sum())} such rows); is the tick right?"
            )
