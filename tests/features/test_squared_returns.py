"""Squared, signed and overnight returns against loops on real and made rows; why logs are the default."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tests.features.etf_rows import BASKET, bar_rows, both_sources, computed, etf, of_market
from tests.features.raw_rows import bars
from tsdeep.errors import SpecError
from tsdeep.features import (
    LogReturn,
    LogVariance,
    OvernightVariance,
    RealisedVolatility,
    Semivariance,
    SignedReturn,
    SquaredReturn,
)

WINDOWS = (1, 5, 22)


def close_return(bar, i):
    return log(bar["close"][i] / bar["close"][i - 1])


FEATURES = {
    "squared_return": (SquaredReturn, {}, lambda bar, i: close_return(bar, i) ** 2),
    "semivariance_down": (
        Semivariance,
        {"sign": "down"},
        lambda bar, i: close_return(bar, i) ** 2 if close_return(bar, i) < 0 else 0.0,
    ),
    "semivariance_up": (
        Semivariance,
        {"sign": "up"},
        lambda bar, i: close_return(bar, i) ** 2 if close_return(bar, i) > 0 else 0.0,
    ),
    "overnight_variance": (
        OvernightVariance,
        {},
        lambda bar, i: log(bar["open"][i] / bar["close"][i - 1]) ** 2,
    ),
}
every_feature = pytest.mark.parametrize("name", FEATURES)


@both_sources
@every_feature
@pytest.mark.parametrize("form", ["log", "root", "variance"])
def test_equals_a_loop(source, name, form):
    cls, arguments, square = FEATURES[name]
    bar = bar_rows(source)
    squares = [0.0] + [max(square(bar, i), 1e-8) for i in range(1, len(bar["close"]))]
    means = np.array(
        [[252 * sum(squares[t - n + 1 : t + 1]) / n for n in WINDOWS] for t in range(22, len(squares))]
    )
    expected = {"log": np.log, "root": np.sqrt, "variance": np.asarray}[form](means)
    feature = cls(**arguments, form=form)
    np.testing.assert_allclose(computed(feature, bar), expected, rtol=1e-9, atol=1e-12)
    label = name if form == "variance" else f"{form}_{name}"
    assert feature.names == tuple(f"{label}_{n}" for n in WINDOWS)
    market = cls(**arguments, form=form, prefix="market")
    assert market.names == tuple(f"market_{label}_{n}" for n in WINDOWS)
    np.testing.assert_array_equal(computed(market, of_market(bar)), computed(feature, bar))


@both_sources
def test_signed_return_equals_a_loop(source):
    bar = bar_rows(source)
    changes = [0.0] + [close_return(bar, i) for i in range(1, len(bar["close"]))]
    expected = [[sum(changes[t - n + 1 : t + 1]) / n for n in WINDOWS] for t in range(22, len(changes))]
    np.testing.assert_allclose(computed(SignedReturn(), bar), expected, rtol=1e-8, atol=1e-15)
    market = SignedReturn(prefix="market")
    assert market.names == ("market_signed_return_1", "market_signed_return_5", "market_signed_return_22")
    np.testing.assert_array_equal(computed(market, of_market(bar)), computed(SignedReturn(), bar))
    np.testing.assert_array_equal(computed(SignedReturn(5), bar), computed(LogReturn(5), bar) / 5)


@both_sources
def test_semivariances_add_up_to_the_squared_returns(source):
    bar = bar_rows(source)
    down, up, both = (
        computed(cls(**arguments, form="variance", floor=0.0), bar)
        for cls, arguments in (
            (Semivariance, {"sign": "down"}),
            (Semivariance, {"sign": "up"}),
            (SquaredReturn, {}),
        )
    )
    np.testing.assert_allclose(down + up, both, rtol=1e-13, atol=1e-18)
    assert (down[:, 0] * up[:, 0] == 0).all()
    assert (down[:, 2] > 0).all()


@both_sources
def test_squared_return_is_log_variance_of_closes_and_realised_volatility(source):
    bar = bar_rows(source)
    in_logs = LogVariance(WINDOWS, "close")
    np.testing.assert_array_equal(computed(SquaredReturn(), bar), computed(in_logs, bar))
    root = SquaredReturn(22, form="root", floor=0.0)
    volatility = RealisedVolatility(22, annual_rows=252)
    np.testing.assert_array_equal(computed(root, bar), computed(volatility, bar))


@every_feature
def test_the_floor_keeps_rows_without_a_return_at_a_finite_log(name):
    cls, arguments, _ = FEATURES[name]
    still = {field: np.full(30, 12.5) for field in ("open", "close")}
    np.testing.assert_allclose(computed(cls(**arguments), still), log(252e-8), rtol=1e-14)
    np.testing.assert_array_equal(computed(cls(**arguments, floor=0.0), still), -np.inf)
    np.testing.assert_array_equal(computed(cls(**arguments, form="root", floor=0.0), still), 0.0)


def test_a_missing_price_stays_missing():
    bar = {name: rows[0].copy() for name, rows in bars(12, batch=1).items()}
    bar["close"][5] = np.nan
    for sign in ("down", "up"):
        missing = np.isnan(computed(Semivariance(sign, 1), bar)[:, 0])
        np.testing.assert_array_equal(np.flatnonzero(missing) + 1, [5, 6])


def test_logs_have_the_lightest_tails_of_the_three_forms_on_real_days():
    table = {name: etf(name) for name in BASKET}
    for name, (cls, arguments, _) in FEATURES.items():
        furthest = {}
        for form in ("log", "root", "variance"):
            far = []
            for bar in table.values():
                values = computed(cls(**arguments, form=form), bar)
                far.append(np.abs((values - values.mean(0)) / values.std(0)).max(0))
            furthest[form] = np.median(far, axis=0)  # over the ETFs, for each window
        assert (furthest["log"] < 0.7 * furthest["root"]).all(), (name, furthest)
        assert (furthest["root"] < 0.8 * furthest["variance"]).all(), (name, furthest)
        assert furthest["log"].max() < 5
        assert furthest["variance"][0] > 25


def test_arguments_that_do_not_fit_are_refused():
    with pytest.raises(SpecError, match="'semivariance': argument 'sign' is missing"):
        Semivariance()
    with pytest.raises(
        SpecError, match="'squared_return': form = 'square': input should be 'log', 'root' or"
    ):
        SquaredReturn(form="square")
