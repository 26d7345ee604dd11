"""Set weights by training rows, by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tsdeep.errors import SpecError
from tsdeep.models.registry import initialiser_of


def initialise(model: keras.Model, samples: Any, rows: np.ndarray, scaler: Any | None) -> None:
    """Set the weights that a model takes from training rows, as `tsdeep.walk_forward` does before every fit.

    Parameters
    ----------
    model : keras.Model
        That `tsdeep.build` made of a model with such weights, such as `har_network`.
    samples : Samples
        What it was built for.
    rows : ndarray of int64, [rows]
        Panel rows, a fold's training rows.
    scaler : Scaler or None
        That the model reads through.

    Raises
    ------
    SpecError
        If the model takes nothing from training rows.
    """
    function = initialiser_of(model.name)
    if function is None:
        raise SpecError(
            f"{model.name}: takes no weights from training rows, so there is nothing to initialise"
        )
    rows = samples.checked(rows)
    function(model, samples.scaled(scaler)[rows], samples.y[rows], samples.task)
