import json

import numpy as np
import pytest

from tsdeep import DataError, SpecError
from tsdeep.tasks import Volatility
from tsdeep.tasks.volatility_calibration import Calibration, TrainingRange, conformal_shift
from tsdeep.units import QUANTILES, normal_quantile


def test_the_shift_is_the_residual_that_the_finite_sample_rule_names():
    """39 residuals: (39 + 1) x 0.975 = 39, so the largest; 40 x 0.025 = 1, so the smallest; 40 x 0.9 = 36, ..."""
    residuals = np.random.default_rng(0).permutation(np.arange(1.0, 40.0))
    expected = {0.025: 1, 0.1: 4, 0.25: 10, 0.5: 20, 0.75: 30, 0.9: 36, 0.975: 39}
    assert {level: conformal_shift(residuals, level) for level in QUANTILES} == expected
    # 45 residuals: 46 x 0.9 = 41.4, rounded up; 46 x 0.1 = 4.6, rounded down; 46 / 2 = 23.
    residuals = np.arange(1.0, 46.0)
    found = [conformal_shift(residuals, level) for level in (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)]
    assert found == [1, 4, 11, 23, 35, 42, 45]
    assert conformal_shift(np.array([3.0, 1.0, 8.0, 2.0]), 0.5) == 2.5  # the median of an even number


def test_decimal_levels_are_counted_exactly():
    """0.55 x 100 is 55.000000000000007 in binary: a rule in floating point would take residual 56."""
    assert int(np.ceil(0.55 * 100)) == 56
    assert conformal_shift(np.arange(1.0, 100.0), 0.55) == 55.0
    for n in (19, 39, 99, 199, 999):
        residuals = np.arange(1.0, n + 1)
        for thousandths in range(1, 1000):
            place = (n + 1) * thousandths
            if not 1000 <= place <= 1000 * n or 2 * thousandths == 1000:
                continue
            expected = -(-place // 1000) if 2 * thousandths > 1000 else place // 1000
            assert conformal_shift(residuals, thousandths / 1000) == expected


@pytest.mark.parametrize(
    ("level", "needed"), [(0.975, 39), (0.025, 39), (0.9, 9), (0.75, 3), (0.5, 1), (0.999, 999)]
)
def test_too_few_rows_for_a_level_are_refused_and_just_enough_are_not(level, needed):
    residuals = np.arange(float(needed))
    assert conformal_shift(residuals, level) in (residuals[0], residuals[-1])
    with pytest.raises(
        DataError, match=rf"{needed - 1} rows to calibrate on, expected at least {needed} for"
    ):
        conformal_shift(residuals[1:], level)


def test_bounds_cover_their_share_of_exchangeable_rows():
    """Over many draws of 60 rows and one new one, each upper bound covers at least its level, and at most 1/61 more."""
    random = np.random.default_rng(0)
    n, draws = 60, 4000
    drawn = random.standard_t(3, (draws, n + 1)) * np.exp(
        0.5 * random.normal(size=(draws, 1))
    )  # exchangeable
    for level in (0.025, 0.1, 0.25, 0.75, 0.9, 0.975):
        shift = np.array([conformal_shift(row[:n], level) for row in drawn])
        below = np.mean(drawn[:, n] <= shift)
        error = 4 * np.sqrt(level * (1 - level) / draws)
        low, high = (level, level + 1 / (n + 1)) if level > 0.5 else (level - 1 / (n + 1), level)
        assert low - error < below < high + error


def a_calibration(training_range=None):
    random = np.random.default_rng(0)
    return Calibration(
        rows=2520,
        residual_variance=float(random.uniform()) / 3,
        levels=QUANTILES,
        shifts=tuple(random.normal(size=7).tolist()),
        insane_rows=3,
        training_range=training_range,
    )


@pytest.mark.parametrize(
    "bounds",
    [
        None,
        TrainingRange((-9.1,), (0.1 + 0.2,), (-4.7,)),
        TrainingRange((1 / 3, 2.0), (3.0, 4.0), (2.5, 3.5)),
    ],
)
def test_a_calibration_comes_back_from_json_exactly(bounds):
    found = a_calibration(bounds)
    text = json.dumps(found.to_dict())
    assert Calibration.from_dict(json.loads(text)) == found
    assert json.dumps(Calibration.from_dict(json.loads(text)).to_dict()) == text
    assert json.loads(text) == found.to_dict()  # a list stays a list


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shifts": None}, "cannot be read: TypeError"),
        ({"residual_variance": "much"}, "cannot be read: ValueError"),
        ({"residual_variance": -0.1}, "found residual variance -0.1"),
        ({"shifts": [0.1, 0.2]}, "2 shifts .* one for each of 7 levels"),
        ({"shifts": [float("nan")] * 7}, "expected finite numbers"),
        ({"training_range": {"lowest": [1.0]}}, "cannot be read: KeyError: 'highest'"),
    ],
)
def test_what_is_no_calibration_is_refused(change, message):
    with pytest.raises(SpecError, match=message):
        Calibration.from_dict({**a_calibration().to_dict(), **change})
    lacking = a_calibration().to_dict()
    del lacking["rows"]
    with pytest.raises(SpecError, match="KeyError: 'rows'"):
        Calibration.from_dict(lacking)


