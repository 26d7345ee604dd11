"""Reading the description beside an export, `tsdeep.json`: which version has it, and what it must say."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsdeep.errors import RunError
from tsdeep.serving.folders import METADATA, versions

_KEYS = ("fields", "field_shapes", "positive_fields", "rows_needed", "outputs", "symbols", "spec")


def latest_version(directory: str | os.PathLike[str]) -> Path:
    """Return the folder of the newest version of an export, or the version that was given."""
    directory = Path(directory)
    if (directory / METADATA).is_file():
        return directory
    found = versions(directory)
    if not found:
        each = sorted(entry.name for entry in directory.glob("symbol=*"))
        hint = f"; there is one for each instrument: {', '.join(each)}" if each else ""
        raise RunError(f"{directory}: found no exported version; expected {directory}/<n>/{METADATA}{hint}")
    return directory / str(found[-1])


def read_metadata(version: Path) -> dict[str, Any]:
    """Read the description beside an export; RunError names the file if it cannot be read."""
    path = version / METADATA
    try:
        return checked_description(json.loads(path.read_text()), str(path))
    except (OSError, ValueError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"{path}: cannot be read as the description of an export: {error}") from error


def checked_description(content: Any, where: str) -> dict[str, Any]:
    """Return a description that has what a caller of the model needs; RunError says what it lacks.

    Parameters
    ----------
    content : object
        What was read, expected to be a mapping.
    where : str
        The file or address it is from, for messages.
    """
    expected = "cannot be read as the description of an export"
    if not isinstance(content, Mapping):
        raise RunError(f"{where}: {expected}: found {type(content).__name__}, expected a mapping of keys")
    missing = [key for key in _KEYS if key not in content]
    if missing:
        raise RunError(f"{where}: {expected}: it lacks {', '.join(missing)}")
    return dict(content)
