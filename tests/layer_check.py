"""One check that every layer passes: build, shape, serialise, reload, precision, gradients, inference."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

Inputs = np.ndarray | dict[str, np.ndarray]

#: Largest difference to the float32 output, as a fraction of its largest value.
PRECISION = {"mixed_float16": 0.01, "float16": 0.01, "mixed_bfloat16": 0.08, "bfloat16": 0.08}

_RELOAD = """
import json, pathlib, sys
import numpy as np
import tsdeep
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    data = np.load(path.with_suffix(".npz"))
    inputs = {name[3:]: data[name] for name in data.files if name.startswith("in_")}
    model = tsdeep.load_model(path)
    outputs = np.asarray(model(inputs["x"] if list(inputs) == ["x"] else inputs, training=False))
    print(json.dumps([path.stem, bool(np.array_equal(outputs, data["outputs"])), str(outputs.dtype)]))
"""


@dataclass(frozen=True)
class LayerCase:
    """A layer with arguments, inputs that suit it, and what it must return.

    `own_dtype` is that of a layer that computes in one dtype whatever the global policy; others must follow it.
    """

    layer: type[keras.layers.Layer] | Callable[..., keras.layers.Layer]
    arguments: Mapping[str, Any]
    inputs: Inputs
    output_shape: tuple[int, ...]
    own_dtype: str | None = None
    prepare: Callable[[Any], Any] = field(default=lambda layer: layer)

    def make(self) -> keras.layers.Layer:
        """Make the layer anew, weights drawn from a fixed seed."""
        keras.utils.set_random_seed(0)
        layer = self.layer(**self.arguments)
        layer.build(shape_of(self.inputs))
        return self.prepare(layer)


def shape_of(inputs: Inputs, open_batch: bool = True) -> Any:
    """Shape of an array, or of every array of a dict; the batch left open."""
    if isinstance(inputs, dict):
        return {name: shape_of(values, open_batch) for name, values in inputs.items()}
    return (None, *inputs.shape[1:]) if open_batch else inputs.shape


def model_around(layer: keras.layers.Layer, inputs: Inputs) -> keras.Model:
    """Make a functional model that is the layer alone."""
    if isinstance(inputs, dict):
        tensors = {n: keras.Input(x.shape[1:], dtype=str(x.dtype), name=n) for n, x in inputs.items()}
    else:
        tensors = keras.Input(inputs.shape[1:], dtype=str(inputs.dtype), name="x")
    return keras.Model(tensors, layer(tensors))


@contextmanager
def dtype_policy(name: str):
    """Set the global dtype policy for a while."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def check_shapes(case: LayerCase) -> None:
    """Output shape as stated, as computed, and as traced; the layer says that it is built."""
    layer = case.make()
    assert layer.built
    assert tuple(layer(case.inputs).shape) == case.output_shape
    assert tuple(layer.compute_output_shape(shape_of(case.inputs, open_batch=False))) == case.output_shape
    assert model_around(layer, case.inputs).output_shape == (None, *case.output_shape[1:])


def check_serialisation(case: LayerCase) -> None:
    """Rebuilt from JSON it has the same configuration, and with the same weights the same output."""
    layer = case.make()
    saved = json.dumps(keras.saving.serialize_keras_object(layer))
    again = keras.saving.deserialize_keras_object(json.loads(saved))
    assert type(again) is type(layer)
    assert json.dumps(keras.saving.serialize_keras_object(again)) == saved
    if not again.built:  # Keras keeps the shape that a layer was built for, and builds it again
        again.build(shape_of(case.inputs))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(case.inputs), layer(case.inputs))


def check_inference(case: LayerCase) -> None:
    """Without training, two calls give the same."""
    layer = case.make()
    first = np.asarray(layer(case.inputs, training=False) if _takes_training(layer) else layer(case.inputs))
    again = np.asarray(layer(case.inputs, training=False) if _takes_training(layer) else layer(case.inputs))
    np.testing.assert_array_equal(first, again)


