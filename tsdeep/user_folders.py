"""Folders that a user chooses by a variable of the environment."""

from __future__ import annotations

import os
from pathlib import Path

from tsdeep.errors import TsdeepError


def given_folder(variable: str, why: str, error: type[TsdeepError]) -> Path | None:
    """Return the folder that a variable names, None where it names none.

    Parameters
    ----------
    variable : str
        Name of the variable.
    why : str
        End of the message: what else may stand there, and what goes wrong with a path that is not whole.
    error : type
        Raised where the path depends on the folder in which a command is run.

    Returns
    -------
    Path or None
    """
    given = os.environ.get(variable, "").strip()
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.is_absolute():
        raise error(f"{variable}: found {given!r}, expected a whole path, such as {path.absolute()}{why}")
    return path
