"""One compiled model for all folds: its weights and optimiser are reset, so that nothing is traced twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tsdeep.errors import RunError

Weights = list[np.ndarray]


@dataclass(frozen=True)
class Fitted:
    """What one fit left: the weights, a record an epoch, and the epoch whose weights were kept.

    Parameters
    ----------
    weights : list of ndarray
        In the order of `model.get_weights()`.
    history : list of dict
        One an epoch: epoch (from 1), loss, val_loss, and the metrics.
    best_epoch : int
        Epochs of training behind the weights.
    by_epoch : list of list of ndarray
        The weights before the first epoch and after each, where they were asked for.
    """

    weights: Weights
    history: list[dict[str, float]]
    best_epoch: int
    by_epoch: list[Weights] = field(default_factory=list, repr=False)


class Refitter:
    """A compiled model that can be fitted again and again from any seed or weights.

    Parameters
    ----------
    make : callable
        `make(compile=bool)` builds the model; it is called compiled once, and uncompiled for the initial
        weights of each seed, which traces nothing.
    """

    def __init__(self, make: Callable[..., keras.Model]) -> None:
        self._make = make
        self.model = make(compile=True)
        self.model.optimizer.build(self.model.trainable_variables)
        self._state = self._model_state(self.model)
        self._optimizer_start = [variable.numpy() for variable in self.model.optimizer.variables]
        # `model.predict` would trace again for a last batch of another size.
        batch = tf.TensorSpec((None, *self.model.input_shape[1:]), tf.float32)
        self._forward = tf.function(
            lambda x: self.model(x, training=False), input_signature=[batch], autograph=False
        )

    def fit(
        self,
        train: Any,
        valid: Any | None,
        *,
        epochs: int,
        seed: int,
        patience: int | None,
        start: Weights | None = None,
        initialise: Callable[[keras.Model], None] | None = None,
        every_epoch: bool = False,
        on_epoch: Callable[[int, dict[str, float]], None] | None = None,
    ) -> Fitted:
        """Fit from fresh weights, or from given ones, and keep the weights of the best validation epoch.

        Parameters
        ----------
        train, valid : tf.data.Dataset
            Windows; without `valid` the last epoch's weights are kept.
        epochs : int
            At most this many.
        seed : int
            Of initial weights and dropout.
        patience : int or None
            Epochs without a lower validation loss after which to stop; None never stops early.
        start : list of ndarray, optional
            Weights to start from instead of fresh ones.
        initialise : callable, optional
            Sets weights of the model before the first epoch, after `start`.
        every_epoch : bool, default False
            Run all epochs and keep the weights of each, and those before the first, which the history has as
            epoch 0; `patience` has no say.
        on_epoch : callable, optional
            Called with the epoch (from 1) and its figures.

        Returns
        -------
        Fitted

        Raises
        ------
        RunError
            If a loss is not finite; the message gives the epoch.
        """
        self._reset(seed)
        if start is not None:
            self.model.set_weights(start)
        if initialise is not None:
            initialise(self.model)
        watch = _Watch(self, valid, on_epoch, every_epoch)
        callbacks: list[keras.callbacks.Callback] = [watch]
        stop = None
        if valid is not None and not every_epoch:
            stop = keras.callbacks.EarlyStopping(
                monitor="val_loss",
                mode="min",
                patience=epochs if patience is None else patience,
                restore_best_weights=True,
            )
            callbacks.append(stop)
        # One iterator for all epochs: making one costs as much as dozens of small steps. It never ends, so the
        # model must be compiled with one step an execution; more would run past the end of an epoch.
        steps = int(train.cardinality())
        self.model.fit(
            train.repeat(),
            steps_per_epoch=steps,
            epochs=epochs,
            callbacks=callbacks,
            shuffle=False,
            verbose=0,
        )
        best = epochs if stop is None else int(stop.best_epoch) + 1
        return Fitted(self.model.get_weights(), watch.history, best, watch.by_epoch)

    def evaluate(self, windows: Any) -> dict[str, float]:
        """Return the loss and the metrics of `(x, y)` windows under the present weights."""
        answered = [(self._forward(x).numpy(), y.numpy()) for x, y in windows]
        predicted, y = (
            keras.ops.convert_to_tensor(np.concatenate(part)) for part in zip(*answered, strict=True)
        )
        loss = float(self.model.compute_loss(y=y, y_pred=predicted, training=False))
        self.model.reset_metrics()
        figures = self.model.compute_metrics(None, y, predicted)
        self.model.reset_metrics()
        return {"loss": loss, **{name: float(value) for name, value in figures.items() if name != "loss"}}

    def predict(self, weights: Weights, windows: Any) -> np.ndarray:
        """Return logits `[rows, outputs]` of windows under given weights."""
        self.model.set_weights(weights)
        return np.concatenate([self._forward(batch).numpy() for batch in windows])

    def fingerprint(self) -> str:
        """Return a SHA-256 of the model's layers and its optimiser: equal models, equal fingerprint."""
        parts = [(type(layer).__name__, _nameless(layer.get_config())) for layer in self.model.layers]
        optimizer = self.model.optimizer
        described = (parts, type(optimizer).__name__, _nameless(optimizer.get_config()))
        return hashlib.sha256(json.dumps(described, default=str, sort_keys=True).encode()).hexdigest()

    def build(self, weights: Weights) -> keras.Model:
        """Return a model of its own with given weights, not compiled."""
        model = self._make(compile=False)
        model.set_weights(weights)
        return model

    def _reset(self, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        for variable, fresh in zip(self._state, self._model_state(self._make(compile=False)), strict=True):
            variable.assign(fresh)
        for variable, value in zip(self.model.optimizer.variables, self._optimizer_start, strict=True):
            variable.assign(value)

    @staticmethod
    def _model_state(model: keras.Model) -> list[Any]:
        """Weights and the states of random generators, but not of metrics."""
        metrics = {id(variable) for variable in model.metrics_variables}
        return [variable for variable in model.variables if id(variable) not in metrics]


def _nameless(config: Any) -> Any:
    """Leave out names, which Keras numbers by what was built before."""
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key != "name"}
    return [_nameless(value) for value in config] if isinstance(config, (list, tuple)) else config


