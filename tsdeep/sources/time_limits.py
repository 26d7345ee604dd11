"""A limit to how long an HTTP session waits, for client packages that would wait for ever."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

SECONDS = 60.0
"""How long to wait for a connection, and for each part of an answer."""


class _Limited(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        options["timeout"] = options.get("timeout") or SECONDS
        return super().send(request, **options)


def limited(session: requests.Session) -> requests.Session:
    """Have a session wait `SECONDS` at most where a request does not say how long, and try nothing again by itself."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Limited())
    return session
