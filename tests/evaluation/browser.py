"""A headless Chromium in which the tests open pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType, Page

VARIABLE = "TSDEEP_TEST_CHROMIUM"
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = (
    f"no Chromium to open pages in: neither {VARIABLE}, nor {', '.join(NAMES)} on the path, nor `playwright install "
    "chromium`; on Debian, `apt-get install chromium-headless-shell`"
)


def chromium_path(kind: BrowserType) -> str | None:
    """Where a Chromium is: as the variable says, on the path, or where playwright keeps its own; None without one."""
    asked = os.environ.get(VARIABLE)
    if asked:
        if not os.access(asked, os.X_OK):
            raise FileNotFoundError(
                f"{VARIABLE} is {asked!r}, expected the path of a Chromium that can be run"
            )
        return asked
    found = [path for path in map(shutil.which, NAMES) if path]
    own = kind.executable_path
    return found[0] if found else own if Path(own).exists() else None


@contextmanager
def opened(
    browser: Browser, path: Path, *, width: int, javascript: bool = True
) -> Iterator[tuple[Page, list[str]]]:
    """Open a file at a width; the list holds what the browser complains of, and each address that it asks for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=javascript)
    page, told = context.new_page(), []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: told.append(f"error: {error}"))
    page.on("requestfailed", lambda request: told.append(f"failed: {request.url[:80]}"))
    own = path.resolve().as_uri()
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(("data:", own)) else told.append(f"asked: {asked.url}"),
    )
    page.goto(own)
    try:
        yield page, told
    finally:
        context.close()
