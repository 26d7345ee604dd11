from __future__ import annotations

import dataclasses

import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.evaluation.movement.conftest import NAMES, make_movement, make_references
from tests.evaluation.test_plots import history
from tests.evaluation.whole_page import check_whole, shown
from tsdeep.evaluation import Evidence, write_report


@pytest.fixture
def full(evidence, frame) -> Evidence:
    folds_figure = Figure()
    folds_figure.subplots().plot([0, 1])
    seeds = {f"{name}_seed{k}": frame[name] for name in NAMES for k in range(2)}
    return dataclasses.replace(
        evidence,
        predictions=frame.assign(**seeds),
        history=history(),
        folds=pd.DataFrame({"fold": [0, 1], "cutoff": pd.to_datetime(["2012-06-17", "2012-06-18"])}),
        folds_figure=folds_figure,
        question="Where is the mid <b>going</b>?",
        settings={"filters": 32, "<script>": "<img src=x>"},
        provenance={"source": "random numbers"},
    )


def test_the_folder_holds_page_scores_and_figures(full, tmp_path):
    page = write_report(full, tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    drawn = {"folds", "learning_curves", "confusion_10", "calibration_10", "coverage_10", "time_of_day_10"}
    tables = {"metrics.csv", "intervals.csv", "differences.csv", "round_trips.csv"}
    assert files == {*(f"figures/{name}.png" for name in drawn), *tables, "report.html"}
    assert len(pd.read_csv(tmp_path / "metrics.csv")) == 9
    assert len(pd.read_csv(tmp_path / "differences.csv")) == 6
    assert page.name == "report.html"


def test_the_page_is_whole_loads_nothing_and_escapes_everything(full, tmp_path):
    html = write_report(full, tmp_path).read_text()
    check_whole(html, pictures=6)


def test_the_page_says_what_a_stranger_needs(full, tmp_path):
    text = shown(full, tmp_path)
    for words in (
        "was anything shown by tlob?", "beat every reference (majority and logistic)", "A row is one book event",
        "9:30 to 16:00 were left out: 12", "10 rows ahead", "weighted F1", "MCC, prior-corrected",
        "model minus", "200 draws of the circular block bootstrap", "labels that do not overlap",
        "spread, ticks", "time in session", "2012-06-18", "probability of the call at least",
        "called, prior-corrected", "mean of seeds", "no one trades at the mid", "filters", "random numbers",
    ):  # fmt: skip
        assert words in text, words
    for words in ("nan", "Sharpe", "buy and hold", "StrictUndefined"):
        assert words not in text, words


def test_the_page_says_which_methods_state_their_calls(full, tmp_path):
    assert "Called: the class with the largest probability." in shown(full, tmp_path / "none")
    references = full.references.assign(call=float("nan"))
    references.loc[references["method"] == "logistic", "call"] = 2.0
    text = shown(dataclasses.replace(full, references=references), tmp_path / "some")
    for words in (
        "accuracy and confusion matrices of logistic are of the calls that the method states",
        "Called: the class with the largest probability; by logistic the class that the method states.",
    ):
        assert words in " ".join(text.split()), words


def test_several_horizons_stand_under_each_other(tmp_path):
    frame = make_movement(150, horizons=(5, 20))
    made = Evidence(
        "lob", "tlob", frame, references=make_references(frame), task="movement", draws=100, block_rows=20
    )
    text = shown(made, tmp_path)
    assert "5 and 20 rows ahead" in text
    assert "300 test rows, 2012-06-18 to 2012-06-19, in 2 folds" in text
    assert text.count("20 rows ahead") >= 4
    assert (tmp_path / "figures" / "confusion_20.png").exists()


def test_the_least_evidence_makes_a_page_too(frame, tmp_path):
    bare = frame.drop(columns=["spread_ticks", "seconds", "mid"])
    text = shown(Evidence("toy", "tlob", bare, task="movement", draws=100), tmp_path)
    assert "stands beside no reference method" in text
    assert "model minus" not in text
    assert "prior-corrected" not in text.split("Before you believe it")[0]


def test_the_same_evidence_gives_the_same_page(evidence, tmp_path):
    pages = [write_report(evidence, tmp_path / str(i)).read_bytes() for i in range(2)]
    assert pages[0] == pages[1]
