"""Price and volume features against pandas and decimal arithmetic."""

from __future__ import annotations

from decimal import Decimal, getcontext
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tests.features.raw_rows import bars, values_of
from tsdeep.errors import SpecError
from tsdeep.features import FieldValue, Lag, LogReturn, LogVolumeChange, RollingMean, RollingZScore

RAW = bars(300, batch=1)
CLOSE = pd.Series(RAW["close"][0])
VOLUME = pd.Series(RAW["volume"][0])


def _channel(feature, raw=RAW):
    return values_of(feature, raw)[0, :, 0]


@pytest.mark.parametrize("rows", [1, 5, 21])
def test_log_return_equals_pandas(rows):
    np.testing.assert_allclose(
        _channel(LogReturn(rows)), np.log(CLOSE).diff(rows).dropna(), rtol=1e-11, atol=1e-15
    )


def test_log_return_of_another_field_names_it():
    feature = LogReturn(2, field="open")
    expected = np.log(pd.Series(RAW["open"][0])).diff(2).dropna()
    np.testing.assert_allclose(_channel(feature), expected, rtol=1e-11, atol=1e-15)
    assert feature.names == ("log_return_2_of_open",)
    assert feature.fields == feature.positive_fields == ("open",)


def test_log_return_keeps_tiny_moves_of_high_prices():
    getcontext().prec = 50
    close = 123_456.75 + np.cumsum(np.random.default_rng(0).choice([-1, 1], 50)) * 2.0**-20
    exact = [float((Decimal(b) / Decimal(a)).ln()) for a, b in pairwise(close.tolist())]
    np.testing.assert_allclose(_channel(LogReturn(), {"close": close[None]}), exact, rtol=1e-15)


@pytest.mark.parametrize("rows", [1, 7])
def test_log_volume_change_equals_pandas(rows):
    np.testing.assert_allclose(
        _channel(LogVolumeChange(rows)), np.log(VOLUME).diff(rows).dropna(), rtol=1e-12
    )


def test_whole_number_volumes_are_read_as_they_are():
    volume = np.random.default_rng(0).integers(1, 10**12, (1, 50))
    np.testing.assert_array_equal(
        values_of(LogVolumeChange(), {"volume": volume}),
        values_of(LogVolumeChange(), {"volume": volume * 1.0}),
    )


def test_field_gives_the_raw_field_or_its_logarithm():
    np.testing.assert_array_equal(_channel(FieldValue("close")), CLOSE)
    np.testing.assert_allclose(_channel(FieldValue("volume", log=True)), np.log(VOLUME), rtol=1e-14)
    assert FieldValue("volume", log=True).positive_fields == ("volume",)
    assert FieldValue("volume").positive_fields == ()


def test_lags_are_the_shifted_values_in_the_order_given():
    lags = Lag([5, 1], of=LogReturn(2))
    returns = pd.Series(_channel(LogReturn(2)))
    expected = pd.concat([returns.shift(5), returns.shift(1)], axis=1).dropna()
    np.testing.assert_array_equal(values_of(lags, RAW)[0], expected)
    assert lags.names == ("lag_5_of_log_return_2", "lag_1_of_log_return_2")
    assert lags.warmup == 7


@pytest.mark.parametrize("rows", [1, 2, 20, 63])
def test_rolling_mean_equals_pandas(rows):
    expected = np.log(CLOSE).diff().dropna().rolling(rows).mean().dropna()
    np.testing.assert_allclose(_channel(RollingMean(rows, of=LogReturn())), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("rows", [2, 20, 63])
def test_rolling_z_score_equals_pandas(rows):
    window = np.log(VOLUME).rolling(rows)
    expected = ((np.log(VOLUME) - window.mean()) / window.std(ddof=0)).dropna()
    feature = RollingZScore(rows, of=FieldValue("volume", log=True))
    np.testing.assert_allclose(_channel(feature), expected, rtol=1e-9, atol=1e-12)


def test_rolling_z_score_of_a_window_that_does_not_move_is_zero():
    volume = np.r_[np.full(10, 7.0), 8.0][None]
    got = _channel(RollingZScore(5, of=FieldValue("volume")), {"volume": volume})
    np.testing.assert_allclose(got, [0, 0, 0, 0, 0, 0, 2.0])


def test_features_nest():
    feature = RollingMean(3, of=Lag(2, of=RollingZScore(4, of=LogReturn(5))))
    assert feature.warmup == 2 + 2 + 3 + 5
    assert feature.names == ("rolling_mean_3_of_lag_2_of_rolling_z_score_4_of_log_return_5",)
    returns = np.log(CLOSE).diff(5)
    z = (returns - returns.rolling(4).mean()) / returns.rolling(4).std(ddof=0)
    expected = z.shift(2).rolling(3).mean().dropna()
    np.testing.assert_allclose(_channel(feature), expected, rtol=1e-8, atol=1e-10)


def test_a_z_score_of_one_row_is_refused():
    with pytest.raises(SpecError, match=r"rolling_z_score.*rows = 1: .*greater than or equal to 2"):
        RollingZScore(1, of=LogReturn())
