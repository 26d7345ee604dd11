"""From a model's name, a shape and a task to a compiled Keras model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np

from tsdeep.errors import SpecError, TsdeepError, unknown_name
from tsdeep.models.registry import get_model, hyperparameters, takes
from tsdeep.models.sequence import OUTPUTS, check_exact, logits_by_row, loss_by_row
from tsdeep.tasks import Task, get_task


class ShapedSamples(Protocol):
    """What a builder needs to know of samples."""

    @property
    def input_shape(self) -> tuple[int, int]:
        """Lookback and number of features."""

    @property
    def task(self) -> Task:
        """What is predicted."""


def build(
    name: str | Callable[..., Any],
    samples: ShapedSamples | None = None,
    *,
    input_shape: tuple[int | None, int] | None = None,
    task: str | Task | None = None,
    learning_rate: float | None = None,
    weight_decay: float | None = None,
    optimizer: Any = None,
    jit_compile: bool | str = "auto",
    steps_per_execution: int = 1,
    compile: bool = True,
    outputs: str = "last",
    warmup_rows: int | None = None,
    exact: bool = True,
    **hparams: Any,
) -> keras.Model:
    """Build a model for samples, or for an input shape and a task.

    Parameters
    ----------
    name : str or callable
        A registered model (`model_names()`), or a body (see `register_model`).
    samples : Samples, optional
        Gives `input_shape` and `task` where these are not given.
    input_shape : tuple of int, optional
        `(lookback, features)`.
    task : str or Task, optional
        What is predicted: its head, loss and metrics.
    learning_rate : float, optional
        Of the optimizer; 1e-3 for the default Adam.
    weight_decay : float, optional
        With it the default optimizer is AdamW.
    optimizer : str or keras.optimizers.Optimizer, optional
        Adam unless given.
    jit_compile : bool or "auto", default "auto"
        Compile training and prediction with XLA. `"auto"` is Keras' own rule: on a GPU where the layers can,
        never on a CPU. On a CPU True makes steps about 1.2 to 2.7 times as fast, the TCN's most, after some
        seconds' compilation; every other batch size is compiled anew, so give batches of one size.
    steps_per_execution : int, default 1
        Batches per call of the training function; more cost less overhead a batch.
    compile : bool, default True
        Compile the model with the optimizer and the task's loss and metrics.
    outputs : {"last", "sequence"}, default "last"
        `"sequence"` predicts every row of a stretch, as `tsdeep.windows(..., mode="dense")` cuts them, in one
        pass. The weights are those of `"last"`, in the same order, and so are the predictions, because a
        model that would see more rows than a window has is refused. It is compiled with the mean over rows by
        their weights, and is trained and scored but not exported: hand its weights to one for windows.
    warmup_rows : int, optional
        Of `outputs="sequence"`: rows at the front of a stretch that get no prediction, `lookback - 1` unless
        given. The dataset must be cut with the same number.
    exact : bool, default True
        Of `outputs="sequence"`: False builds models too whose receptive field does not fit in the lookback,
        recurrent ones and transformers among them. They carry what they saw from the start of a stretch on,
        so they are other estimators than those for windows.
    **hparams
        Hyperparameters of the model (`hyperparameters(name)`).

    Returns
    -------
    keras.Model
        From float32 windows `[batch, lookback, features]` to float32 logits `[batch, *task.logit_shape]`; with
        `outputs="sequence"` from `[batch, warmup_rows + stretch, features]`, for any stretch, to
        `[batch, stretch, *task.logit_shape]`.

    Raises
    ------
    SpecError
        If the model, the task or a hyperparameter is unknown, the shape or the task is missing, or a
        hyperparameter has a value that the model's layers refuse; with `outputs="sequence"`, if the model does
        not predict every row, or its receptive field does not fit.

    Examples
    --------
    >>> model = build("tcn", input_shape=(20, 8), task="direction", filters=4)
    >>> model.output_shape
    (None, 1)

    Trained on stretches, a prediction at every row, and used on windows, with the same weights:

    >>> import numpy as np
    >>> dense = build("tcn", input_shape=(20, 8), task="direction", filters=4, dilations=(1, 2), outputs="sequence")
    >>> windowed = build("tcn", input_shape=(20, 8), task="direction", filters=4, dilations=(1, 2))
    >>> windowed.set_weights(dense.get_weights())
    >>> stretch = np.random.default_rng(0).normal(size=(1, 29, 8)).astype("float32")  # 19 + 10 rows
    >>> windows = np.stack([stretch[0, row : row + 20] for row in range(10)])
    >>> bool(np.allclose(dense(stretch)[0], windowed(windows), atol=1e-5))
    True
    """
    body = get_model(name)
    known = hyperparameters(body)
    label = name if isinstance(name, str) else getattr(body, "__name__", "model")
    for argument in hparams:
        if argument not in known:
            raise SpecError(unknown_name(f"hyperparameter of {label}", argument, known))
    shape = input_shape if input_shape is not None else getattr(samples, "input_shape", None)
    task = task if task is not None else getattr(samples, "task", None)
    if shape is None or task is None:
        missing = "input_shape" if shape is None else "task"
        raise SpecError(f"{missing}: found None, expected samples, or both input_shape= and task=")
    if len(shape) != 2 or shape[1] is None or any(size is not None and size < 1 for size in shape):
        raise SpecError(
            f"input_shape: found {tuple(shape)!r}, expected (lookback, features), both at least 1"
        )
    task = get_task(task)
    if outputs not in OUTPUTS:
        raise SpecError(unknown_name("outputs", str(outputs), OUTPUTS))
    by_row = outputs == "sequence"
    lookback, warm = shape[0] or 0, 0
    if by_row:
        warm = _warmup_rows(body, label, shape[0], warmup_rows)
        shape = (None, shape[1])
    elif warmup_rows is not None:
        raise SpecError("warmup_rows= needs outputs='sequence'")
    inputs = keras.Input(tuple(shape), dtype="float32", name="stretch" if by_row else "window")
    given = {
        "return_sequences": by_row,
        "logits": int(np.prod(task.logit_shape)),
        "horizons": len(task.horizons),
        "assets": task.assets,
        "feature_names": getattr(samples, "feature_names", None),
    }
    try:
        representation = body(inputs, **{k: v for k, v in given.items() if takes(body, k)}, **hparams)
    except TsdeepError:
        raise
    except (TypeError, ValueError) as error:
        raise SpecError(f"{label} with {hparams or 'its defaults'}: {error}") from error
    if by_row and exact:
        check_exact(keras.Model(inputs, representation), label, lookback, warm)
    logits = logits_by_row(task, representation, warm) if by_row else _logits(body, task, representation)
    model = keras.Model(inputs, logits, name=label if label.isidentifier() else "model")
    if compile:
        model.compile(
            optimizer=_optimizer(optimizer, learning_rate, weight_decay),
            loss=loss_by_row(task) if by_row else task.loss(),
            metrics=None if by_row else task.metrics(),
            weighted_metrics=task.metrics() if by_row else None,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
        )
    return model


def _warmup_rows(body: Callable[..., Any], label: str, lookback: int | None, warmup_rows: int | None) -> int:
    """Return the rows at the front of a stretch; SpecError where the body does not represent every row."""
    if not takes(body, "return_sequences") or any(takes(body, k) for k in ("logits", "horizons", "assets")):
        raise SpecError(
            f"{label}: found outputs='sequence', but the model predicts the last row of a window alone; "
            "expected a body that takes return_sequences"
        )
    if lookback is None:
        raise SpecError("input_shape: found no lookback, expected one with outputs='sequence'")
    warm = lookback - 1 if warmup_rows is None else warmup_rows
    if isinstance(warm, bool) or not isinstance(warm, (int, np.integer)) or warm < 0:
        raise SpecError(f"warmup_rows: found {warm!r}, expected a whole number of rows, 0 or more")
    return int(warm)


def _logits(body: Callable[..., Any], task: Task, representation: Any) -> Any:
    """Make logits `[batch, *task.logit_shape]` of what a body returned."""
    if takes(body, "logits"):
        return task.shaped(keras.layers.Activation("linear", dtype="float32", name="logits")(representation))
    if takes(body, "horizons") or (takes(body, "assets") and task.assets > 1):
        initial = task.initial_logits.reshape(-1, task.logit_shape[-1])[0]
        each = keras.layers.Dense(
            len(initial),
            bias_initializer=keras.initializers.Constant(initial.tolist()),
            dtype="float32",
            name="logits",
        )(representation)
        return each if len(task.logit_shape) > 1 else keras.ops.squeeze(each, axis=1)
    return task.head(representation)


def _optimizer(
    optimizer: Any, learning_rate: float | None, weight_decay: float | None
) -> keras.optimizers.Optimizer:
    """Return the optimizer that was asked for."""
    given = {"learning_rate": learning_rate, "weight_decay": weight_decay}
    found = [name for name, value in given.items() if value is not None]
    if isinstance(optimizer, keras.optimizers.Optimizer):
        if found:
            raise SpecError(f"{found[0]}: found both it and an optimizer object, expected one of them")
        return optimizer
    made = keras.optimizers.get(optimizer or ("adam" if weight_decay is None else "adamw"))
    for name in found:
        setattr(made, name, given[name])
    return made
