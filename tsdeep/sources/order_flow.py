"""A simulator of the order flow in one limit order book, order by order, in whole ticks and lots."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log

import numpy as np
import numpy.typing as npt

ASK, BID = 0, 1
SUBMISSION, PARTIAL_CANCEL, DELETION, EXECUTION = 1, 2, 3, 4

Integers = npt.NDArray[np.int64]

_BLOCK = 8192
_STEPS = 4096
_QUEUE = 512
_NEVER = 10**15


@dataclass(frozen=True)
class OrderFlow:
    """The rates of a queue-reactive order flow, per unit of its own time, alike on both sides.

    Limit orders arrive at a distance from the opposite best price, every order may be cancelled, market
    orders take from the best queue: the zero-intelligence model of Cont, Stoikov and Talreja (2010). As in
    the queue-reactive model of Huang, Lehalle and Rosenbaum (2015), rates depend on the state of the queues:
    market orders hurry to a short best queue, limit orders avoid joining a long one and fill a wide spread
    rather from the side of the longer queue. Market orders come in runs of one prevailing sign, the pieces of
    larger orders, whose lengths have a Pareto tail (Lillo, Mike and Farmer 2005).

    The defaults were set once, for a stock with a spread of one tick three times in four, one trade in nine
    rows, and a mid price of whose next hundred rows the book and the recent flow tell a little.

    Parameters
    ----------
    limit : float
        Arrivals of limit orders on one side.
    reach : int
        Largest distance of a limit order from the opposite best price, in ticks.
    decay : float
        A limit order at distance d has a weight of d to the power of -decay.
    crowd : float
        Best queue, in lots, that half of the limit orders that would join it avoid.
    lean : float
        How much orders inside the spread come from the side of the longer queue, 0 (not) to 1.
    cancel : float
        Cancellations of one order.
    partial : float
        Share of cancellations, of orders of several lots, that leave a part.
    market : float
        Arrivals of market orders of one sign, both signs alike and the best queue empty.
    calm, rush : float
        At a best queue of q lots this rate is times `calm + (1 - calm) exp(-q / rush)`.
    persistence : float
        How much more often market orders have the prevailing sign, 0 (not) to 1.
    shortest_run, longest_run, run_exponent : float
        Market orders until the prevailing sign is drawn anew, Pareto from the shortest on, cut at the longest.
    order_lots : float
        Mean size of an order; sizes are geometric.
    """

    limit: float = 1.0
    reach: int = 30
    decay: float = 0.7
    crowd: float = 8.0
    lean: float = 0.6
    cancel: float = 0.012
    partial: float = 0.1
    market: float = 0.2
    calm: float = 0.2
    rush: float = 6.0
    persistence: float = 0.6
    shortest_run: float = 4.0
    longest_run: float = 200.0
    run_exponent: float = 1.5
    order_lots: float = 2.0


@dataclass(frozen=True, eq=False)
class Flow:
    """Messages and the book after each, `[rows]` and `[rows, levels]`, in ticks and lots.

    Parameters
    ----------
    time : ndarray of float64, [rows]
        In the unit of the rates; the executions of one market order share a time.
    kind, lots, price, side : ndarray of int64, [rows]
        1 submission, 2 partial cancellation, 3 deletion, 4 execution; the lots that came or went; side is that
        of the resting order, 1 a buy and -1 a sell.
    ask_price, ask_lots, bid_price, bid_lots : ndarray of int64, [rows, levels]
        Best level first; a level with no lots is unoccupied, its price means nothing.
    """

    time: npt.NDArray[np.float64]
    kind: Integers
    lots: Integers
    price: Integers
    side: Integers
    ask_price: Integers
    ask_lots: Integers
    bid_price: Integers
    bid_lots: Integers


class _Order:
    __slots__ = ("key", "lots", "place", "side")

    def __init__(self, side: int, key: int, lots: int, place: int) -> None:
        self.side, self.key, self.lots, self.place = side, key, lots, place


class _Book:
    """Orders in queues by price. Each side is sorted by a key, best first: an ask's price, minus a bid's."""

    def __init__(self) -> None:
        self.keys: tuple[list[int], list[int]] = ([], [])
        self.lots: tuple[list[int], list[int]] = ([], [])
        self.queues: tuple[list[list[_Order]], list[list[_Order]]] = ([], [])
        self.orders: list[_Order] = []

    def add(self, side: int, key: int, lots: int) -> int:
        """Put an order last in the queue at its price; return its level."""
        order = _Order(side, key, lots, len(self.orders))
        self.orders.append(order)
        keys = self.keys[side]
        level = bisect_left(keys, key)
        if level < len(keys) and keys[level] == key:
            self.queues[side][level].append(order)
            self.lots[side][level] += lots
        else:
            keys.insert(level, key)
            self.queues[side].insert(level, [order])
            self.lots[side].insert(level, lots)
        return level

    def take(self, order: _Order, lots: int) -> int:
        """Take lots from an order, and the order out if none are left; return its level."""
        side = order.side
        level = bisect_left(self.keys[side], order.key)
        order.lots -= lots
        self.lots[side][level] -= lots
        if not order.lots:
            last = self.orders.pop()
            if last is not order:
                last.place = order.place
                self.orders[order.place] = last
            self.queues[side][level].remove(order)
            if not self.queues[side][level]:
                del self.keys[side][level], self.lots[side][level], self.queues[side][level]
        return level


def _uniforms(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.random(_BLOCK).tolist()


class _Simulator:
    def __init__(self, flow: OrderFlow, levels: int, rng: np.random.Generator, open_ticks: int) -> None:
        self.flow, self.levels = flow, levels
        self.draw = _uniforms(rng).__next__
        weight = np.cumsum(np.arange(1, flow.reach + 1, dtype=np.float64) ** -flow.decay)
        place = (np.arange(_STEPS) + 0.5) / _STEPS
        self.distance = (1 + np.searchsorted(weight / weight[-1], place)).tolist()
        queue = range(_QUEUE + 1)
        self.hurry = [flow.calm + (1.0 - flow.calm) * exp(-q / flow.rush) for q in queue]
        self.room = [1.0 / (1.0 + (q / flow.crowd) ** 2) for q in queue]
        self.per_log = 1.0 / log(1.0 - 1.0 / flow.order_lots) if flow.order_lots > 1.0 else 0.0
        self.time = 0.0
        self.sign, self.left = 1, 0.0
        self.rows = 0
        self.recording = False
        self.times, self.messages, self.books = array("d"), array("q"), array("q")
        self.padding = [_NEVER] * levels, [0] * levels
        self.book = _Book()
        for key in range(flow.reach):
            for _ in range(2):
                self.book.add(ASK, open_ticks + 1 + key, self.order_lots())
                self.book.add(BID, key - open_ticks, self.order_lots())

    def order_lots(self) -> int:
        return 1 + int(log(1.0 - self.draw()) * self.per_log)

    def step(self) -> None:
        """Let the next event happen; it may be one that is turned down, or beyond the levels to see."""
        flow, book = self.flow, self.book
        limits = 2.0 * flow.limit
        cancels = flow.cancel * len(book.orders)
        buys, sells = (
            flow.market * (1.0 + sign * flow.persistence) * self.hurry[min(book.lots[side][0], _QUEUE)]
            for side, sign in ((ASK, self.sign), (BID, -self.sign))
        )
        total = limits + cancels + buys + sells
        self.time -= log(1.0 - self.draw()) / total
        which = self.draw() * total
        if which < limits:
            self.submit(ASK if which < flow.limit else BID)
        elif which < limits + cancels:
            self.cancel(book.orders[int(self.draw() * len(book.orders))])
        else:
            self.trade(ASK if which < limits + cancels + buys else BID)

    def submit(self, side: int) -> None:
        best, lots = self.book.keys[side][0], self.book.lots
        key = self.distance[int(self.draw() * _STEPS)] - self.book.keys[1 - side][0]
        accept = 1.0
        if key < best:
            own, other = lots[side][0], lots[1 - side][0]
            accept = 0.5 * (1.0 + self.flow.lean * (own - other) / (own + other))
        elif key == best:
            accept = self.room[min(lots[side][0], _QUEUE)]
        if accept == 1.0 or self.draw() < accept:
            size = self.order_lots()
            self.record(SUBMISSION, size, side, key, self.book.add(side, key, size))

    def cancel(self, order: _Order) -> None:
        kind, size = DELETION, order.lots
        if size > 1 and self.draw() < self.flow.partial:
            kind, size = PARTIAL_CANCEL, 1 + int(self.draw() * (size - 1))
        queues = self.book.queues[order.side]
        if len(queues) > 1 or len(queues[0]) > 1:
            self.record(kind, size, order.side, order.key, self.book.take(order, size))

    def trade(self, side: int) -> None:
        """Take from the best queue, first come first served, no deeper than that queue."""
        if len(self.book.keys[side]) > 1:
            queue = self.book.queues[side][0]
            wanted = self.order_lots()
            while wanted and queue:
                order = queue[0]
                size = min(wanted, order.lots)
                wanted -= size
                self.record(EXECUTION, size, side, order.key, self.book.take(order, size))
        self.left -= 1.0
        if self.left <= 0.0:
            flow = self.flow
            self.sign = 1 if self.draw() < 0.5 else -1
            length = flow.shortest_run * (1.0 - self.draw()) ** (-1.0 / flow.run_exponent)
            self.left = min(flow.longest_run, length)

    def record(self, kind: int, lots: int, side: int, key: int, level: int) -> None:
        """Write the message down, and the book after it, if it touched a level that is to be seen."""
        if level >= self.levels:
            return
        self.rows += 1
        if not self.recording:
            return
        self.times.append(self.time)
        self.messages.extend((kind, lots, key if side == ASK else -key, -1 if side == ASK else 1))
        for each in (ASK, BID):
            keys, sizes = self.book.keys[each][: self.levels], self.book.lots[each][: self.levels]
            if len(keys) < self.levels:
                keys += self.padding[0][len(keys) :]
                sizes += self.padding[1][len(sizes) :]
            self.books.extend(keys)
            self.books.extend(sizes)


def simulate(
    flow: OrderFlow,
    rows: int,
    levels: int,
    rng: np.random.Generator,
    *,
    open_ticks: int = 10_000,
    warm_up_rows: int = 4_000,
) -> Flow:
    """Simulate the messages that touch the first levels of a book, and the book after each.

    Parameters
    ----------
    flow : OrderFlow
        The rates.
    rows : int
        Messages to return. More rows of the same generator begin with these.
    levels : int
        Levels of each side; messages behind them are not rows, as in LOBSTER's files.
    rng : Generator
        Where the randomness comes from: an equal one gives equal rows.
    open_ticks : int
        Best bid at the beginning, in ticks.
    warm_up_rows : int
        Rows ahead of the first one returned, left out so that queues are in their usual state.

    Returns
    -------
    Flow

    Examples
    --------
    >>> day = simulate(OrderFlow(), 100, 3, np.random.default_rng(0))
    >>> day.ask_price.shape, bool((day.bid_price[:, 0] < day.ask_price[:, 0]).all())
    ((100, 3), True)
    """
    simulator = _Simulator(flow, levels, rng, open_ticks)
    while simulator.rows < warm_up_rows:
        simulator.step()
    simulator.rows, simulator.recording, simulator.time = 0, True, 0.0
    while simulator.rows < rows:
        simulator.step()
    messages = np.frombuffer(simulator.messages, np.int64).reshape(-1, 4)[:rows]
    books = np.frombuffer(simulator.books, np.int64).reshape(-1, 4, levels)[:rows]
    return Flow(
        time=np.frombuffer(simulator.times)[:rows],
        kind=messages[:, 0],
        lots=messages[:, 1],
        price=messages[:, 2],
        side=messages[:, 3],
        ask_price=books[:, 0],
        ask_lots=books[:, 1],
        bid_price=-books[:, 2],
        bid_lots=books[:, 3],
    )
