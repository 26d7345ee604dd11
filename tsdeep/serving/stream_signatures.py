"""Signatures of an export that is streamed: the state of instruments goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import SpecError, unknown_name
from tsdeep.models.streamed import MODES
from tsdeep.serving.raw_checks import checked_fields
from tsdeep.serving.raw_model import scaler_of, served_features
from tsdeep.serving.signatures import (
    TOLERANCE,
    Served,
    Signature,
    all_layers,
    of_length,
    portable_recurrence,
)
from tsdeep.serving.stream_model import StreamModel

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

#: Instruments that `stream_step` is compared on: the oldest and the newest windows of the others' examples.
CHOSEN = [0, -1]

#: The step between 1 and the next number of half precision.
HALF = {"float16": 2.0**-10, "bfloat16": 2.0**-7}

Tensors = dict[str, Any]


def stream_signatures(
    served: Served, windows: Signature, mode: str | None, compiled: Sequence[int] = ()
) -> dict[str, Signature]:
    """Make `stream_init` and `stream_step`, and `stream_step_<n>` for n instruments, compiled by XLA.

    `stream_init` takes `instrument [batch]`, any number for each instrument, and returns the state of each before its
    first row. `stream_step` takes that state and one raw row `[batch, ...]` a field, and returns the outputs, NaN
    until an instrument has had `rows_needed` rows, and the state for the next row. The state is one or two tensors
    (see `StreamModel`); zeros reset an instrument.

    Parameters
    ----------
    served : Served
        The model.
    windows : Signature
        Its `serving_default`: what it answers on whole windows is what the step must answer at their last row.
    mode : {"auto", "exact", "window", "carry"} or None
        As of `StreamModel`; "auto" is "exact" where the model can, and no signatures where it cannot, as None.
    compiled : sequence of int
        Numbers of instruments that XLA compiles the step for.

    Returns
    -------
    dict of str to Signature

    Raises
    ------
    SpecError
        If the mode is unknown, or the model cannot be streamed in it.
    """
    import tensorflow as tf

    if mode is None:
        return {}
    if mode not in (*MODES, "auto"):
        raise SpecError(unknown_name("stream", str(mode), (*MODES, "auto")))
    scaler = scaler_of(served.scaler, served.symbol)
    try:
        model = StreamModel(served.models, served.samples, scaler, "exact" if mode == "auto" else mode)
    except SpecError:
        if mode == "auto":
            return {}
        raise
    positive = served_features(served.samples).positive_fields

    def init(inputs: Tensors) -> Tensors:
        return dict(model.init(tf.shape(inputs["instrument"])[0]))

    def checked(core: Callable[[Tensors, Tensors], tuple[Tensors, Tensors]]) -> Callable[[Tensors], Tensors]:
        """Put the checks before a step."""

        def step(inputs: Tensors) -> Tensors:
            rows = {name: inputs[name][:, None] for name in model.fields}
            rows = checked_fields(rows, rows_needed=1, positive=positive)
            state = {
                name: tf.ensure_shape(inputs[name], (None, *shape)) for name, shape in model.shapes.items()
            }
            outputs, after = core(state, {name: values[:, 0] for name, values in rows.items()})
            return {**outputs, **after}

        return step

    step = checked(model.step)
    state_specs = {
        name: tf.TensorSpec((None, *shape), model.dtypes[name], name=name)
        for name, shape in model.shapes.items()
    }
    field_specs = {
        name: tf.TensorSpec((None, *shape), tf.float64, name=name) for name, shape in model.fields.items()
    }
    about = {
        "stream": {
            "mode": model.mode,
            "fingerprint": model.fingerprint(),
            "rows_needed": model.rows_needed,
            "state_shapes": {name: list(shape) for name, shape in model.shapes.items()},
            "state_dtypes": model.dtypes,
        }
    }
    examples, after = _examples(served, model, windows, step, state_specs | field_specs)
    tolerance = _tolerance(served.models)

    def expected() -> Tensors:
        answers = {name: np.asarray(values)[CHOSEN] for name, values in windows.expected().items()}
        return answers | after

    number = tf.TensorSpec((None,), tf.int32, name="instrument")
    n = len(CHOSEN)
    zeros = {name: np.zeros((n, *shape), model.dtypes[name]) for name, shape in model.shapes.items()}
    made = {
        "stream_init": Signature(
            init, {"instrument": number}, {"instrument": np.zeros(n, np.int32)}, lambda: zeros
        ),
        "stream_step": Signature(
            step, state_specs | field_specs, examples, expected, about=about, tolerance=tolerance
        ),
    }
    whole = tf.function(model.step, autograph=False, jit_compile=True)
    for batch in compiled:
        specs = {
            name: tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name=name)
            for name, spec in (state_specs | field_specs).items()
        }
        made[f"stream_step_{batch}"] = Signature(
            checked(whole),  # the checks stay outside: XLA drops assertions
            specs,
            {name: of_length(values, batch) for name, values in examples.items()},
            partial(_repeated, expected, batch),
            compiled=True,
            about={"batch": int(batch)},
            tolerance=tolerance,
        )
    return made


def _repeated(answers: Callable[[], Tensors], batch: int) -> Tensors:
    return {name: of_length(np.asarray(values), batch) for name, values in answers().items()}


def _tolerance(models: Sequence[keras.Model]) -> float:
    """Return how far a step's answer may be from its window's: in half precision each rounds in its own way."""
    dtypes = {layer.compute_dtype for model in models for layer in all_layers(model)}
    return max([TOLERANCE, *(2 * step for dtype, step in HALF.items() if dtype in dtypes)])


def _examples(
    served: Served, model: StreamModel, windows: Signature, step: Any, specs: dict[str, tf.TensorSpec]
) -> tuple[dict[str, np.ndarray], Tensors]:
    """Return the state of real instruments before the last row of their windows, that row, and the state after it.

    Before their own windows, instruments get the rows of each other's, which must leave no trace; not where the
    state is carried on, which is that of windows only if it begins with them.
    """
    import tensorflow as tf

    fields = {name: values[CHOSEN] for name, values in windows.examples.items()}
    if model.mode != "carry":
        fields = {name: np.concatenate([values[::-1], values], axis=1) for name, values in fields.items()}
    traced = tf.function(step, input_signature=[specs], autograph=False)
    state: Tensors = {
        name: tf.zeros((len(CHOSEN), *shape), model.dtypes[name]) for name, shape in model.shapes.items()
    }
    given: Tensors = {}
    with portable_recurrence(served.raw), tf.device("CPU:0"):
        for row in range(next(iter(fields.values())).shape[1]):
            given = state | {name: tf.constant(values[:, row]) for name, values in fields.items()}
            answer = traced(given)
            state = {name: answer[name] for name in model.shapes}
    return {name: np.asarray(values) for name, values in given.items()}, state
