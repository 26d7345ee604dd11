"""Models of several assets, served on the bars of all of them, against the offline forecast."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tsdeep
from tests.asset_bars import bars, several
from tests.serving.allowed_operations import ALLOWED
from tsdeep.assets import Assets, aligned, stacked
from tsdeep.joins import joined
from tsdeep.models import initialiser_of
from tsdeep.panel import Panel
from tsdeep.serving.operations import operations

NAMES = ("A", "B", "C")
FEATURES = [
    {"kind": "log_variance", "estimator": "parkinson", "rows": [1, 5, 22, 66]},
    {"kind": "log_variance", "estimator": "garman_klass", "overnight": True, "rows": 5},
    {"kind": "log_variance", "estimator": "parkinson", "rows": 22, "prefix": "market"},
    {"kind": "log_level", "field": "vix", "lag": 1},
    {"kind": "overnight_variance", "rows": [1, 5]},
    {"kind": "correlation", "rows": 50, "outputs": ["average", "first_eigenvalue"], "assets": NAMES},
    {"kind": "asset", "symbols": NAMES},
]


def market(days=400):
    vix = bars("VIX", days=days, start="2003-12-29")
    assets = Assets(NAMES, ("D",), "A", ("vix",))
    panel = stacked(Panel.from_frame(several(*NAMES, days=days)), Panel.from_frame(bars("D", days=days)))
    panel = aligned(panel, assets)
    vix = Panel.from_frame(vix[["time", "symbol", "close"]])
    return joined(panel, "vix", vix, missing="previous"), assets


@pytest.fixture(scope="module")
def samples():
    panel, assets = market()
    task = tsdeep.get_task("volatility")
    return tsdeep.Samples(panel, tsdeep.FeatureBank(FEATURES), task, 3, assets=assets)


def shaken(model):
    """A model whose weights are none of them zero, so that no part of it is silent."""
    random = np.random.default_rng(0)
    model.set_weights([w + 0.03 * random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


def fitted(name, samples, **hparams):
    keras.utils.set_random_seed(0)
    train = samples.rows[samples.time[samples.rows] < np.datetime64("2005-01-01")]
    samples = samples.fit_task(train)
    scaler = samples.fit_scaler(train)
    model = tsdeep.build(name, samples, compile=False, **hparams)
    initialise = initialiser_of(name)
    if initialise is not None:
        initialise(model, samples.scaled(scaler)[train], samples.y[train], samples.task)
    shaken(model)
    valid = samples.scored(samples.rows[samples.time[samples.rows] > np.datetime64("2005-02-15")])
    logits = answers(model, samples, scaler, valid)
    return model, samples.calibrate(valid, logits), scaler


def answers(model, samples, scaler, rows):
    window = tsdeep.windows(samples, rows, scaler=scaler, batch_size=len(rows), labels=False)
    return np.asarray(model(next(iter(window)), training=False))


def offline_of(model, samples, scaler, days):
    """Outputs [days, assets] by name, computed asset by asset, or day by day where samples hold all assets."""
    if samples.pooled is not None:
        rows = np.searchsorted(samples.time, days)
        return samples.task.outputs(answers(model, samples, scaler, rows))
    found = []
    for name in NAMES:
        rows = np.flatnonzero((samples.symbol == name) & np.isin(samples.time, days))
        found.append(samples.task.outputs(answers(model, samples, scaler, rows)))
    return {output: np.stack([each[output] for each in found], axis=1) for output in found[0]}


CASES = {
    "har_network": {},
    "har_network with a tcn": {"encoder": "tcn", "filters": 4, "dilations": (1,)},
    "lstm": {"units": 4},
    "tcn": {"filters": 4, "dilations": (1,)},
    "nhits": {"rates": (2, 1)},
    "patchtst": {"patch_rows": 2, "stride": 1},
    "itransformer": {},
    "mlp": {"units": (8,)},
}


@pytest.mark.parametrize(
    ("case", "side_by_side"),
    # The linear path of har_network is of one asset at a time.
    [
        (case, both)
        for case in CASES
        for both in (False, True)
        if not (both and case.startswith("har_network"))
    ],
)
def test_an_export_on_the_bars_of_all_assets_equals_the_offline_forecast(
    case, side_by_side, samples, tmp_path
):
    name = case.split()[0]
    if case == "har_network":
        samples = samples.replace(task=tsdeep.get_task("volatility", insanity_filter=True))
    if side_by_side:
        alone = Assets(NAMES, (), "A", ("vix",))
        keep = ~np.isin(samples.panel.symbol.astype(str), "D")
        features = tsdeep.FeatureBank(FEATURES[:-1])  # one-hot assets are constant here
        samples = samples.replace(
            panel=samples.panel.take(keep), assets=alone, features=features
        ).side_by_side()
    model, samples, scaler = fitted(name, samples, **CASES[case])
    days = np.unique(samples.time[samples.origins])[-30:]
    offline = offline_of(model, samples, scaler, days)

    version = tsdeep.export(model, tmp_path, samples=samples, scaler=scaler, verify=case == "har_network")
    about = json.loads((version / "tsdeep.json").read_text())
    assert about["rows_needed"] == 3 + 65
    assert about["assets"]["names"] == list(NAMES)
    assert about["field_shapes"]["high"] == [3]
    assert about["field_shapes"]["vix"] == []
    base, _ = market()
    rows = {s: np.flatnonzero(base.symbol == s) for s in NAMES}
    ends = np.searchsorted(base.time[rows["A"]], days)
    index = ends[:, None] + np.arange(1 - about["rows_needed"], 1)
    raw = {
        f: np.stack([base.fields[f][rows[s]][index] for s in NAMES], axis=-1)
        for f in about["fields"]
        if f != "vix"
    }
    raw["vix"] = base.fields["vix"][rows["A"]][index]
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    answer = served(**{field: tf.constant(values, tf.float64) for field, values in raw.items()})
    assert set(answer) == set(samples.task.output_names) == set(offline)
    for output, values in answer.items():
        assert values.shape == (30, 3)
        np.testing.assert_allclose(values, offline[output], rtol=1e-5, atol=1e-5, err_msg=output)
    assert np.std(answer["volatility"], axis=0).min() > 1e-4

    assert operations(version) <= ALLOWED

    newest = base.to_frame()
    newest = newest[newest["symbol"] != "D"][["time", "symbol", "open", "high", "low", "close", "vix"]]
    table = tsdeep.predict(tmp_path, newest, rows=2)
    assert table["symbol"].tolist() == list(NAMES) * 2
    last = answer["volatility"].numpy()[-2:].reshape(-1)
    np.testing.assert_allclose(table["volatility"], last, atol=1e-6)


def test_too_few_rows_are_refused_and_a_missing_asset_is_named(samples, tmp_path):
    model, samples, scaler = fitted("mlp", samples, units=(4,))
    version = tsdeep.export(model, tmp_path, samples=samples, scaler=scaler, verify=False)
    frame = samples.panel.to_frame()
    frame = frame[frame["symbol"] != "D"][["time", "symbol", "open", "high", "low", "close", "vix"]]
    short = frame.groupby("symbol").tail(67)
    with pytest.raises(tsdeep.DataError, match=r"1 prediction\(s\) need 68 rows \(68 for one\).* has 67"):
        tsdeep.predict(tmp_path, short)
    with pytest.raises(tsdeep.DataError, match="no rows of B; the data has A, C"):
        tsdeep.predict(tmp_path, frame[frame["symbol"] != "B"])
    with pytest.raises(tsdeep.DataError, match="bars lack vix"):
        tsdeep.predict(tmp_path, frame.drop(columns="vix"))
    late = frame.drop(index=frame[frame["symbol"] == "C"].index[-1])
    with pytest.raises(tsdeep.DataError, match="no row of C on the newest day"):
        tsdeep.predict(tmp_path, late)
    served = tf.saved_model.load(str(version)).signatures["serving_default"]
    about = json.loads((version / "tsdeep.json").read_text())
    raw = {f: tf.ones((1, 67, *about["field_shapes"][f]), tf.float64) for f in about["fields"]}
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError, TypeError)):
        served(**raw)


def test_a_task_that_was_not_calibrated_is_not_exported(samples, tmp_path):
    scaler = samples.fit_scaler(samples.rows)
    model = tsdeep.build("mlp", samples, compile=False)
    with pytest.raises(tsdeep.SpecError, match="calibrate"):
        tsdeep.export(model, tmp_path, samples=samples, scaler=scaler)


def test_frames_of_prices_with_another_order_of_assets_give_the_same(samples, tmp_path):
    model, samples, scaler = fitted("mlp", samples, units=(4,))
    tsdeep.export(model, tmp_path, samples=samples, scaler=scaler, verify=False)
    frame = samples.panel.to_frame()
    frame = frame[frame["symbol"] != "D"][["time", "symbol", "open", "high", "low", "close", "vix"]]
    turned = pd.concat([frame[frame["symbol"] == name] for name in ("C", "A", "B")])
    pd.testing.assert_frame_equal(tsdeep.predict(tmp_path, frame), tsdeep.predict(tmp_path, turned))
