"""The names under which models are known."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from tsdeep.errors import SpecError, unknown_name

Body = TypeVar("Body", bound=Callable[..., Any])

_BODIES: dict[str, Callable[..., Any]] = {}

#: Keywords of a body that the builder sets itself, so that they are no hyperparameters.
RESERVED = ("return_sequences", "logits", "horizons", "feature_names")


def register_model(name: str) -> Callable[[Body], Body]:
    """Make a model's body known by a name, so that `tsdeep.build(name, ...)` builds it.

    A body is a function `body(inputs, *, ...)` from a float32 KerasTensor `[batch, lookback, features]` to a
    representation `[batch, units]`; the task adds the head. Its keyword arguments, all with defaults, are the
    model's hyperparameters. A body that can represent every row, each from that row and earlier ones alone,
    takes `return_sequences: bool = False` too and returns `[batch, lookback, units]` where it is True.

    The builder gives a body more where it asks for it, by these keywords: `logits: int`, and the body returns
    that many logits `[batch, logits]` itself, for a model whose last layer is no Dense; `horizons: int`, and it
    returns `[batch, horizons, units]`, of which one head makes the logits of every horizon; `feature_names:
    tuple of str or None`, the names of the channels where samples tell them.

    Parameters
    ----------
    name : str
        The model's name. Registering a name again replaces the body.

    Returns
    -------
    callable
        A decorator that returns the function as it was.

    Examples
    --------
    >>> import keras
    >>> @register_model("linear_on_last_row")
    ... def linear_on_last_row(inputs):
    ...     return inputs[:, -1]
    >>> "linear_on_last_row" in model_names()
    True
    """

    def register(body: Body) -> Body:
        hyperparameters(body)
        _BODIES[name] = body
        return body

    return register


def model_names() -> list[str]:
    """List the names of the registered models.

    Returns
    -------
    list of str
        In alphabetical order.
    """
    return sorted(_BODIES)


def get_model(name: str | Callable[..., Any]) -> Callable[..., Any]:
    """Return the body of a model by its name, or the body that was given.

    Raises
    ------
    SpecError
        If no model has the name; the message gives the nearest and all that exist.
    """
    if callable(name):
        return name
    if name not in _BODIES:
        raise SpecError(unknown_name("model", str(name), _BODIES))
    return _BODIES[name]


def takes(body: Callable[..., Any], keyword: str) -> bool:
    """Whether a body asks for one of the keywords that the builder sets."""
    return keyword in inspect.signature(body).parameters


def hyperparameters(name: str | Callable[..., Any]) -> dict[str, Any]:
    """Return the hyperparameters of a model with their defaults.

    Parameters
    ----------
    name : str or callable
        A model's name, or a body.

    Returns
    -------
    dict
        Default by name.

    Raises
    ------
    SpecError
        If no model has the name, or a hyperparameter of the body has no default.

    Examples
    --------
    >>> hyperparameters("tcn")["kernel_size"]
    3
    """
    body = get_model(name)
    _, *arguments = inspect.signature(body).parameters.values()
    found = {}
    for argument in arguments:
        if argument.kind is argument.VAR_KEYWORD or argument.name in RESERVED:
            continue
        if argument.default is argument.empty:
            raise SpecError(
                f"model body {body.__name__}: the argument {argument.name} has no default, expected one, "
                f"as body(inputs, *, {argument.name}=...)"
            )
        found[argument.name] = argument.default
    return found
