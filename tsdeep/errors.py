"""What tsdeep raises when input is refused: what was found, where, and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


class TsdeepError(ValueError):
    """Base of every error that tsdeep raises on purpose."""


class DataError(TsdeepError):
    """Market data that cannot be used as it is; the message gives the place and the value."""


class SpecError(TsdeepError):
    """A spec, name or setting that cannot be used; the message gives the key and what was expected."""


class RunError(TsdeepError):
    """A run folder or an exported model that cannot be used as it is."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is not known, with the nearest one and all that exist.

    Parameters
    ----------
    what : str
        The kind of thing that was asked for, such as `"model"`.
    name : str
        The name that was given.
    known : iterable of str
        The names that exist.

    Returns
    -------
    str
        One sentence for an error message.

    Examples
    --------
    >>> unknown_name("model", "tnc", ["tcn", "lstm"])
    "unknown model 'tnc': did you mean 'tcn'? Known: lstm, tcn"
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f" did you mean '{near[0]}'?" if near else ""
    return f"unknown {what} '{name}':{hint} Known: {', '.join(names) or '(none)'}"


def invalid_keys(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Say each fault that pydantic found in a mapping of settings: key, what was found, what was expected.

    Parameters
    ----------
    error : pydantic.ValidationError
        From validating a mapping as `model`.
    model : type of pydantic.BaseModel
        The settings; its keys are those that an unknown key is compared with.

    Returns
    -------
    list of str
        A sentence for each fault, unknown keys first: a misspelt key is often why another is missing.
    """
    faults = error.errors(include_url=False)
    return [_fault(detail, model) for detail in sorted(faults, key=lambda d: d["type"] != "extra_forbidden")]


def _fault(detail: Any, model: type[BaseModel]) -> str:
    place, kind = detail["loc"], detail["type"]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    if kind == "extra_forbidden":
        return unknown_name("key", str(place[-1]), _keys(model, place[:-1])).replace(
            f"'{place[-1]}'", f"'{key}'", 1
        )
    if kind == "missing":
        return f"{key} is missing"
    if kind == "value_error":
        message = detail["msg"].removeprefix("Value error, ")
        return f"{key}: {message}" if key else message
    return f"{key}: found {detail['input']!r}, expected {_expected(kind, detail['msg'])}"


def _expected(kind: str, message: str) -> str:
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return "a mapping of keys"
    if kind == "too_short":
        return "at least one"
    message = (
        message.removeprefix("Input should be ")
        .replace("a valid integer", "an integer")
        .replace("a valid", "a")
    )
    if message.startswith(("greater", "less")):
        message = f"a number {message}"
    return message[:1].lower() + message[1:]


def _keys(model: Any, place: tuple[int | str, ...]) -> list[str]:
    """List the keys that a model has at a place inside it."""
    for part in place:
        model = model.model_fields[part].annotation
    return list(model.model_fields)
