"""The signed-log scaler against its formula in plain Python."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from tests.features.raw_rows import values_of
from tsdeep.errors import DataError
from tsdeep.features import SignedLogScaler

X = np.random.default_rng(0).standard_t(2, (301, 2)) * [100, 0.01] + [3, -0.2]


@pytest.mark.parametrize("about", ["zero", "median"])
def test_values_equal_the_formula(about):
    scaler = SignedLogScaler(about=about, clip=None).fit(X)
    values = values_of(scaler, X.astype("float32"))
    for channel in range(2):
        column = X[:, channel].tolist()
        middle = statistics.median(column) if about == "median" else 0.0
        mad = statistics.median(abs(x - middle) for x in column)
        expected = [math.copysign(math.log(1 + abs(x - middle) / mad), x - middle) for x in column]
        np.testing.assert_allclose(values[:, channel], expected, rtol=1e-4, atol=1e-5)


def test_where_half_the_rows_are_0_the_scale_is_the_mean_absolute_value():
    x = np.array([[0.0], [0.0], [0.0], [5.0], [-1.0]])
    scaler = SignedLogScaler().fit(x)
    np.testing.assert_allclose(scaler.scale.numpy(), [6 / 5], rtol=1e-6)
    np.testing.assert_allclose(values_of(scaler, np.array([[5.0]], "float32")), np.log1p(5 / 1.2), rtol=1e-6)
    moved = SignedLogScaler(about="median").fit(x + 8)
    np.testing.assert_allclose(moved.scale.numpy(), [6 / 5], rtol=1e-6)
    np.testing.assert_allclose(moved.middle.numpy(), [8.0])


def test_a_constant_channel_is_refused_though_it_is_not_0():
    with pytest.raises(DataError, match=r"constant over all 2 rows: channel 0 \(always 4.0\)"):
        SignedLogScaler().fit(np.array([[4.0], [4.0]]))


def test_clips_at_3_by_default():
    scaler = SignedLogScaler().fit(X)
    assert values_of(scaler, np.array([[1e9, -1e9]], "float32")).tolist() == [[3.0, -3.0]]
