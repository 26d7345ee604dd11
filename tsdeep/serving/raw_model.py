"""The model that is served: raw fields in, features and scaler inside, named outputs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import keras

from tsdeep.errors import SpecError
from tsdeep.features import AssetFeatures, ScalerBySymbol
from tsdeep.models.streamed import only

if TYPE_CHECKING:
    from tsdeep.samples import Samples
    from tsdeep.tasks import Task


def raw_model(
    models: keras.Model | Sequence[keras.Model],
    samples: Samples,
    scaler: Any | None,
    symbol: str | None = None,
) -> keras.Model:
    """Put the features and the scaler in front of a model and name its outputs.

    The same layers that made the training features run inside, so an answer equals the offline one.

    Parameters
    ----------
    models : keras.Model or sequence of keras.Model
        Fitted models on `[batch, lookback, channels]` that return logits; the outputs of several are
        averaged.
    samples : Samples
        Gives the features, the task, the lookback and the trailing shape of each field.
    scaler : Layer, ScalerBySymbol or None
        The scaler that the models were trained with.
    symbol : str, optional
        The instrument whose scaler is used, where each has its own.

    Returns
    -------
    keras.Model
        From a dict of `field [batch, rows_needed, ...]` float64 to a dict of `output [batch]` float32, or of
        `output [batch, assets]` where samples are of several assets, whose bars are then asked for side by side.

    Raises
    ------
    SpecError
        If a model predicts every row of a stretch, or each instrument has a scaler of its own and `symbol` does
        not say which is meant.
    """
    scaler = scaler_of(scaler, symbol)
    given = [models] if isinstance(models, keras.Model) else list(models)
    for model in given:
        _check_one_row(model, samples.task)
    features = served_features(samples)
    shapes = served_fields(samples)
    inputs = {
        name: keras.Input((samples.rows_needed, *shape), dtype="float64", name=name)
        for name, shape in shapes.items()
    }
    x = features(inputs)  # [batch, lookback, channels]
    if scaler is not None:
        x = scaler(x)
    return keras.Model(inputs, named_outputs(samples, logits_of(given, x)))


def logits_of(models: Sequence[keras.Model], x: Any) -> list[Any]:
    """Call each member on scaled features `[batch, lookback, channels]` inside one functional model."""
    # Members come with one name; in a functional model every name is unique.
    members = [keras.Model(model.inputs, model.outputs, name=f"member_{i}") for i, model in enumerate(models)]
    return [only(member(x)) for member in members]


def named_outputs(samples: Samples, logits: Sequence[Any]) -> dict[str, Any]:
    """Average what members say of the same rows: `output [batch]` by name, `[batch, assets]` of pooled assets.

    Parameters
    ----------
    samples : Samples
        Gives the task and the assets.
    logits : sequence of tensor, [batch, *task.logit_shape]
        Of each member.
    """
    outputs = [samples.task.outputs(each) for each in logits]
    named = {name: keras.ops.mean(keras.ops.stack([o[name] for o in outputs]), axis=0) for name in outputs[0]}
    n = assets_a_request(samples)
    return named if n is None else {k: keras.ops.reshape(output, (-1, n)) for k, output in named.items()}


def assets_a_request(samples: Samples) -> int | None:
    """Return how many samples a request is of, where each asset of it is one; None where a request is one sample."""
    return None if samples.assets is None or samples.pooled is not None else len(samples.assets.names)


def served_features(samples: Samples) -> Any:
    """Return the layer from the fields of a request to features; of pooled assets it takes all of them at once."""
    if samples.assets is None or samples.pooled is not None:
        return samples.features
    a = samples.assets
    return AssetFeatures(samples.features, a.names, market=a.market, joined=a.joined, pooled=True)


def served_fields(samples: Samples) -> dict[str, tuple[int, ...]]:
    """Return the fields of a request with their shapes after `[batch, rows]`."""
    names = served_features(samples).fields
    if samples.assets is None:
        return {name: tuple(samples.panel.raw(name).shape[1:]) for name in names}
    one_each = (len(samples.assets.names),)
    return {name: () if name in samples.assets.joined else one_each for name in names}


def scaler_of(scaler: Any | None, symbol: str | None) -> Any | None:
    """Return the one layer that scales an instrument; SpecError where it must be said which instrument."""
    if not isinstance(scaler, ScalerBySymbol):
        if symbol is not None:
            raise SpecError(f"symbol: found {symbol!r}, expected none, as one scaler is for all instruments")
        return scaler
    if symbol is None and len(scaler.scalers) > 1:
        known = ", ".join(scaler.scalers)
        raise SpecError(f"symbol: each of {known} has a scaler of its own, expected symbol= with one of them")
    return scaler.of(next(iter(scaler.scalers)) if symbol is None else symbol)


def _check_one_row(model: keras.Model, task: Task) -> None:
    """Refuse a model whose logits have a rows axis."""
    shape = tuple(only(model.outputs).shape)
    if len(shape) != 1 + len(task.logit_shape):
        raise SpecError(
            f"{model.name}: found logits {list(shape)}, expected {[None, *task.logit_shape]}; a model for every row "
            "of a stretch is not served; hand its weights to build(..., outputs='last')"
        )
