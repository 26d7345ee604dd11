"""The log of a field some rows ago."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.features.etf_rows import computed
from tsdeep.errors import SpecError
from tsdeep.features import Lag, LogLevel, make_feature

VIX = {"vix": np.array([12.0, 20.0, 80.86, 17.5])}


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_is_the_natural_log_of_the_value_lag_rows_ago(lag):
    feature = LogLevel("vix", lag)
    expected = [math.log(VIX["vix"][t - lag]) for t in range(lag, 4)]
    np.testing.assert_allclose(computed(feature, VIX)[:, 0], expected, rtol=1e-15)
    assert feature.warmup == lag
    assert feature.positive_fields == ("vix",)


def test_is_the_lag_of_the_log():
    of = make_feature({"kind": "field", "field": "vix", "log": True})
    np.testing.assert_array_equal(computed(LogLevel("vix", 2), VIX), computed(Lag(2, of), VIX))


def test_names_say_the_lag():
    assert LogLevel("vix", 0).names == ("log_vix",)
    assert LogLevel("vix", 1).names == ("log_vix_lag_1",)


def test_twice_the_log_is_the_log_variance_in_percent():
    feature = LogLevel("vix", 0)
    variance = (VIX["vix"] / 100) ** 2
    np.testing.assert_allclose(2 * computed(feature, VIX)[:, 0] - 9.21034, np.log(variance), atol=1e-5)


def test_the_lag_must_be_said():
    with pytest.raises(SpecError, match="'log_level': argument 'lag' is missing"):
        make_feature({"kind": "log_level", "field": "vix"})
    with pytest.raises(SpecError, match="'log_level': lag = -1: input should be greater than or equal to 0"):
        LogLevel("vix", -1)
