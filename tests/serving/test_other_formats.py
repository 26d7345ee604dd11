"""ONNX and LiteRT files, from features to outputs, run by their own runtimes against the model."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.serving.test_export_signatures import with_layer
from tests.synthetic import samples


@pytest.fixture(scope="module")
def market():
    return samples(300)


class Digamma(keras.layers.Layer):
    """A function that neither format has."""

    def call(self, x):
        return tf.math.digamma(1.0 + tf.abs(x))


def onnx_answer(file, features):
    import onnxruntime

    return onnxruntime.InferenceSession(str(file)).run(["up"], {"features": features})[0]


def litert_answer(file, features):
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(file)).get_signature_runner()
    return np.concatenate([run(features=features[i : i + 1])["up"] for i in range(len(features))])


@pytest.mark.parametrize("name", ["tcn", "lstm", pytest.param("transformer", marks=pytest.mark.slow)])
def test_files_of_other_formats_answer_features_as_the_model_does(name, market, tmp_path):
    keras.utils.set_random_seed(0)
    model = tsdeep.build(name, market)
    scaler = market.fit_scaler(market.rows)
    version = tsdeep.export(
        model,
        tmp_path,
        samples=market,
        scaler=scaler,
        verify=False,
        formats=("savedmodel", "onnx", "litert"),
    )
    rows = market.origins[-9:]
    window = tsdeep.windows(market, rows, scaler=scaler, labels=False, batch_size=9)
    up = np.asarray(keras.ops.sigmoid(model(next(iter(window)))))[:, 0]
    features = market.x[rows[:, None] + np.arange(1 - market.lookback, 1)]
    np.testing.assert_allclose(onnx_answer(version / "model.onnx", features), up, rtol=0, atol=1e-5)
    np.testing.assert_allclose(litert_answer(version / "model.tflite", features), up, rtol=0, atol=1e-5)
    formats = json.loads((version / "tsdeep.json").read_text())["formats"]
    assert formats["onnx"]["inputs"] == {"features": {"dtype": "float32", "shape": [None, 6, 3]}}
    assert formats["litert"]["inputs"] == {"features": {"dtype": "float32", "shape": [1, 6, 3]}}
    assert max(each["largest_difference"] for each in formats.values()) < 1e-5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onnx", "format onnx: .* operations that ONNX does not: Digamma"),
        ("litert", "format litert: the model cannot be converted"),
    ],
)
def test_a_model_that_a_format_has_no_operation_for_is_refused_and_leaves_no_version(
    name, message, market, tmp_path
):
    with pytest.raises(tsdeep.SpecError, match=message):
        tsdeep.export(
            with_layer(market, Digamma()),
            tmp_path,
            samples=market,
            scaler=market.fit_scaler(market.rows),
            verify=False,
            formats=("savedmodel", name),
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (("onnx",), "expected 'savedmodel' among them"),
        (("savedmodel", "onxx"), "did you mean 'onnx'"),
        ("savedmodel", "expected a sequence of names"),
    ],
)
def test_formats_that_make_no_export_are_refused(formats, message, market, tmp_path):
    with pytest.raises(tsdeep.SpecError, match=message):
        tsdeep.export(tsdeep.build("tiny", market), tmp_path, samples=market, formats=formats)
