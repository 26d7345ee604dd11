"""An HTTP session that tells a failure as it was, through a client package that would keep its text alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests


class Failed(Exception):
    """A request that failed: no `RequestException`, so that a client package does not take it for its own.

    Parameters
    ----------
    error : RequestException
        What failed.
    """

    def __init__(self, error: requests.RequestException) -> None:
        super().__init__(str(error))
        self.error = error


class TellingSession(requests.Session):
    """A session whose `get` raises `Failed` where there is no answer, or one that refuses.

    Parameters
    ----------
    check : callable
        Called with each answer that is a success; raises where it is not what was expected.
    """

    def __init__(self, check: Callable[[requests.Response], None]) -> None:
        super().__init__()
        self._check = check

    def get(self, url: str | bytes, **options: Any) -> requests.Response:  # type: ignore[override]
        """Ask, as of `requests.Session.get`."""
        try:
            answer = super().get(url, **options)
            answer.raise_for_status()
        except requests.RequestException as error:
            raise Failed(error) from error
        self._check(answer)
        return answer
