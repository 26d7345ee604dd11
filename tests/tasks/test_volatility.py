import json

import keras
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.panels import ragged_panel
from tests.tasks.volatility_panels import side_by_side
from tsdeep import DataError, SpecError
from tsdeep.tasks import Volatility, get_task
from tsdeep.units import QUANTILES, convert_units

NAMES = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")


def market(n, quantiles=7, seed=0, error=0.5, shape=()):
    """Realised log variances, and logits around them."""
    random = np.random.default_rng(seed)
    m = random.normal(-3.8, 1, (n, *shape))
    logits = np.concatenate([m[..., None], random.normal(0, 0.3, (*m.shape, quantiles))], axis=-1)
    return (m + random.normal(0.05, error, m.shape)).astype("float32"), logits.astype("float32")


def numpy_of(outputs):
    return {name: np.asarray(value) for name, value in outputs.items()}


def symbols(n):
    return np.full(n, "A", object)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon_rows": 0}, "horizon_rows"),
        ({"annual_rows": 252.5}, "annual_rows"),
        ({"target": "std"}, "target = 'std'"),
        ({"point_loss": "log_vol"}, "point_loss = 'log_vol'"),
        ({"loss": "qlike"}, "unknown argument 'loss': did you mean 'point_loss'"),
        ({"quantiles": [0.5, 0.1]}, "expected ascending levels"),
        ({"quantiles": [0.1, 0.1]}, "each once"),
        ({"quantiles": [0.0, 0.5]}, "quantiles.0 = 0.0: .*greater than 0"),
        ({"quantiles": [0.0005]}, "three decimals"),
        ({"insanity_filter": "yes"}, "insanity_filter"),
        ({"calibration": {}}, "unknown argument 'calibration'"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings, message):
    with pytest.raises(SpecError, match=message):
        get_task("volatility", **settings)


def test_a_task_is_made_from_what_a_spec_holds():
    task = get_task("volatility", horizon_rows=5, quantiles=[0.1, 0.9], point_loss="qlike")
    assert task == Volatility(5, point_loss="qlike", quantiles=(0.1, 0.9))
    assert (task.fields, task.horizons, task.classes, task.assets) == (("close",), (5,), (), 1)
    assert task.logit_shape == (3,)
    assert task.for_assets(10).logit_shape == (10, 3)
    assert task.output_names == (
        "variance",
        "volatility",
        "median",
        "q100",
        "q900",
        "conformal_q100",
        "conformal_q900",
    )
    assert Volatility(quantiles=()).logit_shape == (1,)
    assert Volatility(quantiles=()).levels == QUANTILES


@pytest.mark.parametrize("quantiles", [(), (0.05, 0.5, 0.95)])
def test_the_head_starts_at_a_volatility_of_a_fifth(quantiles):
    for task, shape in (
        (Volatility(quantiles=quantiles), (6,)),
        (Volatility(quantiles=quantiles).for_assets(4), (6,)),
    ):
        model = keras.Model(inputs := keras.Input(shape), task.head(inputs))
        assert model.output_shape == (None, *task.logit_shape)
        logits = model.predict_on_batch(np.zeros((2, 6), "float32"))
        np.testing.assert_allclose(np.exp(logits[..., 0] / 2), 0.2, rtol=1e-6)
        assert not logits[..., 1:].any()
    by_row = Volatility(quantiles=quantiles).head(keras.Input((5, 6)))
    assert by_row.shape == (None, 5, 1 + len(quantiles))


def test_the_head_is_float32_under_mixed_precision_and_survives_saving(tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        inputs = keras.Input((5,))
        model = keras.Model(inputs, Volatility().head(keras.layers.Dense(3)(inputs)))
    finally:
        keras.config.set_dtype_policy(before)
    assert model.output.dtype == "float32"
    model.save(tmp_path / "m.keras")
    x = np.ones((3, 5), "float32")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))


def test_outputs_before_calibration_are_refused():
    task = Volatility()
    assert not task.calibrated
    with pytest.raises(SpecError, match=r"not calibrated.*calibrate it on validation rows"):
        task.outputs(np.zeros((2, 8), "float32"))


