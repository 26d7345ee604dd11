"""The gRPC side of the stand-in for TensorFlow Serving."""

from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.model_server import Status, run


def serve_grpc(server):
    """Answer on a free port; gives the address and a function that ends it."""
    listening = grpc.server(
        futures.ThreadPoolExecutor(8),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Prediction(server), listening)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(server), listening)
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    return f"grpc://127.0.0.1:{port}", lambda: listening.stop(None).wait()


def answered(method):
    """Turn a Status into gRPC's, and note what arrived."""

    def handler(self, request, context):
        try:
            self.server.arrived("grpc", method.__name__, context.invocation_metadata())
            return method(self, request)
        except Status as status:
            context.abort(getattr(grpc.StatusCode, status.code), status.words)

    return handler


def spec(request):
    if not request.HasField("model_spec"):
        raise Status("INVALID_ARGUMENT", "Missing ModelSpec")
    asked = request.model_spec
    return (
        asked.name,
        asked.version.value if asked.HasField("version") else None,
        asked.version_label if asked.HasField("version_label") else None,
    )


class Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server):
        self.server = server

    @answered
    def Predict(self, request):
        version, served = self.server.choose(*spec(request))
        signature = request.model_spec.signature_name or "serving_default"
        inputs = {name: _array(name, tensor) for name, tensor in request.inputs.items()}
        outputs = run(served, signature, inputs, tuple(request.output_filter))
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = signature
        response.model_spec.version.value = version
        for name, values in outputs.items():
            response.outputs[name].CopyFrom(_as_proto_field(values))
        return response

    @answered
    def GetModelMetadata(self, request):
        name, version, label = spec(request)
        if not request.metadata_field:
            raise Status(
                "INVALID_ARGUMENT", "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for each in request.metadata_field:
            if each != "signature_def":
                raise Status("INVALID_ARGUMENT", f"Metadata field {each} is not supported")
        number, served = self.server.choose(name, version, label)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, value in served.signatures.items():
            signatures.signature_def[key].CopyFrom(value)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = name
        response.model_spec.version.value = number
        response.metadata["signature_def"].Pack(signatures)
        return response


class Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server):
        self.server = server

    @answered
    def GetModelStatus(self, request):
        response = get_model_status_pb2.GetModelStatusResponse()
        for number, state, words in self.server.states(*spec(request)):
            each = response.model_version_status.add()
            each.version = number
            each.state = getattr(get_model_status_pb2.ModelVersionStatus, state)
            each.status.error_message = words
        return response


def _array(name, tensor):
    try:
        return tf.make_ndarray(tensor)
    except (ValueError, TypeError) as error:
        raise Status("INVALID_ARGUMENT", f"tensor parsing error: {name}") from error


def _as_proto_field(values):
    """Write an output in the field of its type, as `Tensor::AsProtoField`, not as raw bytes."""
    made = tf.make_tensor_proto(values)
    made.ClearField("tensor_content")
    made.ClearField("float_val")
    if values.dtype == np.float32:
        made.float_val.extend(values.reshape(-1).tolist())
    return made
