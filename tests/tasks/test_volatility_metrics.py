import keras
import numpy as np
import pytest

from tsdeep import SpecError
from tsdeep.tasks.volatility_metrics import QLIKEMetric, VolatilityRMSE
from tsdeep.units import convert_units

UNITS = ("log_variance", "variance", "volatility")


def figures(variance, m, unit, weight=None):
    """QLIKE and RMSE in percentage points, of forecasts converted by the residual variance of the rows."""
    weight = np.ones_like(variance) if weight is None else weight
    d = np.log(variance) - m
    mean = np.average(d, weights=weight)
    s2 = np.average((d - mean) ** 2, weights=weight)
    value = {"log_variance": m, "variance": np.exp(m), "volatility": np.exp(m / 2)}[unit]
    h = convert_units(value, unit, s2)["variance"]
    qlike = np.average(variance / h - np.log(variance / h) - 1, weights=weight)
    return qlike, 100 * np.sqrt(np.average((np.sqrt(variance) - np.sqrt(h)) ** 2, weights=weight))


def market(shape, seed=0):
    random = np.random.default_rng(seed)
    m = random.normal(-3.8, 1, shape)
    return np.exp(m + random.normal(0.1, 0.5, shape)), m


def as_target(variance, target):
    return {"log_variance": np.log, "variance": np.asarray, "volatility": np.sqrt}[target](variance).astype(
        "float32"
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(50,), (20, 4)])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("target", UNITS)
def test_figures_are_those_of_converted_forecasts_over_all_batches(target, unit, shape, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        metrics = QLIKEMetric(target, unit), VolatilityRMSE(target, unit)
    finally:
        keras.config.set_dtype_policy(before)
    parts = [market(shape, seed) for seed in range(3)]
    for metric in metrics:
        for variance, m in parts:
            logits = np.stack([m, m + 7, m - 2], axis=-1).astype("float32")
            metric.update_state(as_target(variance, target), logits)
    variance, m = (np.concatenate(part) for part in zip(*parts, strict=True))
    np.testing.assert_allclose(
        [float(metric.result()) for metric in metrics], figures(variance, m, unit), rtol=1e-4
    )


@pytest.mark.parametrize("shape", [(50,), (20, 4)])
def test_weights_of_rows_count(shape):
    variance, m = market(shape)
    weight = np.random.default_rng(1).uniform(0, 2, shape[:1]).astype("float32")
    metrics = QLIKEMetric(), VolatilityRMSE()
    for metric in metrics:
        metric.update_state(
            as_target(variance, "log_variance"), m[..., None].astype("float32"), sample_weight=weight
        )
    whole = np.broadcast_to(weight.reshape(-1, *[1] * (len(shape) - 1)), shape)
    expected = figures(variance, m, "log_variance", whole)
    np.testing.assert_allclose([float(metric.result()) for metric in metrics], expected, rtol=1e-4)


@pytest.mark.parametrize("cls", [QLIKEMetric, VolatilityRMSE])
def test_a_metric_starts_at_zero_and_starts_anew(cls):
    metric = cls()
    assert float(metric.result()) == 0.0
    variance, m = market((30,))
    metric.update_state(as_target(variance, "log_variance"), m[:, None].astype("float32"))
    assert float(metric.result()) > 0.01
    metric.reset_state()
    assert float(metric.result()) == 0.0


@pytest.mark.parametrize("cls", [QLIKEMetric, VolatilityRMSE])
def test_extreme_logits_give_finite_figures(cls):
    metric = cls()
    m = np.array([-1e3, -50.0, 50.0, 1e3], "float32")
    metric.update_state(np.full(4, -4.0, "float32"), m[:, None])
    metric.reset_state()
    metric.update_state(np.full(2, -4.0, "float32"), np.array([[-20.0], [10.0]], "float32"))
    assert np.isfinite(float(metric.result()))


@pytest.mark.parametrize("cls", [QLIKEMetric, VolatilityRMSE])
def test_a_metric_is_rebuilt_from_its_config(cls):
    metric = cls("volatility", "variance", name="some")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is cls
    assert (again.target, again.unit, again.name) == ("volatility", "variance", "some")


def test_an_unknown_unit_or_weights_of_more_axes_are_refused():
    with pytest.raises(SpecError, match="unknown unit of volatility 'std'"):
        QLIKEMetric(unit="std")
    with pytest.raises(SpecError, match="sample_weight: found shape"):
        QLIKEMetric().update_state(
            np.zeros(3, "float32"), np.zeros((3, 1), "float32"), np.ones((3, 2), "float32")
        )
