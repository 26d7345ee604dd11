"""The names under which models are known."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from tsdeep.errors import SpecError, unknown_name

Body = TypeVar("Body", bound=Callable[..., Any])

_BODIES: dict[str, Callable[..., Any]] = {}
_SLOWER_WITH_XLA: set[str] = set()
_INITIALISERS: dict[str, Callable[..., None]] = {}

#: Keywords of a body that the builder sets itself, so that they are no hyperparameters.
RESERVED = ("return_sequences", "logits", "horizons", "assets", "feature_names")


def register_model(
    name: str, *, xla_on_cpu: bool = True, initialise: Callable[..., None] | None = None
) -> Callable[[Body], Body]:
    """Make a model's body known by a name, so that `tsdeep.build(name, ...)` builds it.

    A body is a function `body(inputs, *, ...)` from a float32 KerasTensor `[batch, lookback, features]` to a
    representation `[batch, units]`; the task adds the head. Its keyword arguments, all with defaults, are the
    model's hyperparameters. A body that can represent every row, each from that row and earlier ones alone,
    takes `return_sequences: bool = False` too and returns `[batch, lookback, units]` where it is True.

    The builder gives a body more where it asks for it, by these keywords: `logits: int`, and the body returns
    that many logits `[batch, logits]` itself, for a model whose last layer is no Dense; `horizons: int`, and it
    returns `[batch, horizons, units]`, of which one head makes the logits of every horizon; `assets: int`, the
    number of assets whose channels stand side by side in the window (1: it is of one), and where there are several
    it returns `[batch, assets, units]`, of which one head makes the logits of every asset; `feature_names: tuple of
    str or None`, the names of the channels where samples tell them.

    Parameters
    ----------
    name : str
        The model's name. Registering a name again replaces the body.
    xla_on_cpu : bool, default True
        Whether the fit loop compiles the training step with XLA on a CPU; False for a model that was
        measured to be slower so.
    initialise : callable, optional
        `initialise(model, x, y, task)` sets weights by a fold's training rows before every fit, as where a part
        of the model has a solution in closed form: `x [rows, channels]`, the scaled features of the newest row
        of each window, float32, and labels `y`.

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
        (_SLOWER_WITH_XLA.discard if xla_on_cpu else _SLOWER_WITH_XLA.add)(name)
        _INITIALISERS.pop(name, None)
        if initialise is not None:
            _INITIALISERS[name] = initialise
        return body

    return register


def xla_on_cpu(name: str | Callable[..., Any]) -> bool:
    """Whether a model's training step is to be compiled with XLA on a CPU."""
    return _name_of(name) not in _SLOWER_WITH_XLA


def _name_of(model: str | Callable[..., Any]) -> str | None:
    """Return the name of a model given by name or as its body; None for a body without one."""
    if isinstance(model, str):
        return model
    return next((name for name, body in _BODIES.items() if body is model), None)


def initialiser_of(name: str | Callable[..., Any]) -> Callable[..., None] | None:
    """Return what sets a model's weights by training rows before a fit, or None."""
    known = _name_of(name)
    return None if known is None else _INITIALISERS.get(known)


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


def check_book_levels(feature_names: tuple[str, ...] | None, model: str) -> None:
    """Refuse channels that are not prices and sizes by level, for a model that convolves along the book.

    Parameters
    ----------
    feature_names : tuple of str or None
        Names of the channels; None where nobody knows, as with a bare shape.
    model : str
        Its name in the message.

    Raises
    ------
    SpecError
        If four channels that the model takes for a level have not one level's number at their end.
    """
    if feature_names is None:
        return
    for start in range(0, len(feature_names), 4):
        four = feature_names[start : start + 4]
        if len({name.rpartition("_")[2] for name in four}) > 1 or not four[0][-1].isdigit():
            raise SpecError(
                f"{model}: found the channels {', '.join(four)}, expected ask price, ask size, bid price and bid "
                "size of a level, as features: [{kind: book_levels}] gives them"
            )


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
