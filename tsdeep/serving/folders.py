"""A model's folder: versions appear whole, and what a dead process left unfinished goes."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

METADATA = "tsdeep.json"
"""Name of the file in a version that describes it."""

_LOCK = "writing.lock"


def versions(directory: Path) -> list[int]:
    """List the version numbers in a model's folder, ascending."""
    if not directory.is_dir():
        return []
    return sorted(int(entry.name) for entry in directory.iterdir() if re.fullmatch(r"[1-9]\d*", entry.name))


@contextmanager
def new_version(directory: Path) -> Iterator[list[Path]]:
    """Give a folder to write a version in, and move it into its place, whole, when all went well.

    The folder's name, `.writing-...`, is no number, so that no server that polls the model's folder takes it for a
    version. It holds a lock as long as its process lives; a folder without a live lock is what a killed process
    left, and is removed.

    Parameters
    ----------
    directory : Path
        The model's folder; made if it is not there, and gone again if it was not and nothing came of it.

    Yields
    ------
    list of Path
        The folder to write to; when the context is left, the version's folder, with the next free number.
    """
    made = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    remove_unfinished(directory)
    name = uuid.uuid4().hex
    # Under the name that others look for only once the lock is held.
    unlocked, temporary = directory / f".new-{name}", directory / f".writing-{name}"
    unlocked.mkdir()
    lock = FileLock(unlocked / _LOCK, timeout=0)
    try:
        lock.acquire()
        os.rename(unlocked, temporary)
        place = [temporary]
        yield place
        if os.name == "nt":  # where a folder with an open file cannot be moved
            lock.release()
        place[0] = _move(temporary, directory)
        lock.release()
        (place[0] / _LOCK).unlink(missing_ok=True)
    finally:
        lock.release()
        for folder in (unlocked, temporary):
            shutil.rmtree(folder, ignore_errors=True)
        if made and not any(directory.iterdir()):
            directory.rmdir()


def remove_unfinished(directory: Path) -> None:
    """Remove the folders of exports whose process has died; those of live ones stay."""
    for folder in directory.glob(".writing-*"):
        try:
            with FileLock(folder / _LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):  # at work, or gone meanwhile
            continue


def _move(temporary: Path, directory: Path) -> Path:
    """Move a folder to the next free number; another process may take it first."""
    while True:
        version = directory / str(max(versions(directory), default=0) + 1)
        try:
            os.rename(temporary, version)
        except OSError:
            if not version.exists():
                raise
        else:
            return version
