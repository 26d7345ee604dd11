import numpy as np
import pytest
from scipy import stats

from tsdeep.errors import DataError, SpecError
from tsdeep.units import (
    QUANTILES,
    convert_units,
    mean_log_variance,
    normal_quantile,
    quantile_name,
    volatility_quantiles,
)

CENTRE, RESIDUAL_VARIANCE = np.log(0.18**2), 0.35


def drawn(n=2_000_000):
    """Log-normal variances, half of them the mirror image of the other in log."""
    noise = np.random.default_rng(0).normal(0, np.sqrt(RESIDUAL_VARIANCE), n // 2)
    return np.exp(CENTRE + np.concatenate([noise, -noise]))


def forecast(variance, unit):
    """What a method forecasts that is right about the mean of the unit."""
    return {
        "log_variance": np.log(variance).mean(),
        "variance": variance.mean(),
        "volatility": np.sqrt(variance).mean(),
    }[unit]


@pytest.mark.parametrize("unit", ["log_variance", "variance", "volatility"])
def test_each_unit_is_converted_to_the_moments_of_simulated_log_normals(unit):
    variance = drawn()
    found = convert_units(forecast(variance, unit), unit, RESIDUAL_VARIANCE)
    volatility = np.sqrt(variance)
    for name, sample in (("variance", variance), ("volatility", volatility)):
        error = 5 * sample.std() / np.sqrt(len(sample))
        assert abs(found[name] - sample.mean()) < error
        assert error < 0.005 * sample.mean()
    assert found["median"] == pytest.approx(np.median(volatility), rel=2e-3)


@pytest.mark.parametrize("unit", ["log_variance", "variance", "volatility"])
def test_quantiles_are_those_of_simulated_log_normals(unit):
    variance = drawn()
    found = volatility_quantiles(forecast(variance, unit), unit, RESIDUAL_VARIANCE)
    assert list(found) == ["q025", "q100", "q250", "q500", "q750", "q900", "q975"]
    for level, value in zip(QUANTILES, found.values(), strict=True):
        # The share of draws below is within five binomial errors of the level.
        assert abs(np.mean(np.sqrt(variance) < value) - level) < 5 * np.sqrt(
            level * (1 - level) / len(variance)
        )


@pytest.mark.parametrize("unit", ["variance", "volatility"])
def test_converting_there_and_back_gives_the_same(unit):
    value = np.geomspace(1e-4, 9, 50)
    found = convert_units(value, unit, 0.4)
    np.testing.assert_allclose(found[unit], value, rtol=1e-13)
    again = convert_units(2 * np.log(found["median"]), "log_variance", 0.4)
    for name, values in again.items():
        np.testing.assert_allclose(values, found[name], rtol=1e-13)


def test_the_conversions_are_the_formulas_of_the_log_normal():
    v, s2 = np.array([0.01, 0.09]), np.array([0.1, 0.5])
    found = convert_units(v, "variance", s2)
    np.testing.assert_allclose(found["volatility"], np.sqrt(v) * np.exp(-s2 / 8), rtol=1e-14)
    np.testing.assert_allclose(found["median"], np.sqrt(v) * np.exp(-s2 / 4), rtol=1e-14)
    found = convert_units(v, "volatility", s2)
    np.testing.assert_allclose(found["variance"], v**2 * np.exp(s2 / 4), rtol=1e-14)
    np.testing.assert_allclose(found["median"], v * np.exp(-s2 / 8), rtol=1e-14)


def test_without_residual_variance_all_units_are_one():
    for value, unit in ((0.04, "variance"), (0.2, "volatility"), (np.log(0.04), "log_variance")):
        found = convert_units(value, unit, 0.0)
        np.testing.assert_allclose(list(found.values()), [0.04, 0.2, 0.2], rtol=1e-14)


def test_tensors_are_converted_as_arrays_are():
    from keras import ops

    log_variance = np.array([[-4.0, -2.0], [-6.5, 0.5]])
    expected = convert_units(log_variance, "log_variance", 0.3)
    found = convert_units(ops.convert_to_tensor(log_variance), "log_variance", 0.3, exp=ops.exp)
    for name, value in expected.items():
        np.testing.assert_allclose(np.asarray(found[name]), value, rtol=1e-6)


@pytest.mark.parametrize("unit", ["variance", "volatility"])
@pytest.mark.parametrize("bad", [0.0, -0.1, np.nan])
def test_a_forecast_that_is_not_above_zero_is_refused(unit, bad):
    with pytest.raises(DataError, match=rf"a forecast of {unit} is {bad} \(1 of 3 are not above zero\)"):
        convert_units(np.array([0.1, bad, 0.2]), unit, 0.1)


def test_an_unknown_unit_is_refused_by_name():
    with pytest.raises(SpecError, match="unknown unit of volatility 'variances': did you mean 'variance'"):
        convert_units(0.1, "variances", 0.1)
    with pytest.raises(SpecError, match="unknown unit"):
        mean_log_variance(0.1, "std", 0.1)


def test_quantiles_are_named_by_thousandths():
    names = [quantile_name(level) for level in np.arange(1, 1000) / 1000]
    assert names == [f"q{i:03d}" for i in range(1, 1000)]


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 0.0005, 0.12345, 1.5])
def test_a_level_that_has_no_name_is_refused(level):
    with pytest.raises(SpecError, match="three decimals"):
        quantile_name(level)


def test_normal_quantiles_are_those_of_scipy():
    levels = np.array([0.001, 0.025, 0.3, 0.5, 0.999])
    np.testing.assert_allclose([normal_quantile(p) for p in levels], stats.norm.ppf(levels), rtol=1e-14)