def test_the_training_range_is_that_of_each_asset_and_its_mean_in_the_unit_of_the_forecast():
    z = np.random.default_rng(0).normal([-6.0, -3.0], 0.7, (400, 2))
    means = {
        "log_variance": z.mean(axis=0),
        "variance": np.log(np.exp(z).mean(axis=0)),
        "volatility": 2 * np.log(np.exp(z / 2).mean(axis=0)),
    }
    for unit, mean in means.items():
        found = TrainingRange.of(z, unit)
        np.testing.assert_array_equal(found.lowest, z.min(axis=0))
        np.testing.assert_array_equal(found.highest, z.max(axis=0))
        np.testing.assert_allclose(found.mean, mean, rtol=1e-12)


@pytest.mark.parametrize("z", [np.array([[-4.0], [-np.inf]]), np.array([[np.nan]]), np.empty((0, 1))])
def test_training_labels_without_a_log_are_refused(z):
    with pytest.raises(DataError, match="insanity filter: found"):
        TrainingRange.of(z, "log_variance")


def test_conformal_shifts_are_of_the_newest_days_alone():
    random = np.random.default_rng(3)
    time = np.repeat(np.arange("2010-01-01", "2012-01-01", dtype="datetime64[D]"), 2)
    y = random.normal(-3.0, 0.5, len(time)).astype("float32")
    y[: len(time) // 2] += 5.0  # an older half that is far off
    task = Volatility(quantiles=(), conformal_days=200)
    logits = np.full((len(time), 1), -3.0, "float32")
    symbol = np.tile(["A", "B"], len(time) // 2)
    found = task.calibrate(y, logits, symbol, time)
    newest = time >= np.datetime64("2012-01-01") - 200
    alone = Volatility(quantiles=()).calibrate(y[newest], logits[newest], symbol[newest])
    all_rows = Volatility(quantiles=()).calibrate(y, logits, symbol)
    assert found.calibration["residual_variance"] == all_rows.calibration["residual_variance"]
    levels = np.array(found.levels)
    spread = np.sqrt(found.calibration["residual_variance"] / alone.calibration["residual_variance"])
    assert spread > 3
    shifted = np.array(found.calibration["shifts"])
    q = np.array(
        [float(np.sqrt(found.calibration["residual_variance"]) * normal_quantile(p)) for p in levels]
    )
    q_alone = np.array(
        [float(np.sqrt(alone.calibration["residual_variance"]) * normal_quantile(p)) for p in levels]
    )
    np.testing.assert_allclose(q + shifted, q_alone + np.array(alone.calibration["shifts"]), atol=1e-6)
    with pytest.raises(SpecError, match="conformal_days: found no times of the rows"):
        task.calibrate(y, logits, symbol)
