"""Raw levels, price distances, log sizes and spread against loops over rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.features.lobster_rows import book_rows, both_sources, computed
from tests.features.raw_rows import TICK
from tsdeep.errors import DataError, SpecError
from tsdeep.features import BookLevels, LogSize, PriceDistance, Spread


def standing_price(rows, side, t, level):
    while level > 0 and rows[f"{side}_size"][t, level] == 0:
        level -= 1
    return rows[f"{side}_price"][t, level]


def mid(rows, t):
    return (rows["ask_price"][t, 0] + rows["bid_price"][t, 0]) / 2


@both_sources
def test_levels_stand_in_the_order_of_lobster_with_unoccupied_ones_at_the_deepest_price(source):
    rows = book_rows(source)
    levels = rows["ask_price"].shape[1]
    feature = BookLevels(levels)
    expected = [
        [
            value
            for level in range(levels)
            for side in ("ask", "bid")
            for value in (standing_price(rows, side, t, level), rows[f"{side}_size"][t, level])
        ]
        for t in range(len(rows["ask_price"]))
    ]
    values = computed(feature, rows)
    np.testing.assert_array_equal(values, expected)
    assert feature.names[:5] == ("ask_price_1", "ask_size_1", "bid_price_1", "bid_size_1", "ask_price_2")
    assert np.abs(values).max() < 1e8
    if source == "made":
        assert (rows["ask_size"] == 0).any()


@both_sources
@pytest.mark.parametrize("unit", ["ticks", "spread"])
def test_price_distances_equal_a_loop(source, unit):
    rows = book_rows(source)
    feature = PriceDistance(levels=4, tick=TICK, unit=unit)
    expected = []
    for t in range(len(rows["ask_price"])):
        spread = rows["ask_price"][t, 0] - rows["bid_price"][t, 0]
        one = TICK if unit == "ticks" else spread
        expected.append(
            [
                (standing_price(rows, side, t, level) - mid(rows, t)) / one
                for level in range(0 if unit == "ticks" else 1, 4)
                for side in ("ask", "bid")
            ]
        )
    np.testing.assert_allclose(computed(feature, rows), expected, rtol=1e-14)
    first = "ask_distance_1" if unit == "ticks" else "ask_distance_2_in_spreads"
    assert feature.names[0] == first
    assert np.all(computed(feature, rows)[:, ::2] > 0)
    assert np.all(computed(feature, rows)[:, 1::2] < 0)


@both_sources
def test_log_sizes_and_spread_equal_a_loop(source):
    rows = book_rows(source)
    expected = [
        [math.log(1 + rows[f"{side}_size"][t, level]) for level in range(5) for side in ("ask", "bid")]
        for t in range(len(rows["ask_size"]))
    ]
    np.testing.assert_allclose(computed(LogSize(levels=5), rows), expected, rtol=1e-14)
    quotes = zip(rows["ask_price"][:, 0], rows["bid_price"][:, 0], strict=True)
    expected = [(ask - bid) / TICK for ask, bid in quotes]
    np.testing.assert_array_equal(computed(Spread(tick=TICK), rows)[:, 0], expected)
    assert LogSize(levels=2).names == ("log_ask_size_1", "log_bid_size_1", "log_ask_size_2", "log_bid_size_2")


def test_a_book_with_too_few_levels_or_none_is_refused():
    rows = book_rows("made")
    with pytest.raises(DataError, match=r"'ask_price' has shape \(1, 400, 5\).* with 6 or more levels"):
        computed(BookLevels(levels=6), rows)
    flat = {name: values[:, 0] for name, values in rows.items() if values.ndim == 2}
    with pytest.raises(
        DataError, match=r"'ask_price' has shape \(1, 400\); expected \[batch, rows, levels\]"
    ):
        computed(Spread(tick=TICK), flat)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PriceDistance(levels=1, tick=1.0, unit="spread"), "levels must be 2 or more"),
        (lambda: PriceDistance(levels=1, tick=1.0, unit="spreads"), "unit = 'spreads'"),
        (lambda: Spread(tick=0.0), "tick = 0.0: input should be greater than 0"),
        (lambda: Spread(tick=math.inf), "tick = inf"),
        (lambda: Spread(), "argument 'tick' is missing"),
        (lambda: BookLevels(levels=0), "levels = 0"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()


def test_normalised_levels_are_taken_as_they_are():
    random = np.random.default_rng(3)
    names = ("ask_price", "ask_size", "bid_price", "bid_size")
    raw = {name: random.normal(size=(1, 6, 2)) for name in names}
    values = np.asarray(BookLevels(levels=2, normalised=True)(raw))
    expected = np.stack([raw[name][..., level] for level in range(2) for name in names], axis=-1)
    np.testing.assert_array_equal(values, expected)
