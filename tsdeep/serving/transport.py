"""What ways to a model server share: signatures, states of versions, tries again, and errors in its words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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


def asking(ask: Callable[[float], T], what: str, *, timeout: float, retries: int) -> T:
    """Ask a server, again with growing waits where it is not there or not ready.

    Parameters
    ----------
    ask : callable
        Asks once, given the seconds that are left for it. `Unavailable` is tried again.
    what : str
        Server and model, for messages.
    timeout : float
        Seconds for all tries together.
    retries : int
        Most tries after the first.

    Returns
    -------
    object
        What `ask` returned.

    Raises
    ------
    NoAnswer
        If no try was answered; with the last fault.
    """
    end = time.monotonic() + timeout
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        # Each wait is drawn between none and twice the last's limit: clients that failed together come apart.
        wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT),
        stop=tenacity.stop_any(tenacity.stop_after_attempt(retries + 1), tenacity.stop_before_delay(timeout)),
        reraise=True,
    )
    try:
        return retrying(lambda: ask(max(end - time.monotonic(), 0.001)))
    except Unavailable as error:
        tries = retrying.statistics["attempt_number"]
        raise NoAnswer(
            f"{what}: no answer, asked {tries} time{'s' * (tries > 1)} within {timeout:g} s ({error})"
        ) from error


def short(words: str) -> str:
    """Put a server's words on one line, cut to what a message can hold."""
    line = " ".join(words.split())
    return line if len(line) <= _WORDS else line[:_WORDS] + "..."
