"""Reload a saved model."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import keras

from tsdeep.errors import RunError


def load_model(path: str | os.PathLike[str], *, compile: bool = True) -> keras.Model:
    """Reload a model from a `.keras` file, in a process that need not know tsdeep's layers yet.

    Parameters
    ----------
    path : path-like
        A file that `model.save` wrote.
    compile : bool, default True
        Compile it as it was saved, with the optimizer's state.

    Returns
    -------
    keras.Model
        The model with its weights.

    Raises
    ------
    RunError
        If there is no such file, or it is not a model that Keras can read.
    """
    path = Path(path)
    if not path.is_file():
        raise RunError(f"{path}: found no file, expected a .keras file")
    register_all()
    try:
        return keras.saving.load_model(path, compile=compile)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise RunError(f"{path}: cannot be read as a Keras model: {error}") from error


def register_all() -> None:
    """Register all layers, losses and metrics of tsdeep with Keras."""
    for room in ("layers", "features", "models", "tasks.volatility_losses", "tasks.volatility_metrics"):
        importlib.import_module(f"tsdeep.{room}")
