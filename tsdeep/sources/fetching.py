"""What sources share that ask a provider over the network: packages, keys, retries, and errors to act on."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any, TypeVar

import tenacity

from tsdeep.errors import DataError

T = TypeVar("T")

TRIES = 4
"""How often a provider is asked that is not reached, or that answers that there are too many requests."""
FIRST_WAIT = 2.0
"""Seconds before it is asked a second time; each further wait is four times as long."""
LONGEST_WAIT = 120.0
"""Most seconds to wait between two tries, also where the provider asks for more."""
_WORDS = 300
_TELL: ContextVar[Callable[[str], None] | None] = ContextVar("tell", default=None)


class RateLimited(Exception):
    """A provider's answer that there were too many requests.

    Parameters
    ----------
    words : str
        What the provider said.
    after : float, optional
        Seconds after which it wants to be asked again.
    """

    def __init__(self, words: str, after: float | None = None) -> None:
        super().__init__(words)
        self.after = after


class Unreachable(Exception):
    """No answer of a provider: no network, a time-out, or a fault on its side; the message says which."""


def import_extra(module: str, extra: str) -> ModuleType:
    """Import a package that a source needs; DataError names the pip command where it is not installed."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise DataError(
            f"the package '{module}' is not installed; install it with: pip install \"tsdeep[{extra}]\""
        ) from None


def require_keys(kind: str, *variables: str) -> tuple[str, ...]:
    """Read a provider's keys from the environment.

    Parameters
    ----------
    kind : str
        The source.
    *variables : str
        Environment variables, all of which are needed.

    Returns
    -------
    tuple of str
        Their values, in this order.

    Raises
    ------
    DataError
        If one is not set; it names those.
    """
    values = tuple(os.environ.get(name, "").strip() for name in variables)
    missing = [name for name, value in zip(variables, values, strict=True) if not value]
    if missing:
        raise DataError(
            f"{kind}: no key: set the environment variable{'s' * (len(missing) > 1)} {' and '.join(missing)} "
            "to what the provider's account page shows"
        )
    return values


def check_columns(found: Iterable[Any], expected: Iterable[str], kind: str) -> None:
    """Refuse an answer that lacks a column; DataError lists what was found and what was expected."""
    found, expected = [str(name) for name in found], list(expected)
    missing = [name for name in expected if name not in found]
    if missing:
        raise DataError(
            f"{kind}: no column {', '.join(missing)} in the provider's answer: found "
            f"{', '.join(found) or 'none'}, expected {', '.join(expected)}; the provider has changed its columns, "
            "see whether a newer tsdeep or client package reads them"
        )


@contextmanager
def telling(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with what is asked for, each time that a provider is asked, while the context lasts."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def asking(
    kind: str,
    what: str,
    call: Callable[[], T],
    translate: Callable[[Exception], Exception | None] | None = None,
) -> T:
    """Ask a provider, again with growing waits where it is not reached or wants fewer requests.

    Parameters
    ----------
    kind : str
        The source.
    what : str
        What is asked for, for messages: `daily bars of SPY`.
    call : callable
        Asks, and returns the answer. `RateLimited` and `Unreachable` are understood, and the exceptions of
        `requests`; a `DataError` is raised as it is.
    translate : callable, optional
        From another exception, such as a client package's own, to `RateLimited`, `Unreachable`, `DataError`, or
        None where it is none of them.

    Returns
    -------
    object
        What `call` returned.

    Raises
    ------
    DataError
        If there was no answer after `TRIES` tries, or the provider refuses the request, with its words.
    """

    def once() -> T:
        tell = _TELL.get()
        if tell is not None:
            tell(f"{kind}: {what}")
        try:
            return call()
        except (DataError, RateLimited, Unreachable):
            raise
        except Exception as error:
            known = (translate(error) if translate is not None else None) or _of_requests(error, kind, what)
            if known is None:
                raise
            raise known from error

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type((RateLimited, Unreachable)),
        stop=tenacity.stop_after_attempt(TRIES),
        wait=_wait,
        reraise=True,
    )
    try:
        return retrying(once)
    except RateLimited as error:
        raise DataError(
            f"{kind}: {what}: too many requests, asked {TRIES} times with growing waits (the provider says: {error}); "
            "ask again later, or for fewer symbols at a time"
        ) from error
    except Unreachable as error:
        raise DataError(
            f"{kind}: {what}: no answer from the provider, asked {TRIES} times ({error}). What was fetched once is "
            "read from the cache without a network, by the same settings: fetch it where there is one with "
            "`tsdeep data fetch SPEC`; `tsdeep data ls` lists what there is"
        ) from error


def refusal(status: int, words: str, kind: str, what: str, after: str | None = None) -> Exception:
    """Say what an HTTP status of 400 or more means.

    Parameters
    ----------
    status : int
        Of the answer.
    words : str
        The provider's, such as the answer's text; shortened.
    kind, what : str
        As of `asking`.
    after : str, optional
        The answer's header `Retry-After`.

    Returns
    -------
    RateLimited, Unreachable or DataError
        To be raised inside `asking`.
    """
    words = short(words)
    if status == 429:
        return RateLimited(words or "HTTP 429", float(after) if after and after.isdigit() else None)
    if status >= 500:
        return Unreachable(f"HTTP {status}: {words}")
    hint = "; check the key and what it may read" if status in (401, 403) else ""
    return DataError(f"{kind}: {what}: refused with HTTP {status}: {words or 'no words'}{hint}")


def short(words: str) -> str:
    """Put a provider's words on one line, cut to what a message can hold."""
    line = " ".join(words.split())
    return line if len(line) <= _WORDS else line[:_WORDS] + "..."


def _of_requests(error: Exception, kind: str, what: str) -> Exception | None:
    import requests

    if isinstance(error, requests.exceptions.HTTPError) and error.response is not None:
        response = error.response
        return refusal(response.status_code, response.text, kind, what, response.headers.get("Retry-After"))
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return DataError(f"{kind}: {what}: the provider's answer is no JSON: {short(error.doc)!r}")
    if isinstance(error, (requests.exceptions.RequestException, TimeoutError)):
        return Unreachable(short(f"{type(error).__name__}: {error}"))
    return None


def _wait(state: tenacity.RetryCallState) -> float:
    """Return the seconds before the next try: growing, or what the provider asks for."""
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.after if isinstance(error, RateLimited) and error.after is not None else 0.0
    return min(max(FIRST_WAIT * 4 ** (state.attempt_number - 1), asked), LONGEST_WAIT)
