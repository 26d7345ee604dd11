"""TensorFlow Serving's REST API."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
import requests

from tsdeep.errors import RunError
from tsdeep.serving.transport import (
    DTYPES,
    Asking,
    Signature,
    TensorInfo,
    Unavailable,
    VersionStatus,
    short,
    within,
)


class Rest(Asking):
    """A model behind TensorFlow Serving's REST API.

    Parameters
    ----------
    url : str
        `http://host:8501` or `https://...`, with a path where a proxy has one.
    model : str
        The model's name.
    version, label : int, str, optional
        The version that answers; by default the newest.
    timeout : float
        Seconds for one request, all its tries together.
    retries : int
        Most tries after the first.
    headers : mapping of str to str
        Sent with every request.
    form : {"columns", "rows"}
        How tensors are written: whole under `inputs`, or one object a window under `instances`.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        version: int | None,
        label: str | None,
        timeout: float,
        retries: int,
        headers: Mapping[str, str],
        form: Literal["columns", "rows"],
    ) -> None:
        super().__init__(url, model, timeout=timeout, retries=retries)
        which = (
            f"/versions/{version}"
            if version is not None
            else f"/labels/{quote(label, safe='')}"
            if label
            else ""
        )
        self._address = f"{url.rstrip('/')}/v1/models/{quote(model, safe='')}{which}"
        self._headers, self._form = dict(headers), form
        # A session of requests is for one thread at a time: each request takes one that is idle.
        self._idle: deque[requests.Session] = deque()

    def signatures(self) -> dict[str, Signature]:
        """Ask for the signatures of the model: `GET .../metadata`."""
        answer = self._ask("GET", "/metadata")
        try:
            found = answer["metadata"]["signature_def"]["signature_def"]
            return {
                name: Signature(_tensors(about.get("inputs", {})), _tensors(about.get("outputs", {})))
                for name, about in found.items()
                if not name.startswith("__")  # TensorFlow's own, such as the one that restores variables
            }
        except (KeyError, TypeError, ValueError) as error:
            raise self._unexpected("metadata", answer, error) from error

    def status(self) -> list[VersionStatus]:
        """Ask for the state of the model's versions, or of the one that was chosen."""
        answer = self._ask("GET", "")
        try:
            return [
                VersionStatus(int(each["version"]), each["state"], each["status"]["error_message"])
                for each in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise self._unexpected("status", answer, error) from error

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, TensorInfo]
    ) -> dict[str, np.ndarray]:
        """Ask for the outputs of a signature: `POST ...:predict`.

        Numbers are written so that float64 is read back as it was.

        Parameters
        ----------
        signature : str
            Its name.
        inputs : mapping of str to ndarray
            Every input, `[batch, ...]`; finite.
        outputs : mapping of str to TensorInfo
            The signature's outputs.

        Returns
        -------
        dict of str to ndarray
            Every output in its type.
        """
        columns = {name: values.tolist() for name, values in inputs.items()}
        body: dict[str, Any] = {"signature_name": signature}
        if self._form == "columns":
            body["inputs"] = columns
        else:
            body["instances"] = [
                dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
            ]
        answer = self._ask("POST", ":predict", json.dumps(body, allow_nan=False))
        try:
            return _outputs(answer, self._form, outputs)
        except (KeyError, TypeError, ValueError) as error:
            raise self._unexpected("prediction", answer, error) from error

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        return self._asked(lambda seconds: self._once(method, path, body, seconds))

    def _once(self, method: str, path: str, body: str | None, seconds: float) -> Any:
        try:
            response = within(seconds, lambda: self._sent(method, path, body, seconds))
        except (requests.ConnectionError, requests.Timeout, TimeoutError) as error:
            raise Unavailable(short(f"{type(error).__name__}: {error}")) from error
        except requests.RequestException as error:
            raise RunError(f"{self._what}: {error}") from error
        if response.status_code != 200:
            raise self._fault(
                str(response.status_code),
                f"HTTP {response.status_code}: {_words(response)}{_elsewhere(response)}",
            )
        try:
            return response.json()
        except requests.JSONDecodeError:
            raise RunError(
                f"{self._what}: found {short(response.text)!r}, expected JSON; is there a model server at this "
                "address?"
            ) from None

    def _sent(self, method: str, path: str, body: str | None, seconds: float) -> requests.Response:
        """Send a request by an idle session; it takes no other way than the one that it was given."""
        headers = self._headers | ({} if body is None else {"Content-Type": "application/json"})
        try:
            session = self._idle.pop()
        except IndexError:
            session = requests.Session()
        try:
            return session.request(
                method,
                self._address + path,
                data=body,
                headers=headers,
                timeout=seconds,
                allow_redirects=False,  # to another host the headers, which may hold a key, would go too
            )
        finally:
            self._idle.append(session)

    def _unexpected(self, what: str, answer: Any, error: Exception) -> RunError:
        return RunError(
            f"{self._what}: found {short(json.dumps(answer))} as the {what}, which TensorFlow Serving does not answer "
            f"({type(error).__name__}: {error})"
        )


def _words(response: requests.Response) -> str:
    """Return what a server says of a fault: TensorFlow Serving's `error`, or a proxy's text."""
    try:
        return short(str(response.json()["error"]))
    except (ValueError, KeyError, TypeError):
        return short(response.text) or response.reason or "no words"


def _elsewhere(response: requests.Response) -> str:
    place = response.headers.get("Location")
    return f"; found a redirect to {place}, expected the server's own address as url" if place else ""


def _tensors(about: Mapping[str, Any]) -> dict[str, TensorInfo]:
    found = {}
    for name, each in about.items():
        sizes = [int(dim["size"]) for dim in each["tensor_shape"].get("dim", [])]
        found[name] = TensorInfo(each["dtype"], tuple(None if size < 0 else size for size in sizes))
    return found


def _outputs(
    answer: Any, form: Literal["columns", "rows"], outputs: Mapping[str, TensorInfo]
) -> dict[str, np.ndarray]:
    """Read the outputs of a prediction; the name of an only one is left out by the server."""
    values = answer["outputs" if form == "columns" else "predictions"]
    if len(outputs) == 1:
        values = {next(iter(outputs)): values}
    elif form == "rows":
        values = {name: [row[name] for row in values] for name in values[0]}
    if set(values) != set(outputs):
        raise ValueError(f"found the outputs {', '.join(values)}, expected {', '.join(outputs)}")
    return {name: np.array(values[name], DTYPES[about.dtype]) for name, about in outputs.items()}
