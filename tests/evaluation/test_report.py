from __future__ import annotations

import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.evaluation.conftest import make_predictions, make_prices
from tests.evaluation.test_plots import history
from tests.evaluation.whole_page import SECTIONS, check_whole, sections_of, shown
from tsdeep.evaluation import Evidence, write_report


@pytest.fixture
def evidence(predictions, prices, references) -> Evidence:
    folds_figure = Figure()
    folds_figure.subplots().plot([0, 1])
    return Evidence(
        "toy",
        "tcn",
        predictions.assign(up_seed0=predictions["up"], up_seed1=predictions["up"]),
        prices,
        references=references,
        history=history(),
        folds=pd.DataFrame(
            {"fold": [0, 1], "cutoff": pd.to_datetime(["2009-12-31", None]), "rows": [10.0, 1.5]}
        ),
        folds_figure=folds_figure,
        question="Is <b>tomorrow</b> & the day after up?",
        settings={"filters": 32, "<script>alert(1)</script>": "<img src=x onerror=alert(1)>"},
        provenance={"source": "random numbers"},
        draws=200,
    )


def test_the_folder_holds_page_scores_and_figures(evidence, tmp_path):
    page = write_report(evidence, tmp_path / "new" / "folder")
    assert page == tmp_path / "new" / "folder" / "report.html"
    names = sorted(
        path.relative_to(page.parent).as_posix() for path in page.parent.rglob("*") if path.is_file()
    )
    drawn = [
        "calibration",
        "confusion",
        "edge",
        "equity",
        "exposure",
        "folds",
        "learning_curves",
        "probabilities",
        "rolling_accuracy",
        "stability",
    ]
    tables = ["costs.csv", "delays.csv", "metrics.csv", "report.html", "stability.csv"]
    assert names == sorted([*[f"figures/{name}.png" for name in drawn], *tables])
    assert len(pd.read_csv(page.parent / "metrics.csv")) == 15


def test_the_page_is_whole_loads_nothing_and_escapes_everything(evidence, tmp_path):
    html = write_report(evidence, tmp_path).read_text()
    check_whole(html, pictures=10)
    assert "default-src 'none'" in html
    assert "<script>alert(1)" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Is &lt;b&gt;tomorrow&lt;/b&gt; &amp; the day after up?" in html


def test_the_page_says_what_a_stranger_needs(evidence, tmp_path):
    text = shown(evidence, tmp_path)
    for words in (
        "was anything shown by tcn?", "Nothing was shown", "The folds", "random numbers",
        "always_up", "base_rate", "Diebold-Mariano", "Pesaran-Timmermann", "stationary bootstrap, 200 draws",
        "5 basis points", "buy and hold", "next_close", "mean of seeds", "Before you believe it", "filters",
    ):  # fmt: skip
        assert words in text, words


def test_the_sections_stand_in_the_order_of_a_reader_s_questions(evidence, tmp_path):
    html = write_report(evidence, tmp_path).read_text()
    assert sections_of(html) == SECTIONS["direction"]


def test_sections_without_material_are_left_out(predictions, prices, tmp_path):
    least = Evidence("toy", "tcn", predictions[predictions["fold"] == 0], prices, draws=100)
    html = write_report(least, tmp_path).read_text()
    sections = re.findall("<h2>(.*?)</h2>", html)
    assert "Stability over time" in sections
    assert "Settings" not in sections
    assert "figures/stability.png" not in html
    assert not re.search(r"<tbody>\s*</tbody>|<ul>\s*</ul>|<table[^>]*>\s*</table>", html)


def test_every_table_with_columns_can_be_sorted(evidence, tmp_path):
    html = write_report(evidence, tmp_path).read_text()
    tables = re.findall(r'<table class="sorts.*?</table>', html, flags=re.DOTALL)
    assert len(tables) > 8
    for table in tables:
        heads = re.findall(r"<thead>.*</thead>", table, flags=re.DOTALL)
        last = heads[0].rsplit("<tr>", 1)[1].count("<th")
        assert {
            row.count("<td") for row in re.findall("<tr.*?</tr>", table.split("<tbody>")[1], re.DOTALL)
        } == {last}
    assert 'querySelectorAll("table.sorts")' in html


def test_the_least_evidence_makes_a_page_too(predictions, prices, tmp_path):
    html = write_report(Evidence("toy", "tcn", predictions, prices, draws=100), tmp_path).read_text()
    assert "Its provenance was not recorded" in html
    assert "Learning" not in html


def test_the_same_evidence_gives_the_same_page(evidence, tmp_path):
    pages = [write_report(evidence, tmp_path / str(i)).read_bytes() for i in range(2)]
    assert pages[0] == pages[1]


def test_rows_are_said_to_be_held_out_only_where_every_cutoff_is_before_its_row(
    predictions, prices, tmp_path
):
    held_out = "Each was predicted by a model fitted without it."
    assert held_out in shown(Evidence("toy", "tcn", predictions, prices, draws=100), tmp_path)
    early = predictions.copy()
    early.loc[:6, "cutoff"] = early.loc[:6, "time"]
    text = shown(Evidence("toy", "tcn", early, prices, draws=100), tmp_path)
    assert held_out not in text
    assert "Walk-forward: every model saw only rows before" not in text
    assert "7 of them lie at or before the cutoff" in text
    assert "7 of 400 rows lie at or before the cutoff" in text


def test_equal_shares_at_no_cost_are_told_only_of_several_symbols(predictions, prices, tmp_path):
    words = "Each of the 2 symbols has an equal share of equity, set anew at every row"
    assert "share of equity" not in shown(Evidence("toy", "tcn", predictions, prices, draws=100), tmp_path)
    two = pd.concat([predictions, make_predictions(seed=3, symbol="NDX")])
    bars = pd.concat([prices, make_prices(seed=4, symbol="NDX")])
    assert words in shown(Evidence("toy", "tcn", two, bars, draws=100), tmp_path)
