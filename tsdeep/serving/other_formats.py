"""ONNX and LiteRT files beside a SavedModel, from features to named outputs, each compared with the model."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tsdeep.errors import RunError, SpecError, unknown_name
from tsdeep.serving.raw_model import logits_of, named_outputs, scaler_of, served_features
from tsdeep.serving.signatures import Served, portable_recurrence
from tsdeep.serving.verification import compare

FORMATS = ("savedmodel", "onnx", "litert")
"""Formats of an export."""

_NEEDED = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}


def check_formats(formats: Sequence[str]) -> None:
    """Refuse formats that are not known or cannot be written here.

    Raises
    ------
    SpecError
        If a format is unknown, or `"savedmodel"`, which versions are made of, is not among them.
    RunError
        If a package is missing; with the command that brings it.
    """
    if isinstance(formats, str):
        raise SpecError(f"formats: found {formats!r}, expected a sequence of names such as ('savedmodel',)")
    for name in formats:
        if name not in FORMATS:
            raise SpecError(unknown_name("format", str(name), FORMATS))
    if "savedmodel" not in formats:
        raise SpecError(
            f"formats: found {', '.join(formats) or 'none'}, expected 'savedmodel' among them: it is what a version "
            "of a model's folder is"
        )
    for name in formats:
        missing = [each for each in _NEEDED.get(name, ()) if importlib.util.find_spec(each) is None]
        if missing:
            raise RunError(f'format {name}: {missing[0]} is not installed: pip install "tsdeep[{name}]"')


def write_other_formats(
    formats: Sequence[str],
    path: Path,
    served: Served,
    raw: Mapping[str, np.ndarray],
    answers: Mapping[str, np.ndarray],
) -> dict[str, Any]:
    """Write the files of other formats, and compare what they answer with the model.

    Their input is `features [batch, lookback, channels]`, float32 and before scaling; scaler, model and outputs are in
    the file. Raw fields are not: they are float64, prices need it until they are differenced, and neither runtime
    computes it (tf2onnx casts logarithms to float32 and back without a word, LiteRT has no kernels).

    Parameters
    ----------
    formats : sequence of str
        Of `FORMATS`.
    path : Path
        Folder of the version.
    served : Served
        The model.
    raw : mapping of str to ndarray
        Windows of raw rows that the answers are of.
    answers : mapping of str to ndarray
        What the model answers on them.

    Returns
    -------
    dict
        For `tsdeep.json`, by format: file, inputs, outputs and the largest difference.

    Raises
    ------
    SpecError
        If the format has no operation for a part of the model.
    RunError
        If it answers otherwise than the model.
    """
    others = [name for name in FORMATS if name in formats and name != "savedmodel"]
    if not others:
        return {}
    features = np.asarray(served_features(served.samples)({k: np.asarray(v) for k, v in raw.items()}))
    model = _after_features(served, features.shape[1:])
    each = len(features) // len(next(iter(answers.values())))  # pooled assets are samples of one request
    described = {}
    for name in others:
        file = path / {"onnx": "model.onnx", "litert": "model.tflite"}[name]
        with portable_recurrence(model), _quietly():
            batch = _WRITERS[name](model, file, each)
        found = _RUNNERS[name](file, features, each)
        largest = compare(f"format {name}", dict(answers), found)
        described[name] = {
            "file": file.name,
            "inputs": {"features": {"dtype": "float32", "shape": [batch, *features.shape[1:]]}},
            "outputs": list(answers),
            "largest_difference": largest,
        }
    return described


def _after_features(served: Served, shape: tuple[int, ...]) -> keras.Model:
    """Make the part of the served model behind its features, `[batch, lookback, channels]` to named outputs."""
    inputs = keras.Input(shape, dtype="float32", name="features")
    scaler = scaler_of(served.scaler, served.symbol)
    x = inputs if scaler is None else scaler(inputs)
    return keras.Model(inputs, named_outputs(served.samples, logits_of(served.models, x)))


def _write_onnx(model: keras.Model, file: Path, each: int) -> None:
    """Write an ONNX file for any number of windows; SpecError where ONNX lacks an operation."""
    del each
    import onnx

    _teach_tf2onnx()
    model.export(str(file), format="onnx", verbose=False, input_signature=_signature(model, None))
    content = onnx.load(str(file))
    unknown = {
        node.op_type
        for node in content.graph.node
        if not node.domain and not onnx.defs.has(node.op_type, node.domain)
    }
    if unknown:
        raise SpecError(
            f"format onnx: the model has operations that ONNX does not: {', '.join(sorted(unknown))}"
        )


def _write_litert(model: keras.Model, file: Path, each: int) -> int:
    """Write a LiteRT file for one request at a time; SpecError where LiteRT lacks an operation."""
    import tensorflow as tf

    try:
        model.export(
            str(file),
            format="litert",
            verbose=False,
            input_signature=_signature(model, each),
            # LiteRT's own operations alone: Keras allows those of TensorFlow too, which run only beside TensorFlow.
            target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
        )
    except Exception as error:  # the converter raises what it likes
        raise SpecError(f"format litert: the model cannot be converted: {_first_lines(error)}") from error
    return each


def _signature(model: keras.Model, batch: int | None) -> list[Any]:
    import tensorflow as tf

    return [tf.TensorSpec((batch, *model.inputs[0].shape[1:]), tf.float32, name="features")]


def _run_onnx(file: Path, features: np.ndarray, each: int) -> dict[str, np.ndarray]:
    del each
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        answer = session.run(None, {session.get_inputs()[0].name: features})
    except Exception as error:  # of many classes, none documented
        raise SpecError(f"format onnx: ONNX Runtime does not run the model: {_first_lines(error)}") from error
    return {output.name: values for output, values in zip(session.get_outputs(), answer, strict=True)}


def _run_litert(file: Path, features: np.ndarray, each: int) -> dict[str, np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(str(file))
        run = interpreter.get_signature_runner()
        answers = [run(features=features[i : i + each]) for i in range(0, len(features), each)]
    except (ValueError, RuntimeError) as error:
        raise SpecError(f"format litert: LiteRT does not run the model: {_first_lines(error)}") from error
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


_WRITERS: dict[str, Callable[[keras.Model, Path, int], int | None]] = {
    "onnx": _write_onnx,
    "litert": _write_litert,
}
_RUNNERS = {"onnx": _run_onnx, "litert": _run_litert}


def _teach_tf2onnx() -> None:
    """Teach tf2onnx the complementary error function, of which TensorFlow makes the exact GELU."""
    importlib.import_module("tf2onnx.tfonnx")  # which registers what it knows
    from tf2onnx.handler import tf_op

    if "Erfc" in tf_op.get_opsets()[""][9]:
        return

    @tf_op("Erfc")
    class Erfc:
        @classmethod
        def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
            (x,), (y,) = node.input, node.output
            shape, dtype = ctx.get_shape(y), ctx.get_dtype(y)
            ctx.remove_node(node.name)
            erf = ctx.make_node("Erf", [x], shapes=[shape], dtypes=[dtype])
            one = ctx.make_const(f"{node.name}_one", np.ones((), np.float32))
            ctx.make_node(
                "Sub",
                [one.output[0], erf.output[0]],
                outputs=[y],
                name=node.name,
                shapes=[shape],
                dtypes=[dtype],
            )


@contextmanager
def _quietly() -> Iterator[None]:
    """Leave out the converters' remarks; what they could not do is found in what they wrote."""
    loggers = [logging.getLogger(name) for name in ("tf2onnx", "tensorflow")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of Keras' patch of tf2onnx
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _first_lines(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
