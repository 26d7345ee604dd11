"""Rolling reductions against brute force, pandas and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep.features import (
    rolling_covariance,
    rolling_moments,
    rolling_reduce,
    rolling_reduce_each,
    rolling_sum,
    rolling_sums,
    rolling_z_score,
)

few = settings(max_examples=30, deadline=None)
shapes = st.tuples(st.integers(1, 40), st.integers(0, 30), st.integers(0, 999))  # rows, spare rows, seed


def _windows(x: np.ndarray, rows: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(x, rows, axis=1)  # [batch, length - rows + 1, ..., rows]


@few
@given(shapes)
def test_sum_and_moments_equal_brute_force_with_any_trailing_axes(shape):
    rows, spare, seed = shape
    x = np.random.default_rng(seed).normal(5, 2, (2, rows + spare, 3))
    mean, variance = rolling_moments(x, rows)
    np.testing.assert_allclose(rolling_sum(x, rows), _windows(x, rows).sum(-1), rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(mean, _windows(x, rows).mean(-1), rtol=1e-13)
    np.testing.assert_allclose(variance, _windows(x, rows).var(-1), rtol=1e-11, atol=1e-15)


@few
@given(shapes)
def test_covariance_equals_brute_force_and_on_its_diagonal_the_variance(shape):
    rows, spare, seed = shape
    x = np.random.default_rng(seed).normal(5, 2, (2, rows + spare, 3))
    got = np.asarray(rolling_covariance(x, rows))
    assert got.shape == (2, spare + 1, 3, 3)
    for batch in range(2):
        for i in range(spare + 1):
            expected = np.cov(x[batch, i : i + rows].T, bias=True)
            np.testing.assert_allclose(got[batch, i], expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_array_equal(got, got.swapaxes(-1, -2))
    variance = np.asarray(rolling_moments(x, rows)[1])
    np.testing.assert_array_equal(got.diagonal(axis1=-2, axis2=-1), variance)


def test_covariance_at_a_high_level_keeps_full_precision_and_of_a_constant_is_zero():
    rows = 50
    rng = np.random.default_rng(1)
    x = 1e6 + np.cumsum(rng.normal(0, 1e-3, (300, 2)), axis=0)
    got = np.asarray(rolling_covariance(np.c_[x, np.full(300, 0.1)][None], rows))[0]
    np.testing.assert_array_equal(got[:, 2], 0.0)
    for i in (0, 77, 250):
        a, b = ([Fraction(value) for value in column[i : i + rows].tolist()] for column in x.T)
        products = [(p - sum(a) / rows) * (q - sum(b) / rows) for p, q in zip(a, b, strict=True)]
        scale = np.sqrt(got[i, 0, 0] * got[i, 1, 1])
        assert abs(got[i, 0, 1] - float(sum(products) / rows)) <= 1e-13 * scale


@few
@given(shapes)
def test_a_merge_that_keeps_order_sees_rows_from_oldest_to_newest(shape):
    rows, spare, seed = shape
    a = np.random.default_rng(seed).uniform(-1, 1, (1, rows + spare))
    b = np.random.default_rng(seed + 1).uniform(-1, 1, (1, rows + spare))

    def compose(older, newer, *_):  # x -> a x + b, applied from the oldest row on
        return older[0] * newer[0], older[1] * newer[0] + newer[1]

    got = rolling_reduce((keras.ops.convert_to_tensor(a), keras.ops.convert_to_tensor(b)), rows, compose)[1]
    for i in range(spare + 1):
        value = 0.0
        for j in range(i, i + rows):
            value = a[0, j] * value + b[0, j]
        np.testing.assert_allclose(np.asarray(got)[0, i], value, rtol=1e-12, atol=1e-14)


@few
@given(shapes, st.integers(0, 50))
def test_values_are_bit_identical_wherever_the_segment_starts(shape, start):
    rows, spare, seed = shape
    x = 1e5 + np.random.default_rng(seed).normal(0, 1, (1, start + rows + spare))
    cut = x[:, start:].copy()
    np.testing.assert_array_equal(np.asarray(rolling_sum(x, rows))[:, start:], rolling_sum(cut, rows))
    for whole, part in zip(rolling_moments(x, rows), rolling_moments(cut, rows), strict=True):
        np.testing.assert_array_equal(np.asarray(whole)[:, start:], part)
    two, cut_two = (np.stack([v, v**2], axis=-1) for v in (x, cut))
    whole, part = rolling_covariance(two, rows), rolling_covariance(cut_two, rows)
    np.testing.assert_array_equal(np.asarray(whole)[:, start:], part)
    whole, part = rolling_z_score(x, rows), rolling_z_score(cut, rows)
    np.testing.assert_array_equal(np.asarray(whole)[:, start:], part)


@given(st.integers(2, 60), st.floats(-1e9, 1e9, allow_subnormal=False), st.integers(0, 20))
@few
def test_a_constant_window_has_zero_variance_and_z_score_exactly(rows, level, spare):
    x = np.full((1, rows + spare), level)
    mean, variance = rolling_moments(x, rows)
    np.testing.assert_array_equal(mean, level)
    np.testing.assert_array_equal(variance, 0.0)
    np.testing.assert_array_equal(rolling_z_score(x, rows), 0.0)


@given(windows=st.lists(st.integers(1, 40), min_size=1, max_size=5), spare=st.integers(0, 9))
def test_windows_of_several_lengths_equal_those_of_each_length_bit_for_bit(windows, spare):
    longest = max(windows)
    values = np.random.default_rng(spare).normal(size=(2, longest + spare, 3))
    for window, total in zip(windows, rolling_sums(values, windows), strict=True):
        alone = np.asarray(rolling_sum(values, window))[:, longest - window :]
        assert alone.shape[1] == spare + 1
        np.testing.assert_array_equal(np.asarray(total), alone)


def test_windows_of_several_lengths_see_rows_from_oldest_to_newest():
    text = np.array([list("abcdefghij")], dtype=object)
    joined = rolling_reduce_each((text,), (3, 1, 5), lambda older, newer, *_: (older[0] + newer[0],))
    assert [state[0][0].tolist() for state in joined] == [
        ["cde", "def", "efg", "fgh", "ghi", "hij"],
        list("efghij"),
        ["abcde", "bcdef", "cdefg", "defgh", "efghi", "fghij"],
    ]


def test_fewer_rows_than_the_window_give_an_empty_result():
    x = np.arange(5.0)[None]
    assert rolling_sum(x, 7).shape == (1, 0)
    assert rolling_moments(x, 13)[1].shape == (1, 0)


@pytest.mark.parametrize("rows", [5, 21, 250])
def test_a_million_rows_agree_with_pandas(rows):
    x = np.random.default_rng(0).standard_t(5, 1_000_000)
    window = pd.Series(x).rolling(rows)
    mean, variance = (np.asarray(moment)[0] for moment in rolling_moments(x[None], rows))
    np.testing.assert_allclose(rolling_sum(x[None], rows)[0], window.sum()[rows - 1 :], atol=1e-12)
    np.testing.assert_allclose(mean, window.mean()[rows - 1 :], atol=1e-12)
    np.testing.assert_allclose(np.sqrt(variance), window.std(ddof=0)[rows - 1 :], rtol=1e-9)


@pytest.mark.parametrize("rows", [21, 250])
def test_a_million_rows_at_a_high_level_keep_full_precision(rows):
    rng = np.random.default_rng(1)
    x = 1e6 + np.cumsum(rng.normal(0, 1e-3, 1_000_000))
    mean, variance = (np.asarray(moment)[0] for moment in rolling_moments(x[None], rows))
    z = np.asarray(rolling_z_score(x[None], rows))[0]
    for end in [rows - 1, *rng.integers(rows, len(x), 30), len(x) - 1]:
        window = [Fraction(value) for value in x[end - rows + 1 : end + 1].tolist()]
        exact_mean = sum(window) / rows
        exact_variance = sum((value - exact_mean) ** 2 for value in window) / rows
        exact_z = float(window[-1] - exact_mean) / float(exact_variance) ** 0.5
        i = end - rows + 1
        assert abs(mean[i] - float(exact_mean)) <= np.spacing(1e6)
        np.testing.assert_allclose(variance[i], float(exact_variance), rtol=1e-13)
        np.testing.assert_allclose(z[i], exact_z, rtol=1e-12, atol=1e-13)
    pandas_std = pd.Series(x - 1e6).rolling(rows).std(ddof=0).to_numpy()[rows - 1 :]
    np.testing.assert_allclose(np.sqrt(variance), pandas_std, rtol=1e-6)
    # The textbook form from running sums, which this replaces, has nothing left at this level.
    sums = np.cumsum(np.pad(x, (1, 0))), np.cumsum(np.pad(x * x, (1, 0)))
    naive_mean, naive_square = ((s[rows:] - s[:-rows]) / rows for s in sums)
    assert np.median(np.abs((naive_square - naive_mean**2) / variance - 1)) > 1.0
