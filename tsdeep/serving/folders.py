"""A model's folder: versions appear whole, and what a dead process left unfinished goes."""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tenacity
from filelock import FileLock, Timeout

METADATA = "tsdeep.json"
"""Name of the file in a version that describes it."""

_LOCK = "writing.lock"
_UNLOCKED_SECONDS = 3600.0
"""Age from which a folder that has no lock yet is a dead process's; a live one takes it at once."""


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
        The model's folder; made if it is not there, with its parents, and what was made is gone again if nothing
        came of it.

    Yields
    ------
    list of Path
        The folder to write to; when the context is left, the version's folder, with the next free number.
    """
    made = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    name = uuid.uuid4().hex
    # Under the name that others look for only once the lock is held.
    unlocked, temporary = directory / f".new-{name}", directory / f".writing-{name}"
    lock = FileLock(unlocked / _LOCK, timeout=0)
    try:
        _make(unlocked)
        remove_unfinished(directory)
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
        for folder in made:  # from the inside
            try:
                folder.rmdir()
            except OSError:  # something came of it, here or in another process
                break


# Between the two steps of making a folder in a new one, another process that failed may take the new one away, empty.
@tenacity.retry(
    retry=tenacity.retry_if_exception_type((FileNotFoundError, FileExistsError)),
    stop=tenacity.stop_after_attempt(100),
    reraise=True,
)
def _make(folder: Path) -> None:
    folder.mkdir(parents=True)


def remove_unfinished(directory: Path) -> None:
    """Remove the folders of exports whose process has died; those of live ones stay."""
    for folder in directory.glob(".writing-*"):
        try:
            with FileLock(folder / _LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):  # at work, or gone meanwhile
            continue
    for folder in directory.glob(".new-*"):
        try:
            abandoned = time.time() - folder.stat().st_mtime > _UNLOCKED_SECONDS
        except OSError:  # gone meanwhile
            continue
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)


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
