from __future__ import annotations

import dataclasses
import re

from tests.evaluation.comparison.runs import make_runs
from tests.evaluation.test_report import Balanced
from tsdeep.evaluation import compare_evidence

SECTIONS = [
    "What was asked",
    "Scores on all test rows",
    "Which runs differ",
    "What they earned",
    "In what the runs differ",
    "Where the data comes from",
]


def test_the_page_is_whole_loads_nothing_and_escapes_everything(tmp_path):
    runs = make_runs(lstm=0.0, tcn=0.05)
    evil = {"<script>alert(1)</script>": dataclasses.replace(runs["tcn"], settings={"units": "<img src=x>"})}
    page = compare_evidence({"lstm": runs["lstm"], **evil}, draws=200).report(
        tmp_path / "new" / "compare.html"
    )
    assert page == tmp_path / "new" / "compare.html"
    html = page.read_text()
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    links = [value for name, value in parser.attributes if name in ("src", "href")]
    assert len(links) == 2
    assert all(value and value.startswith("data:image/png;base64,") for value in links)
    assert not re.search(r"https?://|@import|url\(", html)
    assert html.count("<script") == 1
    assert "<img src=x" not in html
    assert "Is &lt;b&gt;tomorrow&lt;/b&gt; up?" in html
    assert re.findall("<h2>(.*?)</h2>", html) == SECTIONS
    assert 'name="viewport"' in html


def test_the_page_has_the_sentences_and_leaves_out_what_it_has_not(tmp_path):
    runs = {
        name: dataclasses.replace(run, settings={}, provenance={})
        for name, run in make_runs(lstm=0.0, tcn=0.0).items()
    }
    found = compare_evidence(runs, draws=200)
    html = found.report(tmp_path / "compare.html").read_text()
    assert found.headline in html
    assert re.findall("<h2>(.*?)</h2>", html) == SECTIONS[:4]
    assert " nan" not in html
