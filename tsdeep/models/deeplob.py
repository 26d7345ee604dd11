"""DeepLOB: convolutions over the levels and rows of an order book, an inception module and an LSTM.

Choose it to have the model that most of the order-book literature compares with. It reads the raw levels; prices
z-scored over a trending day do not carry over to the next, so hold it against models on order flow. On a CPU,
leave XLA off for it (`jit_compile=False`): TensorFlow's own convolutions train it about a quarter faster there.
"""

from __future__ import annotations

from typing import Any

import keras

from tsdeep.errors import SpecError, unknown_name
from tsdeep.models.registry import check_book_levels, register_model

#: Slope of the leaky rectifier below zero.
SLOPE = 0.01

#: What the published forms of the model differ in.
VARIANTS: dict[str, dict[str, Any]] = {
    "paper": {"filters": 16, "inception_filters": 32, "dropout": 0.0, "padding": "same"},
    "notebook": {"filters": 32, "inception_filters": 64, "dropout": 0.2, "padding": "same"},
    "pytorch": {
        "filters": 32,
        "inception_filters": 64,
        "dropout": 0.0,
        "padding": "valid",
        "batch_norm": True,
        "second_activation": "tanh",
    },
}


@register_model("deeplob", xla_on_cpu=False)
def deeplob(
    inputs: Any,
    *,
    variant: str = "paper",
    filters: int | None = None,
    inception_filters: int | None = None,
    units: int = 64,
    dropout: float | None = None,
    padding: str | None = None,
    batch_norm: bool | None = None,
    second_activation: str | None = None,
    feature_names: tuple[str, ...] | None = None,
) -> Any:
    """Build the body of DeepLOB (Zhang, Zohren & Roberts 2019).

    With one head of three classes the variant `"paper"` has 60,691 parameters on ten levels, whatever the
    lookback, and `"notebook"` 142,435. They differ from the authors' code in this: logits are returned, which
    the loss turns into probabilities once (their PyTorch notebook applies the softmax and then a loss that
    applies it again), and dropout acts in training alone (their TensorFlow notebook calls it with
    `training=True`, so that its predictions are random).

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, 4 * levels]
        Windows of the raw levels: ask price, ask size, bid price and bid size of the first level, then of the
        second, and so on.
    variant : {"paper", "notebook", "pytorch"}, default "paper"
        `"paper"`: 16 filters, 32 in the inception module, leaky rectifiers, rows padded with zeros.
        `"notebook"`: the authors' TensorFlow notebook: 32 and 64 filters, and dropout of 0.2 before the LSTM.
        `"pytorch"`: the authors' PyTorch notebook: 32 and 64 filters, batch normalisation after every
        activation, tanh in the second block, and no padding before the inception module. What follows
        overrides single choices.
    filters : int, optional
        Filters of the first three blocks.
    inception_filters : int, optional
        Filters of each branch of the inception module.
    units : int, default 64
        Units of the LSTM.
    dropout : float, optional
        Fraction of the channels dropped before the LSTM, each for all rows at once, in training.
    padding : {"same", "valid"}, optional
        Whether the convolutions over rows keep the number of rows, or shorten it by 3 each, 18 in all.
    batch_norm : bool, optional
        Normalise over the batch after every activation of the convolutions.
    second_activation : str, optional
        Activation of the second block; `"leaky_relu"` unless given.
    feature_names : tuple of str, optional
        Names of the channels, which the builder gives; they must be those of raw levels.

    Returns
    -------
    KerasTensor, [batch, units]
        The state of the LSTM after the last row.

    Raises
    ------
    SpecError
        If the features are no multiple of 4, or the variant or the padding is unknown.

    References
    ----------
    Zhang, Zohren and Roberts (2019), "DeepLOB: deep convolutional neural networks for limit order books", IEEE
    Transactions on Signal Processing 67(11), arXiv:1808.03668.
    """
    check_book_levels(feature_names, "deeplob")
    if variant not in VARIANTS:
        raise SpecError(unknown_name("variant", variant, VARIANTS))
    chosen = {"batch_norm": False, "second_activation": "leaky_relu", **VARIANTS[variant]}
    given = {
        "filters": filters,
        "inception_filters": inception_filters,
        "dropout": dropout,
        "padding": padding,
        "batch_norm": batch_norm,
        "second_activation": second_activation,
    }
    chosen |= {name: value for name, value in given.items() if value is not None}
    fraction = chosen.pop("dropout")
    hidden = book_convolutions(inputs, **chosen)  # [batch, rows, 3 * inception_filters]
    if fraction:
        hidden = keras.layers.SpatialDropout1D(fraction, name="dropout")(hidden)
    return keras.layers.LSTM(units, name="lstm")(hidden)


