"""Queue imbalance, depth and microprice against loops over rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.features.lobster_rows import book_rows, both_sources, computed
from tests.features.raw_rows import TICK
from tsdeep.errors import SpecError
from tsdeep.features import Depth, Microprice, QueueImbalance


def queue_imbalance(rows, t, level):
    bid, ask = rows["bid_size"][t, level], rows["ask_size"][t, level]
    return 0.0 if bid + ask == 0 else (bid - ask) / (bid + ask)


@both_sources
def test_queue_imbalance_at_every_level_equals_a_loop(source):
    rows = book_rows(source)
    levels = rows["ask_size"].shape[1]
    expected = [[queue_imbalance(rows, t, i) for i in range(levels)] for t in range(len(rows["ask_size"]))]
    np.testing.assert_array_equal(computed(QueueImbalance(levels), rows), expected)
    if source == "made":
        assert ((rows["ask_size"] + rows["bid_size"]) == 0).any()


@both_sources
def test_mean_queue_imbalance_over_windows_equals_a_loop(source):
    rows = book_rows(source)
    feature = QueueImbalance(levels=3, rows=[1, 10, 50])
    assert feature.warmup == 49
    assert feature.names[2:5] == (
        "queue_imbalance_3",
        "queue_imbalance_1_over_10",
        "queue_imbalance_2_over_10",
    )
    expected = [
        [
            sum(queue_imbalance(rows, s, level) for s in range(t - window + 1, t + 1)) / window
            for window in (1, 10, 50)
            for level in range(3)
        ]
        for t in range(49, len(rows["ask_size"]))
    ]
    np.testing.assert_allclose(computed(feature, rows), expected, rtol=1e-12, atol=1e-14)


@both_sources
def test_depth_equals_a_loop(source):
    rows = book_rows(source)
    expected = []
    for t in range(len(rows["ask_size"])):
        ask, bid = sum(rows["ask_size"][t, :4]), sum(rows["bid_size"][t, :4])
        expected.append([math.log(1 + ask), math.log(1 + bid), (bid - ask) / (bid + ask)])
    feature = Depth(levels=4)
    np.testing.assert_allclose(computed(feature, rows), expected, rtol=1e-13)
    assert feature.names == ("log_ask_depth_4", "log_bid_depth_4", "depth_imbalance_4")


@both_sources
def test_microprice_is_the_weighted_mid_less_the_mid(source):
    rows = book_rows(source)
    expected = []
    for t in range(len(rows["ask_size"])):
        ask, bid = rows["ask_price"][t, 0], rows["bid_price"][t, 0]
        of_ask, of_bid = rows["ask_size"][t, 0], rows["bid_size"][t, 0]
        weighted = (ask * of_bid + bid * of_ask) / (of_ask + of_bid)
        expected.append([(weighted - (ask + bid) / 2) / TICK])
    np.testing.assert_allclose(computed(Microprice(tick=TICK), rows), expected, rtol=1e-8, atol=1e-9)


def test_a_window_given_twice_is_refused():
    with pytest.raises(
        SpecError, match=r"'queue_imbalance': a number of rows is given more than once in \[5, 5\]"
    ):
        QueueImbalance(levels=1, rows=[5, 5])
