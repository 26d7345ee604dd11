"""Mid returns, deviations, volatility and elapsed time against loops over rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.features.lobster_rows import book_rows, both_sources, computed
from tests.features.raw_rows import TICK
from tsdeep.errors import SpecError
from tsdeep.features import ElapsedTime, MidDeviation, MidReturn, MidVolatility

WINDOWS = (2, 10, 100)


def mids(rows):
    return [
        (ask + bid) / 2 for ask, bid in zip(rows["ask_price"][:, 0], rows["bid_price"][:, 0], strict=True)
    ]


@both_sources
def test_returns_equal_a_loop(source):
    rows = book_rows(source)
    mid = mids(rows)
    expected = [[(mid[t] - mid[t - n]) / TICK for n in WINDOWS] for t in range(100, len(mid))]
    feature = MidReturn(tick=TICK, rows=WINDOWS)
    np.testing.assert_array_equal(computed(feature, rows), expected)
    assert feature.names == ("mid_return_2", "mid_return_10", "mid_return_100")


@both_sources
def test_deviations_from_the_running_mean_equal_a_loop(source):
    rows = book_rows(source)
    mid = mids(rows)
    expected = [
        [(mid[t] - sum(mid[t - n + 1 : t + 1]) / n) / TICK for n in WINDOWS] for t in range(99, len(mid))
    ]
    values = computed(MidDeviation(tick=TICK, rows=WINDOWS), rows)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-9)


def test_a_mid_that_stands_still_deviates_by_0_exactly():
    rows = {name: np.full((40, 1), price) for name, price in (("ask_price", 580.37), ("bid_price", 580.3))}
    for feature in (MidDeviation(tick=0.01, rows=[3, 7, 11]), MidVolatility(tick=0.01, rows=[3, 7])):
        assert np.all(computed(feature, rows) == 0)


@both_sources
def test_volatility_equals_a_loop(source):
    rows = book_rows(source)
    mid = mids(rows)
    expected = [
        [
            math.sqrt(sum(((mid[s] - mid[s - 1]) / TICK) ** 2 for s in range(t - n + 1, t + 1)) / n)
            for n in WINDOWS
        ]
        for t in range(100, len(mid))
    ]
    feature = MidVolatility(tick=TICK, rows=list(WINDOWS))
    assert feature.warmup == 100
    np.testing.assert_allclose(computed(feature, rows), expected, rtol=1e-12)


def test_volatility_of_a_mid_that_stands_still_has_a_gradient():
    fields = {name: tf.constant([[[101.0]] * 5], tf.float64) for name in ("ask_price", "bid_price")}
    with tf.GradientTape() as tape:
        tape.watch(fields)
        volatility = MidVolatility(tick=1.0, rows=3)(fields)
    assert np.all(np.asarray(tape.gradient(volatility, fields["ask_price"])) == 0)


@both_sources
def test_elapsed_time_equals_a_loop(source):
    rows = book_rows(source)
    time = rows["time"].tolist()
    expected = [[math.log(max(time[t] - time[t - n], 1e-6)) for n in WINDOWS] for t in range(100, len(time))]
    values = computed(ElapsedTime(rows=WINDOWS), rows)
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    assert np.isfinite(values).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MidDeviation(tick=1.0, rows=1), "rows"),
        (lambda: MidReturn(tick=1.0, rows=[5, 0]), r"rows\.1 = 0"),
        (lambda: MidVolatility(tick=1.0, rows=[3, 3]), "more than once"),
        (lambda: ElapsedTime(rows=2.5), "rows"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make, message):
    with pytest.raises(SpecError, match=message):
        make()
