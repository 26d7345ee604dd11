"""Volatility features against loops written from the formulas, closed forms and a simulated truth."""

from __future__ import annotations

from math import e, log, sqrt

import numpy as np
import pytest

from tests.features.raw_rows import bars, values_of
from tsdeep.features import GarmanKlass, Parkinson, RealisedVolatility

RAW = bars(60, batch=1)
OPEN, HIGH, LOW, CLOSE = (RAW[name][0] for name in ("open", "high", "low", "close"))
WINDOWS = pytest.mark.parametrize("rows", [1, 2, 5, 22])


def _check(feature, row_variance, rows, first):
    """Compare with the root mean of a row's variance; `first` is the first row that has one."""
    expected = [
        sqrt(sum(row_variance(i) for i in range(t - rows + 1, t + 1)) / rows)
        for t in range(first + rows - 1, len(CLOSE))
    ]
    np.testing.assert_allclose(values_of(feature, RAW)[0, :, 0], expected, rtol=1e-11)


@WINDOWS
def test_realised_volatility_equals_a_loop(rows):
    _check(RealisedVolatility(rows), lambda i: log(CLOSE[i] / CLOSE[i - 1]) ** 2, rows, first=1)


@WINDOWS
def test_parkinson_equals_a_loop(rows):
    _check(Parkinson(rows), lambda i: log(HIGH[i] / LOW[i]) ** 2 / (4 * log(2)), rows, first=0)


def _garman_klass_row(i):
    return 0.5 * log(HIGH[i] / LOW[i]) ** 2 - (2 * log(2) - 1) * log(CLOSE[i] / OPEN[i]) ** 2


@WINDOWS
def test_garman_klass_equals_a_loop(rows):
    _check(GarmanKlass(rows, overnight=False), _garman_klass_row, rows, first=0)


@WINDOWS
def test_garman_klass_with_overnight_equals_a_loop(rows):
    def row(i):
        return _garman_klass_row(i) + log(OPEN[i] / CLOSE[i - 1]) ** 2

    _check(GarmanKlass(rows), row, rows, first=1)


def test_parkinson_of_a_range_of_e_is_its_constant():
    raw = {"high": np.full((1, 4), e), "low": np.ones((1, 4))}
    np.testing.assert_allclose(values_of(Parkinson(3), raw), 1 / sqrt(4 * log(2)), rtol=1e-15)


def test_annual_rows_scale_by_the_root_of_time():
    for feature in (RealisedVolatility, Parkinson, GarmanKlass):
        daily, yearly = feature(5), feature(5, annual_rows=252)
        np.testing.assert_allclose(values_of(yearly, RAW), values_of(daily, RAW) * sqrt(252), rtol=1e-14)
        assert yearly.names == (f"{daily.names[0]}_annualised_252",)


def test_all_find_the_volatility_of_a_simulated_diffusion():
    steps, days, true = 1_000, 3_000, 0.013
    night = 0.4  # share of a day's variance that falls overnight
    rng = np.random.default_rng(0)
    inside = np.cumsum(rng.normal(0, true * sqrt((1 - night) / steps), (days, steps)), axis=1)
    gap = rng.normal(0, true * sqrt(night), days)
    close = np.cumsum(gap + inside[:, -1])
    opened = close - inside[:, -1]
    paths = {
        "open": opened,
        "high": opened + np.maximum(inside.max(1), 0),
        "low": opened + np.minimum(inside.min(1), 0),
        "close": close,
    }
    raw = {name: np.exp(path)[None] for name, path in paths.items()}

    def whole(feature):
        return values_of(feature, raw)[0, -1, 0]

    # Standard errors: 1.3% close to close, less for the others; a path in steps misses some of the range.
    assert whole(RealisedVolatility(days - 1)) == pytest.approx(true, rel=0.04)
    assert whole(GarmanKlass(days - 1)) == pytest.approx(true, rel=0.04)
    assert whole(GarmanKlass(days, overnight=False)) == pytest.approx(true * sqrt(1 - night), rel=0.04)
    assert whole(Parkinson(days)) == pytest.approx(true * sqrt(1 - night), rel=0.04)
