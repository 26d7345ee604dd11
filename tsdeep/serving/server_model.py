"""What a client knows of a server's model: its signatures, and the description of the export where it is given."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsdeep.errors import RunError, SpecError, unknown_name
from tsdeep.serving.folders import METADATA
from tsdeep.serving.metadata import checked_description, latest_version, read_metadata
from tsdeep.serving.transport import Signature, TensorInfo, within


@dataclass(frozen=True)
class Known:
    """What is known of a model.

    Parameters
    ----------
    signatures : mapping of str to Signature
        As the server describes them.
    given : mapping, optional
        The content of `tsdeep.json`, where there is one.
    """

    signatures: Mapping[str, Signature]
    given: Mapping[str, Any] | None


def given_description(
    metadata: str | os.PathLike[str] | Mapping[str, Any] | None, version: int | None, timeout: float
) -> dict[str, Any] | None:
    """Read the description of an export from wherever it is: a mapping, a file, a folder, or an address.

    Parameters
    ----------
    metadata : path, str or mapping, optional
        As of `Client`.
    version : int, optional
        The version whose description is read from a model's folder; by default the newest.
    timeout : float
        Seconds to wait for an address.

    Returns
    -------
    dict, optional
        None where none is given.

    Raises
    ------
    SpecError
        If it is none of these.
    RunError
        If it cannot be read, or lacks what a client needs.
    """
    if metadata is None:
        return None
    if isinstance(metadata, Mapping):
        return checked_description(metadata, "metadata")
    if not isinstance(metadata, (str, os.PathLike)):
        raise SpecError(
            f"metadata: found {metadata!r}, expected a path, an address, or the content of tsdeep.json"
        )
    address = str(metadata)
    if address.startswith(("http://", "https://")):
        return _fetched(address, timeout)
    path = Path(metadata)
    if path.is_file():
        try:
            return checked_description(json.loads(path.read_text()), str(path))
        except (OSError, json.JSONDecodeError) as error:
            raise RunError(f"{path}: cannot be read as the description of an export: {error}") from error
    if version is not None and not (path / METADATA).is_file():
        return read_metadata(path / str(version))
    return read_metadata(latest_version(path))


def described(known: Known, name: str, what: str) -> dict[str, Any]:
    """Describe one signature of a server's model as `tsdeep.json` describes an export.

    Parameters
    ----------
    known : Known
        The model's signatures and, where it is given, its description.
    name : str
        The signature.
    what : str
        Server and model, for messages.

    Returns
    -------
    dict
        `fields`, `field_shapes`, `positive_fields`, `rows_needed`, `symbols`, `assets`, `scaler_of` and `outputs`, in
        their order, as `answered` reads them; `batch`, the number of windows that the signature takes, or None
        for any.

    Raises
    ------
    SpecError
        If there is no such signature, or it takes other inputs than raw rows.
    RunError
        If the description is not of this model.
    """
    if name not in known.signatures:
        raise SpecError(f"{what}: {unknown_name('signature', name, known.signatures)}")
    signature = known.signatures[name]
    _check_raw_rows(signature, name, what)
    about = _of_signature(signature, what) if known.given is None else dict(known.given)
    if known.given is not None:
        _check_same(signature, about, name, what)
    if set(about["outputs"]) != set(signature.outputs):  # of another signature than the default
        about["outputs"] = sorted(signature.outputs, key=lambda each: (not each.startswith("label"), each))
    first = next(iter(signature.inputs.values()))
    return {**about, "batch": first.shape[0]}


def batches(windows: Mapping[str, np.ndarray], size: int) -> Iterator[dict[str, np.ndarray]]:
    """Cut windows into batches of one size, the last filled up with copies of its last window.

    Examples
    --------
    >>> [part["close"].tolist() for part in batches({"close": np.array([[1.0], [2.0], [3.0]])}, 2)]
    [[[1.0], [2.0]], [[3.0], [3.0]]]
    """
    n = len(next(iter(windows.values())))
    for start in range(0, n, size):
        index = np.minimum(np.arange(start, start + size), n - 1)
        yield {name: values[index] for name, values in windows.items()}


def by_class(outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give each class a column of its own scores: `classes` and `scores` `[batch, classes]` become one a class.

    Examples
    --------
    >>> said = {"label": np.array(["up"]), "classes": np.array([["down", "up"]]), "scores": np.array([[0.25, 0.75]])}
    >>> {name: values.tolist() for name, values in by_class(said).items()}
    {'label': ['up'], 'down': [0.25], 'up': [0.75]}
    """
    columns: dict[str, np.ndarray] = {}
    for name, values in outputs.items():
        suffix = name.removeprefix("scores")
        if name.startswith("scores") and f"classes{suffix}" in outputs:
            words = outputs[f"classes{suffix}"].reshape(-1, values.shape[-1])[0]
            columns |= {f"{word}{suffix}": values[..., i] for i, word in enumerate(words)}
        elif not (name.startswith("classes") and f"scores{name.removeprefix('classes')}" in outputs):
            columns[name] = values
    return columns


