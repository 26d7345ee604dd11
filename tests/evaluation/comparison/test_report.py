from __future__ import annotations

import dataclasses

from tests.evaluation.comparison.runs import make_runs
from tests.evaluation.whole_page import SECTIONS, check_whole, sections_of
from tsdeep.evaluation import compare_evidence


def test_the_page_is_whole_loads_nothing_and_escapes_everything(tmp_path):
    runs = make_runs(lstm=0.0, tcn=0.05)
    evil = {"<script>alert(1)</script>": dataclasses.replace(runs["tcn"], settings={"units": "<img src=x>"})}
    page = compare_evidence({"lstm": runs["lstm"], **evil}, draws=200).report(
        tmp_path / "new" / "compare.html"
    )
    assert page == tmp_path / "new" / "compare.html"
    html = page.read_text()
    check_whole(html, pictures=2)
    assert "Is &lt;b&gt;tomorrow&lt;/b&gt; up?" in html
    assert sections_of(html) == SECTIONS["comparison"]
    assert 'name="viewport"' in html


def test_the_page_has_the_sentences_and_leaves_out_what_it_has_not(tmp_path):
    runs = {
        name: dataclasses.replace(run, settings={}, provenance={})
        for name, run in make_runs(lstm=0.0, tcn=0.0).items()
    }
    found = compare_evidence(runs, draws=200)
    html = found.report(tmp_path / "compare.html").read_text()
    assert found.headline in html
    assert sections_of(html) == SECTIONS["comparison"][:4]
    assert " nan" not in html
