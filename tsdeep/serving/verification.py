"""Proof that a written export answers as the model does: read again by a process that knows TensorFlow alone."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tsdeep.errors import RunError
from tsdeep.serving.reader import READER
from tsdeep.serving.signatures import TOLERANCE, Signature


def expected_answers(signatures: Mapping[str, Signature]) -> dict[str, dict[str, np.ndarray]]:
    """Compute what each signature must answer on its examples.

    Raises
    ------
    RunError
        If the model's own answers are not finite.
    """
    found = {
        name: {key: _array(values) for key, values in signature.expected().items()}
        for name, signature in signatures.items()
    }
    for name, answers in found.items():
        for key, values in answers.items():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                row = int(np.argwhere(~np.isfinite(values))[0, 0])
                raise RunError(
                    f"signature {name}: output '{key}' of the model is {values[row]} on real rows, expected finite "
                    "numbers"
                )
    return found


def verify(
    path: Path, signatures: Mapping[str, Signature], expected: Mapping[str, Mapping[str, np.ndarray]]
) -> dict[str, Any]:
    """Read a SavedModel in a process without tsdeep, and compare its answers on real rows.

    The process runs on a CPU, as a server may.

    Parameters
    ----------
    path : Path
        Folder of the SavedModel.
    signatures : mapping of str to Signature
        With their examples.
    expected : mapping
        What each must answer: signature, output, array.

    Returns
    -------
    dict
        For `tsdeep.json`: examples, the largest difference, the largest tolerance.

    Raises
    ------
    RunError
        If it cannot be read or run, or an answer differs by more than the signature's tolerance.
    """
    largest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, signature in signatures.items():
            np.savez(Path(folder) / f"{name}-inputs.npz", **signature.examples)  # type: ignore[arg-type]
        READER.read(path.resolve(), list(signatures), folder)
        for name, answers in expected.items():
            with np.load(Path(folder) / f"{name}-outputs.npz") as written:
                largest = max(
                    largest, compare(f"signature {name}", answers, dict(written), signatures[name].tolerance)
                )
    return {
        "rows": max(len(next(iter(s.examples.values()))) for s in signatures.values()),
        "largest_difference": largest,
        "tolerance": max(s.tolerance for s in signatures.values()),
    }


def compare(
    what: str,
    expected: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    tolerance: float = TOLERANCE,
) -> float:
    """Return the largest difference of answers by name; RunError where they are not the same within a tolerance."""
    if set(expected) != set(found):
        raise RunError(f"{what}: found outputs {sorted(found)}, expected {sorted(expected)}")
    largest = 0.0
    for key, values in expected.items():
        other = found[key]
        if other.shape != values.shape or other.dtype.kind != values.dtype.kind:
            raise RunError(
                f"{what}: output '{key}' is {other.dtype} {list(other.shape)}, expected {values.dtype} "
                f"{list(values.shape)}"
            )
        if values.dtype.kind != "f":
            if (other != values).any():
                row = int(np.argwhere(other != values)[0, 0])
                raise RunError(
                    f"{what}: output '{key}' of example {row} is {other[row]}, the model's {values[row]}"
                )
            continue
        difference = np.abs(other.astype(np.float64) - values.astype(np.float64))
        if not (difference <= tolerance).all():  # NaN is no agreement
            raise RunError(
                f"{what}: output '{key}' differs from the model's by {np.max(difference):.3g} on real rows, expected "
                f"at most {tolerance:g}; the export was not kept"
            )
        largest = max(largest, float(difference.max(initial=0.0)))
    return largest


def _array(values: Any) -> np.ndarray:
    array = np.asarray(values)
    return array.astype("S") if array.dtype == object else array
