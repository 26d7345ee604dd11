"""What tsdeep raises when input is refused: what was found, where, and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
