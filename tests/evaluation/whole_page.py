"""What holds of every page: its tags are closed, it loads nothing, it has its sections."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from tsdeep.evaluation import Evidence, write_report

SECTIONS = {
    "direction": [
        "What was asked",
        "Was anything shown?",
        "Equity against buy and hold",
        "Costs against edge",
        "Exposure and turnover",
        "Stability over folds and seeds",
        "Calibration and calls",
        "The folds",
        "Where the data comes from",
        "Settings",
    ],
    "movement": [
        "What was asked",
        "Was anything shown?",
        "Calls as trades: costs against edge",
        "Stability over folds, spread, time, symbols and seeds",
        "Calibration and calls",
        "The folds",
        "Where the data comes from",
        "Settings",
    ],
    "volatility": [
        "What was asked",
        "Was anything shown?",
        "A portfolio held at a target volatility",
        "Costs against edge",
        "Stability over folds, assets, regimes and seeds",
        "Calibration",
        "The folds",
        "Where the data comes from",
        "Settings",
    ],
    "comparison": [
        "What was asked",
        "Scores on all test rows",
        "Which runs differ",
        "What they earned",
        "In what the runs differ",
        "Where the data comes from",
    ],
}

_VOID = {"meta", "img", "br", "link", "input", "hr"}


class Balanced(HTMLParser):
    """Fails where a tag is closed that is not open; keeps the text that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.shown: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.attributes += attrs
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.shown.append(data)


def check_whole(html: str, *, pictures: int) -> None:
    """Fail where a tag stays open, a picture is not in the page itself, or anything else is loaded or run."""
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    links = [value for name, value in parser.attributes if name in ("src", "href")]
    assert len(links) == pictures
    assert all(value and value.startswith("data:image/png;base64,") for value in links)
    assert not re.search(r"https?://|@import|url\(", html)
    assert html.count("<script") == 1
    assert "<img src=x" not in html


def sections_of(html: str) -> list[str]:
    """Return the headings of the sections, in their order."""
    return re.findall("<h2>(.*?)</h2>", html)


def text_of(html: str) -> str:
    """Return the text of a page, white space collapsed."""
    parser = Balanced()
    parser.feed(html)
    assert parser.open == []
    return " ".join(" ".join(parser.shown).split())


def shown(evidence: Evidence, folder: Path) -> str:
    """Return the text of the report's page."""
    return text_of(write_report(evidence, folder).read_text())
