"""Scalers by name: what `kind` stands for in the scaler of a spec, and scalers made from spec mappings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import keras

from tsdeep.arguments import argument_model, check_arguments
from tsdeep.errors import SpecError, unknown_name
from tsdeep.features.scaling import Scaler

S = TypeVar("S", bound=type[Scaler])

_SCALERS: dict[str, type[Scaler]] = {}


def register_scaler(kind: str) -> Callable[[S], S]:
    """Register a scaler class under a name for specs, and for Keras to save and load it.

    Parameters
    ----------
    kind : str
        The name, such as `"signed_log"`. A class that is defined again at the same place (a notebook cell
        run twice) replaces the earlier one.

    Returns
    -------
    callable
        Decorator that returns the class, its `kind` set.

    Raises
    ------
    SpecError
        If the name belongs to another class, the class is no `Scaler`, a constructor argument has no type
        annotation, or a statistic is no argument.
    """

    def decorate(cls: S) -> S:
        if not (isinstance(cls, type) and issubclass(cls, Scaler)):
            raise SpecError(f"scaler '{kind}': {cls!r} is not a subclass of Scaler")
        other = _SCALERS.get(kind)
        if other is not None and (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise SpecError(
                f"scaler '{kind}' is registered already, by {other.__module__}.{other.__qualname__}"
            )
        missing = [name for name in cls.statistics if name not in argument_model(cls).model_fields]
        if missing:
            raise SpecError(f"scaler '{kind}': no argument of the constructor: {', '.join(missing)}")
        cls.kind = kind
        keras.saving.register_keras_serializable("tsdeep")(cls)
        _SCALERS[kind] = cls
        return cls

    return decorate


def scaler_names() -> tuple[str, ...]:
    """List the names of all registered scalers, sorted."""
    return tuple(sorted(_SCALERS))


def get_scaler(kind: str) -> type[Scaler]:
    """Give the scaler class that is registered under a name; SpecError gives the nearest one."""
    if kind not in _SCALERS:
        raise SpecError(unknown_name("scaler", kind, _SCALERS))
    return _SCALERS[kind]


def make_scaler(spec: Scaler | Mapping[str, Any]) -> Scaler:
    """Make a scaler from its mapping in a spec.

    Parameters
    ----------
    spec : mapping of str to object, or Scaler
        `kind` and the arguments of that kind's constructor, statistics left out: those are for `fit` to find.
        A `Scaler` is returned as it is.

    Returns
    -------
    Scaler
        The scaler, not fitted.

    Raises
    ------
    SpecError
        For an unknown kind or argument (with the nearest name), or a value that does not fit.

    Examples
    --------
    >>> make_scaler({"kind": "signed_log", "clip": 2.5}).clip
    2.5
    """
    if isinstance(spec, Scaler):
        return spec
    if not isinstance(spec, Mapping):
        raise SpecError(f"scaler: expected a mapping with 'kind', such as {{kind: standard}}, found {spec!r}")
    if "kind" not in spec:
        raise SpecError(f"scaler: 'kind' is missing in {dict(spec)!r}; one of: {', '.join(scaler_names())}")
    kind = spec["kind"]
    cls = get_scaler(kind)
    given = {name: value for name, value in spec.items() if name != "kind"}
    found_by_fit = [name for name in cls.statistics if name in given]
    if found_by_fit:
        raise SpecError(f"scaler '{kind}': {', '.join(found_by_fit)}: found by fit, not given in a spec")
    return cls(**check_arguments(cls, given, f"scaler '{kind}'"))


def scaler_schema() -> dict[str, Any]:
    """Describe the mappings that `make_scaler` takes as JSON schema.

    Returns
    -------
    dict
        `{"oneOf": [...]}`: one alternative a registered kind, with no reference to anything outside it.
    """
    kinds = []
    for kind in scaler_names():
        cls = _SCALERS[kind]
        schema = argument_model(cls).model_json_schema()
        schema["title"] = kind
        schema["description"] = (cls.__doc__ or kind).strip().splitlines()[0]
        settings = {n: s for n, s in schema.get("properties", {}).items() if n not in cls.statistics}
        schema["properties"] = {"kind": {"const": kind}, **settings}
        schema["required"] = ["kind", *schema.get("required", [])]
        kinds.append(schema)
    return {"oneOf": kinds}
