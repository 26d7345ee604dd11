"""Finished runs side by side, from Python and from the command line."""

import re

import pytest

import tsdeep
from tsdeep.cli import main
from tsdeep.comparing import run_names

MODELS = ("lstm", "gru", "tcn", "mlp")


def test_a_run_beside_itself_does_not_differ(finished_run, tmp_path, capsys):
    page = tmp_path / "pages" / "compare.html"
    assert main(["compare", str(finished_run), str(finished_run), "--out", str(page)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    model = tsdeep.load_run(finished_run).model
    assert f"{model} (1) and {model} (2) are statistically indistinguishable" in said
    assert "No pair could be tested: losses do not differ" in said
    assert said.endswith(str(page))
    assert f"{model} (1) and {model} (2)" in page.read_text()


def test_a_run_read_without_its_models_reports_the_same(finished_run):
    whole, light = tsdeep.load_run(finished_run), tsdeep.load_run(finished_run, models=False)
    assert light.models == []
    assert light.predictions.equals(whole.predictions)
    assert light.metrics.equals(whole.metrics)


def test_what_is_no_comparison_is_refused(finished_run, tmp_path, capsys):
    assert main(["compare", str(finished_run)]) == 2
    assert "found 1 run, expected at least two" in capsys.readouterr().err
    assert main(["compare", str(finished_run), str(tmp_path)]) == 2
    assert "run.json cannot be read as a run" in capsys.readouterr().err
    with pytest.raises(tsdeep.SpecError, match="expected a list of results or run folders"):
        tsdeep.compare(str(finished_run))


def test_runs_of_one_model_are_told_apart_by_folder_or_number(finished_run):
    run = tsdeep.load_run(finished_run, models=False)
    assert run_names([run]) == [run.model]
    assert run_names([run, run]) == [f"{run.model} (1)", f"{run.model} (2)"]


@pytest.mark.slow
def test_four_models_of_the_index_are_compared(tmp_path, capsys):
    folders = [str(tmp_path / model) for model in MODELS]
    for model, folder in zip(MODELS, folders, strict=True):
        arguments = ["--model", model, "--folds", "1", "--epochs", "1", "--out", folder]
        assert main(["run", "sp500_direction", *arguments]) == 0
    capsys.readouterr()
    page = tmp_path / "compare.html"
    assert main(["compare", *folders, "--out", str(page)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    found = tsdeep.compare(folders)
    assert found.models == MODELS
    assert len(found.pairs) == 6
    # 250 days of one epoch tell no two of them apart, and none from the base rate.
    assert "lstm, gru, tcn and mlp are statistically indistinguishable" in said
    assert "in the set too: no run was shown to be better than" in said
    html = page.read_text()
    assert found.headline in html
    assert not re.search(r"https?://|@import|url\(", html)
    other = str(tmp_path / "two")
    assert (
        main(["run", "sp500_direction", "--model", "mlp", "--folds", "2", "--epochs", "1", "--out", other])
        == 0
    )
    assert main(["compare", folders[3], other]) == 2
    assert "of which 250 are in both" in capsys.readouterr().err
