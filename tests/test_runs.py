import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.synthetic import bars
from tsdeep.errors import RunError, SpecError

# Says when an epoch is done and takes its time over it, so that the kill comes in the middle of a fold.
RUN = """
import sys, time
import tests.synthetic
import tsdeep
from tsdeep.validation.progress import FoldProgress

def slow(self, epoch, figures):
    print("epoch", epoch, flush=True)
    time.sleep(0.02)

FoldProgress.epoch = slow
tsdeep.run(sys.argv[1], sys.argv[2], resume="--resume" in sys.argv)
"""


def small_spec(place):
    """Write a spec over a small CSV file of bars, quick to run."""
    bars(420).to_csv(place / "A.csv")
    spec = f"""
name: small
source: {{kind: csv, path: {place / "A.csv"}, time: time}}
fields: [open, high, low, close, volume]
features:
  - {{kind: log_return, rows: 1}}
  - {{kind: realised_volatility, rows: 5}}
task: {{kind: direction}}
lookback: 5
split: {{train: 200, valid: 40, test: 40}}
model: tiny
training: {{epochs: 8, patience: 8, batch_size: 32, seed: 5}}
"""
    path = place / "small.yaml"
    path.write_text(spec)
    return path


@pytest.fixture
def spec_file(tmp_path):
    return small_spec(tmp_path)