@pytest.mark.parametrize(
    ("point_loss", "target", "unit"),
    [
        ("log_mse", "variance", "log_variance"),
        ("pinball", "volatility", "log_variance"),
        ("qlike", "log_variance", "variance"),
        ("mse", "log_variance", "log_variance"),
        ("mse", "variance", "variance"),
        ("mse", "volatility", "volatility"),
    ],
)
def test_points_are_converted_by_the_unit_of_the_loss_and_the_residual_variance(point_loss, target, unit):
    task = Volatility(point_loss=point_loss, target=target)
    assert task.unit == unit
    z, logits = market(400)
    y = {"log_variance": z, "variance": np.exp(z), "volatility": np.exp(z / 2)}[target]
    task = task.calibrate(y, logits, symbols(400))
    s2 = task.calibration["residual_variance"]
    assert s2 == pytest.approx(np.var(z - logits[:, 0]), rel=1e-5)
    m = logits[:, 0].astype("float64")
    value = {"log_variance": m, "variance": np.exp(m), "volatility": np.exp(m / 2)}[unit]
    outputs = numpy_of(task.outputs(keras.ops.convert_to_tensor(logits)))
    assert tuple(outputs) == task.output_names
    for name, expected in convert_units(value, unit, s2).items():
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-5)
        assert outputs[name].dtype == np.float32


@pytest.mark.parametrize("quantiles", [QUANTILES, (), (0.1, 0.9), (0.05, 0.2)])
def test_no_quantile_crosses_another_for_random_logits_nor_after_the_shifts(quantiles):
    z, logits = market(300, len(quantiles), error=1.0)
    task = Volatility(quantiles=quantiles).calibrate(z, logits, symbols(300))
    random = np.random.default_rng(1)
    wild = (random.normal(size=(5000, 1 + len(quantiles))) * random.choice([1e-4, 1, 20], (5000, 1))).astype(
        "float32"
    )
    for shifts in (task.calibration["shifts"], random.normal(0, 2, len(task.levels)).tolist()):
        moved = task.with_calibration({**task.calibration, "shifts": shifts})
        outputs = numpy_of(moved.outputs(keras.ops.convert_to_tensor(wild)))
        names = task.output_names[3:]
        plain, conformal = (
            np.stack([outputs[name] for name in names if name.startswith("conformal") is which], axis=-1)
            for which in (False, True)
        )
        assert plain.shape == conformal.shape == (5000, len(task.levels))
        assert (np.diff(plain, axis=-1) >= 0).all()
        assert (np.diff(conformal, axis=-1) >= 0).all()


def test_conformal_bounds_are_shifted_by_the_finite_sample_rule():
    """By hand: 39 rows whose log variance is m plus -1.9, -1.8, ... 1.9 in some order, quantiles log-normal."""
    steps = np.arange(-19, 20) / 10
    m = np.random.default_rng(0).normal(-4, 1, 39)
    task = Volatility(quantiles=()).calibrate(m + steps, m[:, None].astype("float32"), symbols(39))
    deviation = np.sqrt(np.mean(steps**2))
    assert task.calibration["residual_variance"] == pytest.approx(np.mean(steps**2), rel=1e-6)
    assert task.calibration["rows"] == 39
    outputs = numpy_of(task.outputs(np.array([[-4.0]], "float32")))
    # (39 + 1) p is 1, 4, 10, 20, 30, 36 and 39.
    for name, p, place in zip(NAMES, QUANTILES, (1, 4, 10, 20, 30, 36, 39), strict=True):
        np.testing.assert_allclose(outputs[name], np.exp((-4 + stats.norm.ppf(p) * deviation) / 2), rtol=1e-5)
        np.testing.assert_allclose(
            outputs[f"conformal_{name}"], np.exp((-4 + steps[place - 1]) / 2), rtol=1e-5
        )


@pytest.mark.parametrize("quantiles", [QUANTILES, ()])
def test_conformal_intervals_cover_their_share_of_new_rows_where_the_model_s_do_not(quantiles):
    """Errors three times as wide as the model says, and off centre; rows are exchangeable."""
    n, new = 4000, 40_000
    z, logits = market(n + new, len(quantiles), error=1.5)
    z += np.random.default_rng(2).exponential(0.5, n + new).astype("float32")
    task = Volatility(quantiles=quantiles).calibrate(z[:n], logits[:n], symbols(n))
    outputs = numpy_of(task.outputs(keras.ops.convert_to_tensor(logits[n:])))
    realised = np.exp(z[n:] / 2)
    for name, level in zip(NAMES, QUANTILES, strict=True):
        covered = np.mean(realised <= outputs[f"conformal_{name}"])
        error = 4 * np.sqrt(level * (1 - level) * (1 / n + 1 / new))
        assert abs(covered - level) < error + 1 / n
    if quantiles:
        assert np.mean(realised <= outputs["q975"]) < 0.9


