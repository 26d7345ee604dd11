"""DeepLOB with a decoder over horizons that attends to the rows of the encoder.

Choose it for several horizons at once: the prediction of one horizon is an input of the next, longer one. With a
single horizon it is DeepLOB with attention in the place of the last state.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.models.deeplob import book_convolutions
from tsdeep.models.registry import check_book_levels, register_model


@register_model("deeplob_attention", xla_on_cpu=False)
def deeplob_attention(
    inputs: Any,
    *,
    filters: int = 32,
    inception_filters: int = 64,
    units: int = 64,
    padding: str = "same",
    context_norm: bool = False,
    logits: int = 3,
    horizons: int = 1,
    feature_names: tuple[str, ...] | None = None,
) -> Any:
    """Build DeepLOB-Attention (Zhang & Zohren 2021): an encoder and a decoder of one LSTM each.

    The encoder is DeepLOB without its dropout. The decoder takes a step a horizon, from the shortest on: it
    reads the probabilities of the horizon before (zeros at first) and the context before (the encoder's last
    output at first); its output scores the encoder's outputs by their dot product (Luong et al. 2015), their
    average by the softmax of the scores is the context, and one dense layer makes the horizon's logits of both.
    With three classes it has 176,419 parameters, whatever the lookback and the horizons. The authors' code feeds
    in the first decoder input, has softmax outputs, and normalises the context (`context_norm=True`), with a
    normalisation of 256 numbers a horizon, 128 of them statistics that are not trained.

    Parameters
    ----------
    inputs : KerasTensor, float32 [batch, lookback, 4 * levels]
        Windows of the raw levels, see `deeplob`; 50 rows in the authors' code.
    filters : int, default 32
        Filters of the first three blocks.
    inception_filters : int, default 64
        Filters of each branch of the inception module.
    padding : {"same", "valid"}, default "same"
        Whether the convolutions over rows keep the number of rows, or shorten it by 3 each, 18 in all.
    units : int, default 64
        Units of the encoder and of the decoder.
    context_norm : bool, default False
        Normalise the context over the batch, each horizon's by itself.
    logits : int, default 3
        Logits of the task over all horizons; the builder sets it.
    horizons : int, default 1
        Horizons of the task; the builder sets it.
    feature_names : tuple of str, optional
        Names of the channels, which the builder gives; they must be those of raw levels.

    Returns
    -------
    KerasTensor, [batch, logits]
        The logits, those of a horizon side by side.

    Raises
    ------
    SpecError
        If the features are no multiple of 4, or the padding is unknown.

    References
    ----------
    Zhang and Zohren (2021), "Multi-horizon forecasting for limit order books: novel deep learning approaches and
    hardware acceleration using intelligent processing units", arXiv:2105.10430. Luong, Pham and Manning (2015),
    "Effective approaches to attention-based neural machine translation", EMNLP.
    """
    check_book_levels(feature_names, "deeplob_attention")
    classes = logits // horizons
    hidden = book_convolutions(
        inputs, filters=filters, inception_filters=inception_filters, padding=padding
    )  # [batch, rows, 3 * inception_filters]
    encoded, output, state = keras.layers.LSTM(
        units, return_sequences=True, return_state=True, name="encoder"
    )(hidden)
    decoder = keras.layers.LSTMCell(units, name="decoder")
    head = keras.layers.Dense(classes, name="by_horizon_logits")
    context = output
    probabilities = ops.zeros_like(ops.repeat(output[:, :1], classes, axis=1))  # [batch, classes]
    found = []
    for number in range(1, horizons + 1):
        step = ops.concatenate([probabilities, context], axis=-1)
        output, (_, state) = decoder(step, states=[output, state])
        scores = ops.einsum("bu,bru->br", output, encoded)
        context = ops.einsum("br,bru->bu", ops.softmax(scores), encoded)  # [batch, units]
        if context_norm:
            context = keras.layers.BatchNormalization(momentum=0.6, name=f"context_norm_{number}")(context)
        found.append(head(ops.concatenate([context, output], axis=-1)))
        probabilities = ops.softmax(found[-1]) if classes > 1 else ops.sigmoid(found[-1])
    return ops.concatenate(found, axis=-1) if horizons > 1 else found[0]
