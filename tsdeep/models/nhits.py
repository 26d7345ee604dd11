"""N-HiTS: networks on the window at several rates, from coarse to fine, each on what those before left over.

Choose it where what is predicted has memory at several scales, as volatility has by day, week and month. The
rates state those scales, and a coarse rate sees few numbers, so that far rows cost few weights. It is N-HiTS and
not N-BEATS (Oreshkin et al. 2020), because that reads every row at full rate in every block, and what tells its
blocks apart, bases of trend and season, are shapes of a path that is forecast; a label here is one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from tsdeep.errors import SpecError, unknown_name
from tsdeep.layers import RowInterpolation, RowPooling
from tsdeep.layers.row_pooling import MODES, pooled_rows
from tsdeep.models.registry import register_model


@register_model("nhits", xla_on_cpu=False)
def nhits(
    inputs: Any,
    *,
    rates: Sequence[int] = (22, 5, 1),
    blocks: int = 1,
    units: int = 32,
    layers: int = 2,
    pooling: str = "mean",
    dropout: float = 0.0,
    activation: str = "relu",
) -> Any:
    """Build the body of N-HiTS (Challu et al. 2023): multi-rate blocks, backcast residuals, summed forecasts.

    A block pools its window in groups of `rate` rows, reads them by dense layers, and gives two things: the units
    of its last layer, of which a linear map makes its share of the forecast, and a backcast, as many values of
    each channel as it has groups, between which lines are drawn. The next block's window is its own less that
    backcast. The units of all blocks stand side by side in the representation: one linear head on them is the sum
    of the shares.

    It differs from the paper where the question does. What is forecast is the logits of one label and not a path, so
    forecasts are not interpolated. A window has many channels, which every block reads together. Groups are
    averaged by default, as the regressors of HAR are; the paper takes maxima, as does `pooling="max"`. Groups end
    at the newest row. The last block has no backcast, which nothing would read.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, features]
        The window; its lookback is fixed once built.
    rates : sequence of int, default (22, 5, 1)
        Rows of a group in each stack, coarse ones first.
    blocks : int, default 1
        Blocks of each stack.
    units : int, default 32
        Units of each dense layer.
    layers : int, default 2
        Dense layers of a block.
    pooling : {"mean", "max"}, default "mean"
        How a group becomes one row.
    dropout : float, default 0.0
        Fraction of the values dropped after each dense layer, in training.
    activation : str, default "relu"
        Of those layers.

    Returns
    -------
    KerasTensor, [batch, rates * blocks * units]
        The representation: the units of each block, in order.

    Raises
    ------
    SpecError
        If the lookback is open or shorter than a rate, there are no rates, a size is no whole number of at least
        1, or the pooling is unknown.

    References
    ----------
    Challu, Olivares, Oreshkin, Garza, Mergenthaler-Canseco and Dubrawski (2023), "N-HiTS: neural hierarchical
    interpolation for time series forecasting", AAAI 37, arXiv:2201.12886.
    """
    lookback, channels = inputs.shape[1:]
    rates = tuple(rates)
    if pooling not in MODES:
        raise SpecError(unknown_name("pooling", pooling, MODES))
    if not rates or any(int(rate) != rate or rate < 1 for rate in rates):
        raise SpecError(f"rates: found {rates!r}, expected one or more whole numbers of at least 1")
    for name, value in (("blocks", blocks), ("layers", layers)):
        if int(value) != value or value < 1:
            raise SpecError(f"{name}: found {value!r}, expected a whole number of at least 1")
    if lookback is None or lookback < max(rates):
        raise SpecError(
            f"rates: found {max(rates)} with a lookback of {lookback} rows, expected at most as many"
        )
    window, found = inputs, []
    each = [
        (rate, f"{stack}_{block}") for stack, rate in enumerate(rates, 1) for block in range(1, blocks + 1)
    ]
    for number, (rate, name) in enumerate(each, start=1):
        hidden = RowPooling(rate, pooling, name=f"pooling_{name}")(window)  # [batch, groups, features]
        hidden = keras.layers.Flatten(name=f"flatten_{name}")(hidden)
        for layer in range(1, layers + 1):
            hidden = keras.layers.Dense(units, activation=activation, name=f"dense_{name}_{layer}")(hidden)
            if dropout:
                hidden = keras.layers.Dropout(dropout, name=f"dropout_{name}_{layer}")(hidden)
        found.append(hidden)
        if number == len(each):
            break
        knots = pooled_rows(lookback, rate)
        backcast = keras.layers.Dense(knots * channels, name=f"knots_{name}")(hidden)
        backcast = keras.layers.Reshape((knots, channels), name=f"by_channel_{name}")(backcast)
        backcast = RowInterpolation(lookback, name=f"backcast_{name}")(backcast)
        window = keras.layers.Subtract(name=f"rest_{name}")([window, backcast])  # [batch, lookback, features]
    return keras.layers.Concatenate(name="blocks")(found) if len(found) > 1 else hidden
