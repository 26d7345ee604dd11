"""Order-flow imbalance, trade flow and event counts against loops written from their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.features.lobster_rows import book_rows, both_sources, computed
from tsdeep.errors import SpecError
from tsdeep.features import EventCount, OrderFlowImbalance, TradeFlow


def contribution(rows, n, level):
    """e_n of Cont, Kukanov and Stoikov (2014) at a level; an empty level is beyond every price, with size 0."""

    def quote(side, row, beyond):
        size = rows[f"{side}_size"][row, level]
        return (rows[f"{side}_price"][row, level] if size > 0 else beyond), size

    (bid, bid_size), (bid_before, bid_size_before) = (quote("bid", m, -math.inf) for m in (n, n - 1))
    (ask, ask_size), (ask_before, ask_size_before) = (quote("ask", m, math.inf) for m in (n, n - 1))
    e = 0.0
    if bid >= bid_before:
        e += bid_size
    if bid <= bid_before:
        e -= bid_size_before
    if ask <= ask_before:
        e -= ask_size
    if ask >= ask_before:
        e += ask_size_before
    return e


@both_sources
def test_contributions_at_every_level_equal_a_loop(source):
    rows = book_rows(source)
    levels = rows["ask_size"].shape[1]
    expected = [
        [contribution(rows, n, level) for level in range(levels)] for n in range(1, len(rows["ask_size"]))
    ]
    np.testing.assert_array_equal(computed(OrderFlowImbalance(levels, rows=1), rows), expected)


@both_sources
def test_sums_over_windows_at_every_level_equal_a_loop(source):
    rows = book_rows(source)
    levels = rows["ask_size"].shape[1]
    feature = OrderFlowImbalance(levels, rows=[10, 7, 200])
    e = [[contribution(rows, n, i) for i in range(levels)] for n in range(1, len(rows["ask_size"]))]
    expected = [
        [sum(row[i] for row in e[n - window : n]) for window in (10, 7, 200) for i in range(levels)]
        for n in range(200, len(e) + 1)
    ]
    assert feature.warmup == 200
    np.testing.assert_array_equal(computed(feature, rows), expected)
    assert feature.names[:2] == ("order_flow_imbalance_1_over_10", "order_flow_imbalance_2_over_10")
    assert feature.names[-1] == f"order_flow_imbalance_{levels}_over_200"


@pytest.mark.parametrize("price", [0.0, 9_999_999_999.0, math.nan])
def test_what_a_source_writes_at_an_unoccupied_level_means_nothing(price):
    rows = {name: values.copy() for name, values in book_rows("made").items()}
    expected = computed(OrderFlowImbalance(levels=5, rows=3), rows)
    for side in ("ask", "bid"):
        rows[f"{side}_price"][rows[f"{side}_size"] == 0] = price
    np.testing.assert_array_equal(computed(OrderFlowImbalance(levels=5, rows=3), rows), expected)


@both_sources
@pytest.mark.parametrize("hidden", [True, False])
def test_trade_flow_equals_a_loop(source, hidden):
    rows = book_rows(source)
    feature = TradeFlow(rows=[1, 30], hidden=hidden)
    signed = []
    for kind, size, side in zip(rows["event_type"], rows["event_size"], rows["event_side"], strict=True):
        counts = kind == 4 or (hidden and kind == 5)
        signed.append((size if side == -1 else -size) if counts else 0.0)
    expected = [[signed[t], sum(signed[t - 29 : t + 1])] for t in range(29, len(signed))]
    np.testing.assert_array_equal(computed(feature, rows), expected)
    assert feature.warmup == 29


@both_sources
def test_event_counts_equal_a_loop(source):
    rows = book_rows(source)
    feature = EventCount(rows=[20, 5], types=[4, 1])
    kinds = rows["event_type"].tolist()
    expected = [
        [kinds[t - window + 1 : t + 1].count(kind) for window in (20, 5) for kind in (4, 1)]
        for t in range(19, len(kinds))
    ]
    np.testing.assert_array_equal(computed(feature, rows), expected)
    assert feature.names == (
        *("event_count_4_over_20", "event_count_1_over_20"),
        *("event_count_4_over_5", "event_count_1_over_5"),
    )


def test_real_purchases_lift_the_mid_on_the_whole():
    rows = book_rows("goog")
    flow = computed(OrderFlowImbalance(levels=1, rows=50), rows)[:, 0]
    middle = (rows["ask_price"][:, 0] + rows["bid_price"][:, 0]) / 2
    assert np.corrcoef(flow, middle[50:] - middle[:-50])[0, 1] > 0.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EventCount(types=[1, 1]), "a type is given more than once"),
        (lambda: EventCount(types=[8]), "types"),
        (lambda: TradeFlow(rows=[]), "rows"),
        (lambda: OrderFlowImbalance(levels=2, rows=[10, 10]), "more than once"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()