def check_precision(case: LayerCase) -> None:
    """Finite outputs near the float32 ones under every policy, in the policy's dtype or the layer's own."""
    layer = case.make()
    exact = np.asarray(layer(case.inputs), "float64")
    assert np.isfinite(exact).all()
    for policy, tolerance in PRECISION.items():
        with dtype_policy(policy):
            low = case.make()
            low.set_weights(layer.get_weights())
            outputs = low(case.inputs)
        expected = case.own_dtype or keras.DTypePolicy(policy).compute_dtype
        assert keras.backend.standardize_dtype(outputs.dtype) == expected, policy
        values = np.asarray(tf.cast(outputs, "float64"))
        assert np.isfinite(values).all(), policy
        bound = 0.0 if case.own_dtype else tolerance * np.abs(exact).max()
        assert np.abs(values - exact).max() <= bound, policy


def check_gradients(case: LayerCase) -> None:
    """Gradients of trainable weights and inputs are finite; every trainable weight has one that is not zero."""
    layer = case.make()
    inputs = tf.nest.map_structure(tf.constant, case.inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, training=True) if _takes_training(layer) else layer(inputs)
        weights = tf.constant(np.random.default_rng(0).normal(size=outputs.shape), outputs.dtype)
        loss = tf.reduce_sum(outputs * weights)
    of_weights, of_inputs = tape.gradient(loss, [[v.value for v in layer.trainable_variables], inputs])
    for variable, gradient in zip(layer.trainable_variables, of_weights, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(gradient).all(), variable.path
        assert np.any(np.asarray(gradient) != 0), variable.path
    for gradient in tf.nest.flatten(of_inputs):
        assert gradient is None or np.isfinite(gradient).all()


def save_for_reload(case: LayerCase, folder: Path, name: str) -> None:
    """Write a model around the layer, inputs and outputs, for `reload_in_fresh_process`."""
    model = model_around(case.make(), case.inputs)
    model.save(folder / f"{name}.keras")
    inputs = case.inputs if isinstance(case.inputs, dict) else {"x": case.inputs}
    outputs = np.asarray(model(case.inputs, training=False))
    np.savez(folder / f"{name}.npz", outputs=outputs, **{f"in_{n}": x for n, x in inputs.items()})


def reload_in_fresh_process(folder: Path) -> dict[str, tuple[bool, str]]:
    """Reload every saved model in one new process: by name, whether outputs are equal, and their dtype."""
    command = [sys.executable, "-c", _RELOAD, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: (equal, dtype) for name, equal, dtype in map(json.loads, done.stdout.splitlines())}


def run_layer_check(
    layer: type[keras.layers.Layer] | Callable[..., keras.layers.Layer],
    arguments: Mapping[str, Any],
    inputs: Inputs,
    output_shape: tuple[int, ...],
    *,
    own_dtype: str | None = None,
    prepare: Callable[[Any], Any] = lambda layer: layer,
    folder: Path | None = None,
) -> None:
    """Check a layer in every respect; with a folder, in a fresh process too.

    Parameters
    ----------
    layer : type or callable
        Called with `arguments` to make the layer.
    arguments : mapping
        Of the constructor.
    inputs : ndarray or dict of str to ndarray
        What the layer is called with.
    output_shape : tuple of int
        What it must return for them.
    own_dtype : str, optional
        The dtype of a layer that computes in it whatever the global policy.
    prepare : callable, optional
        What to do with the built layer before it is used, such as to fit it.
    folder : Path, optional
        An empty folder for the files of the reload.
    """
    case = LayerCase(layer, arguments, inputs, output_shape, own_dtype, prepare)
    for check in CHECKS:
        check(case)
    if folder is not None:
        save_for_reload(case, folder, "layer")
        assert reload_in_fresh_process(folder)["layer"][0]


CHECKS = (check_shapes, check_serialisation, check_inference, check_precision, check_gradients)


def _takes_training(layer: keras.layers.Layer) -> bool:
    return bool(layer._call_has_training_arg)
