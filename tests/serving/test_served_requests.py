"""Requests as any program sends them, without the client's checks: both APIs, good rows and bad ones."""

import json

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

import tsdeep
from tests.serving import served_study
from tests.serving.served_study import BARS

ROWS = 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    served_study.export(folder, compiled=(1,))
    return folder


@pytest.fixture(scope="module")
def server(folder):
    with served_study.serving(folder) as server:
        yield server


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(server.grpc.removeprefix("grpc://")) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def windows(n=3):
    return {
        name: np.stack([BARS[name].to_numpy()[49 - i : 60 - i] for i in reversed(range(n))])
        for name in ("close", "volume")
    }


def expected(folder, n=3):
    return tsdeep.predict(folder, BARS, rows=n)


def post(server, body, path=":predict"):
    return requests.post(f"{server.rest}/v1/models/study{path}", json=body, timeout=10)


def columns(fields):
    return {"inputs": {name: np.asarray(values).tolist() for name, values in fields.items()}}


def rows(fields):
    n = len(next(iter(fields.values())))
    return {
        "instances": [
            {name: np.asarray(values[i]).tolist() for name, values in fields.items()} for i in range(n)
        ]
    }


def predict_request(fields, signature="", **model_spec):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "study"
    request.model_spec.signature_name = signature
    for name, values in fields.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def test_rest_answers_columns_with_columns(server, folder):
    answer = post(server, columns(windows()))
    assert answer.status_code == 200
    assert set(answer.json()) == {"outputs"}
    outputs = answer.json()["outputs"]
    assert set(outputs) == {"down", "up"}
    np.testing.assert_allclose(outputs["up"], expected(folder)["up"], rtol=0, atol=1e-6)


def test_rest_answers_rows_with_rows(server, folder):
    answer = post(server, rows(windows()) | {"signature_name": "serving_default"})
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    assert [set(each) for each in predictions] == [{"down", "up"}] * 3
    np.testing.assert_allclose(
        [each["up"] for each in predictions], expected(folder)["up"], rtol=0, atol=1e-6
    )


def test_float32_outputs_keep_all_their_digits_in_json(server, folder):
    outputs = post(server, columns(windows())).json()["outputs"]["up"]
    served = tf.saved_model.load(str(folder / "1")).signatures["serving_default"]
    up = served(**{name: tf.constant(values) for name, values in windows().items()})["up"].numpy()
    np.testing.assert_allclose(np.float32(outputs), up, rtol=1e-6)


def test_rest_says_classes_in_words(server, folder):
    answer = post(server, rows(windows()) | {"signature_name": "predict_class"})
    up = expected(folder)["up"]
    for each, score in zip(answer.json()["predictions"], up, strict=True):
        assert each["classes"] == ["down", "up"]
        assert each["label"] == ("up" if score > 0.5 else "down")
        assert each["scores"][1] == pytest.approx(score, abs=1e-6)


def test_grpc_round_trip(stub, folder):
    request = predict_request(windows())
    again = predict_pb2.PredictRequest.FromString(request.SerializeToString())
    response = stub.Predict(again, timeout=10)
    assert response.model_spec.name == "study"
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 1
    assert set(response.outputs) == {"down", "up"}
    up = response.outputs["up"]
    assert up.dtype == tf.float32.as_datatype_enum
    assert [dim.size for dim in up.tensor_shape.dim] == [3]
    np.testing.assert_allclose(up.float_val, expected(folder)["up"], rtol=0, atol=1e-6)


def test_grpc_answers_only_the_outputs_that_are_asked_for(stub):
    request = predict_request(windows())
    request.output_filter.append("up")
    assert set(stub.Predict(request, timeout=10).outputs) == {"up"}
    request.output_filter[:] = ["sideways"]
    code, words = refused(stub, request)
    assert (code, "sideways" in words) == ("INVALID_ARGUMENT", True)