def test_bounds_pushed_apart_keep_the_coverage_of_each():
    """Shifts that would cross: only away from the median, so no upper bound falls, and no lower one rises."""
    z, logits = market(100)
    task = Volatility().calibrate(z, logits, symbols(100))
    alone = {**task.calibration, "shifts": [0.0] * 7}
    given = numpy_of(task.with_calibration(alone).outputs(logits))
    shifts = [0.9, 0.2, 0.9, 0.0, 0.4, -0.9, -2.0]
    outputs = numpy_of(task.with_calibration({**alone, "shifts": shifts}).outputs(logits))
    for i, name in enumerate(NAMES):
        by_itself = given[name] * np.exp(shifts[i] / 2)
        gap = outputs[f"conformal_{name}"] - by_itself
        assert (gap * np.sign(i - 3) >= -1e-6).all() if i != 3 else np.abs(gap).max() < 1e-6


def test_the_insanity_filter_replaces_what_no_training_label_was_and_says_so():
    panel = ragged_panel([200, 160], ["A", "B"], seed=1)
    rows = np.r_[20:150, 220:300]
    task = Volatility(insanity_filter=True, horizon_rows=5).fit(panel, rows)
    z = Volatility(horizon_rows=5).label(panel).y[rows]
    low, high, mean = z.min(), z.max(), z.mean()
    y, logits = market(200, error=0.3)
    logits[:, 0] = np.linspace(low, high, 200) * 0.999 + 0.001 * mean
    y = logits[:, 0] + (y - y.mean()) * 0.2
    logits[7, 0], logits[8, 0] = high + 3, low - 3
    task = task.calibrate(y, logits, symbols(200))
    assert task.calibration["insane_rows"] == 2
    m = np.array([low - 1, low + 1e-3, mean, high - 1e-3, high + 1, 500.0, np.nan], "float32")
    raw = np.zeros((7, 7), "float32")
    outputs = numpy_of(task.outputs(np.concatenate([m[:, None], raw], axis=1)))
    assert outputs["insane"].tolist() == [1, 0, 0, 0, 1, 1, 1]
    expected = np.where(outputs["insane"] == 1, mean, m)
    np.testing.assert_allclose(2 * np.log(outputs["median"]), expected, rtol=1e-5)
    np.testing.assert_allclose(2 * np.log(outputs["q500"]), expected, rtol=1e-5)
    # Residuals are those after the filter.
    kept = logits[:, 0].astype("float64")
    kept[[7, 8]] = mean
    assert task.calibration["residual_variance"] == pytest.approx(np.var(y - kept), rel=1e-4)


def test_assets_side_by_side_have_each_their_own_range():
    panel = side_by_side(n_rows=200)
    task = Volatility(insanity_filter=True).for_assets(3).fit(panel, np.arange(150))
    z = Volatility().for_assets(3).label(panel).y[:150]
    np.testing.assert_allclose(task.training_range["highest"], z.max(axis=0), rtol=1e-6)
    logits = np.zeros((150, 3, 8), "float32")
    logits[..., 0] = z
    task = task.calibrate(z, logits, np.full(150, "basket", object))
    quiet_as_loud = np.zeros((1, 3, 8), "float32")
    quiet_as_loud[..., 0] = z[:, 2].mean()
    outputs = numpy_of(task.outputs(quiet_as_loud))
    assert outputs["insane"].tolist() == [[1, 1, 0]]
    np.testing.assert_allclose(2 * np.log(outputs["median"][0, :2]), z.mean(axis=0)[:2], rtol=1e-5)


def test_the_filter_reads_what_training_labels_read_and_no_more():
    panel = ragged_panel([200], seed=1)
    task = Volatility(insanity_filter=True)
    before = task.fit(panel, np.arange(100))
    close = panel.fields["close"].copy()
    close[100 + 21 :] *= 7.0
    assert task.fit(panel.replace(close=close), np.arange(100)) == before
    close[100 + 20 :] *= 7.0  # the last row that a training label reads
    assert task.fit(panel.replace(close=close), np.arange(100)) != before


