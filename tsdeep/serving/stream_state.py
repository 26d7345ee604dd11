"""The file of a stream's state."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tsdeep.errors import RunError

FORMAT = 1


def write_state(
    path: Path, fingerprint: str, symbols: tuple[str, ...] | None, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a state, whole or not at all.

    Parameters
    ----------
    path : Path
        The file; its folder must be there.
    fingerprint : str
        The model that the state is of.
    symbols : tuple of str or None
        Its instruments.
    arrays : mapping of str to ndarray
        The state by name.
    """
    about = {"format": FORMAT, "fingerprint": fingerprint, "symbols": list(symbols or ())}
    temporary = path.parent / f".writing-{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as file:
            described = {f"about_{name}": np.array(value) for name, value in about.items()}
            np.savez(file, **described, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_state(
    path: Path, fingerprint: str, symbols: tuple[str, ...] | None, expected: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Read a state of the same model and instruments; RunError says what is wrong.

    Parameters
    ----------
    path : Path
        The file.
    fingerprint, symbols
        As they must have been written.
    expected : mapping of str to ndarray
        Arrays of the shapes and dtypes that there must be.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        written = int(found["about_format"])
        known = str(found["about_fingerprint"])
        names = tuple(found["about_symbols"].tolist())
    except Exception as error:  # zip, NumPy and the operating system each have their own
        raise RunError(f"{path}: cannot be read as the state of a stream: {error}") from error
    if written != FORMAT:
        raise RunError(f"{path}: found the format {written}, expected {FORMAT}")
    if known != fingerprint:
        raise RunError(
            f"{path}: found the state of another model or mode, expected one that this model wrote"
        )
    if names != (symbols or ()):
        raise RunError(
            f"{path}: found the state of {', '.join(names) or 'one instrument'}, expected "
            f"{', '.join(symbols or ()) or 'one instrument'}"
        )
    for name, array in expected.items():
        if name not in found:
            raise RunError(f"{path}: found no {name}, which the state must have")
        there = found[name]
        if there.shape != array.shape or there.dtype != array.dtype:
            raise RunError(
                f"{path}: found {name} {list(there.shape)} {there.dtype}, expected {list(array.shape)} {array.dtype}"
            )
    return found
