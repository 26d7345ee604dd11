import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import optimize, stats

from tsdeep import SpecError
from tsdeep.tasks import Volatility
from tsdeep.tasks.volatility_losses import QLIKE, LogVarianceMSE, VolatilityMSE, VolatilityPinball
from tsdeep.units import QUANTILES

TARGETS = ("log_variance", "variance", "volatility")
LOSSES = (QLIKE, LogVarianceMSE, VolatilityMSE, VolatilityPinball)


def as_target(variance, target):
    return {"log_variance": np.log, "variance": np.asarray, "volatility": np.sqrt}[target](variance)


def point_by_formula(cls, variance, m, target):
    h = np.exp(m)
    if cls is QLIKE:
        return variance / h - np.log(variance / h) - 1
    if cls is LogVarianceMSE:
        return (np.log(variance) - m) ** 2
    if cls is VolatilityPinball:
        return np.abs(np.log(variance) - m) / 2
    return (as_target(variance, target) - as_target(h, target)) ** 2


def quantiles_by_formula(m, raw):
    spread = np.diff(0.5 * stats.norm.ppf(QUANTILES))
    columns = [m + raw[..., 3]] * 7
    for i in (4, 5, 6):
        columns[i] = columns[i - 1] + np.logaddexp(0, raw[..., i] + np.log(np.expm1(spread[i - 1])))
    for i in (2, 1, 0):
        columns[i] = columns[i + 1] - np.logaddexp(0, raw[..., i] + np.log(np.expm1(spread[i])))
    return columns


def pinball_by_formula(variance, m, raw):
    total = 0.0
    for level, q in zip(QUANTILES, quantiles_by_formula(m, raw), strict=True):
        e = np.log(variance) - q
        total = total + np.where(e > 0, level * e, (level - 1) * e)
    return total / 7


def market(shape, seed=0):
    random = np.random.default_rng(seed)
    z = random.normal(-3.8, 1, shape)
    logits = random.normal(0, 0.7, (*shape, 8))
    logits[..., 0] += z + random.normal(0, 0.5, shape)
    return np.exp(z), logits


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("shape", [(40,), (12, 5)])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("cls", LOSSES)
def test_losses_equal_their_formulas(cls, target, shape, policy):
    variance, logits = market(shape)
    y = as_target(variance, target).astype("float32")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        alone = cls(target)(y, logits[..., :1].astype("float32"))
        whole = cls(target, QUANTILES)(y, logits.astype("float32"))
    finally:
        keras.config.set_dtype_policy(before)
    assert whole.dtype == "float32"
    m, raw = logits[..., 0], logits[..., 1:]
    point = point_by_formula(cls, variance, m, target).mean()
    np.testing.assert_allclose(float(alone), point, rtol=1e-5)
    np.testing.assert_allclose(float(whole), point + pinball_by_formula(variance, m, raw).mean(), rtol=1e-5)


def test_labels_with_an_axis_of_one_are_not_spread_over_the_batch():
    variance, logits = market((9,))
    loss = LogVarianceMSE()
    y = np.log(variance).astype("float32")
    first = logits[:, :1].astype("float32")
    np.testing.assert_allclose(loss(y[:, None], first), loss(y, first), rtol=1e-7)
    np.testing.assert_allclose(loss(y, first), ((y - first[:, 0]) ** 2).mean(), rtol=1e-6)


@pytest.mark.parametrize("shape", [(20,), (8, 3)])
def test_weights_of_rows_count(shape):
    variance, logits = market(shape)
    weight = np.random.default_rng(1).uniform(0, 2, shape).astype("float32")
    loss = QLIKE(reduction="mean_with_sample_weight")
    found = loss(np.log(variance).astype("float32"), logits[..., :1].astype("float32"), sample_weight=weight)
    each = point_by_formula(QLIKE, variance, logits[..., 0], "log_variance")
    np.testing.assert_allclose(found, (each * weight).sum() / weight.sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("cls", "target", "best"),
    [
        (QLIKE, "log_variance", lambda v: np.log(v.mean())),
        (QLIKE, "volatility", lambda v: np.log(v.mean())),
        (LogVarianceMSE, "variance", lambda v: np.log(v).mean()),
        (VolatilityMSE, "log_variance", lambda v: np.log(v).mean()),
        (VolatilityMSE, "variance", lambda v: np.log(v.mean())),
        (VolatilityMSE, "volatility", lambda v: 2 * np.log(np.sqrt(v).mean())),
        (VolatilityPinball, "log_variance", lambda v: np.median(np.log(v))),
    ],
)
def test_each_loss_is_least_at_what_its_unit_says(cls, target, best):
    """Of a thousand and one realisations; QLIKE at the true variance of squared normals among them."""
    variance = 0.04 * np.random.default_rng(0).chisquare(5, 1001) / 5
    y = as_target(variance, target).astype("float32")
    loss = cls(target)

    def of(m):
        return float(loss(y, np.full((len(y), 1), m, "float32")))

    found = optimize.minimize_scalar(of, bounds=(-6, -1), method="bounded", options={"xatol": 1e-5}).x
    assert found == pytest.approx(best(variance), abs=0.02)


