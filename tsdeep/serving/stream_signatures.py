"""Signatures of an export that is streamed: the state of instruments goes in and comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import SpecError, unknown_name
from tsdeep.models.streamed import MODES
from tsdeep.serving.examples import raw_examples
from tsdeep.serving.raw_checks import checked_fields
from tsdeep.serving.raw_model import scaler_of, served_features
from tsdeep.serving.signatures import Served, Signature, of_length, portable_recurrence
from tsdeep.serving.stream_model import StreamModel

if TYPE_CHECKING:
    import tensorflow as tf

#: Instruments that `stream_step` is compared on.
N_EXAMPLES = 2

Tensors = dict[str, Any]


def stream_signatures(served: Served, mode: str | None, compiled: Sequence[int] = ()) -> dict[str, Signature]:
    """Make `stream_init` and `stream_step`, and `stream_step_<n>` for n instruments, compiled by XLA.

    `stream_init` takes `instrument [batch]`, any number for each instrument, and returns the state of each before its
    first row. `stream_step` takes that state and one raw row `[batch, ...]` a field, and returns the outputs, NaN
    until an instrument has had `rows_needed` rows, and the state for the next row. The state is one or two tensors
    (see `StreamModel`); zeros reset an instrument.

    Parameters
    ----------
    served : Served
        The model.
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
    examples, expected = _examples(served, model, step, state_specs | field_specs)
    number = tf.TensorSpec((None,), tf.int32, name="instrument")
    zeros = {name: np.zeros((N_EXAMPLES, *shape), model.dtypes[name]) for name, shape in model.shapes.items()}
    made = {
        "stream_init": Signature(
            init, {"instrument": number}, {"instrument": np.zeros(N_EXAMPLES, np.int32)}, lambda: zeros
        ),
        "stream_step": Signature(step, state_specs | field_specs, examples, lambda: expected, about=about),
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
        )
    return made


def _repeated(answers: Tensors, batch: int) -> Tensors:
    return {name: of_length(np.asarray(values), batch) for name, values in answers.items()}


def _examples(
    served: Served, model: StreamModel, step: Any, specs: dict[str, tf.TensorSpec]
) -> tuple[dict[str, np.ndarray], Tensors]:
    """Return the state of real instruments before the row of their first prediction, that row, and its answer."""
    import tensorflow as tf

    windows = raw_examples(served.samples, served.symbol, n=N_EXAMPLES)
    windows = {name: np.resize(values, (N_EXAMPLES, *values.shape[1:])) for name, values in windows.items()}
    traced = tf.function(step, input_signature=[specs], autograph=False)
    state = {name: tf.zeros((N_EXAMPLES, *shape), model.dtypes[name]) for name, shape in model.shapes.items()}
    given: Tensors = {}
    answer: Tensors = {}
    with portable_recurrence(served.raw), tf.device("CPU:0"):
        for row in range(model.rows_needed):
            given = state | {name: tf.constant(values[:, row]) for name, values in windows.items()}
            answer = traced(given)
            state = {name: answer[name] for name in model.shapes}
    return {name: np.asarray(values) for name, values in given.items()}, answer
