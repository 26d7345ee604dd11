from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tests.evaluation.test_plots import history
from tests.evaluation.whole_page import check_whole, shown, text_of
from tsdeep.evaluation import Evidence, write_report

FORECASTS = ("variance", "volatility", "median")


@pytest.fixture(scope="module")
def full(evidence) -> Evidence:
    folds_figure = Figure()
    folds_figure.subplots().plot([0, 1])
    frame = evidence.predictions
    members = {f"{name}_seed{k}": frame[name] for name in FORECASTS for k in range(2)}
    renamed = evidence.references["method"].replace("ewma", "<i>ewma</i>")
    return dataclasses.replace(
        evidence,
        predictions=frame.assign(insane=(frame.index < 4).astype(float), **members),
        references=evidence.references.assign(method=renamed),
        history=history(),
        folds=pd.DataFrame({"fold": [0, 1], "cutoff": pd.to_datetime(["2009-06-17", "2009-12-31"])}),
        folds_figure=folds_figure,
        question="How <b>volatile</b>?",
        settings={"filters": 32, "<script>": "<img src=x>"},
        provenance={"source": "random numbers"},
        variants=3,
    )


@pytest.fixture(scope="module")
def folder(full, tmp_path_factory):
    return write_report(full, tmp_path_factory.mktemp("volatility")).parent


def test_the_folder_holds_page_tables_and_figures(folder):
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    drawn = {
        "folds",
        "learning_curves",
        "forecasts",
        "loss_differences",
        "coverage",
        "portfolio",
        "portfolio_costs",
    }
    tables = {
        "metrics", "scores", "regimes", "differences", "differences_by_regime", "differences_by_asset",
        "confidence_sets", "mincer_zarnowitz", "coverage", "quantiles", "insane", "portfolio",
        "portfolio_differences", "seeds",
    }  # fmt: skip
    assert files == {*(f"figures/{n}.png" for n in drawn), *(f"{n}.csv" for n in tables), "report.html"}
    assert len(pd.read_csv(folder / "differences.csv")) == 6
    metrics = pd.read_csv(folder / "metrics.csv")
    assert np.isfinite(metrics["qlike"]).all()


def test_the_page_is_whole_loads_nothing_and_escapes_everything(folder):
    html = (folder / "report.html").read_text()
    check_whole(html, pictures=7)
    for tag in ("<img src=x", "<i>ewma", "<b>volatile"):
        assert tag not in html
    assert "&lt;i&gt;ewma&lt;/i&gt;" in html


def test_the_page_says_what_a_stranger_needs(folder):
    text = text_of((folder / "report.html").read_text())
    for words in (
        "was anything shown by har_network?", "how volatile the next 5 rows will be", "annualised percentage points",
        "RMSE, unit-corrected", "R², out of sample", "CRPS from quantiles", "in 95%, conformal",
        "Diebold and Mariano (1995)", "Newey and West with 30 lags", "usual 4 lags", "p, Holm",
        "Model confidence set", "in the 90% set", "mean block 15 days", "100 labels that do not overlap",
        "By asset", "basket", "w′DRDw", "Mincer-Zarnowitz", "all assets together", "By test fold",
        "Calm days and crises", "crisis", "below / above", "80%, conformal", "A portfolio held at a target volatility",
        "distance from target", "equal weights, no target", "5 basis points", "200 draws", "The insanity filter",
        "of rows", "mean of seeds", "3 settings were tried", "filters", "random numbers",
    ):  # fmt: skip
        assert words in text, words
    for words in (" nan", "Undefined", "None"):
        assert words not in text, words


def test_the_least_evidence_makes_a_page_too(evidence, tmp_path):
    frame = evidence.predictions
    bare = frame[[c for c in frame if "q" not in c and c not in ("insane",)]]
    one = bare[bare["symbol"] == "AAA"]
    text = shown(Evidence("toy", "tcn", one, task="volatility", horizon_rows=5, draws=100), tmp_path)
    assert "stands beside no reference method" in text
    assert "There are no prices" in text
    for words in ("Diebold", "Intervals", "portfolio held", "CRPS", "basket:", " nan", "Driscoll"):
        assert words not in text, words
    assert not (tmp_path / "figures" / "coverage.png").exists()


def test_few_days_make_a_page_too(evidence, tmp_path):
    last = evidence.predictions["time"].unique()[3]
    short = {
        name: getattr(evidence, name)[lambda table: table["time"] <= last]
        for name in ("predictions", "references")
    }
    text = shown(dataclasses.replace(evidence, **short), tmp_path)
    assert "too few to test" in text
    assert "too few days for the volatility-targeted portfolio" in text
    assert " nan" not in text


def test_the_same_evidence_gives_the_same_page(evidence, tmp_path):
    chosen = {
        name: getattr(evidence, name)[lambda table: table["symbol"] != "CCC"]
        for name in ("predictions", "references")
    }
    evidence = dataclasses.replace(evidence, **chosen)
    pages = [write_report(evidence, tmp_path / str(i)).read_bytes() for i in range(2)]
    assert pages[0] == pages[1]