def test_qlike_is_zero_at_the_truth_and_precise_near_it():
    d = np.array([0.0, 1e-4, -1e-3, 0.01, -0.3, 2.0, 9.9], "float64")
    z = d.astype("float32")  # the forecast is 0, so that no rounding of a difference comes in
    found = np.asarray(QLIKE(reduction=None)(z, np.zeros((7, 1), "float32")))
    exact = np.expm1(z.astype("float64")) - z.astype("float64")
    assert found[0] == 0.0
    np.testing.assert_allclose(found[1:], exact[1:], rtol=2e-3)
    np.testing.assert_allclose(found[3:], exact[3:], rtol=2e-5)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("cls", LOSSES)
def test_gradients_are_finite_for_extreme_logits(cls, target):
    m = np.array([-1e6, -200.0, -90.0, -30.0, -3.0, 0.0, 30.0, 90.0, 200.0, 1e6], "float32")
    logits = keras.Variable(
        np.concatenate([m[:, None], np.tile([[-1e5, 1e5, 90, 0, -90, 3, 1e4]], (10, 1))], 1)
    )
    y = as_target(np.full(10, 0.03), target).astype("float32")
    with tf.GradientTape() as tape:
        value = cls(target, QUANTILES)(y, logits.value)
    assert np.isfinite(float(value))
    assert np.isfinite(np.asarray(tape.gradient(value, logits.value))).all()


def test_qlike_goes_on_along_its_tangent_where_a_forecast_is_far_too_low():
    z = keras.Variable(np.array([9.999, 10.0, 10.001, 12.0, 40.0], "float32"))
    with tf.GradientTape() as tape:
        value = QLIKE(reduction=None)(z.value, tf.zeros((5, 1)))
    slope = np.expm1([9.999, 10, 10, 10, 10])
    np.testing.assert_allclose(np.asarray(tape.gradient(value, z.value)), slope, rtol=1e-5)
    expected = np.exp(10) - 11 + np.expm1(10) * (np.array([10.001, 12, 40]) - 10)
    np.testing.assert_allclose(np.asarray(value)[2:], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        cls(target, quantiles)
        for cls in LOSSES
        for target, quantiles in (("variance", ()), ("volatility", (0.1, 0.9)))
    ],
)
def test_a_loss_is_rebuilt_from_its_config(loss):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert (again.target, again.quantiles) == (loss.target, loss.quantiles)
    assert again.get_config() == loss.get_config()


def test_an_unknown_target_is_refused():
    with pytest.raises(SpecError, match="unknown target 'varience': did you mean 'variance'"):
        QLIKE("varience")


def test_the_pinball_loss_does_not_move_the_point_forecast():
    variance, logits = market((30,))
    y = np.log(variance).astype("float32")
    slopes = []
    for quantiles in ((), QUANTILES):
        logit = tf.Variable(logits.astype("float32"))
        with tf.GradientTape() as tape:
            value = LogVarianceMSE(quantiles=quantiles)(y, logit)
        slopes.append(np.asarray(tape.gradient(value, logit)))
    np.testing.assert_array_equal(slopes[0][:, 0], slopes[1][:, 0])
    assert not slopes[0][:, 1:].any()
    assert (slopes[1][:, 4] != 0).all()


@pytest.mark.parametrize(
    ("point_loss", "target"), [("log_mse", "variance"), ("qlike", "log_variance"), ("mse", "volatility")]
)
def test_a_compiled_model_learns_a_constant_and_is_saved_with_its_loss(point_loss, target, tmp_path):
    task = Volatility(target=target, point_loss=point_loss)
    variance = np.exp(np.random.default_rng(0).normal(-4.0, 0.6, 2048))
    y, x = as_target(variance, target).astype("float32"), np.ones((2048, 1), "float32")
    inputs = keras.Input((1,))
    keras.utils.set_random_seed(0)
    model = keras.Model(inputs, task.head(inputs))
    model.compile(keras.optimizers.Adam(0.02), loss=task.loss(), metrics=task.metrics(), jit_compile=False)
    model.fit(x, y, epochs=30, batch_size=512, verbose=0)
    point, *raw = model.predict_on_batch(x[:1])[0]
    best = {"log_variance": -4.0, "variance": -4 + 0.18, "volatility": -4 + 0.09}[task.unit]
    assert point == pytest.approx(best, abs=0.06)
    learnt = [q[0] for q in quantiles_by_formula(np.array([point]), np.array([raw]))]
    np.testing.assert_allclose(learnt, np.quantile(np.log(variance), QUANTILES), atol=0.12)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    found, expected = (each.evaluate(x, y, batch_size=2048, verbose=0) for each in (again, model))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