def test_without_the_filter_nothing_is_fitted_and_a_new_fit_drops_an_old_calibration():
    panel = ragged_panel([200])
    task = Volatility()
    assert task.fit(panel, np.arange(100)) is task
    z, logits = market(50)
    calibrated = task.calibrate(z, logits, symbols(50))
    assert calibrated.calibrated
    assert not calibrated.fit(panel, np.arange(100)).calibrated
    assert calibrated.fit(panel, np.arange(100)) == task
    assert not calibrated.for_assets(2).calibrated


def test_the_filter_needs_to_be_fitted_before_calibration():
    z, logits = market(50)
    with pytest.raises(SpecError, match="the range of the training labels is not known"):
        Volatility(insanity_filter=True).calibrate(z, logits, symbols(50))


@pytest.mark.parametrize("assets", [1, 3])
def test_assets_side_by_side_are_calibrated_together(assets):
    shape = () if assets == 1 else (assets,)
    z, logits = market(60, shape=shape)
    task = Volatility().for_assets(assets)
    found = task.calibrate(z, logits, symbols(60))
    pooled = Volatility().calibrate(z.reshape(-1), logits.reshape(-1, 8), symbols(60 * assets))
    assert found.calibration == pooled.calibration
    outputs, alone = numpy_of(found.outputs(logits)), numpy_of(pooled.outputs(logits.reshape(-1, 8)))
    for name in task.output_names:
        assert outputs[name].shape == (60, *shape)
        np.testing.assert_allclose(outputs[name].reshape(-1), alone[name], rtol=1e-6)


def test_the_state_survives_json_and_makes_equal_tasks():
    panel = ragged_panel([200], seed=1)
    z, logits = market(50)
    for task in (
        Volatility(quantiles=(0.1, 0.5)),
        Volatility(insanity_filter=True).fit(panel, np.arange(100)),
    ):
        found = task.calibrate(z, logits[:, : task.logit_shape[0]], symbols(50))
        facts = json.loads(json.dumps({"calibration": found.calibration}, default=str))
        again = task.with_calibration(facts["calibration"])
        assert again == found
        assert hash(again) == hash(found)
        assert again != task
        assert again.with_calibration(None) == task.with_calibration(None) == task
        assert repr(again) == repr(task)  # what a run belongs to are the settings
        # What an export writes of a task is plain.
        written = json.loads(json.dumps(vars(found), default=str))
        assert written["calibration"] == found.calibration
        assert written["quantiles"] == list(found.quantiles)
        expected, outputs = (
            numpy_of(found.outputs(logits[:, : task.logit_shape[0]])),
            numpy_of(again.outputs(logits[:, : task.logit_shape[0]])),
        )
        for name in task.output_names:
            np.testing.assert_array_equal(outputs[name], expected[name])


def test_a_calibration_of_another_task_is_refused():
    z, logits = market(50)
    found = Volatility().calibrate(z, logits, symbols(50)).calibration
    with pytest.raises(SpecError, match=r"found quantiles \[0.025, .*expected \[0.1, 0.9\]"):
        Volatility(quantiles=(0.1, 0.9)).with_calibration(found)
    with pytest.raises(SpecError, match="found no range of training labels, expected one"):
        Volatility(insanity_filter=True).with_calibration(found)
    ranged = {**found, "training_range": {"lowest": [-9.0], "highest": [1.0], "mean": [-4.0]}}
    with pytest.raises(SpecError, match="found a range of training labels, expected none"):
        Volatility().with_calibration(ranged)
    with pytest.raises(SpecError, match="found ranges of 1 assets, expected 2"):
        Volatility(insanity_filter=True).for_assets(2).with_calibration(ranged)


