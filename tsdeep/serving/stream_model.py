"""The model that is streamed: one raw row and a state in, named outputs and the next state out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from tsdeep.models.streamed import StreamedModel
from tsdeep.serving.raw_model import assets_a_request, named_outputs, served_features, served_fields

if TYPE_CHECKING:
    from tsdeep.samples import Samples

State = dict[str, Any]


class StreamModel:
    """Features, scaler and models on one row after another, as pure functions of a state.

    The features are the layers that make the training features, run on the newest `warmup + 1` raw rows, so that
    there is one definition of them; so is the scaler. Models are stepped as `mode` says (`StreamedModel`).

    A state is a dict of one or two tensors, few and large, as each costs a call: `state_fields [batch, rows,
    columns]`, float64, the raw rows that features still read, at least one, all fields side by side behind a column
    that counts the rows since the last reset; and `state_model [batch, columns]`, float32, what the models keep. All
    zeros is the state before the first row: an instrument is reset by writing zeros.

    Parameters
    ----------
    models : keras.Model or sequence of keras.Model
        As in `raw_model`.
    samples : Samples
        Gives the features, the task, the lookback and the trailing shape of each field.
    scaler : Layer or None
        The scaler of the instruments.
    mode : {"exact", "window", "carry"}, default "exact"
        As in `StreamedModel`.

    Attributes
    ----------
    fields : dict of str to tuple
        The shape of each field of a row, after the batch axis.
    shapes : dict of str to tuple
        The shape of each tensor of the state, after the batch axis.
    dtypes : dict of str to str
        Their dtypes.
    rows_needed : int
        Rows before an instrument has its first prediction, that row included.
    outputs : tuple of str
        Names of the outputs.

    Raises
    ------
    SpecError
        If a model cannot be streamed in the mode, with the reason.
    """

    def __init__(
        self,
        models: keras.Model | Sequence[keras.Model],
        samples: Samples,
        scaler: Any | None,
        mode: str = "exact",
    ) -> None:
        members = [models] if isinstance(models, keras.Model) else list(models)
        self._samples, self._scaler, self._members = samples, scaler, members
        self._features = served_features(samples)
        self._streamed = [StreamedModel(model, samples.lookback, mode) for model in members]
        self._group = assets_a_request(samples) or 1
        self.mode = mode
        self.warmup, self.rows_needed = samples.features.warmup, samples.rows_needed
        self.fields = served_fields(samples)
        self.outputs = tuple(samples.task.output_names)
        self._kept = {
            f"{number}/{name}": (self._group, *shape)
            for number, each in enumerate(self._streamed)
            for name, shape in each.shapes.items()
        }
        self._kept_dtypes = {
            f"{number}/{name}": dtype
            for number, each in enumerate(self._streamed)
            for name, dtype in each.dtypes.items()
        }
        columns = 1 + sum(_size(shape) for shape in self.fields.values())
        self.shapes: dict[str, tuple[int, ...]] = {"state_fields": (max(self.warmup, 1), columns)}
        self.dtypes = {"state_fields": "float64"}
        if self._kept:
            self.shapes["state_model"] = (sum(_size(shape) for shape in self._kept.values()),)
            self.dtypes["state_model"] = "float32"

    def init(self, batch: Any) -> State:
        """Return the state of a number of instruments before their first row: zeros."""
        return {name: ops.zeros((batch, *shape), self.dtypes[name]) for name, shape in self.shapes.items()}

    def step(self, state: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[dict[str, Any], State]:
        """Take the next row of each instrument.

        Parameters
        ----------
        state : mapping of str to tensor, [batch, ...]
            What the step before returned, or `init`.
        fields : mapping of str to tensor, float64 [batch, ...]
            The raw row, by field.

        Returns
        -------
        outputs : dict of str to tensor, float32 [batch] or [batch, assets]
            NaN until an instrument has had `rows_needed` rows.
        state : dict of str to tensor
            For the next row.
        """
        before = state["state_fields"]
        seen = before[:, -1, 0] + 1  # [batch]
        row = [_flat(fields[name], shape) for name, shape in self.fields.items()]
        row = ops.concatenate([ops.expand_dims(seen, 1), *row], axis=1)  # [batch, columns]
        rows = ops.concatenate([before, ops.expand_dims(row, 1)], axis=1)  # [batch, rows + 1, columns]
        newest = rows[:, -self.warmup - 1 :]
        raw = _cut(newest[:, :, 1:], self.fields)
        x = self._features(raw)  # [batch * group, 1, channels]
        # Features of rows that are not there yet are anything, NaN too.
        warm = seen > self.warmup
        x = ops.where(ops.reshape(self._of_group(warm), (-1, 1, 1)), x, ops.zeros_like(x))
        before_models = state.get("state_model")
        outputs, kept = self.step_features(x, before_models)
        if kept and self.mode == "carry":  # which must begin with the first row that has features
            kept = {"state_model": ops.where(ops.expand_dims(warm, 1), kept["state_model"], before_models)}
        ready = seen >= self.rows_needed
        named = {}
        for name, values in outputs.items():
            values = ops.cast(values, "float32")
            there = ops.reshape(ready, (-1, *(1,) * (len(values.shape) - 1)))
            named[name] = ops.where(there, values, ops.full_like(values, np.nan))
        return named, {"state_fields": rows[:, 1:], **kept}

    def step_features(self, features: Any, packed: Any) -> tuple[dict[str, Any], State]:
        """Take the features of the next row: scaler and models alone, in float32 from end to end.

        Parameters
        ----------
        features : tensor, float32 [batch, 1, channels]
            Of one row that has all rows its features read, before scaling; `[batch * assets, 1, channels]` of pooled
            assets.
        packed : tensor, float32 [batch, columns], or None
            `state_model`, of models that keep anything.

        Returns
        -------
        outputs : dict of str to tensor
            As of `step`, of every row.
        state : dict of str to tensor
            `state_model` for the next row; empty where nothing is kept.
        """
        x = features if self._scaler is None else self._scaler(features)
        state = {} if packed is None else _cut(packed, self._kept)
        logits: list[Any] = []
        after: State = {}
        for number, streamed in enumerate(self._streamed):
            prefix = f"{number}/"
            own = {
                name: ops.cast(ops.reshape(state[prefix + name], (-1, *shape)), streamed.dtypes[name])
                for name, shape in streamed.shapes.items()
            }
            out, own = streamed.step(own, x)
            logits.append(out)
            after |= {prefix + name: value for name, value in own.items()}
        named = named_outputs(self._samples, logits)
        if not after:
            return named, {}
        kept = ops.concatenate(
            [ops.cast(_flat(v, self._kept[k]), "float32") for k, v in after.items()], axis=1
        )
        return named, {"state_model": kept}

    def fingerprint(self) -> str:
        """Return a digest of all that a state depends on: another model's state means nothing to this one."""
        digest = hashlib.sha256()
        about = [self.mode, self._samples.lookback, self.warmup, self.shapes, self._samples.feature_names]
        digest.update(json.dumps([*about, self.fields]).encode())
        scaler = [] if self._scaler is None else self._scaler.weights
        for weight in [*(w for model in self._members for w in model.weights), *scaler]:
            digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
        return digest.hexdigest()

    def _of_group(self, values: Any) -> Any:
        """Repeat `[batch]` for each asset of a request, `[batch * group]`."""
        return values if self._group == 1 else ops.repeat(values, self._group, axis=0)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def _flat(values: Any, shape: tuple[int, ...]) -> Any:
    """Lay `[batch, *shape]` out as `[batch, columns]`."""
    return ops.reshape(values, (-1, _size(shape)))


def _cut(packed: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """Cut `[..., columns]` into tensors `[..., *shape]`."""
    found, start = {}, 0
    for name, shape in shapes.items():
        columns = packed[..., start : start + _size(shape)]
        found[name] = ops.reshape(columns, (-1, *packed.shape[1:-1], *shape))
        start += _size(shape)
    return found
