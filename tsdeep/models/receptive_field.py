"""How many rows a model's prediction reads."""

from __future__ import annotations

import keras

#: Keras layers that compute each row from that row alone, of each of their inputs.
ROW_WISE = (
    keras.layers.InputLayer,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.GaussianNoise,
    keras.layers.Activation,
    keras.layers.LayerNormalization,
    keras.layers.Add,
    keras.layers.Concatenate,
)


def receptive_field(model: keras.Model) -> int | None:
    """Return the number of newest rows that a prediction of the model reads, the current one included.

    Parameters
    ----------
    model : keras.Model
        A built model.

    Returns
    -------
    int or None
        The rows, for a model of convolutions with a stated receptive field and of layers that work row by
        row; it may exceed the lookback. Where branches stand side by side their rows are added up, so that it
        is at least what is read. None where a layer reads every row that it is given: recurrent
        layers, attention, and layers that do not say.

    Examples
    --------
    >>> from tsdeep.models import build
    >>> model = build("tcn", input_shape=(20, 8), task="direction", kernel_size=2, dilations=(1, 2, 4))
    >>> receptive_field(model)
    15
    """
    rows = 1
    for layer in model.layers:
        if isinstance(layer, ROW_WISE):
            continue
        field = receptive_field(layer) if isinstance(layer, keras.Model) else _stated(layer)
        if field is None:
            return None
        rows += field - 1
    return rows


def _stated(layer: keras.layers.Layer) -> int | None:
    """Return the receptive field that a layer states, if it does."""
    return getattr(layer, "receptive_field", None)
