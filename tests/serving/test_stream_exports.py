"""Exports that are streamed: `stream_init`, `stream_step` and `stream.tflite`."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import tsdeep
from tests.asset_bars import several
from tests.serving.allowed_operations import ALLOWED
from tests.synthetic import samples
from tsdeep.assets import Assets, aligned, side_by_side
from tsdeep.layers import CausalConv1D
from tsdeep.models.streamed import StreamedModel
from tsdeep.panel import Panel
from tsdeep.serving.operations import operations
from tsdeep.serving.signatures import Served, raw_signatures
from tsdeep.serving.stream_signatures import stream_signatures

LOOKBACK = 16


@pytest.fixture(scope="module")
def market():
    return samples(200, lookback=LOOKBACK)


@pytest.fixture(scope="module")
def scaler(market):
    return market.fit_scaler(market.rows[:120])


def built(name, market, **hparams):
    keras.utils.set_random_seed(0)
    model = tsdeep.build(name, market, compile=False, **hparams)
    random = np.random.default_rng(0)
    model.set_weights([w + 0.05 * random.normal(size=w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def model(market):
    return built("tcn", market, filters=4, kernel_size=2, dilations=(1, 2, 4))


@pytest.fixture(scope="module")
def version(model, market, scaler, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    return tsdeep.export(
        model,
        folder,
        samples=market,
        scaler=scaler,
        formats=("savedmodel", "litert"),
        compiled=(1,),
        verify=False,
    )


@pytest.mark.parametrize(
    ("name", "mode", "hparams"),
    [
        ("tcn", "exact", {"filters": 4, "kernel_size": 2, "dilations": (1, 2, 4)}),
        ("lstm", "window", {"units": 4}),
        ("lstm", "carry", {"units": 4}),
        ("gru", "carry", {"units": 4}),
        ("transformer", "window", {"units": 8, "heads": 2, "layers": 1}),
    ],
)
def test_compiled_and_streamed_signatures_need_no_operation_beyond_the_allowed(
    name, mode, hparams, market, scaler, tmp_path
):
    model = built(name, market, **hparams)
    version = tsdeep.export(
        model, tmp_path, samples=market, scaler=scaler, stream=mode, compiled=(1, 3), verify=False
    )
    signatures = json.loads((version / "tsdeep.json").read_text())["signatures"]
    assert {"stream_init", "stream_step", "stream_step_1", "compiled_1", "compiled_3"} <= set(signatures)
    assert operations(version) <= ALLOWED


def offline(model, market, scaler, rows):
    x = tsdeep.windows(market, rows, scaler=scaler, batch_size=len(rows), labels=False)
    return np.asarray(market.task.outputs(model(next(iter(x)), training=False))["up"])


def about(version):
    return json.loads((version / "tsdeep.json").read_text())


@pytest.mark.parametrize("mode", ["exact", "window", "carry"])
def test_the_step_is_expected_to_answer_as_windows_do_whatever_it_answers(
    mode, model, market, scaler, monkeypatch
):
    step = StreamedModel.step

    def wrong(self, state, row):
        output, after = step(self, state, row)
        return output * 3, after

    monkeypatch.setattr(StreamedModel, "step", wrong)
    served = Served.of([model], market, scaler, None)
    windows = raw_signatures(served)["serving_default"]
    streamed = stream_signatures(served, windows, mode)["stream_step"]
    rows = market.origins[[0, -1]]
    np.testing.assert_allclose(
        streamed.expected()["up"], offline(model, market, scaler, rows), rtol=0, atol=1e-6
    )
    given = {name: tf.constant(values) for name, values in streamed.examples.items()}
    assert np.abs(streamed.function(given)["up"] - streamed.expected()["up"]).max() > 1e-3
    # What came before the window is of another one, but where the state is carried on.
    seen = given["state_fields"].numpy()[:, -1, 0]
    np.testing.assert_array_equal(seen, market.rows_needed * (1 if mode == "carry" else 2) - 1)


def test_an_export_whose_stream_answers_otherwise_than_windows_is_refused(
    model, market, scaler, tmp_path, monkeypatch
):
    step = CausalConv1D.stream_step

    def wrong(self, state, inputs):
        output, after = step(self, state, inputs)
        return output * 3, after

    monkeypatch.setattr(CausalConv1D, "stream_step", wrong)
    with pytest.raises(tsdeep.RunError, match=r"signature stream_step: output .* differs"):
        tsdeep.export(model, tmp_path / "model", samples=market, scaler=scaler)
    assert not (tmp_path / "model").exists()


def test_in_half_precision_a_step_may_round_otherwise_than_a_window(market, scaler, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = built("tcn", market, filters=4, kernel_size=2, dilations=(1, 2, 4))
        version = tsdeep.export(model, tmp_path, samples=market, scaler=scaler)
    finally:
        keras.config.set_dtype_policy("float32")
    verified = about(version)["verified"]
    assert verified["largest_difference"] <= verified["tolerance"] == 2**-6


def test_a_client_that_holds_the_state_itself_gets_the_windows_predictions(version, model, market, scaler):
    signatures = tf.saved_model.load(str(version)).signatures
    described = about(version)["signatures"]["stream_step"]
    state = signatures["stream_init"](instrument=tf.zeros(3, tf.int32))
    assert {name: values.shape[1:].as_list() for name, values in state.items()} == described["stream"][
        "state_shapes"
    ]
    assert all(not values.numpy().any() for values in state.values())
    starts = np.array([0, 40, 7])  # three instruments, as three parts of one
    needed, found = market.rows_needed, []
    for step in range(60):
        fields = {name: tf.constant(market.panel.raw(name)[starts + step]) for name in market.features.fields}
        answer = signatures["stream_step"](**state, **fields)
        state = {name: answer[name] for name in state}
        found.append(answer["up"].numpy())
        assert np.isnan(found[-1]).all() == (step + 1 < needed)
    found = np.array(found[needed - 1 :])
    for place, start in enumerate(starts):
        rows = np.arange(start + needed - 1, start + 60)
        np.testing.assert_allclose(found[:, place], offline(model, market, scaler, rows), rtol=0, atol=1e-6)


def test_the_step_checks_rows_as_the_other_signatures_do(version):
    signatures = tf.saved_model.load(str(version)).signatures
    state = signatures["stream_init"](instrument=tf.zeros(1, tf.int32))
    good = {"close": tf.constant([100.0], tf.float64), "volume": tf.constant([5.0], tf.float64)}
    signatures["stream_step"](**state, **good)
    for name, value in (("close", np.nan), ("volume", -1.0)):
        bad = good | {name: tf.constant([value], tf.float64)}
        with pytest.raises(tf.errors.InvalidArgumentError, match=name):
            signatures["stream_step"](**state, **bad)


def test_a_compiled_step_says_the_same(version, market):
    signatures = tf.saved_model.load(str(version)).signatures
    plain = compiled = signatures["stream_init"](instrument=tf.zeros(1, tf.int32))
    names = list(plain)
    for row in range(40):
        fields = {name: tf.constant(market.panel.raw(name)[row : row + 1]) for name in market.features.fields}
        plain = signatures["stream_step"](**{name: plain[name] for name in names}, **fields)
        compiled = signatures["stream_step_1"](**{name: compiled[name] for name in names}, **fields)
        for name, values in plain.items():
            np.testing.assert_allclose(compiled[name], values, rtol=1e-6, atol=1e-6, err_msg=name)
    fields["close"] = tf.constant([np.nan], tf.float64)
    with pytest.raises(tf.errors.InvalidArgumentError, match="close"):
        signatures["stream_step_1"](**{name: compiled[name] for name in names}, **fields)


def test_a_litert_step_behind_the_features_says_the_same(version, model, market, scaler):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    described = about(version)["formats"]["stream"]
    runner = interpreter.Interpreter(str(version / described["file"])).get_signature_runner()
    state = np.zeros(described["inputs"]["state_model"]["shape"], np.float32)
    first, found = market.features.warmup, {}
    for row in range(first, 80):
        answer = runner(features=market.x[row].reshape(1, 1, -1), state_model=state)
        state = answer["state_model"]
        found[row] = answer["up"][0]
    rows = np.arange(market.rows_needed - 1, 80)
    np.testing.assert_allclose(
        [found[r] for r in rows], offline(model, market, scaler, rows), rtol=0, atol=1e-6
    )


def test_a_stream_goes_on_in_another_process_s_export(version, model, market, scaler, tmp_path):
    live, exported = tsdeep.Stream(model, samples=market, scaler=scaler), tsdeep.Stream(version)
    rows = [{name: market.panel.raw(name)[row] for name in market.features.fields} for row in range(40)]
    for row in rows[:30]:
        live.push(row)
    live.save(tmp_path / "state")
    exported.restore(tmp_path / "state")
    for row in rows[30:]:
        assert exported.push(row)["up"] == pytest.approx(live.push(row)["up"], abs=1e-6)


def test_only_what_streams_exactly_is_exported_so_unless_asked(market, scaler, tmp_path):
    model = built("lstm", market, units=3)
    given = {"samples": market, "scaler": scaler, "verify": False}
    plain = tsdeep.export(model, tmp_path / "auto", **given)
    assert "stream_step" not in about(plain)["signatures"]
    with pytest.raises(tsdeep.RunError, match="has no stream_step"):
        tsdeep.Stream(plain)
    with pytest.raises(tsdeep.SpecError, match=r"lstm_1 \(LSTM\)"):
        tsdeep.export(model, tmp_path / "exact", stream="exact", **given)
    with pytest.raises(tsdeep.SpecError, match="stream"):
        tsdeep.export(model, tmp_path / "odd", stream="windw", **given)
    assert not (tmp_path / "exact" / "1").exists()
    carried = tsdeep.export(model, tmp_path / "carry", stream="carry", **given)
    assert about(carried)["signatures"]["stream_step"]["stream"]["mode"] == "carry"
    assert tsdeep.Stream(carried).mode == "carry"
    with pytest.raises(tsdeep.SpecError, match="mode: found 'exact', expected 'carry'"):
        tsdeep.Stream(carried, mode="exact")


@pytest.mark.parametrize("name", ["har_network", "tcn"])
def test_assets_are_streamed_side_by_side(name, tmp_path):
    names = ("A", "B", "C")
    assets = Assets(names, (), "A")
    panel = aligned(Panel.from_frame(several(*names, days=200)), assets)
    features = [
        {"kind": "log_variance", "estimator": "parkinson", "rows": [1, 5]},
        {"kind": "log_variance", "estimator": "parkinson", "rows": 5, "prefix": "market"},
    ]
    task = tsdeep.get_task("volatility")
    study = tsdeep.Samples(panel, tsdeep.FeatureBank(features), task, 8, assets=assets)
    study = study.fit_task(study.rows)
    scaler = study.fit_scaler(study.rows)
    model = built(name, study, **({"filters": 3, "dilations": (1,)} if name == "tcn" else {}))
    rows = study.rows[-60:]
    logits = np.asarray(
        model(
            next(iter(tsdeep.windows(study, rows, scaler=scaler, batch_size=60, labels=False))),
            training=False,
        )
    )
    study = study.calibrate(rows, logits)
    version = tsdeep.export(model, tmp_path, samples=study, scaler=scaler, verify=False)
    days = side_by_side(panel, assets, tuple(about(version)["fields"]))
    window = days.windows(np.arange(30, 60), study.rows_needed, tuple(about(version)["fields"]))
    served = tf.saved_model.load(str(version)).signatures["serving_default"](
        **{field: tf.constant(values, tf.float64) for field, values in window.items()}
    )
    for stream in (tsdeep.Stream(model, samples=study, scaler=scaler), tsdeep.Stream(version)):
        answers = [
            stream.push({field: days.raw(field)[row] for field in stream.fields})
            for row in range(30 - study.rows_needed + 1, 60)
        ]
        assert stream.assets == names
        stream.reset()
        for row in range(30 - study.rows_needed + 1, 60):
            fields = {field: pd.Series(days.raw(field)[row], names)[::-1] for field in stream.fields}
            last = stream.push(fields)
        for output in stream.outputs:
            np.testing.assert_array_equal(last[output], answers[-1][output])
        assert [answer is None for answer in answers] == [True] * (study.rows_needed - 1) + [False] * 30
        for output in stream.outputs:
            found = np.stack([answer[output] for answer in answers[study.rows_needed - 1 :]])
            assert found.shape == (30, 3)
            np.testing.assert_allclose(found, served[output], rtol=1e-5, atol=1e-6)