def book_convolutions(
    inputs: Any,
    *,
    filters: int,
    inception_filters: int,
    padding: str = "same",
    batch_norm: bool = False,
    second_activation: str = "leaky_relu",
) -> Any:
    """Convolve raw levels into one vector a row: the part of DeepLOB before its LSTM.

    The first convolution of each block takes in two neighbours (price and size, then ask and bid) or all levels
    without overlap; it is a dense layer on reshaped rows, which is the same sums and faster than a strided
    convolution. Its kernel is that of the convolution, reshaped.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, 4 * levels]
        The raw levels; see `deeplob`, also for the other arguments.

    Returns
    -------
    KerasTensor, [batch, rows, 3 * inception_filters]
        With `rows` the lookback, or 18 fewer with `padding="valid"`.

    Raises
    ------
    SpecError
        If the features are no multiple of 4, or the padding is unknown.
    """
    rows, features = inputs.shape[1:]
    if features % 4:
        raise SpecError(
            f"features: found {features}, expected a multiple of 4: ask price, ask size, bid price and bid size "
            "of each level (the feature book_levels)"
        )
    if padding not in ("same", "valid"):
        raise SpecError(unknown_name("padding", padding, ("same", "valid")))
    if padding == "valid" and rows is not None and rows < 19:
        raise SpecError(f"padding 'valid': found a lookback of {rows}, expected at least 19 rows")
    levels = features // 4
    first = _Steps("block1", batch_norm, padding)
    hidden = keras.layers.Reshape((-1, 2 * levels, 2), name="price_and_size")(inputs)
    hidden = first.dense(hidden, filters)  # [batch, lookback, 2 * levels, filters]
    hidden = first.rows(first.rows(hidden, filters, 4), filters, 4)
    second = _Steps("block2", batch_norm, padding, second_activation)
    hidden = keras.layers.Reshape((-1, levels, 2 * filters), name="ask_and_bid")(hidden)
    hidden = second.dense(hidden, filters)  # [batch, rows, levels, filters]
    hidden = second.rows(second.rows(hidden, filters, 4), filters, 4)
    third = _Steps("block3", batch_norm, padding)
    hidden = keras.layers.Reshape((-1, levels * filters), name="all_levels")(hidden)
    hidden = third.dense(hidden, filters)  # [batch, rows, filters]
    hidden = third.rows(third.rows(hidden, filters, 4), filters, 4)
    branches = []
    for kernel_size in (3, 5):
        branch = _Steps(f"inception{kernel_size}", batch_norm)
        branches.append(branch.rows(branch.dense(hidden, inception_filters), inception_filters, kernel_size))
    pooled = keras.layers.MaxPooling1D(3, 1, padding="same", name="inception_pool")(hidden)
    branches.append(_Steps("inception1", batch_norm).dense(pooled, inception_filters))
    return keras.layers.Concatenate(name="inception")(branches)


class _Steps:
    """Convolutions with their activations and normalisations, numbered under one name."""

    def __init__(
        self, name: str, batch_norm: bool, padding: str = "same", activation: str = "leaky_relu"
    ) -> None:
        self.name, self.batch_norm, self.padding, self.activation = name, batch_norm, padding, activation
        self.number = 0

    def dense(self, hidden: Any, filters: int) -> Any:
        """Mix the channels `[..., channels]` into `[..., filters]`."""
        return self._add(keras.layers.Dense, hidden, filters)

    def rows(self, hidden: Any, filters: int, kernel_size: int) -> Any:
        """Convolve over rows: `[batch, rows, channels]` or `[batch, rows, positions, channels]`."""
        if len(hidden.shape) == 3:
            return self._add(keras.layers.Conv1D, hidden, filters, kernel_size, padding=self.padding)
        return self._add(keras.layers.Conv2D, hidden, filters, (kernel_size, 1), padding=self.padding)

    def _add(self, layer: type[keras.layers.Layer], hidden: Any, *arguments: Any, **keywords: Any) -> Any:
        """Add a layer, its activation and, where asked for, batch normalisation."""
        self.number += 1
        name = f"{self.name}_{self.number}"
        hidden = layer(*arguments, **keywords, name=name)(hidden)
        if self.activation == "leaky_relu":
            hidden = keras.layers.LeakyReLU(SLOPE, name=f"{name}_activation")(hidden)
        else:
            hidden = keras.layers.Activation(self.activation, name=f"{name}_activation")(hidden)
        if self.batch_norm:
            hidden = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(hidden)
        return hidden
