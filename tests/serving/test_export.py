import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tsdeep
from tests.serving import c_program
from tests.serving.allowed_operations import ALLOWED
from tests.synthetic import FEATURES, samples
from tsdeep.serving.folders import versions
from tsdeep.serving.operations import operations

# Runs where nothing of tsdeep is imported: the graph alone answers.
SERVE = """
import json, sys
import numpy as np, tensorflow as tf
work = sys.argv[1]
for name in sys.argv[2:]:
    raw = np.load(f"{work}/{name}.npz")
    served = tf.saved_model.load(f"{work}/{name}/1").signatures["serving_default"]
    outputs = served(**{field: tf.constant(raw[field]) for field in raw.files})
    np.savez(f"{work}/{name}-served.npz", **{key: value.numpy() for key, value in outputs.items()})
assert not [m for m in sys.modules if m.split(".")[0] == "tsdeep"], "the process imported tsdeep"
"""


@pytest.fixture(scope="module")
def market():
    return samples(500)


def walk(market, name, **options):
    cv = tsdeep.WalkForward(train=300, valid=60, test=100, max_folds=1)
    return tsdeep.walk_forward(name, market, cv, epochs=1, progress=False, **options)


@pytest.fixture(scope="module")
def result(market):
    return walk(market, "tiny", seeds=2)


def test_saved_models_equal_offline_predictions_in_a_process_without_tsdeep(tmp_path):
    spec = tsdeep.load_spec("sp500_direction")
    market = tsdeep.load(spec)
    offline = {}
    for name in ("lstm", "gru", "tcn", "transformer"):
        run = tsdeep.walk_forward(
            name,
            market,
            tsdeep.WalkForward(train="4YE", valid="1YE", test="1YE", max_folds=1),
            epochs=1,
            seeds=2 if name == "lstm" else 1,
            jit_compile=False,
            progress=False,
            **spec.hparams[name],
        )
        tsdeep.export(run, tmp_path / name, verify=name == "lstm")
        rows = next(run.cv.split(market)).test
        assert len(rows) == 250
        np.savez(
            tmp_path / f"{name}.npz", **market.panel.windows(rows, market.rows_needed, market.features.fields)
        )
        offline[name] = run.predictions["up"]
    subprocess.run([sys.executable, "-c", SERVE, str(tmp_path), *offline], check=True, cwd=tmp_path)
    program = c_program.build(tmp_path)
    for name, up in offline.items():
        served = np.load(tmp_path / f"{name}-served.npz")
        raw = dict(np.load(tmp_path / f"{name}.npz"))
        without_python = c_program.run(
            program, tmp_path / name / "1", "serving_default", raw, tmp_path / name
        )
        np.testing.assert_allclose(without_python["up"], up, rtol=0, atol=1e-5, err_msg=name)
        said = c_program.run(program, tmp_path / name / "1", "predict_class", raw, tmp_path / name)
        assert said["label"].tolist() == np.where(up > 0.5, "up", "down").tolist()
        assert operations(tmp_path / name / "1") <= ALLOWED
        assert served["up"].dtype == np.float32
        assert np.std(served["up"]) > 1e-4
        np.testing.assert_allclose(served["up"], up, rtol=0, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(served["down"], 1 - up, rtol=0, atol=1e-6, err_msg=name)


def test_metadata_says_what_a_client_needs(market, result, tmp_path):
    version = tsdeep.export(result, tmp_path)
    metadata = json.loads((version / "tsdeep.json").read_text())
    assert metadata["fields"] == ["close", "volume"]
    assert metadata["rows_needed"] == 6 + 5
    assert metadata["lookback"] == 6
    assert metadata["warmup"] == 5
    assert metadata["outputs"] == ["down", "up"]
    assert metadata["cutoff"] == str(result.predictions["cutoff"].iloc[-1])
    assert set(metadata["metrics"]) == {"tiny", "always_up", "base_rate", "logistic"}
    assert metadata["metrics"]["always_up"]["log_loss"] is None
    assert {"tensorflow", "keras", "tsdeep", "python"} <= set(metadata["versions"])


def test_signature_takes_each_raw_field_by_name_as_float64(result, tmp_path):
    import tensorflow as tf

    version = tsdeep.export(result, tmp_path, verify=False)
    signature = tf.saved_model.load(str(version)).signatures["serving_default"]
    inputs = signature.structured_input_signature[1]
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in inputs.items()} == {
        "close": (tf.float64, [None, None]),
        "volume": (tf.float64, [None, None]),
    }


