"""Calendar features against pandas on every day of two centuries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.features.raw_rows import values_of
from tsdeep.errors import SpecError
from tsdeep.features import Calendar

DAYS = pd.date_range("1895-01-01", "2105-12-31", freq="D")
CYCLES = ("weekday", "day_of_month", "month")


def _seconds(times: pd.DatetimeIndex) -> np.ndarray:
    return ((times - pd.Timestamp(0)) / pd.Timedelta(seconds=1)).to_numpy(np.float64)[None]


def _circle(position: np.ndarray, length: np.ndarray | int) -> np.ndarray:
    angle = 2 * np.pi * position / length
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


@pytest.mark.parametrize("hours", [0.0, 9.5, 23.9999])
def test_every_day_of_two_centuries_stands_where_pandas_says(hours):
    times = DAYS + pd.Timedelta(hours=hours)
    got = values_of(Calendar(CYCLES), {"time": _seconds(times)})[0]
    expected = np.concatenate(
        [
            _circle(times.day_of_week.to_numpy(), 7),
            _circle(times.day.to_numpy() - 1, times.days_in_month.to_numpy()),
            _circle(times.month.to_numpy() - 1, 12),
        ],
        axis=-1,
    )
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)


def test_gap_counts_days_since_the_previous_row():
    times = pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-08 12:00"])
    feature = Calendar(["days_since_previous_row"])
    np.testing.assert_array_equal(values_of(feature, {"time": _seconds(times)})[0, :, 0], [1.0, 3.0, 0.5])
    assert feature.warmup == 1


def test_channels_come_in_the_order_of_the_parts():
    feature = Calendar(["days_since_previous_row", "month"])
    assert feature.names == ("days_since_previous_row", "month_sin", "month_cos")
    times = pd.DatetimeIndex(["2024-03-29", "2024-04-01"])
    np.testing.assert_allclose(
        values_of(feature, {"time": _seconds(times)})[0], [[3.0, 1.0, 0.0]], atol=1e-15
    )
    assert Calendar(["weekday"]).warmup == 0


def test_unknown_and_repeated_parts_are_refused():
    with pytest.raises(SpecError, match=r"calendar.*parts\.0 = 'weekdy'.*'weekday'"):
        Calendar(["weekdy"])
    with pytest.raises(SpecError, match="more than once in month, month"):
        Calendar(["month", "month"])
    with pytest.raises(SpecError, match="at least 1 item"):
        Calendar([])
