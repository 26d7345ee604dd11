"""TensorFlow Serving's gRPC API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from tsdeep.errors import RunError
from tsdeep.serving.transport import Asking, Signature, TensorInfo, VersionStatus, short
from tsdeep.sources.fetching import import_extra

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A server that restarts is found again within a second, not within gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


class Grpc(Asking):
    """A model behind TensorFlow Serving's gRPC API, which the extra `serving` speaks.

    Parameters
    ----------
    url : str
        `grpc://host:8500`, or `grpcs://...` for TLS.
    model : str
        The model's name.
    version, label : int, str, optional
        The version that answers; by default the newest.
    timeout : float
        Seconds for one request, all its tries together.
    retries : int
        Most tries after the first.
    headers : mapping of str to str
        Sent with every request as gRPC metadata.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        version: int | None,
        label: str | None,
        timeout: float,
        retries: int,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(url, model, timeout=timeout, retries=retries)
        import_extra("tensorflow_serving", "serving")
        self._apis = {name: import_extra(f"tensorflow_serving.apis.{name}", "serving") for name in _APIS}
        self._grpc = import_extra("grpc", "serving")
        parts = urlsplit(url)
        if parts.scheme == "grpcs":
            credentials = self._grpc.ssl_channel_credentials()
            self._channel = self._grpc.secure_channel(parts.netloc, credentials, _OPTIONS)
        else:
            self._channel = self._grpc.insecure_channel(parts.netloc, _OPTIONS)
        self._prediction = self._apis["prediction_service_pb2_grpc"].PredictionServiceStub(self._channel)
        self._models = self._apis["model_service_pb2_grpc"].ModelServiceStub(self._channel)
        self._spec = self._apis["model_pb2"].ModelSpec(name=model)
        if version is not None:
            self._spec.version.value = version
        elif label is not None:
            self._spec.version_label = label
        self._headers = [(name.lower(), value) for name, value in headers.items()]

    def signatures(self) -> dict[str, Signature]:
        """Ask for the signatures of the model: `GetModelMetadata`."""
        api = self._apis["get_model_metadata_pb2"]
        request = api.GetModelMetadataRequest(model_spec=self._spec, metadata_field=["signature_def"])
        answer = self._ask(self._prediction.GetModelMetadata, request)
        found = api.SignatureDefMap()
        if not answer.metadata["signature_def"].Unpack(found):
            raise RunError(
                f"{self._what}: found no signatures in the answer to GetModelMetadata, expected some"
            )
        return {
            name: Signature(_tensors(about.inputs), _tensors(about.outputs))
            for name, about in found.signature_def.items()
            if not name.startswith("__")  # TensorFlow's own, such as the one that restores variables
        }

    def status(self) -> list[VersionStatus]:
        """Ask for the state of the model's versions, or of the one that was chosen."""
        api = self._apis["get_model_status_pb2"]
        answer = self._ask(self._models.GetModelStatus, api.GetModelStatusRequest(model_spec=self._spec))
        state = api.ModelVersionStatus.State
        return [
            VersionStatus(each.version, state.Name(each.state), each.status.error_message)
            for each in answer.model_version_status
        ]

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, TensorInfo]
    ) -> dict[str, np.ndarray]:
        """Ask for the outputs of a signature: `Predict`.

        Parameters
        ----------
        signature : str
            Its name.
        inputs : mapping of str to ndarray
            Every input, `[batch, ...]`.
        outputs : mapping of str to TensorInfo
            The signature's outputs.

        Returns
        -------
        dict of str to ndarray
            Every output in its type.
        """
        import tensorflow as tf

        request = self._apis["predict_pb2"].PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = signature
        for name, values in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
        answer = self._ask(self._prediction.Predict, request)
        if set(answer.outputs) != set(outputs):
            raise RunError(
                f"{self._what}: found the outputs {', '.join(sorted(answer.outputs)) or '(none)'}, expected "
                f"{', '.join(outputs)}"
            )
        return {name: _array(tf.make_ndarray(answer.outputs[name])) for name in outputs}

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def _ask(self, method: Callable[..., Any], request: Any) -> Any:
        return self._asked(lambda seconds: self._once(method, request, seconds))

    def _once(self, method: Callable[..., Any], request: Any, seconds: float) -> Any:
        try:
            return method(request, timeout=seconds, metadata=self._headers)
        except self._grpc.RpcError as error:
            code = error.code().name
            raise self._fault(code, f"{code}: {short(error.details() or 'no words')}") from error
        except ValueError as error:  # such as of a client that was closed
            raise RunError(f"{self._what}: the request could not be sent: {error}") from error


_APIS = (
    "get_model_metadata_pb2",
    "get_model_status_pb2",
    "model_pb2",
    "model_service_pb2_grpc",
    "predict_pb2",
    "prediction_service_pb2_grpc",
)


def _tensors(about: Mapping[str, Any]) -> dict[str, TensorInfo]:
    from tensorflow.core.framework import types_pb2

    return {
        name: TensorInfo(
            types_pb2.DataType.Name(each.dtype),
            tuple(None if dim.size < 0 else dim.size for dim in each.tensor_shape.dim),
        )
        for name, each in about.items()
    }


def _array(values: np.ndarray) -> np.ndarray:
    """Read strings, which come as bytes, as text."""
    if values.dtype != object:
        return values
    return np.array([each.decode() for each in values.reshape(-1)], object).reshape(values.shape)
