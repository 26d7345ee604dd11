"""The state of the task of volatility: conformal bounds, the insanity filter, what is saved of them."""

import json

import keras
import numpy as np
import pytest
from scipy import stats

from tests.panels import ragged_panel
from tests.tasks.volatility_outputs import NAMES, market, numpy_of, symbols
from tests.tasks.volatility_panels import side_by_side
from tsdeep import DataError, SpecError
from tsdeep.tasks import Volatility
from tsdeep.units import QUANTILES


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
