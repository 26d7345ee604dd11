"""Constructor arguments of a class, read from their annotations: checked, described, and refused by name."""

from __future__ import annotations

import difflib
import inspect
import typing
from collections.abc import Mapping
from typing import Annotated, Any

import pydantic
from pydantic import ConfigDict, Field

from tsdeep.errors import SpecError

Rows = Annotated[int, Field(strict=True, ge=1, description="Number of rows, 1 or more.")]
"""Annotation of an argument that counts rows: an integer of 1 or more."""

FieldName = Annotated[str, Field(min_length=1, description="Name of a raw field, such as `close`.")]
"""Annotation of an argument that names a raw field."""


_MODELS: dict[Any, type[pydantic.BaseModel]] = {}


def argument_model(cls: Any) -> type[pydantic.BaseModel]:
    """Make a pydantic model of a class from the signature of its constructor.

    Parameters
    ----------
    cls : type
        A class whose constructor arguments are annotated; `**kwargs` is left out.

    Returns
    -------
    type of pydantic.BaseModel
        Frozen, refuses unknown names; a field for every constructor argument, with its default.

    Raises
    ------
    SpecError
        If an argument has no annotation, an annotation cannot be resolved, or there is `*args`.

    Examples
    --------
    >>> from tsdeep.features import LogReturn
    >>> argument_model(LogReturn)(rows=5)
    LogReturnArguments(rows=5, field='close')
    """
    if cls in _MODELS:
        return _MODELS[cls]
    fields: dict[str, Any] = {}
    try:
        hints = typing.get_type_hints(cls.__init__, include_extras=True)
    except NameError as error:
        raise SpecError(f"{cls.__name__}: an annotation cannot be resolved: {error}") from error
    for name, parameter in list(inspect.signature(cls.__init__).parameters.items())[1:]:
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
            raise SpecError(f"{cls.__name__}: argument '{name}' must be one that can be given by name")
        if name not in hints:
            raise SpecError(f"{cls.__name__}: argument '{name}' has no type annotation")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        fields[name] = (hints[name], default)
    config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, protected_namespaces=())
    _MODELS[cls] = pydantic.create_model(f"{cls.__name__}Arguments", __config__=config, **fields)
    return _MODELS[cls]


def check_arguments(cls: type, arguments: Mapping[str, Any], label: str) -> dict[str, Any]:
    """Check constructor arguments against the class' annotations.

    Parameters
    ----------
    cls : type
        The class to be constructed.
    arguments : mapping of str to object
        Arguments by name; defaults may be left out.
    label : str
        What the message calls the class, such as `"feature 'log_return'"`.

    Returns
    -------
    dict of str to object
        Every argument as validated, defaults included.

    Raises
    ------
    SpecError
        For an unknown argument (with the nearest name), a missing one, or a value that does not fit.
    """
    model = argument_model(cls)
    try:
        checked = model.model_validate(dict(arguments))
    except pydantic.ValidationError as error:
        known = list(model.model_fields)
        details = [{**detail, "loc": _place(detail["loc"])} for detail in error.errors(include_url=False)]
        # What is wrong inside a value says more than what is wrong with the whole of it.
        outer = {d["loc"][:i] for d in details for i in range(1, len(d["loc"]))}
        lines = [_sentence(detail, known) for detail in details if detail["loc"] not in outer]
        raise SpecError(f"{label}: " + "; ".join(lines)) from None
    return {name: getattr(checked, name) for name in model.model_fields}


def _place(path: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Argument and positions in it, without the names that pydantic gives to the members of a union."""
    return path[:1] + tuple(part for part in path[1:] if isinstance(part, int))


def _sentence(detail: Any, known: list[str]) -> str:
    """One error of pydantic in the words of the package."""
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path, known, n=1, cutoff=0.4)
        hint = f" did you mean '{near[0]}'?" if near else ""
        return f"unknown argument '{path}':{hint} Known: {', '.join(known) or '(none)'}"
    if detail["type"] == "missing":
        return f"argument '{path}' is missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{path} = {detail['input']!r}: {message[:1].lower()}{message[1:]}"
