import keras
import numpy as np
import pandas as pd
import pytest

from tests.panels import ragged_panel
from tests.tasks.volatility_outputs import NAMES, market, numpy_of, symbols
from tsdeep import SpecError
from tsdeep.tasks import Volatility, get_task
from tsdeep.units import QUANTILES, convert_units


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
