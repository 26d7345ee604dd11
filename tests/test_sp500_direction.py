"""The spec's folds and reference rows against a calculation that uses pandas alone."""

import numpy as np
import pandas as pd
import pytest
from arch.data import sp500

import tsdeep
from tsdeep.baselines import AlwaysUp, BaseRate


@pytest.fixture(scope="module")
def samples():
    return tsdeep.load("sp500_direction")


@pytest.fixture(scope="module")
def folds(samples):
    return list(samples.spec.splitter().split(samples))


@pytest.fixture(scope="module")
def rises():
    close = sp500.load()["Close"]
    return (close.shift(-1) > close)[:-1].astype(int)


def test_test_years_are_2004_to_2018_day_by_day(samples, folds, rises):
    days = np.concatenate([samples.time[fold.test] for fold in folds])
    expected = rises[rises.index >= "2004"]
    assert len(expected) == 3774
    np.testing.assert_array_equal(pd.DatetimeIndex(days), expected.index)
    np.testing.assert_array_equal(np.concatenate([samples.y[fold.test] for fold in folds]), expected)
    assert [{int(y) for y in pd.DatetimeIndex(samples.time[f.test]).year} for f in folds] == [
        {y} for y in range(2004, 2019)
    ]


def test_always_up_and_the_base_rate_agree_with_pandas(samples, folds, rises):
    up = np.concatenate(
        [AlwaysUp().fit(samples.x[f.refit], samples.y[f.refit]).predict(samples.x[f.test]) for f in folds]
    )
    assert round(float(np.mean((up > 0.5) == rises[rises.index >= "2004"])), 4) == 0.5445

    ours = np.concatenate(
        [BaseRate().fit(samples.x[f.refit], samples.y[f.refit]).predict(samples.x[f.test]) for f in folds]
    )
    theirs = []
    for year in range(2004, 2019):
        before = rises[rises.index.year < year][:-1]  # the last label ends in the test year
        theirs.append(np.full((rises.index.year == year).sum(), before.mean()))
    theirs = np.concatenate(theirs)
    y = rises[rises.index >= "2004"].to_numpy()
    for rate in (ours, theirs):
        assert round(float(-np.log(np.where(y == 1, rate, 1 - rate)).mean()), 4) == 0.6909
    # The spec's rows lack the first 40 days, which have no whole window.
    np.testing.assert_allclose(ours, theirs, atol=0.004)


def test_settings_were_chosen_before_the_first_test_row(samples, folds):
    assert samples.time[folds[0].test[0]] == np.datetime64("2004-01-02")
    assert samples.spec.variants == 24
