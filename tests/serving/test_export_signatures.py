"""What signatures an export has, what they answer, and what is refused."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.synthetic import samples
from tsdeep.serving.warmup import PLACE


@pytest.fixture(scope="module")
def market():
    return samples(300)


@pytest.fixture(scope="module")
def exported(market, tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = tsdeep.build("gru", market, units=8)
    scaler = market.fit_scaler(market.rows)
    version = tsdeep.export(
        model, tmp_path_factory.mktemp("model"), samples=market, scaler=scaler, compiled=(1, 20)
    )
    return version, model, scaler


@pytest.fixture(scope="module")
def signatures(exported):
    return tf.saved_model.load(str(exported[0])).signatures


def raw(market, rows, n_rows=None):
    windows = market.panel.windows(rows, n_rows or market.rows_needed, market.features.fields)
    return {name: tf.constant(values) for name, values in windows.items()}


@pytest.fixture(scope="module")
def rows(market):
    return market.origins[-20:]


@pytest.fixture(scope="module")
def up(market, exported, rows):
    _, model, scaler = exported
    window = tsdeep.windows(market, rows, scaler=scaler, labels=False, batch_size=20)
    return np.asarray(keras.ops.sigmoid(model(next(iter(window)))))[:, 0]


def test_rows_before_the_newest_that_are_needed_may_be_sent_too(market, signatures, rows, up):
    for n_rows in (11, 12, 50):
        answer = signatures["serving_default"](**raw(market, rows, n_rows))
        np.testing.assert_allclose(answer["up"], up, rtol=0, atol=1e-6)


def test_too_few_rows_are_refused_by_the_graph(market, signatures, rows):
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least 11 rows"):
        signatures["serving_default"](**raw(market, rows, 10))


def test_classes_are_said_in_words(market, signatures, rows, up):
    answer = signatures["predict_class"](**raw(market, rows))
    assert answer["label"].numpy().astype(str).tolist() == np.where(up > 0.5, "up", "down").tolist()
    assert answer["classes"].numpy().astype(str).tolist() == [["down", "up"]] * 20
    np.testing.assert_allclose(answer["scores"], np.stack([1 - up, up], axis=1), rtol=0, atol=1e-6)


def test_horizons_have_labels_of_their_own():
    from tsdeep.serving.signatures import class_groups, classified

    task = tsdeep.get_task("movement", horizon_rows=[10, 20])
    outputs = {name: tf.constant([0.1 * (i % 3) + 0.1]) for i, name in enumerate(task.output_names)}
    outputs["down_20"] = tf.constant([0.9])
    said = classified(outputs, class_groups(task))
    assert said["label_10"].numpy().tolist() == [b"up"]
    assert said["label_20"].numpy().tolist() == [b"down"]
    assert said["classes_20"].numpy().tolist() == [[b"down", b"stationary", b"up"]]


@pytest.mark.parametrize("batch", [1, 20])
def test_a_compiled_signature_answers_its_batch_size(market, exported, signatures, rows, up, batch):
    fields = {name: values[:batch] for name, values in raw(market, rows).items()}
    answer = signatures[f"compiled_{batch}"](**fields)["up"]
    np.testing.assert_allclose(answer, up[:batch], rtol=0, atol=1e-6)
    functions = tf.saved_model.load(str(exported[0])).signatures[f"compiled_{batch}"].graph.as_graph_def()
    compiled = [f for f in functions.library.function if f.attr["_XlaMustCompile"].b]
    assert compiled
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError)):
        signatures[f"compiled_{batch}"](**{name: values[:3] for name, values in raw(market, rows).items()})


def test_the_description_names_signatures_and_the_difference_that_was_found(exported):
    about = json.loads((exported[0] / "tsdeep.json").read_text())
    assert set(about["signatures"]) == {"serving_default", "predict_class", "compiled_1", "compiled_20"}
    default = about["signatures"]["serving_default"]
    assert default["inputs"]["close"] == {"dtype": "float64", "shape": [None, None]}
    assert default["outputs"]["up"] == {"dtype": "float32", "shape": [None]}
    assert about["signatures"]["predict_class"]["outputs"]["label"] == {"dtype": "string", "shape": [None]}
    assert about["signatures"]["compiled_20"]["inputs"]["volume"]["shape"] == [20, 11]
    assert about["signatures"]["compiled_20"]["compiled"]
    assert 0 <= about["verified"]["largest_difference"] < 1e-5
    assert about["verified"]["rows"] == 20


def test_every_signature_is_warmed_up_with_real_rows(market, exported, signatures, up):
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

    records = [
        PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(exported[0] / PLACE))
    ]
    requests = [record.predict_log.request for record in records]
    assert [request.model_spec.signature_name for request in requests] == list(
        json.loads((exported[0] / "tsdeep.json").read_text())["signatures"]
    )
    for request in requests:
        fields = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        newest = market.panel.raw("close")[-11:]
        np.testing.assert_array_equal(fields["close"][-1], newest)
        answer = signatures[request.model_spec.signature_name](
            **{k: tf.constant(v) for k, v in fields.items()}
        )
        if "up" in answer:
            assert answer["up"].numpy()[-1] == pytest.approx(up[-1], abs=1e-6)


# What is refused


class Text(keras.layers.Layer):
    """Through text and back, which XLA has no operation for."""

    def call(self, x):
        return tf.strings.to_number(tf.strings.as_string(x))


class Python(keras.layers.Layer):
    """A call of Python in the graph."""

    def call(self, x):
        y = tf.numpy_function(lambda values: values * 2.0, [x], tf.float32)
        y.set_shape(x.shape)
        return y


class Clock(keras.layers.Layer):
    """Another answer every time."""

    def call(self, x):
        return x + tf.cast(tf.sin(1e3 * tf.timestamp()), tf.float32)


def with_layer(market, layer):
    inputs = keras.Input(market.input_shape)
    hidden = layer(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(1)(hidden))


def refused(market, layer, folder, **options):
    scaler = market.fit_scaler(market.rows)
    return tsdeep.export(with_layer(market, layer), folder, samples=market, scaler=scaler, **options)


def test_a_layer_that_calls_python_is_refused_by_its_name(market, tmp_path):
    with pytest.raises(tsdeep.SpecError, match=r"layer 'mine': the operation PyFunc .* calls Python"):
        refused(market, Python(name="mine"), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_an_operation_of_another_library_is_refused(tmp_path, exported):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    from tsdeep.serving.operations import check_operations

    model = SavedModel.FromString((exported[0] / "saved_model.pb").read_bytes())
    node = model.meta_graphs[0].graph_def.library.function[0].node_def.add()
    node.name, node.op = "functional/gru_1/MyKernel", "MyKernel"
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(
        tsdeep.SpecError, match=r"layer 'gru': the operation MyKernel .* none of TensorFlow's own"
    ):
        check_operations(tmp_path, ["gru"])
    node.op = "CudnnRNNV3"
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(tsdeep.SpecError, match=r"CudnnRNNV3 .* cuDNN alone"):
        check_operations(tmp_path, ["gru"])


def test_a_model_that_xla_does_not_compile_is_exported_without_and_refused_with_a_compiled_signature(
    market, tmp_path
):
    with pytest.raises(tsdeep.SpecError, match=r"compiled=1: XLA does not compile this model: .*AsString"):
        refused(market, Text(), tmp_path, compiled=(1,), verify=False)
    assert not list(tmp_path.iterdir())
    assert refused(market, Text(), tmp_path, verify=False).name == "1"


@pytest.mark.parametrize("batch", [0, -1, 1.5, True])
def test_a_batch_size_that_is_none_is_refused(market, tmp_path, batch):
    with pytest.raises(tsdeep.SpecError, match="compiled: found"):
        refused(market, keras.layers.Identity(), tmp_path, compiled=(batch,))


def test_an_export_that_answers_otherwise_than_the_model_is_refused_and_leaves_no_version(market, tmp_path):
    with pytest.raises(
        tsdeep.RunError, match=r"signature serving_default: output 'down' differs .* not kept"
    ):
        refused(market, Clock(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_of_half_floats_answers_in_float32_as_the_model_does(market, tmp_path, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = tsdeep.build("gru", market, units=8)
        version = tsdeep.export(model, tmp_path, samples=market, scaler=market.fit_scaler(market.rows))
    finally:
        keras.config.set_dtype_policy("float32")
    outputs = json.loads((version / "tsdeep.json").read_text())["signatures"]["serving_default"]["outputs"]
    assert {spec["dtype"] for spec in outputs.values()} == {"float32"}
