"""Log variance against loops written from the formulas, on real and made rows; its floor."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from tests.features.etf_rows import bar_rows, both_sources, computed, etf, of_market
from tests.features.raw_rows import bars
from tsdeep.errors import SpecError
from tsdeep.features import LogVariance, Parkinson

WINDOWS = (1, 5, 22, 66)


def row_variance(bar, i, estimator):
    opened, high, low, close = (float(bar[name][i]) for name in ("open", "high", "low", "close"))
    if estimator == "close":
        return log(close / bar["close"][i - 1]) ** 2
    if estimator == "parkinson":
        return log(high / low) ** 2 / (4 * log(2))
    if estimator == "garman_klass":
        return 0.5 * log(high / low) ** 2 - (2 * log(2) - 1) * log(close / opened) ** 2
    u, d, c = log(high / opened), log(low / opened), log(close / opened)
    return u * (u - c) + d * (d - c)


def expected_of(bar, estimator, overnight, floor=1e-8, annual_rows=252):
    before = int(overnight or estimator == "close")
    values = [0.0] * before
    for i in range(before, len(bar["close"])):
        night = log(bar["open"][i] / bar["close"][i - 1]) ** 2 if overnight else 0.0
        values.append(max(row_variance(bar, i, estimator) + night, floor))
    return [
        [log(annual_rows * sum(values[t - n + 1 : t + 1]) / n) for n in WINDOWS]
        for t in range(max(WINDOWS) - 1 + before, len(values))
    ]


@both_sources
@pytest.mark.parametrize(
    ("estimator", "overnight"),
    [("close", False)]
    + [(name, night) for name in ("parkinson", "garman_klass", "rogers_satchell") for night in (False, True)],
)
def test_equals_a_loop(source, estimator, overnight):
    bar = bar_rows(source)
    feature = LogVariance(WINDOWS, estimator, overnight)
    expected = expected_of(bar, estimator, overnight)
    np.testing.assert_allclose(computed(feature, bar), expected, rtol=1e-9, atol=1e-9)
    market = LogVariance(WINDOWS, estimator, overnight, prefix="market")
    np.testing.assert_array_equal(computed(market, of_market(bar)), computed(feature, bar))


def test_names_say_whose_variance_by_what_and_over_how_many_rows():
    assert LogVariance([22, 5]).names == ("log_variance_parkinson_22", "log_variance_parkinson_5")
    assert LogVariance(22, prefix="market").names == ("market_log_variance_parkinson_22",)
    assert LogVariance(22, prefix="market").fields == ("market_high", "market_low")
    assert LogVariance(1, "garman_klass", True).names == ("log_variance_garman_klass_overnight_1",)
    assert LogVariance(1, annual_rows=365).names == ("log_variance_parkinson_1_annualised_365",)


def test_reads_no_more_fields_than_its_estimator_needs():
    assert LogVariance(estimator="close").fields == ("close",)
    assert LogVariance().fields == ("high", "low")
    assert LogVariance(overnight=True).fields == ("high", "low", "open", "close")
    assert LogVariance().warmup == 65
    assert LogVariance(overnight=True).warmup == LogVariance(estimator="close").warmup == 66


def test_half_its_exponential_is_the_volatility_where_no_row_is_below_the_floor():
    rows = {name: values[0] for name, values in bars(60, batch=1).items()}
    volatility = computed(Parkinson(22, annual_rows=252), rows)
    np.testing.assert_allclose(np.exp(computed(LogVariance(22), rows) / 2), volatility, rtol=1e-13)


def test_a_real_day_without_a_range_has_the_variance_of_a_basis_point():
    bar = etf("EEM", "2003-08-14", "2003-08-18")
    assert bar["high"][1] == bar["low"][1]
    values = computed(LogVariance([1]), bar)[:, 0]
    assert values[1] == pytest.approx(log(252 * 1e-4**2), rel=1e-14)
    assert (values[[0, 2]] > log(252 * 1e-4**2)).all()
    mean = computed(LogVariance([3]), bar)[0, 0]
    others = [row_variance(bar, i, "parkinson") for i in (0, 2)]
    assert mean == pytest.approx(log(252 * (sum(others) + 1e-8) / 3), rel=1e-13)


def test_each_row_below_the_floor_is_raised_to_it_and_no_other():
    ranges = np.array([0.0, 1e-5, 1e-3, 0.02])
    floor = 1e-6
    bar = {"low": np.full(4, 50.0), "high": 50.0 * np.exp(ranges)}
    expected = [log(max(value**2 / (4 * log(2)), floor)) for value in ranges]
    got = computed(LogVariance(1, annual_rows=1, floor=floor), bar)[:, 0]
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert got[0] == got[1] == got[2] == log(floor)
    assert got[3] > log(floor)


def test_garman_klass_below_zero_counts_as_the_floor():
    bar = {"open": [100.0, 100.0], "high": [100.1, 101.0], "low": [99.9, 99.0], "close": [102.0, 100.0]}
    bar = {name: np.array(values) for name, values in bar.items()}
    assert row_variance(bar, 0, "garman_klass") < 0
    got = computed(LogVariance(2, "garman_klass"), bar)[0, 0]
    assert got == pytest.approx(log(252 * (1e-8 + row_variance(bar, 1, "garman_klass")) / 2), rel=1e-12)


@pytest.mark.parametrize("estimator", ["close", "parkinson", "garman_klass", "rogers_satchell"])
def test_prices_that_never_move_have_the_floor_and_without_one_no_log(estimator):
    bar = {name: np.full(12, 41.7) for name in ("open", "high", "low", "close")}
    np.testing.assert_allclose(computed(LogVariance(5, estimator), bar), log(252e-8), rtol=1e-14)
    np.testing.assert_array_equal(computed(LogVariance(5, estimator, floor=0.0), bar), -np.inf)


def test_a_missing_price_stays_missing():
    bar = {name: rows[0].copy() for name, rows in bars(12, batch=1).items()}
    bar["high"][6] = np.nan
    missing = np.isnan(computed(LogVariance(3), bar)[:, 0])
    np.testing.assert_array_equal(np.flatnonzero(missing) + 2, [6, 7, 8])


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(SpecError, match="'log_variance': overnight = True with the estimator 'close'"):
        LogVariance(estimator="close", overnight=True)
    with pytest.raises(
        SpecError, match=r"'log_variance': a number of rows is given more than once in \[5, 5\]"
    ):
        LogVariance([5, 5])
    with pytest.raises(
        SpecError, match=r"'log_variance': floor = -1\.0: input should be greater than or equal"
    ):
        LogVariance(floor=-1.0)
    with pytest.raises(
        SpecError, match="'log_variance': estimator = 'yang_zhang': input should be 'close', "
    ):
        LogVariance(estimator="yang_zhang")
    with pytest.raises(
        SpecError, match="'log_variance': prefix = 'spy': input should be '', 'market' or 'basket'"
    ):
        LogVariance(prefix="spy")


def test_the_floor_is_below_a_tenth_of_the_least_variance_of_a_liquid_day_but_of_flat_ones():
    for name in ("SPY", "TLT", "IEF", "GLD"):
        values = np.exp(computed(LogVariance(1, annual_rows=1), etf(name)))
        assert values.min() > 10 * 1e-8
        assert sqrt(np.median(values)) > 20 * 1e-4


@both_sources
def test_the_mean_of_logs_equals_a_loop(source):
    bar = bar_rows(source)
    logs = [log(252 * max(row_variance(bar, i, "parkinson"), 1e-8)) for i in range(len(bar["close"]))]
    expected = [
        [sum(logs[t - n + 1 : t + 1]) / n for n in WINDOWS] for t in range(max(WINDOWS) - 1, len(logs))
    ]
    feature = LogVariance(WINDOWS, mean_of="log")
    np.testing.assert_allclose(computed(feature, bar), expected, rtol=1e-9, atol=1e-9)
    assert feature.names[1] == "mean_log_variance_parkinson_5"


def test_the_basket_is_the_mean_of_the_assets_that_have_the_whole_window():
    rows = bars(40, batch=3)
    basket = {f"basket_{name}": np.stack(list(values), axis=-1) for name, values in rows.items()}
    for name in ("basket_high", "basket_low"):
        basket[name][:7, 2] = np.nan
    for settings in ({}, {"mean_of": "log"}, {"estimator": "garman_klass", "overnight": True}):
        found = computed(LogVariance(5, prefix="basket", **settings), basket)[:, 0]
        alone = LogVariance(5, **settings)
        each = [computed(alone, {name: values[a] for name, values in rows.items()})[:, 0] for a in range(3)]
        first = 7  # of the windows of the third asset
        if not settings.get("overnight"):
            np.testing.assert_allclose(found[:first], (each[0] + each[1])[:first] / 2, rtol=1e-12)
            np.testing.assert_allclose(found[first:], np.mean(each, axis=0)[first:], rtol=1e-12)
        assert np.isfinite(found).all()