def start(spec_file, out, *options):
    command = [sys.executable, "-c", RUN, str(spec_file), str(out), *options]
    return subprocess.Popen(
        command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finished_folds(out):
    return sorted(path.name for path in Path(out).glob("folds/[0-9]*"))


@pytest.mark.parametrize("settings", ["seeds: 1", "seeds: 2, warm_start: true, retrain_every: 2"])
def test_a_run_killed_in_a_fold_and_resumed_equals_one_that_was_not(spec_file, tmp_path, settings):
    spec_file.write_text(spec_file.read_text().replace("seed: 5", f"seed: 5, {settings}"))
    whole = tsdeep.run(spec_file, tmp_path / "whole", progress=False)
    killed = tmp_path / "killed"
    process = start(spec_file, killed)
    for line in process.stdout:
        if line.split() == [b"epoch", b"4"] and len(finished_folds(killed)) >= 2:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = {
        name: (killed / "folds" / name / "fold.json").stat().st_mtime_ns for name in finished_folds(killed)
    }
    assert 2 <= len(before) < len(finished_folds(tmp_path / "whole"))

    resumed = start(spec_file, killed, "--resume")
    _, messages = resumed.communicate(timeout=240)
    assert resumed.returncode == 0, messages.decode()
    for name, modified in before.items():
        assert (killed / "folds" / name / "fold.json").stat().st_mtime_ns == modified, (
            "a finished fold was made again"
        )
    for table in ("predictions", "references"):
        one, other = (pd.read_parquet(tmp_path / run / f"{table}.parquet") for run in ("whole", "killed"))
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    np.testing.assert_array_equal(
        whole.predictions["up"], pd.read_parquet(killed / "predictions.parquet")["up"]
    )
    assert not list(killed.glob("**/.writing-*"))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of two folds: its spec, folder and result, and the file of its bars."""
    place = tmp_path_factory.mktemp("finished")
    spec = tsdeep.load_spec(small_spec(place)).replace(split={"max_folds": 2}, training={"epochs": 1})
    return spec, place / "run", tsdeep.run(spec, place / "run", progress=False), place / "A.csv"


def test_a_run_folder_of_another_spec_is_refused_with_what_differs(finished):
    spec, folder, _, _ = finished
    with pytest.raises(RunError, match=r"belongs to another run: .*lookback: the folder has 5, asked for 6"):
        tsdeep.run(spec.replace(lookback=6), folder, resume=True, progress=False)
    with pytest.raises(RunError, match=r"seed: the folder has 5, asked for 6"):
        tsdeep.run(spec.replace(training={"seed": 6}), folder, resume=True, progress=False)
    with pytest.raises(RunError, match="holds this run already; resume it"):
        tsdeep.run(spec, folder, progress=False)


def test_changed_data_is_another_run(finished):
    spec, folder, _, file = finished
    before = file.read_bytes()
    bars(420, seed=1).to_csv(file)
    try:
        with pytest.raises(RunError, match="belongs to another run: data_sha256"):
            tsdeep.run(spec, folder, resume=True, progress=False)
        with pytest.raises(RunError, match=r"data that spec\.yaml names has changed"):
            tsdeep.load_run(folder)
    finally:
        file.write_bytes(before)


@pytest.mark.parametrize(
    "name",
    [
        *("predictions.parquet", "references.parquet", "history.parquet"),
        *("fold.json", "model_0.keras", "scaler.keras"),
    ],
)
def test_a_truncated_file_is_named_and_its_fold_can_be_made_again(spec_file, tmp_path, name):
    spec = tsdeep.load_spec(spec_file).replace(split={"max_folds": 2})

    def walk(resume):
        return tsdeep.walk_forward(
            "tiny",
            tsdeep.load(spec),
            spec.splitter(),
            epochs=1,
            jit_compile=False,
            progress=False,
            out=tmp_path / "run",
            resume=resume,
        )

    first = walk(resume=False)
    file = tmp_path / "run" / "folds" / "000" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(RunError, match=rf"{name} cannot be read: .*Delete .*000 and resume"):
        walk(resume=True)
    for part in file.parent.iterdir():
        part.unlink()
    file.parent.rmdir()
    np.testing.assert_array_equal(walk(resume=True).predictions["up"], first.predictions["up"])


def test_a_second_process_is_kept_out_of_a_run_that_is_being_written(spec_file, tmp_path):
    process = start(spec_file, tmp_path / "run")
    try:
        for line in process.stdout:
            if line.startswith(b"epoch"):
                break
        with pytest.raises(RunError, match="another process is writing this run"):
            tsdeep.run(spec_file, tmp_path / "run", resume=True, progress=False)
    finally:
        process.kill()
        process.communicate()


def test_resuming_a_run_that_was_never_begun_is_refused(spec_file, tmp_path):
    with pytest.raises(RunError, match="holds no run to resume"):
        tsdeep.run(spec_file, tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize(
    ("facts", "said"), [("[]", "it lacks the keys best_epochs"), ('{"fold": 0}', "it lacks the keys")]
)
def test_a_fold_file_of_another_form_is_named(spec_file, tmp_path, facts, said):
    spec = tsdeep.load_spec(spec_file).replace(split={"max_folds": 1})
    options = {"epochs": 1, "jit_compile": False, "progress": False, "out": tmp_path / "run"}
    tsdeep.walk_forward("tiny", tsdeep.load(spec), spec.splitter(), **options)
    (tmp_path / "run" / "folds" / "000" / "fold.json").write_text(facts)
    with pytest.raises(RunError, match=rf"fold\.json cannot be read: {said}"):
        tsdeep.walk_forward("tiny", tsdeep.load(spec), spec.splitter(), resume=True, **options)


def test_a_damaged_run_json_is_named(spec_file, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"settings": {"mod')
    with pytest.raises(RunError, match=r"run\.json cannot be read as a run"):
        tsdeep.run(spec_file, tmp_path / "run", resume=True, progress=False)


def test_a_folder_with_other_files_is_not_written_into(spec_file, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not touch")
    with pytest.raises(RunError, match=r"has files but no run\.json"):
        tsdeep.run(spec_file, tmp_path / "mine", progress=False)


def test_an_unfinished_run_is_not_loaded(finished, tmp_path):
    folder = shutil.copytree(finished[1], tmp_path / "run")
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, "complete": False}))
    with pytest.raises(RunError, match="not finished"):
        tsdeep.load_run(folder)


def test_a_finished_run_is_read_back_whole(finished):
    _, folder, result, _ = finished
    again = tsdeep.load_run(folder)
    pd.testing.assert_frame_equal(again.predictions, result.predictions)
    pd.testing.assert_frame_equal(again.metrics, result.metrics)
    for one, other in zip(again.models[0].get_weights(), result.models[0].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    answers = [tsdeep.predict(each, bars(420), rows=5)["up"] for each in (result, again, folder / "model")]
    np.testing.assert_allclose(answers[1], answers[0], rtol=0, atol=1e-7)
    np.testing.assert_allclose(answers[2], answers[0], rtol=0, atol=1e-6)


def test_run_json_records_seed_versions_timings_and_the_data(finished):
    spec, folder, _, _ = finished
    content = json.loads((folder / "run.json").read_text())
    assert content["complete"] is True
    assert content["seed"] == 5
    assert content["seconds"] > 0
    assert len(content["fold_seconds"]) == 2
    assert {"tensorflow", "keras", "numpy", "pandas", "tsdeep", "python"} == set(content["versions"])
    assert content["settings"]["data_sha256"] == tsdeep.load(spec).panel.fingerprint()


def test_resume_without_a_folder_is_refused(spec_file):
    samples = tsdeep.load(spec_file)
    with pytest.raises(SpecError, match="resume=True needs out="):
        tsdeep.walk_forward("tiny", samples, tsdeep.WalkForward(train=200, test=40, valid=40), resume=True)
