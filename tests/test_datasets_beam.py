"""Apache Beam writes the same data sets; it needs other versions than TensorFlow, so an environment of its own."""

import importlib.util
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import tsdeep
from tests.pipeline.prepared_sets import SPLIT, books
from tsdeep import SpecError

ROOT = Path(__file__).parent.parent
STUDY = {
    "name": "beam",
    "source": {"kind": "simulated_book", "symbols": ["A", "B"], "sessions": 2, "rows": 300, "levels": 2},
    "fields": ["ask_price", "ask_size", "bid_price", "bid_size"],
    "features": [{"kind": "mid_return", "rows": [2, 5]}, {"kind": "queue_imbalance"}],
    "task": {"kind": "movement", "horizon_rows": 7, "threshold_in": "balanced"},
    "lookback": 10,
    "split": SPLIT,
}


def test_without_beam_the_extra_that_brings_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(SpecError, match=r'Apache Beam is not installed: pip install "tsdeep\[beam\]"'):
        tsdeep.prepare(books([[60]]), tmp_path, beam_runner="DirectRunner")
    with pytest.raises(tsdeep.DataError, match="found no prepared data set"):
        tsdeep.load_prepared(tmp_path)


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter that has Beam: this one, or one that shares this one's packages but for those Beam replaces."""
    if importlib.util.find_spec("apache_beam"):
        return sys.executable
    folder = tmp_path_factory.mktemp("environment")
    context = venv.EnvBuilder(symlinks=True).ensure_directories(folder)
    venv.EnvBuilder(symlinks=True).create(folder)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    Path(paths["purelib"], "shared.pth").write_text(sysconfig.get_paths()["purelib"])
    command = [
        context.env_exe,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "apache-beam>=2.60",
    ]
    installed = subprocess.run(command, capture_output=True, text=True)
    assert installed.returncode == 0, installed.stderr
    return context.env_exe


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["in_memory", "multi_processing"])
def test_beam_writes_the_same_bytes(python, tmp_path, mode):
    spec = tsdeep.make_spec(STUDY)
    (tmp_path / "spec.yaml").write_text(spec.to_yaml())
    command = [
        python,
        "-m",
        "tests.prepare_by_beam",
        mode,
        str(tmp_path / "spec.yaml"),
        str(tmp_path / "beam"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    expected, found = (
        tsdeep.prepare(spec, tmp_path / "here", chunk_rows=64),
        tsdeep.load_prepared(tmp_path / "beam"),
    )
    found.verify()
    shards = [
        [(shard.file, shard.sha256) for piece in each.pieces for shard in piece.shards]
        for each in (expected, found)
    ]
    assert shards[0] == shards[1]
    assert [piece.name for piece in found.pieces] == [
        f"{s} {d}" for s in "AB" for d in ("2024-01-02", "2024-01-03")
    ]
    assert {path.name for path in found.path.parent.iterdir()} == {"1.0.0"}
