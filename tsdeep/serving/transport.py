"""What ways to a model server share: signatures, states of versions, tries again, and errors in its words."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import tenacity

from tsdeep.errors import DataError, RunError

T = TypeVar("T")

DTYPES: dict[str, np.dtype] = {
    "DT_DOUBLE": np.dtype(np.float64),
    "DT_FLOAT": np.dtype(np.float32),
    "DT_INT32": np.dtype(np.int32),
    "DT_INT64": np.dtype(np.int64),
    "DT_BOOL": np.dtype(bool),
    "DT_STRING": np.dtype(object),
}
"""The types of tensors that exports have, by TensorFlow's names."""
FIRST_WAIT = 0.1
"""Seconds before a server is asked a second time; each further wait is up to twice as long."""
LONGEST_WAIT = 5.0
"""Most seconds to wait between two tries."""
_WORDS = 1000
_NOT_READY = ("502", "503", "504", "UNAVAILABLE", "DEADLINE_EXCEEDED")
_REFUSED = ("400", "INVALID_ARGUMENT", "OUT_OF_RANGE", "FAILED_PRECONDITION")
_UNKNOWN = "; expected the name of a model that the server has, and one of its versions"
_KEY = "; the server or a proxy expects a key: give it with headers="
_HINTS = {
    "404": _UNKNOWN,
    "NOT_FOUND": _UNKNOWN,
    "401": _KEY,
    "403": _KEY,
    "UNAUTHENTICATED": _KEY,
    "PERMISSION_DENIED": _KEY,
}


@dataclass(frozen=True)
class TensorInfo:
    """One input or output of a signature.

    Parameters
    ----------
    dtype : str
        TensorFlow's name of the type, such as `DT_DOUBLE`.
    shape : tuple of int or None
        None where a dimension is open.
    """

    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a signature by name."""

    inputs: Mapping[str, TensorInfo]
    outputs: Mapping[str, TensorInfo]


@dataclass(frozen=True)
class VersionStatus:
    """The state of one version of a model.

    Parameters
    ----------
    version : int
        Its number.
    state : str
        `START`, `LOADING`, `AVAILABLE`, `UNLOADING` or `END`.
    error : str
        The server's words where it could not be loaded, otherwise empty.
    """

    version: int
    state: str
    error: str


class Transport(Protocol):
    """A way to ask a model server about one model; safe to use from several threads."""

    def signatures(self) -> dict[str, Signature]:
        """Ask for the signatures of the model."""

    def status(self) -> list[VersionStatus]:
        """Ask for the state of the model's versions."""

    def predict(
        self, signature: str, inputs: Mapping[str, np.ndarray], outputs: Mapping[str, TensorInfo]
    ) -> dict[str, np.ndarray]:
        """Ask for the outputs of a signature."""

    def close(self) -> None:
        """Give connections back."""


class Refused(DataError):
    """A server's answer that it cannot use a request: 400, or INVALID_ARGUMENT."""


class NoAnswer(RunError):
    """A server that was not reached, or was not ready, in the time and tries that it was given."""


class Unavailable(Exception):
    """A fault that may pass: no connection, or a server that is not ready; the message says which."""


class Asking:
    """Asks a server about one model, again with growing waits where it is not there or not ready.

    Parameters
    ----------
    url : str
        The server.
    model : str
        The model's name.
    timeout : float
        Seconds for one request, all its tries together.
    retries : int
        Most tries after the first.
    """

    def __init__(self, url: str, model: str, *, timeout: float, retries: int) -> None:
        self._what = f"{url}, model '{model}'"
        self._timeout, self._retries = timeout, retries

    def _asked(self, once: Callable[[float], T]) -> T:
        """Return what `once` returns, given the seconds that are left for it; `Unavailable` is tried again.

        Raises
        ------
        NoAnswer
            If no try was answered; with the last fault.
        """
        end = time.monotonic() + self._timeout
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Unavailable),
            # Each wait is drawn between none and twice the last's limit: clients that failed together come apart.
            wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self._retries + 1), tenacity.stop_before_delay(self._timeout)
            ),
            reraise=True,
        )
        try:
            return retrying(lambda: once(max(end - time.monotonic(), 0.001)))
        except Unavailable as error:
            tries = retrying.statistics["attempt_number"]
            raise NoAnswer(
                f"{self._what}: no answer, asked {tries} time{'s' * (tries > 1)} within {self._timeout:g} s ({error})"
            ) from error

    def _fault(self, code: str, said: str) -> Exception:
        """Make the error of an answer that is none: by its HTTP status or gRPC code, in the server's words."""
        if code in _NOT_READY:
            return Unavailable(said)
        if code in _REFUSED:
            return Refused(f"{self._what}: the server refused the request with {said}")
        return RunError(f"{self._what}: {said}{_HINTS.get(code, '')}")


def within(seconds: float, call: Callable[[], T]) -> T:
    """Return what a call returns, or give up on it when the time is over, whatever it waits for then.

    The time limits of sockets are for each piece that arrives; a server that sends a byte now and then keeps them all.
    The call goes on in a thread of its own, which does not keep the program from ending.

    Raises
    ------
    TimeoutError
        When the time is over.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise TimeoutError(f"no whole answer within {seconds:.3g} s") from None


def short(words: str) -> str:
    """Put a server's words on one line, cut to what a message can hold."""
    line = " ".join(words.split())
    return line if len(line) <= _WORDS else line[:_WORDS] + "..."
