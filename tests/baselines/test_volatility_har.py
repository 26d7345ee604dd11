"""The regressions of volatility, against least squares written out and by their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.baselines.volatility_samples import asset_samples, samples_of, split_at
from tsdeep.baselines.volatility_har import HarRv, HarVol, LogHar, LogHarRange, LogHarRangeVix
from tsdeep.baselines.volatility_pooled import PooledLogHar
from tsdeep.baselines.volatility_regression import least_squares, log_vix
from tsdeep.errors import DataError

SAMPLES = asset_samples(700)
TRAIN, TEST = split_at(SAMPLES, 500)
PANEL = SAMPLES.panel
SYMBOL = SAMPLES.symbol
REALISED = np.exp(SAMPLES.y.astype(float))  # annualised variance


def brute_mean(row, rows, prefix="", measure="close"):
    """Annualised mean of squared returns, or of Parkinson variances, of the last rows."""
    if measure == "close":
        close = PANEL.fields[prefix + "close"]
        parts = [np.log(close[k] / close[k - 1]) ** 2 for k in range(row - rows + 1, row + 1)]
    else:
        high, low = PANEL.fields[prefix + "high"], PANEL.fields[prefix + "low"]
        parts = [np.log(high[k] / low[k]) ** 2 / (4 * np.log(2)) for k in range(row - rows + 1, row + 1)]
    return 252.0 * np.mean(np.maximum(parts, 1e-8))


def brute(symbol, windows, measure, transform):
    """Regressors and rows of one asset whose windows are whole."""
    start = PANEL.bounds[PANEL.symbols.index(symbol), 0]
    first = start + max(windows) - (measure == "parkinson")
    train = TRAIN[(SYMBOL[TRAIN] == symbol) & (first <= TRAIN)]
    test = TEST[SYMBOL[TEST] == symbol][::40]

    def design(rows):
        return np.array(
            [[1.0, *(transform(brute_mean(row, k, measure=measure)) for k in windows)] for row in rows]
        )

    return train, test, design(train), design(test)


@pytest.mark.parametrize(
    ("make", "windows", "measure", "transform"),
    [
        (HarRv, (1, 5, 22), "close", lambda v: v),
        (HarVol, (1, 5, 22), "close", np.sqrt),
        (LogHar, (5, 22, 66), "close", np.log),
        (LogHarRange, (1, 5, 22, 66), "parkinson", np.log),
    ],
)
def test_a_har_is_least_squares_by_asset_on_trailing_means(make, windows, measure, transform):
    reference = make().fit(SAMPLES, TRAIN)
    for symbol in ("SPY", "GLD"):
        train, test, x, x_test = brute(symbol, windows, measure, transform)
        y = transform(REALISED[train])
        slopes, *_ = np.linalg.lstsq(x, y, rcond=None)
        residual = y - x @ slopes
        expected = x_test @ slopes
        if make in (HarRv, HarVol):
            expected = np.maximum(expected, y.min())
        forecast = reference.forecast(SAMPLES, test)
        np.testing.assert_allclose(forecast.value, expected, rtol=1e-4)
        variance = residual @ residual / (len(y) - x.shape[1])
        np.testing.assert_allclose(reference.lines[symbol].residual_variance, variance, rtol=1e-4)


def test_log_har_adds_half_the_residual_variance_before_it_takes_the_exponential():
    reference = LogHarRange().fit(SAMPLES, TRAIN)
    rows = TEST[SYMBOL[TEST] == "SPY"]
    value = reference.forecast(SAMPLES, rows).value
    line = reference.lines["SPY"]
    found = reference.predict(SAMPLES, rows)
    np.testing.assert_allclose(found["variance"], np.exp(value + line.residual_variance / 2.0))
    np.testing.assert_allclose(found["volatility"], np.exp(value / 2.0 + line.residual_variance / 8.0))


def test_har_on_volatility_adds_the_variance_of_its_residuals():
    reference = HarVol().fit(SAMPLES, TRAIN)
    rows = TEST[SYMBOL[TEST] == "TLT"]
    value = reference.forecast(SAMPLES, rows).value
    found = reference.predict(SAMPLES, rows)
    np.testing.assert_allclose(found["volatility"], value)
    np.testing.assert_allclose(found["variance"], value**2 + reference.lines["TLT"].residual_variance)


@pytest.mark.parametrize("make", [HarRv, HarVol])
def test_a_forecast_below_all_training_labels_is_raised_to_the_least_and_counted(make):
    reference = make().fit(SAMPLES, TRAIN)
    line = reference.lines["SPY"]
    rows = TEST[SYMBOL[TEST] == "SPY"]
    object.__setattr__(line, "constant", -1.0)
    assert (reference.forecast(SAMPLES, rows).value == line.least).all()
    assert reference.floored == len(rows)


def test_an_asset_with_few_training_rows_has_the_line_of_all():
    few = np.r_[TRAIN[SYMBOL[TRAIN] != "GLD"], TRAIN[SYMBOL[TRAIN] == "GLD"][:150]]
    reference = LogHarRange().fit(SAMPLES, few)
    assert set(reference.lines) == {"SPY", "TLT"}
    x = reference.regressors(SAMPLES)
    keep = few[x.whole[few]]
    common = least_squares(x.x[keep], np.log(REALISED[keep]), "test")
    rows = TEST[SYMBOL[TEST] == "GLD"]
    np.testing.assert_allclose(
        reference.forecast(SAMPLES, rows).value, common.constant + x.x[rows] @ common.slopes, rtol=1e-4
    )


def test_garman_klass_with_the_overnight_return_has_a_name_of_its_own():
    reference = LogHarRange("garman_klass")
    assert reference.name == "log_har_garman_klass"
    assert reference.needs == ("open", "high", "low", "close")
    other = LogHarRange().fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"]
    assert (reference.fit(SAMPLES, TRAIN).predict(SAMPLES, TEST)["variance"] != other).all()


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_vix_is_read_some_rows_before(lag):
    found = log_vix(PANEL, lag, "test")
    for start, stop in PANEL.bounds:
        assert np.isnan(found[start : start + lag]).all()
        np.testing.assert_array_equal(
            found[start + lag : stop], np.log(PANEL.fields["vix"][start : stop - lag])
        )


@pytest.mark.parametrize("make", [LogHarRangeVix, PooledLogHar])
def test_with_a_lag_the_vix_of_the_row_itself_is_not_read(make):
    vix = PANEL.fields["vix"].copy()
    vix[TEST] *= 2.0
    other = samples_of(PANEL.replace(vix=vix))
    first = TEST[:1]
    for lag, equal in ((0, False), (1, True)):
        before, after = (
            make(vix_lag_rows=lag).fit(s, TRAIN).predict(s, first)["variance"] for s in (SAMPLES, other)
        )
        assert (before == after).all() == equal


def test_a_vix_of_zero_is_refused_with_its_place():
    vix = PANEL.fields["vix"].copy()
    vix[705] = 0.0
    with pytest.raises(DataError, match=r"symbol 'TLT', row 5, .*field 'vix' is 0.0, expected above zero"):
        LogHarRangeVix().fit(samples_of(PANEL.replace(vix=vix)), TRAIN)


def test_pooled_log_har_is_one_regression_with_an_intercept_an_asset():
    reference = PooledLogHar().fit(SAMPLES, TRAIN)
    first = TRAIN[TRAIN - PANEL.bounds[PANEL.segment[TRAIN], 0] >= 65]

    def design(rows):
        return np.array(
            [
                [
                    *(SYMBOL[row] == name for name in PANEL.symbols),
                    *(np.log(brute_mean(row, k, measure="parkinson")) for k in (1, 5, 22, 66)),
                    np.log(PANEL.fields["vix"][row]),
                    np.log(brute_mean(row, 22, "market_", "parkinson")),
                ]
                for row in rows
            ],
            float,
        )

    x, y = design(first), np.log(REALISED[first])
    slopes, *_ = np.linalg.lstsq(x, y, rcond=None)
    # The market's variance is not annualised there: the intercepts take the difference.
    np.testing.assert_allclose(reference.slopes, slopes[3:], rtol=1e-4, atol=1e-6)
    rows = TEST[::30]
    np.testing.assert_allclose(reference.forecast(SAMPLES, rows).value, design(rows) @ slopes, rtol=1e-5)
    residual = y - x @ slopes
    np.testing.assert_allclose(
        reference.residual_variance, residual @ residual / (len(y) - x.shape[1]), rtol=1e-4
    )


def test_pooled_log_har_does_without_vix_and_market_where_they_are_not_there():
    lean = PANEL.select(("close", "high", "low"))
    samples = samples_of(lean)
    assert len(PooledLogHar().fit(samples, TRAIN).slopes) == 4
    with pytest.raises(DataError, match=r"found 6 regressors, expected the 4"):
        PooledLogHar().fit(samples, TRAIN).predict(SAMPLES, TEST)


def test_an_asset_that_was_not_trained_on_has_the_mean_intercept():
    rows = TRAIN[SYMBOL[TRAIN] != "GLD"]
    reference = PooledLogHar().fit(SAMPLES, rows)
    test = TEST[SYMBOL[TEST] == "GLD"]
    mean = np.mean([reference.intercepts["SPY"], reference.intercepts["TLT"]])
    x = reference.regressors(SAMPLES).x[test]
    np.testing.assert_allclose(reference.forecast(SAMPLES, test).value, mean + x @ reference.slopes)


@pytest.mark.parametrize("make", [HarRv, LogHarRange, PooledLogHar])
def test_too_few_training_rows_are_refused(make):
    rows = TRAIN[TRAIN >= 100][:4]
    with pytest.raises(
        DataError, match=r"found 4 training rows with whole means before them, expected more than"
    ):
        make().fit(SAMPLES, rows)
