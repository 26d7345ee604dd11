"""Axial-LOB: attention along the rows and along the features of a window, and no convolution over either.

Choose it where the order of the features means nothing, as with features beside the raw levels: it has no kernels
that take neighbours together. Its cost grows with the square of the lookback and of the number of features.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.layers import GatedAxialAttention
from tsdeep.models.registry import register_model


@register_model("axiallob")
def axiallob(
    inputs: Any,
    *,
    filters: int = 32,
    final_filters: int = 4,
    heads: int = 4,
    pool: int = 4,
) -> Any:
    """Build the body of Axial-LOB (Kisiel & Gorse 2022).

    On its authors' windows of 40 rows and 40 features, three classes, the defaults make 19,723 trainable
    parameters. They are the sizes of the one public port, LOBCAST's, which has 20,235: it normalises every
    projection twice in a row. The paper states 9,615 for its network; no code of its authors is public. The
    port also detaches the second shortcut from the gradient, so that its first half learns through the
    attention alone; here it learns through both.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; 40 rows in the paper. Any features, in any order.
    filters : int, default 32
        Channels of the attention, a multiple of twice the heads.
    final_filters : int, default 4
        Channels that are left for the head.
    heads : int, default 4
        Attention heads.
    pool : int, default 4
        Features that are averaged at the end.

    Returns
    -------
    KerasTensor, [batch, lookback * (features // pool) * final_filters]
        The flattened map.

    Raises
    ------
    ValueError
        If `filters` is no multiple of twice the heads, or the lookback is open.

    References
    ----------
    Kisiel and Gorse (2022), "Axial-LOB: high-frequency trading with axial attention", arXiv:2212.01807.
    """
    image = keras.layers.Reshape((*inputs.shape[1:], 1), name="image")(inputs)  # [batch, rows, features, 1]
    hidden = _mixed(image, filters, "first")
    hidden = GatedAxialAttention(filters, heads, axis="features", name="features_1")(hidden)
    hidden = GatedAxialAttention(filters, heads, axis="rows", name="rows_1")(hidden)
    shortcut = keras.layers.Add(name="add_1")([hidden, _mixed(image, filters, "shortcut_1")])
    hidden = GatedAxialAttention(filters, heads, axis="features", name="features_2")(shortcut)
    hidden = GatedAxialAttention(filters, heads, axis="rows", name="rows_2")(hidden)
    hidden = keras.layers.Add(name="add_2")(
        [_mixed(hidden, final_filters, "last"), _mixed(shortcut, final_filters, "shortcut_2")]
    )
    hidden = keras.layers.AveragePooling2D((1, pool), name="pool")(hidden)
    return keras.layers.Flatten(name="flatten")(hidden)


def _mixed(hidden: Any, filters: int, name: str) -> Any:
    """Mix the channels of every place, normalise over the batch, rectify: a 1x1 convolution."""
    hidden = keras.layers.Dense(filters, name=name)(hidden)
    hidden = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(hidden)
    return keras.layers.ReLU(name=f"{name}_activation")(hidden)
