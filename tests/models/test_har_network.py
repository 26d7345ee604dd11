"""The HAR network: least squares on its linear path, a network beside it that begins at nothing."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tests.models.named_samples import NamedSamples
from tsdeep.errors import DataError, SpecError
from tsdeep.models import initialiser_of, receptive_field
from tsdeep.models.har_network import fit_har_path, least_squares
from tsdeep.tasks import Volatility
from tsdeep.tasks.volatility_quantiles import log_variance_quantiles
from tsdeep.units import convert_units

RNG = np.random.default_rng(0)
WINDOWS = (1, 5, 22, 66)
HAR = tuple(f"log_variance_parkinson_{rows}" for rows in WINDOWS)
ASSETS = ("asset_SPY", "asset_QQQ", "asset_TLT")
NAMES = ("signed_return_1", *HAR, "log_vix", *ASSETS, "overnight_variance")
LINEAR = (1, 2, 3, 4, 5, 6, 7, 8)


def network(task=None, names=NAMES, lookback=3, **arguments):
    keras.utils.set_random_seed(0)
    samples = NamedSamples((lookback, len(names)), task or Volatility(), names)
    return tsdeep.build("har_network", samples, **arguments)


def rows_of_assets(rows=900):
    """Scaled features with collinear one-hots, and log variances that depend on all of them."""
    x = RNG.normal(size=(rows, len(NAMES)))
    x[:, 2:5] = 0.9 * x[:, 1:2] + 0.2 * x[:, 2:5]
    x[:, 6:9] = np.eye(3)[RNG.integers(0, 3, rows)]
    y = -3.3 + x @ RNG.normal(0.1, 0.2, len(NAMES)) + RNG.normal(0, 0.5, rows)
    x = ((x - x.mean(0)) / x.std(0)).astype("float32")
    return x, y.astype("float32")


def least_norm_fit(x, y):
    """Fitted values by the pseudo-inverse, with no ridge: collinear regressors leave them unique."""
    regressors = np.column_stack([np.ones(len(x)), x.astype("float64")])
    return regressors @ (np.linalg.pinv(regressors, rcond=1e-6) @ y.astype("float64"))


def as_windows(x, lookback=3):
    """Windows whose newest row is that of `x`, the others noise."""
    before = RNG.normal(size=(len(x), lookback - 1, x.shape[1]))
    return np.concatenate([before, x[:, None]], axis=1).astype("float32")


@pytest.mark.parametrize("encoder", ["mlp", "tcn"])
def test_before_training_the_log_variance_is_the_least_squares_fit(encoder):
    x, y = rows_of_assets()
    model = network(encoder=encoder)
    initialiser_of("har_network")(model, x, y, Volatility())
    logits = np.asarray(model(as_windows(x)))
    fit = least_norm_fit(x[:, LINEAR], y)
    np.testing.assert_allclose(logits[:, 0], fit, atol=1e-5)
    levels = Volatility().quantiles
    quantiles = np.stack(log_variance_quantiles(logits[:, 0], logits[:, 1:], levels), axis=1)
    np.testing.assert_allclose(quantiles - fit[:, None], [np.quantile(y - fit, levels)] * len(x), atol=1e-4)


def test_shrunk_channels_are_fitted_by_a_ridge_that_leaves_the_others_alone():
    x, y = rows_of_assets()
    har, more = list(LINEAR[:5]), [0, 9]
    model = network(linear=("log_variance", "log_vix"), shrunk=("signed", "overnight"), shrinkage=0.3)
    fit_har_path(model, x, y, Volatility())
    z = x[:, har + more].astype("float64")
    z, target = z - z.mean(0), y.astype("float64") - y.mean(dtype="float64")
    penalty = len(x) * np.diag([0.0] * 5 + [0.3 * x[:, c].astype("float64").var() for c in more])
    slopes = np.linalg.solve(z.T @ z + penalty, z.T @ target)
    expected = y.mean(dtype="float64") + z @ slopes
    np.testing.assert_allclose(np.asarray(model(as_windows(x)))[:, 0], expected, atol=1e-5)
    assert not model.losses


def test_channels_of_har_are_not_shrunk_however_they_are_named():
    model = network(linear=("log_variance",), shrunk=("log_", "signed"))
    assert model.get_layer("har_channels").indices == (1, 2, 3, 4)
    assert model.get_layer("har_shrunk_channels").indices == (0, 5)
    rest = network(shrunk="rest")
    assert rest.get_layer("har_shrunk_channels").indices == (0, 9)
    with pytest.raises(SpecError, match="shrunk: found only channels of `linear`"):
        network(linear=("log_variance",), shrunk=("log_variance_parkinson_1",))
    with pytest.raises(SpecError, match="shrinkage: found 0"):
        network(shrunk=("signed",), shrinkage=0)


def test_residuals_are_orthogonal_to_the_channels_and_to_the_intercept():
    x, y = rows_of_assets()
    slopes, intercept = least_squares(x[:, LINEAR].astype("float64"), y.astype("float64"))
    residual = y - x[:, LINEAR] @ slopes - intercept
    assert np.abs(residual.mean()) < 1e-9
    assert np.abs(residual @ x[:, LINEAR]).max() / len(x) < 1e-6
    assert np.abs(slopes).max() < 2  # collinear one-hots do not drive them apart


def test_a_channel_that_is_constant_in_the_training_rows_gets_no_slope():
    x, y = rows_of_assets()
    x[:, 8] = 0.7
    model = network()
    fit_har_path(model, x, y, Volatility())
    kernel, _ = model.get_layer("har").get_weights()
    assert kernel[LINEAR.index(8), 0] == 0
    x[:, 8] = 1e6  # an asset that training has not seen
    assert np.isfinite(model(as_windows(x))).all()
    np.testing.assert_allclose(
        np.asarray(model(as_windows(x)))[:, 0], least_norm_fit(x[:, LINEAR[:-1]], y), atol=1e-5
    )


@pytest.mark.parametrize("target", ["volatility", "variance", "log_variance"])
def test_labels_of_every_target_give_the_same_path(target):
    x, log_variance = rows_of_assets()
    y = {
        "volatility": np.exp(log_variance / 2),
        "variance": np.exp(log_variance),
        "log_variance": log_variance,
    }
    model = network()
    fit_har_path(model, x, y[target], Volatility(target=target))
    expected = least_norm_fit(x[:, LINEAR], log_variance)
    np.testing.assert_allclose(np.asarray(model(as_windows(x)))[:, 0], expected, atol=1e-5)


@pytest.mark.parametrize(
    "task",
    [
        Volatility(point_loss="qlike"),
        Volatility(point_loss="mse", target="variance"),
        Volatility(point_loss="mse", target="volatility"),
        Volatility(point_loss="pinball"),
    ],
)
def test_forecasts_start_the_same_whatever_the_first_logit_is_the_mean_of(task):
    x, log_variance = rows_of_assets()
    y = {
        "volatility": np.exp(log_variance / 2),
        "variance": np.exp(log_variance),
        "log_variance": log_variance,
    }
    model = network(task)
    fit_har_path(model, x, y[task.target], task)
    first = np.asarray(model(as_windows(x)), "float64")[:, 0]
    fitted = least_norm_fit(x[:, LINEAR], log_variance)
    s2 = np.var(log_variance - fitted)
    given = np.exp(first / 2) if task.unit == "volatility" else np.exp(first)
    given = first if task.unit == "log_variance" else given
    found, expected = convert_units(given, task.unit, s2), convert_units(fitted, "log_variance", s2)
    for unit, values in expected.items():
        np.testing.assert_allclose(found[unit], values, rtol=2e-5)


def test_the_path_is_not_trained_and_the_network_is():
    x, y = rows_of_assets()
    model = network(learning_rate=0.01)
    fit_har_path(model, x, y, Volatility())
    before = model.get_layer("har").get_weights()
    model.fit(as_windows(x), y, batch_size=100, epochs=1, verbose=0)
    for old, new in zip(before, model.get_layer("har").get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    assert np.abs(model.get_layer("residual").get_weights()[0]).max() > 0
    assert np.abs(model.get_layer("spread").get_weights()[0]).max() > 0


def test_a_warm_start_keeps_the_network_and_gets_a_new_path():
    x, y = rows_of_assets()
    model = network(learning_rate=0.01)
    fit_har_path(model, x, y, Volatility())
    model.fit(as_windows(x), y, batch_size=100, epochs=1, verbose=0)
    added = np.asarray(model(as_windows(x)))[:, 0] - least_norm_fit(x[:, LINEAR], y)
    fit_har_path(model, x[:500], y[:500], Volatility())
    slopes, intercept = least_squares(x[:500, LINEAR].astype("float64"), y[:500].astype("float64"))
    after = np.asarray(model(as_windows(x)))[:, 0] - (x[:, LINEAR] @ slopes + intercept)
    np.testing.assert_allclose(after, added, atol=1e-4)
    assert np.abs(added).max() > 1e-3


def simulated_har(rows, seed):
    """Log variances of days, each by a HAR regression on those before; 21-day labels of returns drawn from them."""
    rng = np.random.default_rng(seed)
    log_variance = np.full(rows + 66 + 21, -3.5)
    noise = rng.normal(0, 0.45, len(log_variance))
    for t in range(66, len(log_variance)):
        means = [log_variance[t - w : t].mean() for w in WINDOWS]
        log_variance[t] = -0.035 + np.dot([0.3, 0.3, 0.25, 0.14], means) + noise[t]
    squares = np.exp(log_variance) * rng.normal(size=len(log_variance)) ** 2
    sums = np.concatenate([[0], np.cumsum(squares)])
    last = np.arange(65, 65 + rows)
    realised = (sums[last + 22] - sums[last + 1]) / 21
    sums = np.concatenate([[0], np.cumsum(log_variance)])
    x = np.stack([(sums[last + 1] - sums[last + 1 - w]) / w for w in WINDOWS], axis=1)
    return x, np.log(realised)


def qlike(log_realised, log_forecast):
    difference = np.asarray(log_realised, "float64") - np.asarray(log_forecast, "float64")
    return float(np.mean(np.exp(difference) - difference - 1))


@pytest.mark.parametrize(
    ("encoder", "learning_rate"), [("mlp", 1e-3), pytest.param("tcn", 3e-4, marks=pytest.mark.slow)]
)
def test_where_har_is_the_truth_an_epoch_of_training_costs_less_than_one_percent(encoder, learning_rate):
    lookback, rows = (1 if encoder == "mlp" else 10), 3000
    series = [simulated_har(2 * rows, seed) for seed in range(6)]  # as six assets, pooled
    seen = np.concatenate([x[:rows] for x, _ in series])
    mean, scale = seen.mean(axis=0), seen.std(axis=0)
    windows, labels = {"train": [], "test": []}, {"train": [], "test": []}
    for x, y in series:
        x = ((x - mean) / scale).astype("float32")
        for part, ends in (("train", range(lookback - 1, rows)), ("test", range(rows + 21, 2 * rows))):
            windows[part].append(np.stack([x[end - lookback + 1 : end + 1] for end in ends]))
            labels[part].append(y[ends.start : ends.stop])
    (x, asked), (y, truth) = (list(map(np.concatenate, part.values())) for part in (windows, labels))
    arguments = {"encoder": encoder, "filters": 8, "learning_rate": learning_rate}
    model = network(names=HAR, lookback=lookback, **arguments)
    fit_har_path(model, x[:, -1], y, Volatility())
    half_residual = np.var(y - least_norm_fit(x[:, -1], y)) / 2

    def score():
        return qlike(truth, model.predict(asked, batch_size=4096, verbose=0)[:, 0] + half_residual)

    before = score()
    assert before < 0.9 * qlike(truth, y.mean() + y.var() / 2)  # HAR has something to say here
    model.fit(x, y, batch_size=256, epochs=1, verbose=0)
    assert score() < 1.01 * before
    assert score() != before


@pytest.mark.parametrize(
    ("encoder", "residual", "parameters"),
    [
        ("mlp", None, (10 * 16 + 16) + (16 * 16 + 16)),
        ("mlp", ("signed", "overnight"), (2 * 16 + 16) + (16 * 16 + 16)),
        ("tcn", ("signed",), (3 * 1 * 16 + 16) + 7 * (3 * 16 * 16 + 16) + (1 * 16 + 16)),
    ],
)
def test_parameters_are_those_of_the_path_the_network_and_the_last_layers(encoder, residual, parameters):
    model = network(encoder=encoder, residual=residual)
    path, last = len(LINEAR) + 1, 16 * 8 + 8
    assert model.count_params() == path + parameters + last
    assert sum(int(np.prod(w.shape)) for w in model.trainable_variables) == parameters + last


def test_the_mlp_reads_the_newest_row_and_the_tcn_the_rows_of_its_receptive_field():
    x = RNG.normal(size=(4, 20, len(NAMES))).astype("float32")
    for arguments, rows in (({}, 1), ({"encoder": "tcn", "dilations": (1, 3), "kernel_size": 2}, 9)):
        model = network(lookback=20, **arguments)
        assert receptive_field(model) == rows
        model.set_weights([w + 0.1 * RNG.normal(size=w.shape) for w in model.get_weights()])
        before = np.asarray(model(x))
        for back in range(20):
            changed = x.copy()
            changed[:, 19 - back] += 10
            assert np.any(np.asarray(model(changed)) != before) == (back < rows)


def test_residual_channels_are_those_named_and_the_path_reads_its_own():
    model = network(residual=("overnight",))
    model.set_weights([w + 0.3 for w in model.get_weights()])
    x = RNG.normal(size=(4, 3, len(NAMES))).astype("float32")
    before = np.asarray(model(x))
    for channel in range(len(NAMES)):
        changed = x.copy()
        changed[:, -1, channel] += 1
        moved = (np.asarray(model(changed)) != before).any(axis=0)
        assert moved[0] == (channel in LINEAR or channel == 9)
        assert moved[1:].all() == moved[1:].any() == (channel == 9)


def test_the_path_keeps_float32_under_mixed_precision():
    from tests.layer_check import dtype_policy

    x, y = rows_of_assets(200)
    with dtype_policy("mixed_bfloat16"):
        model = network(encoder="mlp")
        fit_har_path(model, x, y, Volatility())
        logits = np.asarray(model(as_windows(x)))
    assert model.get_layer("dense_1").compute_dtype == "bfloat16"
    np.testing.assert_allclose(logits[:, 0], least_norm_fit(x[:, LINEAR], y), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"linear": ("log_varience",)},
            "linear: found no channel that begins with 'log_varience'; channels: signed",
        ),
        ({"linear": ("log_vix", "log_rv")}, "linear: found no channel that begins with 'log_rv'"),
        ({"linear": ()}, "linear: found no channel that begins with nothing"),
        ({"linear": "log_vix"}, "linear: found 'log_vix', expected a sequence"),
        ({"residual": ("sign", "x")}, "residual: found no channel that begins with 'x'"),
        ({"encoder": "tnc"}, "unknown encoder 'tnc': did you mean 'tcn'"),
        (
            {"names": ("log_return_1",)},
            "linear: found no channel that begins with 'log_variance' or 'mean_log_variance' or 'market",
        ),
        ({"task": Volatility().for_assets(2)}, "found 2 assets a sample, expected one; learn them pooled"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        network(**arguments)


def test_channels_without_names_are_refused():
    with pytest.raises(
        SpecError, match="har_network chooses its channels by name: found no names, expected samples"
    ):
        tsdeep.build("har_network", input_shape=(3, 10), task="volatility")


def test_labels_of_another_task_and_values_that_are_no_numbers_are_refused():
    x, y = rows_of_assets(50)
    model = network()
    with pytest.raises(SpecError, match="task 'direction' do not tell; expected the task 'volatility'"):
        fit_har_path(model, x, y, tsdeep.get_task("direction"))
    y[7] = 0.0
    with pytest.raises(DataError, match="least squares: row 7 of the labels: found -inf"):
        fit_har_path(model, x, np.abs(y), Volatility(target="variance"))
    x[3, 4] = np.nan
    with pytest.raises(DataError, match="least squares: row 3 of the regressors"):
        fit_har_path(model, x, y, Volatility())
    with pytest.raises(DataError, match="found 0 rows and 0 labels"):
        fit_har_path(model, x[:0], y[:0], Volatility())
