"""The step of a stream as a LiteRT file: the quickest way from a row's features to a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tsdeep.errors import SpecError
from tsdeep.serving.raw_model import scaler_of, served_features
from tsdeep.serving.signatures import Served, Signature
from tsdeep.serving.stream_model import StreamModel
from tsdeep.serving.verification import compare

FILE = "stream.tflite"


def write_stream_litert(served: Served, step: Signature, path: Path) -> dict[str, Any]:
    """Write the step behind the features, of one instrument, and compare it with the model.

    It takes `features [1, 1, channels]` of the newest row, float32 and before scaling, as the other files of these
    formats do, and `state_model [1, columns]`, zeros at first, which it returns for the next row. The state begins with
    the first row that has features; predictions count from the `lookback`-th on. Of models that keep nothing there is
    no state.

    Parameters
    ----------
    served : Served
        The model.
    step : Signature
        Its `stream_step`, with real rows and what they are answered with.
    path : Path
        Folder of the version.

    Returns
    -------
    dict
        For `tsdeep.json`: file, inputs, outputs and the largest difference.

    Raises
    ------
    SpecError
        If LiteRT has no operation for a part of the model.
    RunError
        If it answers otherwise than the model.
    """
    import keras
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    scaler = scaler_of(served.scaler, served.symbol)
    model = StreamModel(served.models, served.samples, scaler, step.about["stream"]["mode"])
    features, answers = _real_rows(served, model, step)
    given = {"features": features}
    if "state_model" in model.shapes:
        given["state_model"] = np.asarray(step.examples["state_model"])
    # Weights as constants, as LiteRT has no variables to share.
    variables = [
        *(v for each in served.models for v in each.variables),
        *(scaler.variables if scaler else ()),
    ]
    weights = [(variable, np.asarray(variable)) for variable in variables]
    group = len(features) // len(next(iter(answers.values())))

    def stepped(**inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        with keras.StatelessScope(state_mapping=[(v, tf.constant(value)) for v, value in weights]):
            outputs, state = model.step_features(inputs["features"], inputs.get("state_model"))
        return {**{name: tf.cast(values, tf.float32) for name, values in outputs.items()}, **state}

    batch = {"features": group, "state_model": 1}
    specs = {k: tf.TensorSpec((batch[k], *v.shape[1:]), tf.float32, name=k) for k, v in given.items()}
    traced = tf.function(stepped, autograph=False).get_concrete_function(**specs)
    try:
        content = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module()).convert()
        runner = Interpreter(model_content=content).get_signature_runner()
        found = [
            runner(**{k: v[i * batch[k] : (i + 1) * batch[k]] for k, v in given.items()})
            for i in range(len(features) // group)
        ]
    except Exception as error:  # converter and runtime raise what they like
        raise SpecError(
            f"format litert: the stream's step cannot be converted: {str(error)[:300]}"
        ) from error
    expected = {name: np.asarray(values) for name, values in answers.items() if name in found[0]}
    largest = compare(
        FILE,
        expected,
        {name: np.concatenate([each[name] for each in found]) for name in found[0]},
        step.tolerance,
    )
    (path / FILE).write_bytes(content)
    return {
        "file": FILE,
        "inputs": {name: {"dtype": "float32", "shape": spec.shape.as_list()} for name, spec in specs.items()},
        "outputs": list(found[0]),
        "largest_difference": largest,
    }


def _real_rows(served: Served, model: StreamModel, step: Signature) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the features of the rows that `stream_step` is compared on, before scaling, and its answers."""
    kept = np.asarray(step.examples["state_fields"])[:, :, 1:]  # [batch, rows, columns]
    fields, start = {}, 0
    for name, shape in model.fields.items():
        stop = start + int(np.prod(shape))
        before = kept[:, kept.shape[1] - model.warmup :, start:stop].reshape(len(kept), model.warmup, *shape)
        fields[name] = np.concatenate([before, np.asarray(step.examples[name])[:, None]], axis=1)
        start = stop
    return np.asarray(served_features(served.samples)(fields)), dict(step.expected())
