import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep.sources.order_flow import OrderFlow, simulate

LEVELS = 5


def ladder(price, lots):
    return {p: q for p, q in zip(price.tolist(), lots.tolist(), strict=True) if q > 0}


def replayed(book, message, sign):
    """Apply a message to one side of a book, best price first; `sign` is 1 for asks, -1 for bids."""
    kind, lots, price, side = message
    book = dict(book)
    if side == -sign:
        book[price] = book.get(price, 0) + (lots if kind == 1 else -lots)
        assert book[price] >= 0
    return dict(sorted(((p, q) for p, q in book.items() if q), key=lambda level: sign * level[0]))


@pytest.mark.parametrize("seed", [0, 1])
def test_messages_replay_to_the_book_after_them(seed):
    flow = simulate(OrderFlow(), 4000, LEVELS, np.random.default_rng(seed), warm_up_rows=500)
    messages = np.stack([flow.kind, flow.lots, flow.price, flow.side], axis=1).tolist()
    revealed = 0
    for sign, price, lots in ((1, flow.ask_price, flow.ask_lots), (-1, flow.bid_price, flow.bid_lots)):
        for row in range(1, len(price)):
            expected = list(replayed(ladder(price[row - 1], lots[row - 1]), messages[row], sign).items())
            found = list(ladder(price[row], lots[row]).items())
            # A level that went lets one come into sight that no row showed before; one that came hides the last.
            assert found[: len(expected)] == expected[:LEVELS]
            assert len(found) - min(len(expected), LEVELS) in (0, 1)
            revealed += len(found) > len(expected)
    assert revealed < 0.1 * 2 * len(flow.time)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    levels=st.integers(1, 40),
    market=st.floats(0.0, 3.0),
    cancel=st.floats(0.005, 0.3),
    lots=st.floats(1.0, 5.0),
    lean=st.floats(0.0, 1.0),
)
def test_a_book_is_never_crossed_or_empty_and_its_levels_are_ordered(
    seed, levels, market, cancel, lots, lean
):
    rates = OrderFlow(market=market, cancel=cancel, order_lots=lots, lean=lean)
    flow = simulate(rates, 300, levels, np.random.default_rng(seed), warm_up_rows=300)
    assert flow.ask_price.shape == flow.bid_lots.shape == (300, levels)
    assert (flow.ask_lots[:, 0] > 0).all()
    assert (flow.bid_lots[:, 0] > 0).all()
    assert (flow.bid_price[:, 0] < flow.ask_price[:, 0]).all()
    for sign, price, lots in ((1, flow.ask_price, flow.ask_lots), (-1, flow.bid_price, flow.bid_lots)):
        there = lots > 0
        assert (there[:, 1:] <= there[:, :-1]).all()
        assert (sign * np.diff(price, axis=1)[there[:, 1:]] > 0).all()
        assert (lots >= 0).all()
    assert (np.diff(flow.time) >= 0).all()
    assert (flow.lots > 0).all()


def test_trades_take_from_the_best_price_of_the_row_before():
    flow = simulate(OrderFlow(), 3000, LEVELS, np.random.default_rng(2))
    trades = np.flatnonzero(flow.kind[1:] == 4) + 1
    best = np.where(flow.side == 1, np.roll(flow.bid_price[:, 0], 1), np.roll(flow.ask_price[:, 0], 1))
    assert len(trades) > 100
    assert (flow.price[trades] == best[trades]).all()


def test_executions_of_one_market_order_share_a_time_and_nothing_else_does():
    flow = simulate(OrderFlow(order_lots=3.0), 3000, LEVELS, np.random.default_rng(3))
    same = np.diff(flow.time) == 0.0
    assert same.sum() > 20
    assert (flow.kind[1:][same] == 4).all()
    assert (flow.kind[:-1][same] == 4).all()
    assert (flow.side[1:][same] == flow.side[:-1][same]).all()


def test_messages_are_those_that_touch_the_levels_seen():
    flow = simulate(OrderFlow(), 3000, LEVELS, np.random.default_rng(4))
    book = np.concatenate([flow.ask_price, flow.ask_lots, flow.bid_price, flow.bid_lots], axis=1)
    assert (np.diff(book, axis=0) != 0).any(axis=1).all()


def test_more_rows_begin_with_the_fewer():
    few, many = (simulate(OrderFlow(), n, 3, np.random.default_rng(5), warm_up_rows=100) for n in (200, 900))
    for name, values in vars(few).items():
        np.testing.assert_array_equal(values, getattr(many, name)[:200])


def test_rates_of_a_flow_without_reaction_are_those_asked_for():
    """With no reaction to queues the counts are Poisson: market orders and limit orders as their rates."""
    rates = OrderFlow(calm=1.0, crowd=1e9, lean=0.0, persistence=0.0, order_lots=1.0, market=0.1)
    flow = simulate(rates, 30_000, 60, np.random.default_rng(6))
    counts = np.bincount(flow.kind, minlength=5)
    assert counts[2] == 0
    # Single-lot orders: an execution a market order. Limit orders inside the spread are halved at lean 0.
    per_time = counts[4] / flow.time[-1]
    assert per_time == pytest.approx(2 * rates.market, abs=4 * np.sqrt(2 * rates.market / flow.time[-1]))
    submitted = counts[1] / flow.time[-1]
    assert 0.9 * 2 * rates.limit < submitted <= 2.03 * rates.limit
