"""Features by name: what a spec's `kind` stands for, and features made from spec mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import keras

from tsdeep.arguments import argument_model, check_arguments
from tsdeep.errors import SpecError, unknown_name
from tsdeep.features.base import Feature

F = TypeVar("F", bound=type[Feature])

_FEATURES: dict[str, type[Feature]] = {}


def register_feature(kind: str) -> Callable[[F], F]:
    """Register a feature class under a name for specs, and for Keras to save and load it.

    Parameters
    ----------
    kind : str
        The name, such as `"log_return"`. A class that is defined again at the same place (a notebook cell
        run twice) replaces the earlier one.

    Returns
    -------
    callable
        Decorator that returns the class, its `kind` set.

    Raises
    ------
    SpecError
        If the name belongs to another class, the class is no `Feature`, or a constructor argument has
        no type annotation.
    """

    def decorate(cls: F) -> F:
        if not (isinstance(cls, type) and issubclass(cls, Feature)):
            raise SpecError(f"feature '{kind}': {cls!r} is not a subclass of Feature")
        other = _FEATURES.get(kind)
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise SpecError(
                f"feature '{kind}' is registered already, by {other.__module__}.{other.__qualname__}"
            )
        argument_model(cls)
        cls.kind = kind
        keras.saving.register_keras_serializable("tsdeep", name=kind)(cls)
        _FEATURES[kind] = cls
        return cls

    return decorate


def feature_names() -> tuple[str, ...]:
    """List the names of all registered features, sorted."""
    return tuple(sorted(_FEATURES))


def get_feature(kind: str) -> type[Feature]:
    """Give the feature class that is registered under a name.

    Parameters
    ----------
    kind : str
        A name of `feature_names()`.

    Returns
    -------
    type of Feature
        The class.

    Raises
    ------
    SpecError
        If the name is unknown; the message gives the nearest one.
    """
    if kind not in _FEATURES:
        raise SpecError(unknown_name("feature", kind, _FEATURES))
    return _FEATURES[kind]


def make_feature(spec: Feature | Mapping[str, Any]) -> Feature:
    """Make a feature from its mapping in a spec.

    Parameters
    ----------
    spec : mapping of str to object, or Feature
        `kind` and the arguments of that kind's constructor; an argument that is a feature itself (`of`) is
        a mapping of the same form. A `Feature` is returned as it is.

    Returns
    -------
    Feature
        The feature.

    Raises
    ------
    SpecError
        For an unknown kind or argument (with the nearest name), a missing argument, or a value that does
        not fit.

    Examples
    --------
    >>> make_feature({"kind": "rolling_mean", "rows": 20, "of": {"kind": "log_return"}}).names
    ('rolling_mean_20_of_log_return_1',)
    """
    if isinstance(spec, Feature):
        return spec
    if not isinstance(spec, Mapping):
        raise SpecError(
            f"feature: expected a mapping with 'kind', such as {{kind: log_return}}, found {spec!r}"
        )
    if "kind" not in spec:
        raise SpecError(f"feature: 'kind' is missing in {dict(spec)!r}; one of: {', '.join(feature_names())}")
    kind = spec["kind"]
    cls = get_feature(kind)
    given = {name: value for name, value in spec.items() if name != "kind"}
    return cls(**check_arguments(cls, given, f"feature '{kind}'"))


def feature_schema() -> dict[str, Any]:
    """Describe the mappings that `make_feature` takes as JSON schema.

    Returns
    -------
    dict
        `{"$ref": "#/$defs/Feature", "$defs": {"Feature": ...}}`: one alternative a registered kind. To use it
        inside another schema, put `["$defs"]["Feature"]` under that schema's `$defs`.
    """
    kinds = []
    for kind in feature_names():
        schema = _point_at_features(argument_model(_FEATURES[kind]).model_json_schema())
        schema["title"] = kind
        schema["description"] = (_FEATURES[kind].__doc__ or kind).strip().splitlines()[0]
        schema["properties"] = {"kind": {"const": kind}, **schema.get("properties", {})}
        schema["required"] = ["kind", *schema.get("required", [])]
        kinds.append(schema)
    return {"$ref": "#/$defs/Feature", "$defs": {"Feature": {"oneOf": kinds}}}


def _point_at_features(schema: Any) -> Any:
    """Turn every place of a nested feature into a reference to the list of all kinds."""
    if isinstance(schema, list):
        return [_point_at_features(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-feature"):
        return {"$ref": "#/$defs/Feature"}
    return {key: _point_at_features(value) for key, value in schema.items()}
