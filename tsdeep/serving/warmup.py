"""Warm-up requests: what TensorFlow Serving answers before a version takes requests, so that the first is not slow."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path

from tsdeep.errors import RunError
from tsdeep.serving.signatures import Signature

PLACE = Path("assets.extra") / "tf_serving_warmup_requests"
"""Where TensorFlow Serving looks for them in a version."""

HINT = 'pip install "tsdeep[serving]"'

_log = logging.getLogger(__name__)


def may_write_warmup(asked: bool | None) -> bool:
    """Tell whether warm-up requests are written.

    Parameters
    ----------
    asked : bool, optional
        None writes them where tensorflow-serving-api, which has the format, is installed, and logs it where not.

    Raises
    ------
    RunError
        If they were asked for and tensorflow-serving-api is not installed.
    """
    if asked is False:
        return False
    if importlib.util.find_spec("tensorflow_serving") is not None:
        return True
    if asked:
        raise RunError(f"warmup: tensorflow-serving-api, which has the format, is not installed: {HINT}")
    _log.info("no warm-up requests were written; they need tensorflow-serving-api: %s", HINT)
    return False


def write_warmup(version: Path, name: str, signatures: Mapping[str, Signature]) -> None:
    """Write a request of real rows for every signature, a record each.

    Parameters
    ----------
    version : Path
        Folder of the SavedModel.
    name : str
        The model's name.
    signatures : mapping of str to Signature
        Their newest example is sent, or all where the batch size is fixed.
    """
    import tensorflow as tf
    from tensorflow_serving.apis.predict_pb2 import PredictRequest
    from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

    file = version / PLACE
    file.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as records:
        for key, signature in signatures.items():
            request = PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, key
            for field, values in signature.examples.items():
                shape = signature.inputs[field].shape
                one = values[-1:] if shape.rank and shape[0] is None else values
                request.inputs[field].CopyFrom(tf.make_tensor_proto(one))
            records.write(PredictionLog(predict_log=PredictLog(request=request)).SerializeToString())
