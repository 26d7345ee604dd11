"""The base class of causal features: a Keras layer from named raw rows to channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from tsdeep.arguments import argument_model, check_arguments
from tsdeep.errors import DataError, SpecError

Shape = tuple[int | None, ...]

_LAYER_ARGUMENTS = ("name", "trainable")


class Feature(keras.layers.Layer):
    """A causal feature: the value at row t is computed from rows t - warmup to t of named raw fields.

    A feature runs once over a whole segment, and in the exported graph over the raw rows that a client
    sends, so its value at t must depend on rows t - warmup to t alone, bit for bit. That is so for
    arithmetic between shifted rows and for the reductions of `tsdeep.features.rolling`; it is not so for
    running sums and for statistics of the whole input. Fields are read and computed in float64, whatever
    the global dtype policy. (`keras.Model.predict` and `fit` cast NumPy inputs to float32 before any layer
    sees them; a `tf.data.Dataset`, a call of the model and an export keep float64.)

    A subclass sets the attributes below, at class level or in its constructor, and implements `compute`.
    Constructor arguments carry type annotations, by which they are checked when the feature is made, from
    Python and from a spec alike; each is kept as an attribute of its own name, so that the feature can be
    rebuilt. `register_feature` gives the feature its name in specs.

    Parameters
    ----------
    **kwargs : object
        `name` and `trainable` of `keras.layers.Layer`. The dtype is always float64.

    Attributes
    ----------
    kind : str
        The name under which the class is registered; empty while it is not.
    fields : tuple of str
        Raw fields that the feature reads.
    positive_fields : tuple of str
        Those of them that must be above zero.
    warmup : int
        Rows before the current one that the feature reads.
    names : tuple of str
        One name an output channel.
    mirror_sign : int, tuple of int, or None
        Of order books: 1 or -1, for all channels or one each, by which a channel changes where the book is
        mirrored, asks for bids; a channel with "ask" in its name then takes the place of that with "bid". None
        where the mirror image cannot be told from the feature alone.

    Raises
    ------
    SpecError
        If an argument is unknown, missing or does not fit its annotation.

    Examples
    --------
    A feature of one's own. With the decorator `@register_feature("range_position")` above it, a spec can
    name it as `{kind: range_position, field: close}`.

    >>> import numpy as np
    >>> from tsdeep.features import Feature
    >>> class RangePosition(Feature):
    ...     '''Where in the previous row's range a price stands: 0 at its low, 1 at its high.'''
    ...
    ...     warmup = 1
    ...
    ...     def __init__(self, field: str = "close", **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.field = field
    ...         self.fields = (field, "high", "low")
    ...         self.names = (f"range_position_of_{field}",)
    ...
    ...     def compute(self, fields):
    ...         low, high = fields["low"][:, :-1], fields["high"][:, :-1]  # [batch, rows - 1]
    ...         return (fields[self.field][:, 1:] - low) / (high - low)
    >>> bars = {"high": [[11.0, 12.0]], "low": [[10.0, 11.0]], "close": [[10.5, 11.5]]}
    >>> np.asarray(RangePosition()({name: np.array(rows) for name, rows in bars.items()}))
    array([[[1.5]]])
    """

    kind: str = ""
    fields: tuple[str, ...]
    positive_fields: tuple[str, ...] = ()
    warmup: int
    names: tuple[str, ...]
    mirror_sign: int | tuple[int, ...] | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Feature:
        """Check the arguments by the annotations of the constructor, before it runs."""
        label = f"feature '{cls.kind or cls.__name__}'"
        own = {name: value for name, value in kwargs.items() if name not in _LAYER_ARGUMENTS}
        positional = list(argument_model(cls).model_fields)
        if len(args) > len(positional):
            raise SpecError(
                f"{label}: {len(args)} positional arguments given, at most {len(positional)} expected"
            )
        given = {**dict(zip(positional, args, strict=False)), **own}
        checked = check_arguments(cls, given, label)
        for name, value in given.items():
            if isinstance(value, Mapping) and isinstance(checked[name], Feature):
                raise SpecError(f"{label}: {name} is a mapping: expected a Feature; use make_feature")
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(dtype="float64", autocast=False, **kwargs)

    def compute(self, fields: dict[str, Any]) -> Any:
        """Compute the feature; implemented by subclasses with `keras.ops` alone.

        Parameters
        ----------
        fields : dict of str to tensor
            The feature's own fields, float64, `[batch, rows]` or `[batch, rows, ...]`.

        Returns
        -------
        tensor
            `[batch, rows - warmup, channels]`, or `[batch, rows - warmup]` for a single channel; output row i
            belongs to input row i + warmup.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement compute(fields)")

    def build(self, input_shape: Mapping[str, Shape]) -> None:
        """Build the features that this one is computed of."""
        for feature in self._nested():
            feature.build(input_shape)
        self.built = True

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Compute the feature over raw rows.

        Parameters
        ----------
        inputs : mapping of str to tensor
            Raw fields by name, float64 (or integers), `[batch, rows, ...]`; others than the feature's are
            ignored.

        Returns
        -------
        tensor
            `[batch, rows - warmup, channels]`, float64.

        Raises
        ------
        DataError
            If a field is missing or not float64, fields differ in length, or there are fewer rows than
            warmup + 1.
        """
        label = f"feature '{self.kind or self.name}'"
        rows = check_fields(
            {name: tuple(x.shape) for name, x in inputs.items()}, self.fields, self.warmup, label
        )
        values = self.compute({name: _float64(inputs[name], name, label) for name in self.fields})
        if len(values.shape) == 2:
            values = keras.ops.expand_dims(values, -1)  # [batch, rows - warmup, 1]
        self._check_values(tuple(values.shape), rows, label)
        return keras.ops.cast(values, "float64")

    def compute_output_shape(self, input_shape: Mapping[str, Shape]) -> Shape:
        """Give the shape `[batch, rows - warmup, channels]` for the fields' shapes; rows may be None."""
        label = f"feature '{self.kind or self.name}'"
        rows = check_fields(input_shape, self.fields, self.warmup, label)
        batch = input_shape[self.fields[0]][0]
        return (batch, None if rows is None else rows - self.warmup, len(self.names))

    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments, nested features serialised."""
        config = super().get_config()
        del config["dtype"]  # a feature is float64 whatever the policy
        for name in argument_model(type(self)).model_fields:
            if not hasattr(self, name):
                raise SpecError(f"{type(self).__name__}: argument '{name}' is not kept as an attribute")
            value = getattr(self, name)
            config[name] = keras.saving.serialize_keras_object(value) if isinstance(value, Feature) else value
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Feature:
        """Rebuild a feature from `get_config()`."""
        return cls(**{name: _deserialised(value) for name, value in config.items()})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let an argument annotated with `Feature` be given as a feature or as its spec mapping."""
        from pydantic_core import core_schema

        from tsdeep.features.registry import make_feature

        return core_schema.no_info_plain_validator_function(make_feature)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Describe a nested feature in JSON schema; `feature_schema` points it at the list of all kinds."""
        return {"type": "object", "x-feature": True}

    def _nested(self) -> list[Feature]:
        """Features among the constructor's arguments."""
        values = [getattr(self, name, None) for name in argument_model(type(self)).model_fields]
        return [value for value in values if isinstance(value, Feature)]

    def _check_values(self, shape: Shape, rows: int | None, label: str) -> None:
        """Refuse a computed shape that is not `[batch, rows - warmup, len(names)]`."""
        expected = (None, None if rows is None else rows - self.warmup, len(self.names))
        fits = len(shape) == 3 and all(
            a is None or b is None or a == b for a, b in zip(shape, expected, strict=True)
        )
        if not fits:
            raise DataError(
                f"{label}: compute() gave shape {shape}; expected [batch, rows - warmup, channels] with "
                f"rows - warmup = {expected[1]} and channels = {len(self.names)} ({', '.join(self.names)})"
            )


def check_fields(shapes: Mapping[str, Shape], fields: tuple[str, ...], warmup: int, label: str) -> int | None:
    """Check that raw fields are there and long enough.

    Parameters
    ----------
    shapes : mapping of str to tuple
        Shapes of the given fields, `[batch, rows, ...]`, None where unknown.
    fields : tuple of str
        The fields needed.
    warmup : int
        Rows needed before the first output row.
    label : str
        What the message calls the reader of the fields.

    Returns
    -------
    int or None
        Rows of the fields, None while unknown.

    Raises
    ------
    DataError
        If a field is missing, has fewer than two dimensions, lengths differ, or rows are too few.
    """
    if not isinstance(shapes, Mapping):
        raise DataError(f"{label}: expected a dict of named fields ({', '.join(fields)}), found {shapes!r}")
    missing = [name for name in fields if name not in shapes]
    if missing:
        raise DataError(
            f"{label}: missing field {', '.join(missing)}; given: {', '.join(sorted(shapes)) or '(none)'}"
        )
    known: dict[str, int] = {}
    for name in fields:
        shape = shapes[name]
        if len(shape) < 2:
            raise DataError(f"{label}: field '{name}' has shape {tuple(shape)}; expected [batch, rows, ...]")
        if shape[1] is not None:
            known[name] = int(shape[1])
    if len(set(known.values())) > 1:
        lengths = ", ".join(f"{name} {rows}" for name, rows in known.items())
        raise DataError(f"{label}: fields differ in rows: {lengths}")
    rows = next(iter(known.values()), None)
    if rows is not None and rows < warmup + 1:
        raise DataError(
            f"{label}: {rows} rows given, {warmup + 1} needed (warm-up {warmup} and the current row)"
        )
    return rows


def _float64(values: Any, name: str, label: str) -> Any:
    """Cast integers to float64; refuse floats that have lost precision already."""
    dtype = keras.backend.standardize_dtype(values.dtype)
    if dtype != "float64" and "float" in dtype:
        raise DataError(f"{label}: field '{name}' is {dtype}; expected float64, which prices and times need")
    return keras.ops.cast(values, "float64")


def _deserialised(value: Any) -> Any:
    """Rebuild a nested feature; anything else is as it is."""
    if isinstance(value, dict) and "class_name" in value:
        return keras.saving.deserialize_keras_object(value)
    return value