def test_grpc_describes_the_model_and_its_versions(server, stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "study"
    response = stub.GetModelMetadata(request, timeout=10)
    found = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(found)
    close = found.signature_def["serving_default"].inputs["close"]
    assert close.dtype == tf.float64.as_datatype_enum
    assert [dim.size for dim in close.tensor_shape.dim] == [-1, -1]
    with grpc.insecure_channel(server.grpc.removeprefix("grpc://")) as channel:
        ask = get_model_status_pb2.GetModelStatusRequest()
        ask.model_spec.name = "study"
        (status,) = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(ask).model_version_status
    assert (status.version, status.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)


def refused(stub, request):
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(request, timeout=10)
    return error.value.code().name, error.value.details()


def bad(name, value, place=(1, 4)):
    fields = windows()
    fields[name][place] = value
    return fields


BAD = {
    "a field that the model does not know": (windows() | {"turnover": windows()["close"]}, "turnover"),
    "a field under another name": ({"close": windows()["close"], "vol": windows()["volume"]}, "vol"),
    "a field that is missing": ({"close": windows()["close"]}, "volume"),
    "too few rows": ({name: values[:, 1:] for name, values in windows().items()}, "volume"),
    "fields of different rows": (windows() | {"volume": windows()["volume"][:, 1:]}, "volume"),
    "a value too many a row": (windows() | {"volume": np.ones((3, ROWS, 2))}, "volume"),
    "a value for all rows": (windows() | {"volume": np.ones(3)}, "volume"),
    "not a number": (bad("volume", np.nan), "field volume: expected finite numbers above zero, found] [nan]"),
    "infinity": (bad("close", np.inf), "field close: expected finite numbers above zero, found] [inf]"),
    "a price of zero": (bad("close", 0.0), "field close: expected finite numbers above zero, found] [0]"),
    "a price below zero": (
        bad("close", -1.5),
        "field close: expected finite numbers above zero, found] [-1.5]",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_grpc_answers_bad_rows_with_invalid_argument_and_the_field(stub, case):
    fields, words = BAD[case]
    code, said = refused(stub, predict_request(fields))
    assert code == "INVALID_ARGUMENT"
    assert words in said


@pytest.mark.parametrize("signature", ["serving_default", "predict_class", "compiled_1"])
@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_every_signature_refuses_bad_values_with_their_place(stub, signature, value):
    fields = {name: values[:1] for name, values in bad("volume", value, (0, 4)).items()}
    code, said = refused(stub, predict_request(fields, signature))
    assert code == "INVALID_ARGUMENT"
    assert "field volume" in said
    assert "[0 4 0]" in said


UNKNOWN = "a field that the model does not know"
"""Which TensorFlow Serving leaves unread among named inputs by columns."""


@pytest.mark.parametrize(
    ("form", "case"),
    [(form, case) for form in (columns, rows) for case in BAD if (form, case) != (columns, UNKNOWN)],
)
def test_rest_answers_bad_rows_with_400_and_the_field(server, form, case):
    fields, words = BAD[case]
    body = json.dumps(form(fields))  # with NaN and Infinity, which the server reads
    answer = requests.post(f"{server.rest}/v1/models/study:predict", data=body, timeout=10)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_rest_leaves_unread_what_a_request_by_columns_has_too_much(server, folder):
    fields, _ = BAD[UNKNOWN]
    outputs = post(server, columns(fields)).json()["outputs"]
    np.testing.assert_allclose(outputs["up"], expected(folder)["up"], rtol=0, atol=1e-6)


def test_a_word_for_a_number_is_refused_with_the_word_and_but_for_columns_the_field(server, stub):
    # By columns TensorFlow Serving's own reading of JSON says the word alone; the client says the field (see
    # test_client_faults.py).
    fields = {name: values.tolist() for name, values in windows(1).items()}
    fields["volume"][0][3] = "many"
    answer = post(server, {"inputs": fields})
    assert answer.status_code == 400
    assert answer.json()["error"] == 'JSON Value: "many" Type: String is not of expected type: double'
    answer = post(server, rows(fields))
    assert answer.status_code == 400
    assert "key: volume of 'instances' list" in answer.json()["error"]
    request = predict_request(windows(1) | {"volume": np.array([["many"] * ROWS])})
    code, said = refused(stub, request)
    assert code == "INVALID_ARGUMENT"
    assert "actual string vs. expect double" in said
    assert "volume" in said


def test_float32_prices_are_refused_over_grpc(stub):
    fields = windows()
    code, said = refused(stub, predict_request(fields | {"close": fields["close"].astype(np.float32)}))
    assert code == "INVALID_ARGUMENT"
    assert "actual float vs. expect double" in said
    assert "close" in said


def test_more_rows_than_needed_are_the_same_prediction(server, folder):
    many = {name: BARS[name].to_numpy()[None] for name in ("close", "volume")}
    outputs = post(server, columns(many)).json()["outputs"]
    assert outputs["up"] == pytest.approx(expected(folder, 1)["up"], abs=1e-6)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "JSON Parse error"),
        ('{"inputs": {}, "instances": []}', "expecting only one of"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"instances": [[1.0]]}', "expecting list of objects as multiple input tensors"),
        ('{"inputs": {"close": [[1.0, 2.0], [3.0]], "volume": []}}', "list at unexpected size: 1"),
        ('{"signature_name": "other", "inputs": {}}', 'Serving signature name: "other" not found'),
    ],
)
def test_requests_that_cannot_be_read_are_refused(server, body, words):
    answer = requests.post(f"{server.rest}/v1/models/study:predict", data=body, timeout=10)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_unknown_models_and_versions_are_404(server):
    for path in ("/v1/models/other:predict", "/v1/models/study/versions/9:predict"):
        answer = requests.post(server.rest + path, json=columns(windows()), timeout=10)
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("Servable not found for request:")
    assert requests.get(f"{server.rest}/v1/models/other", timeout=10).status_code == 404
    assert requests.get(f"{server.rest}/v1/elsewhere", timeout=10).status_code == 400
