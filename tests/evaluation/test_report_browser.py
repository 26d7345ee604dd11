"""The pages as a reader has them before the eyes: in a browser, at a desk, on a phone, printed, without scripts."""

from __future__ import annotations

import re

import pytest

from tests.evaluation.browser import MISSING, chromium_path, opened
from tests.evaluation.pages import PAGES
from tests.evaluation.whole_page import SECTIONS

pytestmark = pytest.mark.slow

DESK, PHONE, PAPER = 1280, 390, 703  # CSS pixels; A4 between its margins
PICTURES = {"direction": 11, "movement": 12, "volatility": 7, "comparison": 2}
BEYOND = """width => [...document.querySelectorAll('body *')]
    .filter(e => !e.parentElement.closest('.scroll') && e.getBoundingClientRect().right > width + 1)
    .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 60))"""
FONT = """() => Math.min(...[...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .filter(e => e.tagName !== 'SCRIPT')
    .map(e => parseFloat(getComputedStyle(e).fontSize)))"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = chromium_path(playwright.chromium)
        if path is None:
            pytest.skip(MISSING)
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def file_of(browser, tmp_path_factory):
    """Return the file of a page by its name, written once."""
    files = {}

    def make(name):
        if name not in files:
            files[name] = PAGES[name](tmp_path_factory.mktemp(name))
        return files[name]

    return make


@pytest.fixture(scope="module", params=sorted(PAGES))
def written(request, file_of):
    """The name of a page, and its file."""
    return request.param, file_of(request.param)


def headings(page):
    """Return every heading's level and text, and whether it can be seen."""
    found = page.locator("h1, h2, h3, h4").all()
    return [(each.evaluate("e => e.tagName"), each.inner_text(), each.is_visible()) for each in found]


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_page_opens_without_a_complaint_and_shows_every_section(written, browser, width):
    name, path = written
    with opened(browser, path, width=width) as (page, told):
        page.wait_for_load_state("load")
        seen = headings(page)
        assert [text for level, text, _ in seen if level == "H2"] == SECTIONS[name]
        assert [text for _, text, visible in seen if not visible or not text.strip()] == []
        assert page.locator("table").count() > 5
        assert [t.inner_text()[:40] for t in page.locator("table").all() if not t.is_visible()] == []
        assert told == []


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_nothing_reaches_beyond_the_page_and_text_can_be_read(written, browser, width):
    _, path = written
    with opened(browser, path, width=width) as (page, _):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(BEYOND, width) == []
        assert page.evaluate(FONT) >= 12


def test_every_picture_is_there_and_says_what_it_shows(written, browser):
    name, path = written
    with opened(browser, path, width=DESK) as (page, _):
        images = page.evaluate(
            "() => [...document.images].map(i => [i.alt, i.complete, i.naturalWidth, i.getBoundingClientRect().width])"
        )
    assert len(images) == PICTURES[name]
    for alt, complete, natural, shown in images:
        assert len(alt.split()) > 4
        assert complete
        assert natural > 400
        assert shown > 250


def numbers(cells: list[str]) -> list[float] | None:
    """Return cells as numbers; None where one is anything else."""
    plain = [cell.strip().replace(",", "").removesuffix("%").replace("\u2212", "-") for cell in cells]
    return (
        [float(cell) for cell in plain] if all(re.fullmatch(r"[+-]?\d+(\.\d+)?", c) for c in plain) else None
    )


def body(table) -> list[list[str]]:
    """Return the cells of a table, the total aside."""
    return table.evaluate(
        "t => [...t.tBodies[0].rows].filter(r => !r.classList.contains('total'))"
        ".map(r => [...r.cells].map(c => c.textContent))"
    )


def test_tables_sort_by_mouse_and_by_keyboard(written, browser):
    _, path = written
    sorted_columns = 0
    with opened(browser, path, width=DESK) as (page, told):
        for table in page.locator("table.sorts").all():
            rows = body(table)
            total = table.locator("tr.total").all_inner_texts()
            heads = table.locator("thead tr").last.locator("th").all()
            for column, head in enumerate(heads):
                values = numbers([row[column] for row in rows])
                if values is None or len(set(values)) < 3:
                    continue
                assert head.get_attribute("aria-sort") == "none"
                head.click()
                assert head.get_attribute("aria-sort") == "ascending"
                assert numbers([row[column] for row in body(table)]) == sorted(values)
                head.press("Enter")
                assert head.get_attribute("aria-sort") == "descending"
                assert numbers([row[column] for row in body(table)]) == sorted(values, reverse=True)
                head.press(" ")
                assert head.get_attribute("aria-sort") == "ascending"
                assert sorted(body(table)) == sorted(rows)
                if total:
                    assert table.locator("tbody tr").last.inner_text() == total[0]
                assert table.locator("th[aria-sort=ascending], th[aria-sort=descending]").count() == 1
                sorted_columns += 1
                break
        assert told == []
    assert sorted_columns >= 3


def test_times_of_day_sort_by_the_clock(browser, file_of):
    with opened(browser, file_of("movement"), width=DESK) as (page, _):
        table = page.locator(
            "table.sorts", has=page.get_by_role("columnheader", name="time in session")
        ).first
        given = [row[0] for row in body(table)]
        head = table.get_by_role("columnheader", name="time in session")
        head.click()
        assert [row[0] for row in body(table)] == given
        head.click()
        assert [row[0] for row in body(table)] == given[::-1]
        assert len(given) > 5


def test_a_print_has_every_section_and_cuts_nothing_off(written, browser):
    name, path = written
    with opened(browser, path, width=PAPER) as (page, told):
        page.emulate_media(media="print")
        seen = headings(page)
        assert [text for level, text, _ in seen if level == "H2"] == SECTIONS[name]
        assert all(visible for _, _, visible in seen)
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
        boxes = page.evaluate(
            "() => [...document.querySelectorAll('.scroll')]"
            ".map(e => [e.scrollWidth - e.clientWidth, e.textContent.slice(0, 60)])"
        )
        assert [text for beyond, text in boxes if beyond > 1] == []
        pdf = page.pdf(format="A4", print_background=True)
        assert told == []
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 3


def test_a_page_can_be_read_without_scripts(written, browser):
    name, path = written
    with opened(browser, path, width=PHONE, javascript=False) as (page, told):
        seen = headings(page)
        assert [text for level, text, _ in seen if level == "H2"] == SECTIONS[name]
        assert all(visible for _, _, visible in seen)
        assert all(table.is_visible() for table in page.locator("table").all())
        assert page.locator("th[aria-sort]").count() == 0
        assert [each for each in told if not each.startswith("error: Blocked script")] == []