def _check_raw_rows(signature: Signature, name: str, what: str) -> None:
    """Refuse a signature that does not take raw rows, such as a step of a stream, whose state it takes too."""
    inputs = signature.inputs
    rows = {about.shape[:2] for about in inputs.values()}
    raw = inputs and len(rows) == 1 and all(_is_rows(about) for about in inputs.values())
    if not raw:
        found = ", ".join(f"{each} {_shape(about.shape)} {about.dtype}" for each, about in inputs.items())
        raise SpecError(
            f"{what}, signature '{name}': found the inputs {found or '(none)'}, expected raw fields, DT_DOUBLE "
            "[batch, rows, ...], all of the same batch and rows"
        )


def _is_rows(about: TensorInfo) -> bool:
    return about.dtype == "DT_DOUBLE" and len(about.shape) >= 2 and None not in about.shape[2:]


def _of_signature(signature: Signature, what: str) -> dict[str, Any]:
    """Describe a model by one of its signatures alone."""
    several = [name for name, about in signature.outputs.items() if len(about.shape) > 1]
    if [name for name in several if not name.startswith(("classes", "scores"))]:
        raise SpecError(
            f"{what}: found the output {several[0]} {_shape(signature.outputs[several[0]].shape)}, one value an "
            "asset: expected metadata= with the export's tsdeep.json, which has the order of the assets"
        )
    return {
        "fields": sorted(signature.inputs),
        "field_shapes": {name: list(about.shape[2:]) for name, about in signature.inputs.items()},
        "positive_fields": [],
        "rows_needed": next(iter(signature.inputs.values())).shape[1],
        "outputs": sorted(signature.outputs),
        "symbols": None,
        "assets": None,
        "scaler_of": None,
    }


def _check_same(signature: Signature, about: Mapping[str, Any], name: str, what: str) -> None:
    """Refuse a description that is not of the server's model."""
    faults = []
    if set(about["fields"]) != set(signature.inputs):
        faults.append(
            f"the fields {', '.join(sorted(about['fields']))}, not {', '.join(sorted(signature.inputs))}"
        )
    for field, tensor in signature.inputs.items():
        expected = list(about["field_shapes"].get(field, tensor.shape[2:]))
        if list(tensor.shape[2:]) != expected:
            faults.append(f"field '{field}' with {expected} values a row, not {list(tensor.shape[2:])}")
        if tensor.shape[1] not in (None, about["rows_needed"]):
            faults.append(f"{about['rows_needed']} rows needed, not {tensor.shape[1]}")
    if name == "serving_default" and set(about["outputs"]) != set(signature.outputs):
        faults.append(
            f"the outputs {', '.join(sorted(about['outputs']))}, not {', '.join(sorted(signature.outputs))}"
        )
    if faults:
        raise RunError(
            f"{what}: the description given as metadata is not of the server's model: it has "
            f"{'; '.join(dict.fromkeys(faults))}; expected the tsdeep.json of the version that the server has"
        )


def _fetched(address: str, timeout: float) -> dict[str, Any]:
    import requests

    try:
        response = within(timeout, lambda: requests.get(address, timeout=timeout))
        response.raise_for_status()
        return checked_description(response.json(), address)
    except (requests.RequestException, TimeoutError) as error:
        raise RunError(f"{address}: cannot be read as the description of an export: {error}") from error


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if size is None else str(size) for size in shape)}]"
