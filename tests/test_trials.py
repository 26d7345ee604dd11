import dataclasses
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import platformdirs
import pytest

import tsdeep
from tests.synthetic import bars
from tsdeep.cli import main
from tsdeep.errors import RunError
from tsdeep.evaluation import backtest, deflated_sharpe, sharpe_moments
from tsdeep.trials import (
    Trial,
    other_trials,
    read_trials,
    record_trial,
    settings_hash,
    trials_folder,
)

TRIAL = Trial(
    study="toy",
    task="direction",
    model="tcn",
    settings_sha256="a" * 64,
    data_sha256="b" * 64,
    sharpe=0.03,
    rows=250,
    first="2010-01-05T00:00:00",
    last="2010-12-31T00:00:00",
    finished="2024-03-01T12:00:00",
    run="/runs/toy/1",
)


def trial(**changes):
    return dataclasses.replace(TRIAL, **changes)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_TRIALS", str(tmp_path / "trials"))
    return tmp_path / "trials"


def test_the_folder_is_the_variable_s_or_the_user_s_or_none(monkeypatch):
    monkeypatch.setenv("TSDEEP_TRIALS", "~/trials")
    assert trials_folder() == Path.home() / "trials"
    monkeypatch.setenv("TSDEEP_TRIALS", "Off")
    assert trials_folder() is None
    monkeypatch.setenv("TSDEEP_TRIALS", "trials")
    with pytest.raises(RunError, match="TSDEEP_TRIALS: found 'trials', expected a whole path, such as /"):
        trials_folder()
    monkeypatch.delenv("TSDEEP_TRIALS")
    assert trials_folder() == Path(platformdirs.user_data_dir("tsdeep", appauthor=False)) / "trials"


def test_no_test_writes_where_the_user_s_trials_are():
    code = "from tsdeep.trials import trials_folder; print(trials_folder())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert Path(said.strip()) == trials_folder()
    assert not Path(said.strip()).is_relative_to(Path(platformdirs.user_data_dir("tsdeep", appauthor=False)))


def test_a_trial_is_one_small_file_and_reads_as_it_was_written(folder):
    path = record_trial(TRIAL)
    assert path.stat().st_size < 1000
    assert path.is_relative_to(folder / "toy")
    (found,) = read_trials("toy").to_dict("records")
    times = ("first", "last", "finished")
    expected = dataclasses.asdict(TRIAL) | {name: pd.Timestamp(getattr(TRIAL, name)) for name in times}
    assert found == expected
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    record_trial(trial(study="other", sharpe=None))
    assert np.isnan(read_trials("other")["sharpe"].item())
    assert len(read_trials()) == 2
    assert read_trials("nothing").empty


def test_the_same_settings_run_again_count_once_as_they_were_last(folder):
    record_trial(TRIAL)
    record_trial(trial(finished="2024-03-02T12:00:00"))
    assert len(list(folder.rglob("*.json"))) == 1
    record_trial(trial(data_sha256="c" * 64, rows=270, sharpe=0.02, finished="2024-04-01T12:00:00"))
    assert len(list(folder.rglob("*.json"))) == 2
    assert read_trials("toy")[["rows", "sharpe"]].to_dict("records") == [{"rows": 270, "sharpe": 0.02}]
    record_trial(trial(settings_sha256="d" * 64, finished="2024-01-01T12:00:00"))
    assert read_trials("toy")["settings_sha256"].tolist() == ["d" * 64, "a" * 64]


def test_trials_written_at_once_are_all_there(folder):
    each = [trial(settings_sha256=f"{number:064x}"[::-1]) for number in range(40)] * 3
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record_trial, each))
    assert len(read_trials("toy")) == 40
    assert not list(folder.rglob(".writing-*"))


def test_what_decides_no_number_is_not_in_the_hash_of_settings():
    spec = {
        "name": "toy",
        "description": "x",
        "variants": 3,
        "source": {"kind": "csv"},
        "hparams": {"lstm": {}},
    }
    settings = {"model": "tcn", "spec": spec, "seed": 0, "versions": {"numpy": "1"}, "data_sha256": "a"}
    same = settings | {
        "versions": {"numpy": "2"},
        "data_sha256": "b",
        "spec": spec | {"description": "y", "variants": None, "hparams": {"lstm": {"units": 3}}},
    }
    assert settings_hash(settings) == settings_hash(same) == settings_hash(json.loads(json.dumps(settings)))
    for other in ({"seed": 1}, {"model": "gru"}, {"spec": spec | {"source": {"kind": "parquet"}}}):
        assert settings_hash(settings | other) != settings_hash(settings)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 2}', json.dumps({"format": 1, **dataclasses.asdict(TRIAL), "rows": "many"})],
)
def test_a_damaged_file_is_named(folder, content):
    record_trial(TRIAL).write_text(content)
    with pytest.raises(RunError, match=r"toy/a+-b+\.json cannot be read as a trial: .*Remove it"):
        read_trials()


def test_a_folder_that_cannot_be_written_to_is_named_with_the_variable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TSDEEP_TRIALS", str(tmp_path / "file" / "trials"))
    with pytest.raises(
        RunError, match=r"cannot be recorded: .*; name a folder .* variable TSDEEP_TRIALS, or 'off'"
    ):
        record_trial(TRIAL)


