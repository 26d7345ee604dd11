"""What all references of volatility do: they look at nothing after the origin, and forecast in every unit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.baselines.volatility_samples import SYMBOLS, asset_samples, samples_of, split_at
from tests.synthetic import samples as direction_samples
from tsdeep.assets import Assets
from tsdeep.baselines import volatility
from tsdeep.baselines.volatility import BySymbol, realised_variance, variance_of
from tsdeep.baselines.volatility_naive import RandomWalkVolatility
from tsdeep.baselines.volatility_references import volatility_references
from tsdeep.errors import DataError, RunError, SpecError

SAMPLES = asset_samples(420)
NAMES = [reference.name for reference in volatility_references(SAMPLES.panel.fields)]
TRAIN, TEST = split_at(SAMPLES, 330)
PRICES = ("open", "high", "low", "close")


def fresh(name: str):
    (found,) = (r for r in volatility_references(SAMPLES.panel.fields) if r.name == name)
    return found


@pytest.fixture(scope="module")
def predicted():
    return {name: fresh(name).fit(SAMPLES, TRAIN).predict(SAMPLES, TEST) for name in NAMES}


def changed_after(samples, origin, factor):
    """All that is known of days after a day is another."""
    after = samples.time > origin
    fields = {
        name: np.where(after.reshape(-1, *[1] * (values.ndim - 1)), values * factor, values)
        for name, values in samples.panel.fields.items()
        if name != "asset"
    }
    noise = np.exp(np.random.default_rng(1).normal(0.0, 0.5, len(after)))
    fields["close"] = np.where(after, fields["close"] * noise, fields["close"])
    return samples_of(samples.panel.replace(**fields))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=3, deadline=None)
@given(day=st.integers(330, 419), factor=st.sampled_from([0.01, 3.0, 1e4]))
def test_a_prediction_is_the_same_whatever_comes_after_its_origin(predicted, name, day, factor):
    origin = np.unique(SAMPLES.time)[day]
    samples = changed_after(SAMPLES, origin, factor)
    outputs = fresh(name).fit(samples, TRAIN).predict(samples, TEST)
    known = SAMPLES.time[TEST] <= origin
    assert known.sum() >= len(SYMBOLS)
    for column, values in outputs.items():
        np.testing.assert_array_equal(values[known], predicted[name][column][known], err_msg=column)


@pytest.mark.parametrize("name", NAMES)
def test_no_label_outside_the_training_rows_is_read(predicted, monkeypatch, name):
    true = volatility.realised_of_panel
    rows = TRAIN[::2]
    before = fresh(name).fit(SAMPLES, rows).predict(SAMPLES, TEST)

    def spoilt(*arguments):
        found = 7.0 * true(*arguments)
        found[rows] = true(*arguments)[rows]
        return found

    monkeypatch.setattr(volatility, "realised_of_panel", spoilt)
    after = fresh(name).fit(SAMPLES, rows).predict(SAMPLES, TEST)
    for column, values in after.items():
        np.testing.assert_array_equal(values, before[column], err_msg=column)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_is_forecast_the_same_alone_and_among_others(predicted, name):
    one = fresh(name).fit(SAMPLES, TRAIN).predict(SAMPLES, TEST[5:6])
    for column, values in one.items():
        np.testing.assert_allclose(values, predicted[name][column][5:6], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_units_and_quantiles_are_log_normal(predicted, name):
    found = predicted[name]
    levels = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
    assert tuple(found) == ("variance", "volatility", "median", *levels)
    assert all(values.dtype == np.float64 and values.shape == TEST.shape for values in found.values())
    variance, mean, median = found["variance"], found["volatility"], found["median"]
    spread = 8.0 * np.log(mean / median)  # exp(s2 / 8) is mean over median
    np.testing.assert_allclose(variance, median**2 * np.exp(spread / 2.0), rtol=1e-9)
    np.testing.assert_allclose(found["q500"], median, rtol=1e-12)
    np.testing.assert_allclose(
        found["q975"], median * np.exp(1.959963984540054 * np.sqrt(spread) / 2.0), rtol=1e-6
    )
    assert (np.diff([found[level] for level in levels], axis=0) > 0).all()


def test_quantiles_are_those_of_the_task():
    samples = asset_samples(420, quantiles=(0.2, 0.8))
    assert list(RandomWalkVolatility().fit(samples, TRAIN).predict(samples, TEST))[3:] == ["q200", "q800"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["volatility", "variance"])
def test_the_target_of_the_task_makes_no_difference(predicted, name, target):
    samples = asset_samples(420, target=target)
    found = fresh(name).fit(samples, TRAIN).predict(samples, TEST)
    np.testing.assert_array_equal(found["variance"], predicted[name]["variance"])


def test_realised_variance_is_the_annualised_mean_of_the_next_squared_returns():
    close = SAMPLES.panel.fields["close"]
    rows = TRAIN[[0, 7, -1]]
    brute = [
        252.0 / 21.0 * sum(np.log(close[row + k] / close[row + k - 1]) ** 2 for k in range(1, 22))
        for row in rows
    ]
    np.testing.assert_allclose(realised_variance(SAMPLES, rows, "test"), brute, rtol=1e-12)


def test_assets_that_are_only_trained_on_are_left_out():
    assets = Assets(SYMBOLS[:2], train_only=SYMBOLS[2:], market="SPY", joined=("vix",))
    samples = dataclasses.replace(SAMPLES, assets=assets)
    of_the_basket = SAMPLES.symbol[TRAIN] != SYMBOLS[2]
    asked = TEST[SAMPLES.symbol[TEST] != SYMBOLS[2]]
    for name in NAMES:
        all_rows = fresh(name).fit(samples, TRAIN).predict(samples, asked)["variance"]
        own_rows = fresh(name).fit(SAMPLES, TRAIN[of_the_basket]).predict(SAMPLES, asked)["variance"]
        np.testing.assert_array_equal(all_rows, own_rows)


def test_residual_variance_is_by_asset_and_common_where_an_asset_has_few_rows():
    panel = SAMPLES.panel
    rows = np.r_[0:300, 420:720, 840:850]
    residual = np.random.default_rng(0).normal(0.0, np.where(panel.symbol[rows] == "SPY", 0.1, 0.3))
    found = BySymbol().fit(panel, rows, np.exp(residual), np.ones(len(rows)))
    by_asset = [residual[panel.symbol[rows] == symbol].var() for symbol in SYMBOLS]
    np.testing.assert_allclose(
        found.of(panel, np.array([0, 420, 840])), [by_asset[0], by_asset[1], np.mean(by_asset)]
    )


def test_the_mean_of_variance_of_a_forecast_without_enough_rows_is_not_a_number():
    forecast = volatility.Forecast(np.array([np.log(0.04), np.nan]), 0.2, "log_variance")
    np.testing.assert_allclose(variance_of(forecast), [0.04 * np.exp(0.1), np.nan])


@pytest.mark.parametrize("name", NAMES)
def test_misuse_is_refused(name):
    with pytest.raises(RunError, match=f"{name}: predict before fit"):
        fresh(name).predict(SAMPLES, TEST)
    with pytest.raises(SpecError, match=f"{name}: found samples of task Direction.*expected a volatility"):
        fresh(name).fit(direction_samples(), np.arange(100, 200))
    with pytest.raises(DataError, match=f"{name}: found no row to learn from"):
        fresh(name).fit(SAMPLES, TRAIN[:0])
    with pytest.raises(DataError, match=f"{name}: symbol 'GLD', row 419.*: found no label"):
        fresh(name).fit(SAMPLES, np.r_[TRAIN, SAMPLES.panel.n_rows - 1])
    with pytest.raises(SpecError, match=f"{name}: found samples of 3 assets a row, expected one"):
        fresh(name).fit(dataclasses.replace(SAMPLES, task=SAMPLES.task.for_assets(3)), TRAIN)


def test_a_close_that_does_not_move_is_refused_with_its_place():
    close = SAMPLES.panel.fields["close"].copy()
    close[100:130] = close[100]
    samples = samples_of(
        SAMPLES.panel.replace(close=close), target="variance", point_loss="mse", quantiles=()
    )
    with pytest.raises(DataError, match=r"symbol 'SPY', row 100, .*: found a realised variance of zero"):
        RandomWalkVolatility().fit(samples, TRAIN)


def test_a_row_without_a_return_before_it_is_refused_with_its_place():
    with pytest.raises(DataError, match=r"random_walk: symbol 'TLT', row 0, .*: found too few rows before"):
        RandomWalkVolatility().fit(SAMPLES, TRAIN).predict(SAMPLES, np.array([420]))
