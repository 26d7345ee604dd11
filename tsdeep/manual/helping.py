"""Help on a name, and all names with one line each."""

from __future__ import annotations

import difflib

from tsdeep.errors import SpecError
from tsdeep.manual.kinds import KINDS, PUBLIC
from tsdeep.manual.page import HelpPage


def help(name: str) -> HelpPage:
    """Show the essentials of anything that has a name: what it is, its arguments, shapes, source, an example.

    Beside the docstring it says what the code itself tells: of a model its size, its receptive field and how it
    streams, of a feature the fields it reads, its warm-up and its channels, of a task its outputs.

    Parameters
    ----------
    name : str
        A model, feature, scaler, task, source, reference method or spec (`tsdeep list` names them), or a public
        function or class, such as `"windows"`. What is registered by the user is known too.

    Returns
    -------
    HelpPage
        It shows itself at a prompt and in a notebook; `print` it in a script. A name of two kinds has two entries.

    Raises
    ------
    SpecError
        If nothing has the name; the message gives the nearest ones and the kinds there are.

    Examples
    --------
    >>> print(help("log_return"))
    log_return (feature)
    <BLANKLINE>
    Log return over a number of rows: ln(price at t / price at t - rows).
    ...
    In a spec: {kind: log_return}
    Reads: close
    Warm-up: 1 row before the current one
    Gives: [batch, rows - 1, 1]: log_return_1
    ...
    """
    if not isinstance(name, str):
        known = getattr(name, "__name__", None)
        hint = f", such as tsdeep.help({known!r})" if isinstance(known, str) else ""
        raise SpecError(f"help: found {name!r}, expected a name as text{hint}")
    entries = [entry for kind in KINDS if name in kind.names() for entry in kind.entries(name)]
    places = {entry.place for entry in entries}
    entries += [entry for entry in PUBLIC.entries(name) if entry.place not in places]
    if not entries:
        raise SpecError(_unknown(name))
    return HelpPage(tuple(entries))


def names() -> dict[str, list[str]]:
    """Give all names by kind, in the plural."""
    return {kind.plural: list(kind.names()) for kind in KINDS}


def overview() -> dict[str, dict[str, str]]:
    """Give the one line of every name.

    Returns
    -------
    dict of str to dict
        By kind, in the plural: one line by name. A reference that two tasks have has both lines.

    Examples
    --------
    >>> overview()["tasks"]["direction"]
    'Whether the close `horizon_rows` rows ahead is above the close of the current row.'
    """
    return {
        kind.plural: {name: " / ".join(dict.fromkeys(kind.summaries(name))) for name in kind.names()}
        for kind in KINDS
    }


def _unknown(name: str) -> str:
    """Say that no kind has a name, with the nearest ones and the kinds they are of."""
    kinds: dict[str, list[str]] = {}
    for kind in (*KINDS, PUBLIC):
        for known in kind.names():
            kinds.setdefault(known, []).append(kind.name)
    near = difflib.get_close_matches(name, kinds, n=3, cutoff=0.5)
    meant = " or ".join(f"'{each}' ({', '.join(kinds[each])})" for each in near)
    plurals = ", ".join(kind.plural for kind in KINDS)
    return (
        f"unknown name '{name}':{f' did you mean {meant}?' if meant else ''} `tsdeep list` has all {plurals}; the "
        "functions and classes of tsdeep have help too"
    )
