"""From a model's name, a shape and a task to a compiled Keras model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np

from tsdeep.errors import SpecError, TsdeepError, unknown_name
from tsdeep.models.registry import get_model, hyperparameters, takes
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
    **hparams
        Hyperparameters of the model (`hyperparameters(name)`).

    Returns
    -------
    keras.Model
        From float32 windows `[batch, lookback, features]` to float32 logits `[batch, *task.logit_shape]`.

    Raises
    ------
    SpecError
        If the model, the task or a hyperparameter is unknown, the shape or the task is missing, or a
        hyperparameter has a value that the model's layers refuse.

    Examples
    --------
    >>> model = build("tcn", input_shape=(20, 8), task="direction", filters=4)
    >>> model.output_shape
    (None, 1)
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
    inputs = keras.Input(tuple(shape), dtype="float32", name="window")
    given = {
        "logits": int(np.prod(task.logit_shape)),
        "horizons": len(task.horizons),
        "feature_names": getattr(samples, "feature_names", None),
    }
    try:
        representation = body(inputs, **{k: v for k, v in given.items() if takes(body, k)}, **hparams)
    except TsdeepError:
        raise
    except (TypeError, ValueError) as error:
        raise SpecError(f"{label} with {hparams or 'its defaults'}: {error}") from error
    logits = _logits(body, task, representation)
    model = keras.Model(inputs, logits, name=label if label.isidentifier() else "model")
    if compile:
        model.compile(
            optimizer=_optimizer(optimizer, learning_rate, weight_decay),
            loss=task.loss(),
            metrics=task.metrics(),
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
        )
    return model


def _logits(body: Callable[..., Any], task: Task, representation: Any) -> Any:
    """Make logits `[batch, *task.logit_shape]` of what a body returned."""
    if takes(body, "logits"):
        return task.shaped(keras.layers.Activation("linear", dtype="float32", name="logits")(representation))
    if takes(body, "horizons"):
        each = keras.layers.Dense(task.logit_shape[-1], dtype="float32", name="logits")(representation)
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