@pytest.mark.parametrize(
    ("y", "logits", "message"),
    [
        (
            np.zeros(50),
            np.zeros((49, 8)),
            r"found 50 labels and logits \[49, 8\], expected logits \[rows, 8\]",
        ),
        (np.zeros(50), np.zeros((50, 1)), r"found 50 labels and logits \[50, 1\]"),
        (
            np.r_[np.zeros(3), np.nan, np.zeros(46)],
            np.zeros((50, 8)),
            "symbol 'C', row 3: found a realised log",
        ),
        (
            np.zeros(50),
            np.r_[np.zeros((9, 8)), [[np.inf] * 8], np.zeros((40, 8))],
            "symbol 'I', row 9: .*1 such rows",
        ),
        (
            np.zeros(30),
            np.zeros((30, 8)),
            "30 rows to calibrate on, expected at least 39 for the quantile q025",
        ),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused(y, logits, message):
    names = np.array(list("ABBCDEFGHI" * 5), object)[: len(y)]
    with pytest.raises(DataError, match=message):
        Volatility().calibrate(y, logits, names)


def test_a_realised_variance_of_zero_is_refused_in_calibration():
    y, logits = np.full(50, 0.04), np.full((50, 1), -3.0)
    y[4] = 0.0
    task = Volatility(target="variance", point_loss="mse", quantiles=())
    with pytest.raises(DataError, match="row 4: found a realised log variance of -inf"):
        task.calibrate(y, logits, symbols(50))


def test_the_calibration_is_in_the_graph():
    """A functional model and an XLA function of it answer as the task did, constants and all."""
    import tensorflow as tf

    z, logits = market(80)
    found = Volatility().calibrate(z, logits, symbols(80)).calibration
    found["training_range"] = {"lowest": [-4.2], "highest": [-3.4], "mean": [-3.9]}
    task = Volatility(insanity_filter=True).with_calibration(found)
    expected = numpy_of(task.outputs(keras.ops.convert_to_tensor(logits)))
    assert 0 < expected["insane"].sum() < 80
    model = keras.Model(inputs := keras.Input((8,)), task.outputs(inputs))
    for found in (model.predict_on_batch(logits), tf.function(model, jit_compile=True)(logits)):
        assert sorted(found) == sorted(task.output_names)
        for name, values in found.items():
            np.testing.assert_allclose(np.asarray(values), expected[name], rtol=1e-5)


def test_the_context_is_the_time_at_which_the_label_ends():
    panel = ragged_panel([30, 40], ["A", "B"])
    end = Volatility(horizon_rows=10).context(panel, np.array([0, 19, 20, 29, 30, 59, 69]))["end"]
    assert end.dtype == np.dtype("datetime64[ns]")
    expected = panel.time[[10, 29, 0, 0, 40, 69, 0]].copy()
    expected[[2, 3, 6]] = np.datetime64("NaT")
    np.testing.assert_array_equal(end, expected)


@pytest.mark.parametrize("target", ["log_variance", "variance", "volatility"])
def test_the_table_holds_realised_volatility_and_forecasts_with_the_points_of_each_seed(target):
    task = Volatility(target=target, quantiles=(0.1, 0.9), insanity_filter=True)
    base = pd.DataFrame(
        {"fold": [0, 0], "symbol": ["A", "B"], "end": pd.to_datetime(["2020-02-01", "2020-02-03"])}
    )
    outputs = {
        f"{name}{seed}": np.array([i, i + 0.5])
        for seed in ("", "_seed0", "_seed1")
        for i, name in enumerate(task.output_names)
    }
    y = {"log_variance": 2 * np.log([0.1, 0.3]), "variance": [0.01, 0.09], "volatility": [0.1, 0.3]}[target]
    table = task.table(base, np.array(y, "float32"), outputs)
    assert list(table) == [
        *("fold", "symbol", "end", "y"),
        *("variance", "volatility", "median", "q100", "q900", "conformal_q100", "conformal_q900", "insane"),
        *(f"{name}_seed{seed}" for seed in (0, 1) for name in ("variance", "volatility", "median")),
    ]
    np.testing.assert_allclose(table["y"], [0.1, 0.3], rtol=1e-6)
    assert table["q900"].tolist() == [4, 4.5]


def test_the_table_of_a_reference_has_what_it_forecasts():
    base = pd.DataFrame({"fold": [0]})
    outputs = {name: np.array([0.2]) for name in ("variance", "volatility", "median", *NAMES)}
    table = Volatility(insanity_filter=True).table(base, np.array([-4.0], "float32"), outputs)
    assert list(table) == ["fold", "y", "variance", "volatility", "median", *NAMES]


@pytest.mark.parametrize("assets", [0, -1, 2.0, True, "2"])
def test_a_number_of_assets_that_is_no_count_is_refused(assets):
    with pytest.raises(SpecError, match="assets: found"):
        Volatility().for_assets(assets)