class _Watch(keras.callbacks.Callback):
    """Validates after each epoch, keeps the record, and stops at the first loss that is not finite.

    `fit(validation_data=)` would run the compiled training-time functions on batches of other sizes, and
    XLA compiles anew for each size.
    """

    def __init__(
        self,
        refitter: Refitter,
        valid: Any | None,
        on_epoch: Callable[[int, dict[str, float]], None] | None,
        every_epoch: bool = False,
    ) -> None:
        super().__init__()
        self._refitter = refitter
        self._n_valid = 0 if valid is None else int(valid.cardinality())
        self._valid = None if valid is None else iter(valid.repeat())
        self._on_epoch = on_epoch
        self.history: list[dict[str, float]] = []
        self._every_epoch = every_epoch
        self.by_epoch: list[Weights] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002
        if self._every_epoch:
            self.by_epoch.append(self._refitter.model.get_weights())
            self.history.append({"epoch": 0, "loss": float("nan"), **self._validated(0)})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        figures = {} if logs is None else logs
        figures.update(self._validated(epoch + 1))
        _check_finite("loss", figures.get("loss", 0.0), epoch + 1)
        if self._every_epoch:
            self.by_epoch.append(self._refitter.model.get_weights())
        self.history.append({"epoch": epoch + 1, **{name: float(value) for name, value in figures.items()}})
        if self._on_epoch is not None:
            self._on_epoch(epoch + 1, figures)

    def _validated(self, epoch: int) -> dict[str, float]:
        """Return loss and metrics on the validation windows, where there are any."""
        if self._valid is None:
            return {}
        found = self._refitter.evaluate(islice(self._valid, self._n_valid))
        _check_finite("val_loss", found["loss"], epoch)
        return {f"val_{name}": value for name, value in found.items()}


def _check_finite(name: str, value: float, epoch: int) -> None:
    if not np.isfinite(value):
        raise RunError(f"{name} is {value} in epoch {epoch}: lower the learning rate or look at the features")