def test_each_export_is_the_next_version_and_leaves_no_other_file(result, tmp_path):
    for expected in (1, 2):
        assert tsdeep.export(result, tmp_path, verify=False).name == str(expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    (tmp_path / "not-a-version").mkdir()
    assert versions(tmp_path) == [1, 2]


def test_a_failed_export_leaves_no_version_behind(result, tmp_path, monkeypatch):
    def broken(_module, path, **_options):
        (Path(path) / "half").mkdir()
        raise OSError("disk full")

    monkeypatch.setattr("tensorflow.saved_model.save", broken)
    with pytest.raises(OSError, match="disk full"):
        tsdeep.export(result, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_fitted_by_hand_is_exported_with_its_samples_and_scaler(market, tmp_path):
    fold = next(tsdeep.WalkForward(train=300, valid=60, test=60).split(market))
    scaler = market.fit_scaler(fold.train)
    model = tsdeep.build("gru", market, units=3)
    tsdeep.export(model, tmp_path, samples=market, scaler=scaler, verify=False)
    windows = tsdeep.windows(market, fold.test, scaler=scaler, labels=False, batch_size=1000)
    expected = 1 / (1 + np.exp(-np.asarray(model(next(iter(windows))))[:, 0]))
    answered = tsdeep.predict(tmp_path, market.panel, rows=market.panel.n_rows - market.rows_needed)
    found = answered.set_index("time")["up"][market.time[fold.test]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_exporting_a_model_without_its_samples_says_what_is_needed(market, tmp_path):
    with pytest.raises(tsdeep.RunError, match="needs the samples"):
        tsdeep.export(tsdeep.build("tiny", market), tmp_path)


def test_an_export_is_not_much_larger_than_its_weights(market, tmp_path):
    model = tsdeep.build("lstm", market, units=256)
    version = tsdeep.export(
        model, tmp_path, samples=market, scaler=market.fit_scaler(market.rows), verify=False
    )
    weights = sum(weight.nbytes for weight in model.get_weights())
    stored = sum(file.stat().st_size for file in (version / "variables").iterdir())
    assert stored < 1.1 * weights + 100_000


def test_a_mixed_precision_model_serves_float32(market, tmp_path):
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tsdeep.build("tcn", market, filters=4)
        tsdeep.export(model, tmp_path, samples=market, scaler=market.fit_scaler(market.rows))
    finally:
        keras.config.set_dtype_policy("float32")
    up = tsdeep.predict(tmp_path, market.panel)["up"]
    assert up.dtype == np.float32
    assert 0 < up[0] < 1


def test_calendar_features_are_served_from_the_raw_field_time(market, tmp_path):
    dated = market.replace(features=tsdeep.FeatureBank([*FEATURES, {"kind": "calendar"}]))
    model = tsdeep.build("tiny", dated)
    scaler = dated.fit_scaler(dated.rows)
    tsdeep.export(model, tmp_path, samples=dated, scaler=scaler, verify=False)
    assert "time" in json.loads((tmp_path / "1" / "tsdeep.json").read_text())["fields"]
    window = tsdeep.windows(dated, dated.origins[-1:], scaler=scaler, labels=False)
    expected = 1 / (1 + np.exp(-float(model(next(iter(window)))[0, 0])))
    assert tsdeep.predict(tmp_path, dated.panel)["up"][0] == pytest.approx(expected, abs=1e-6)
