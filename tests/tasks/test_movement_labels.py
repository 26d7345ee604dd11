from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.book_rows import lobster_panel
from tsdeep.tasks.movement_labels import (
    balanced_limit,
    classes,
    limit_in_ticks,
    mids,
    moves,
    window_sums,
)

HORIZON, SMOOTHING = 30, 7


def mean(values):
    return sum(values, Fraction(0)) / len(values)


def move_by_definition(m, t, kind, k, h):
    """Later and earlier level of the mid at row t, as exact fractions; None where a row is not there."""
    last = len(m) - 1
    if kind == "raw":
        return (m[t + k], m[t]) if t + k <= last else None
    if kind == "anchored":
        return (mean([m[t + i] for i in range(1, k + 1)]), m[t]) if t + k <= last else None
    if kind == "smoothed":
        if t + k > last or t - k + 1 < 0:
            return None
        return mean([m[t + i] for i in range(1, k + 1)]), mean([m[t - i] for i in range(k)])
    if t + k > last or t - h + 1 < 0:
        return None
    return mean([m[t + k - i] for i in range(h)]), mean([m[t - i] for i in range(h)])


@pytest.mark.parametrize("symbol", ["GOOG", "AMZN"])
@pytest.mark.parametrize("kind", ["raw", "anchored", "smoothed", "decoupled"])
def test_moves_of_real_books_equal_a_loop_over_the_definition_exactly(symbol, kind):
    panel = lobster_panel(symbol, (400, 1, HORIZON, HORIZON + 1, 350))
    ask, bid = panel.fields["ask_price"][:, 0], panel.fields["bid_price"][:, 0]
    found = mids(ask, bid, panel.tick)
    assert found.unit == 50.0
    moved = moves(found.values, panel.bounds, kind, HORIZON, SMOOTHING)
    n_labelled = 0
    for start, stop in panel.bounds:
        m = [(Fraction(a) + Fraction(b)) / 2 for a, b in zip(ask[start:stop], bid[start:stop], strict=True)]
        for t in range(len(m)):
            expected = move_by_definition(m, t, kind, HORIZON, SMOOTHING)
            difference, base = moved.difference[start + t], moved.base[start + t]
            if expected is None:
                assert np.isnan(difference)
                assert np.isnan(base)
                continue
            n_labelled += 1
            assert Fraction(difference) / moved.count * 50 == expected[0] - expected[1]
            assert Fraction(base) / moved.count * 50 == expected[1]
    assert n_labelled > 500


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=60), st.integers(1, 70))
@settings(max_examples=80, deadline=None)
def test_window_sums_of_whole_numbers_are_exact(values, rows):
    expected = [sum(values[i : i + rows]) for i in range(len(values) - rows + 1)]
    assert window_sums(np.array(values, np.float64), rows).tolist() == expected


def test_a_window_sum_reads_its_own_rows_alone():
    values = np.random.default_rng(0).normal(size=300)
    changed = values.copy()
    changed[:50] = 1e12
    np.testing.assert_array_equal(window_sums(values, 37)[50:], window_sums(changed, 37)[50:])


def test_decimal_prices_are_counted_in_whole_half_ticks():
    ticks = np.arange(1, 20_000)
    found = mids(ticks * 0.01 + 0.01, ticks * 0.01, 0.01)
    np.testing.assert_array_equal(found.values, 2 * ticks + 1)
    assert found.unit == 0.005


def test_a_price_off_the_grid_leaves_the_other_rows_as_they_are():
    ask, bid = np.array([1.02, 1.0234, 1.05]), np.array([1.01, 1.01, 1.03])
    np.testing.assert_allclose(mids(ask, bid, 0.01).values, [203, 203.34, 208], rtol=1e-14)
    assert mids(ask, bid, 0.01).values[[0, 2]].tolist() == [203.0, 208.0]


def test_without_a_tick_mids_are_as_they_are():
    found = mids(np.array([2.5]), np.array([1.5]), None)
    assert (found.values.tolist(), found.unit) == ([2.0], 1.0)


@pytest.mark.parametrize(("threshold", "count"), [(2.815, 100), (0.1, 3), (0.07, 100), (1.115, 1000)])
def test_a_move_of_exactly_the_threshold_is_stationary(threshold, count):
    limit = limit_in_ticks(threshold, count)
    exact = Fraction(str(threshold)) * 2 * count
    assert limit == float(exact)
    just = float(exact)
    assert classes(np.array([just, -just, just + 1, -just - 1]), limit).tolist() == [1, 1, 2, 0]


def test_the_balanced_limit_is_halfway_to_the_next_larger_move():
    size = np.array([0, 0, 2, 2, 4, 4, 6, 6, 8])  # shares within 0, 2, 4: 2/9, 4/9, 6/9
    assert balanced_limit(size, 1 / 3) == 1.0  # 2/9 and 4/9 are equally close to a third: the smaller
    assert balanced_limit(size, 0.45) == 3.0
    assert balanced_limit(size, 1.0) == 8.0
    assert balanced_limit(np.zeros(5), 1 / 3) == 0.0
