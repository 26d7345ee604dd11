"""Volatility features against loops written from the formulas, closed forms and a simulated truth."""

from __future__ import annotations

from math import e, log, sqrt

import numpy as np
import pytest

from tests.features.etf_rows import bar_rows, both_sources, computed
from tests.features.raw_rows import bars, values_of
from tsdeep.errors import SpecError
from tsdeep.features import GarmanKlass, Parkinson, RealisedVolatility, RogersSatchell, YangZhang

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


@both_sources
@WINDOWS
def test_rogers_satchell_equals_a_loop(source, rows):
    bar = bar_rows(source)

    def row(i):
        u, d, c = (log(bar[name][i] / bar["open"][i]) for name in ("high", "low", "close"))
        return u * (u - c) + d * (d - c)

    expected = [
        sqrt(max(sum(row(i) for i in range(t - rows + 1, t + 1)), 0.0) / rows)
        for t in range(rows - 1, len(bar["open"]))
    ]
    # The paper's form, from logs to the open, rounds to about 1e-9 where the estimate is 0.
    np.testing.assert_allclose(computed(RogersSatchell(rows), bar)[:, 0], expected, rtol=1e-9, atol=2e-9)


@both_sources
@pytest.mark.parametrize("rows", [2, 5, 22])
def test_yang_zhang_equals_a_loop(source, rows):
    bar = bar_rows(source)
    opened, high, low, close = (bar[name].tolist() for name in ("open", "high", "low", "close"))

    def sample_variance(values):
        mean = sum(values) / len(values)
        return sum((value - mean) ** 2 for value in values) / (len(values) - 1)

    expected = []
    for t in range(rows, len(close)):
        window = range(t - rows + 1, t + 1)
        overnight = sample_variance([log(opened[i] / close[i - 1]) for i in window])
        body = sample_variance([log(close[i] / opened[i]) for i in window])
        ranges = [
            log(high[i] / close[i]) * log(high[i] / opened[i])
            + log(low[i] / close[i]) * log(low[i] / opened[i])
            for i in window
        ]
        k = 0.34 / (1.34 + (rows + 1) / (rows - 1))
        expected.append(sqrt(overnight + k * body + (1 - k) * sum(ranges) / rows))
    np.testing.assert_allclose(computed(YangZhang(rows), bar)[:, 0], expected, rtol=1e-9)


def test_yang_zhang_needs_two_rows():
    with pytest.raises(SpecError, match="'yang_zhang': rows = 1: input should be greater than or equal to 2"):
        YangZhang(1)


def test_a_row_from_one_end_of_its_range_to_the_other_is_no_volatility_to_rogers_and_satchell():
    up = {"open": 100.0, "low": 100.0, "high": 103.7, "close": 103.7}
    down = {"open": 103.7, "high": 103.7, "low": 99.1, "close": 99.1}
    raw = {name: np.array([[up[name], down[name]] * 4]) for name in up}
    np.testing.assert_array_equal(values_of(RogersSatchell(2), raw), 0.0)


def test_prices_that_never_move_have_no_volatility():
    raw = {name: np.full((1, 9), 97.3) for name in ("open", "high", "low", "close")}
    for feature in (RealisedVolatility(4), Parkinson(4), GarmanKlass(4), RogersSatchell(4), YangZhang(4)):
        np.testing.assert_array_equal(values_of(feature, raw), 0.0)


def test_parkinson_of_a_range_of_e_is_its_constant():
    raw = {"high": np.full((1, 4), e), "low": np.ones((1, 4))}
    np.testing.assert_allclose(values_of(Parkinson(3), raw), 1 / sqrt(4 * log(2)), rtol=1e-15)


def test_annual_rows_scale_by_the_root_of_time():
    for feature in (RealisedVolatility, Parkinson, GarmanKlass, RogersSatchell, YangZhang):
        daily, yearly = feature(5), feature(5, annual_rows=252)
        np.testing.assert_allclose(values_of(yearly, RAW), values_of(daily, RAW) * sqrt(252), rtol=1e-14)
        assert yearly.names == (f"{daily.names[0]}_annualised_252",)


def _simulated(days, true, night, drift=0.0):
    """Days of a diffusion, `night` of the variance overnight, the drift within days; exact highs and lows.

    Between steps the extremes are drawn from those of a Brownian bridge, so that none is missed.
    """
    steps = 200
    rng = np.random.default_rng(0)
    variance = true**2 * (1 - night) / steps
    inside = np.cumsum(rng.normal(drift / steps, sqrt(variance), (days, steps)), axis=1)
    start, end = np.c_[np.zeros(days), inside[:, :-1]], inside
    reach = [
        np.sqrt((end - start) ** 2 - 2 * variance * np.log(rng.uniform(size=end.shape))) for _ in range(2)
    ]
    gap = rng.normal(0, true * sqrt(night), days)
    close = np.cumsum(gap + inside[:, -1])
    opened = close - inside[:, -1]
    paths = {
        "open": opened,
        "high": opened + ((start + end + reach[0]) / 2).max(1),
        "low": opened + ((start + end - reach[1]) / 2).min(1),
        "close": close,
    }
    return {name: np.exp(path - opened[0])[None] for name, path in paths.items()}


def test_all_find_the_volatility_of_a_simulated_diffusion():
    days, true = 3_000, 0.013
    night = 0.4  # share of a day's variance that falls overnight
    raw = _simulated(days, true, night)

    def whole(feature):
        return values_of(feature, raw)[0, -1, 0]

    # Standard errors: 1.3% close to close, less for the others.
    assert whole(RealisedVolatility(days - 1)) == pytest.approx(true, rel=0.04)
    assert whole(GarmanKlass(days - 1)) == pytest.approx(true, rel=0.04)
    assert whole(YangZhang(days - 1)) == pytest.approx(true, rel=0.04)
    for feature in (GarmanKlass(days, overnight=False), Parkinson(days), RogersSatchell(days)):
        assert whole(feature) == pytest.approx(true * sqrt(1 - night), rel=0.02)


def test_drift_is_volatility_to_all_but_rogers_satchell_and_yang_zhang():
    days, true = 1_500, 0.013
    raw = _simulated(days, true, night=0.0, drift=2 * true)

    def whole(feature):
        return values_of(feature, raw)[0, -1, 0]

    assert whole(RogersSatchell(days)) == pytest.approx(true, rel=0.03)
    assert whole(YangZhang(days - 1)) == pytest.approx(true, rel=0.03)
    assert whole(RealisedVolatility(days - 1)) == pytest.approx(true * sqrt(1 + 2**2), rel=0.04)
    assert whole(Parkinson(days)) > 1.4 * true
    assert whole(GarmanKlass(days, overnight=False)) > 1.1 * true