def test_turned_off_nothing_is_written_read_or_known(monkeypatch, capsys):
    monkeypatch.setenv("TSDEEP_TRIALS", "off")
    assert record_trial(TRIAL) is None
    assert read_trials().empty
    assert other_trials("toy", {}) is None
    assert main(["trials", "toy"]) == 2
    assert "turned off by the environment variable TSDEEP_TRIALS" in capsys.readouterr().err


def test_the_command_lists_the_trials_of_a_study_and_counts_studies(folder, capsys):
    record_trial(TRIAL)
    record_trial(trial(settings_sha256="d" * 64, model="lstm", sharpe=-0.01, finished="2024-03-02T09:30:00"))
    record_trial(trial(settings_sha256="e" * 64, model="gru", sharpe=None, finished="2024-03-03T09:30:00"))
    record_trial(trial(study="books", task="movement"))
    assert main(["trials", "toy"]) == 0
    said = capsys.readouterr().out
    assert f"{folder}: 3 trials of toy" in said
    (line,) = [line for line in said.splitlines() if "lstm" in line]
    for part in ("2024-03-02 09:30", "-0.0100", "250", "2010-01-05 to 2010-12-31", "dddddddd", "/runs/toy/1"):
        assert part in line
    assert "vary by 0.0283 (standard deviation), the highest is 0.0300" in said
    assert "—" in next(line for line in said.splitlines() if "gru" in line)
    assert main(["trials"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[:2] for line in said.splitlines()[2:]] == [["books", "1"], ["toy", "3"]]
    assert main(["trials", "unheard"]) == 0
    assert "no trials of unheard" in capsys.readouterr().out


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A spec over a small CSV file of bars, and the folder of a finished run of it."""
    path = tmp_path_factory.mktemp("study")
    bars(420).to_csv(path / "A.csv")
    (path / "small.yaml").write_text(
        f"""
name: small
source: {{kind: csv, path: {path / "A.csv"}, time: time}}
fields: [open, high, low, close, volume]
features:
  - {{kind: log_return, rows: 1}}
task: {{kind: direction}}
lookback: 5
split: {{train: 200, valid: 40, test: 40, max_folds: 2}}
model: tiny
training: {{epochs: 1, batch_size: 64, seed: 5}}
"""
    )
    spec = tsdeep.load_spec(path / "small.yaml")
    tsdeep.run(spec, path / "run", progress=False)
    return spec, path / "run"


@pytest.fixture
def finish(study, tmp_path):
    """Finish a copy of the run once more: its folds are read, its report and its record are made anew."""
    spec, run = study

    def resume(name):
        if not (tmp_path / name).exists():
            shutil.copytree(run, tmp_path / name)
        return tsdeep.run(spec, tmp_path / name, resume=True, progress=False)

    return resume


def test_runs_are_recorded_and_deflate_each_other_s_sharpe_ratios(finish, study, tmp_path, capsys):
    assert read_trials().empty
    first = finish("first")
    (record,) = read_trials("small").to_dict("records")
    net = backtest(first.predictions, first.samples.prices()).net
    assert record["sharpe"] == pytest.approx(net.mean() / net.std(), rel=1e-12)
    assert (record["rows"], record["first"], record["last"]) == (len(net), net.index[0], net.index[-1])
    assert record["data_sha256"] == first.settings["data_sha256"]
    assert (record["task"], record["model"]) == ("direction", "tiny")
    assert record["run"] == str(tmp_path / "first")
    assert first.evaluation.sharpe_odds.trials == 1

    assert finish("again").evaluation.sharpe_odds.trials == 1
    assert read_trials("small")["run"].tolist() == [str(tmp_path / "again")]

    _, run = study
    assert main(["run", str(run / "spec.yaml"), "--seed", "6", "--out", str(tmp_path / "other")]) == 0
    capsys.readouterr()
    assert read_trials("small")["run"].tolist() == [str(tmp_path / name) for name in ("again", "other")]
    page = (tmp_path / "other" / "report.html").read_text()
    assert "the registry of trials has 2 of this study, this one included" in page

    # Read again, the first run is one of two as well, and its own record is not another trial.
    odds = tsdeep.load_run(tmp_path / "first").evaluation.sharpe_odds
    assert odds.trials == 2
    assert odds.deflated == deflated_sharpe(**sharpe_moments(net), trials=2, variance=1 / (len(net) - 1))


def test_a_run_is_finished_where_its_trial_cannot_be_recorded(finish, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TSDEEP_TRIALS", str(tmp_path / "file" / "trials"))
    with pytest.warns(UserWarning, match="the trial cannot be recorded"):
        finish("run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["complete"]


def test_a_run_is_not_begun_where_the_registry_cannot_be_read(study, tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_TRIALS", "relative")
    with pytest.raises(RunError, match="expected a whole path"):
        tsdeep.run(study[0], tmp_path / "never", progress=False)
    assert not (tmp_path / "never").exists()


def test_with_the_registry_off_the_report_says_that_trials_are_not_known(finish, tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_TRIALS", "off")
    assert finish("run").evaluation.sharpe_odds.trials is None
    assert "How many settings were tried is not known" in (tmp_path / "run" / "report.html").read_text()
