"""A version of an export appears whole, and what a dead process left goes."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import tsdeep
from tests.synthetic import samples as market_samples
from tsdeep.serving.folders import new_version, remove_unfinished, versions
from tsdeep.sources import make_source


@pytest.fixture(scope="module")
def market():
    return market_samples(200)


def export(market, folder):
    model = tsdeep.build("tiny", market)
    scaler = market.fit_scaler(market.rows)
    return tsdeep.export(model, folder, samples=market, scaler=scaler, verify=False, warmup=False)


# Loads every version as soon as its number is seen, and says how many.
READER = """
import json, os, sys
import numpy as np, tensorflow as tf
folder, seen, running = sys.argv[1], set(), True
print("ready", flush=True)
while running:
    running = not os.path.exists(f"{folder}/done")
    for name in [entry for entry in os.listdir(folder) if entry.isdecimal() and entry not in seen]:
        loaded = tf.saved_model.load(f"{folder}/{name}")
        about = json.load(open(f"{folder}/{name}/tsdeep.json"))
        rows = {field: tf.ones((1, about["rows_needed"]), tf.float64) for field in about["fields"]}
        assert np.isfinite(loaded.signatures["serving_default"](**rows)["up"].numpy()).all()
        seen.add(name)
print(len(seen))
"""


@pytest.mark.slow
def test_a_reader_that_polls_the_folder_during_fifty_exports_loads_every_version_whole(market, tmp_path):
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "ready\n"
    for _ in range(50):
        export(market, tmp_path)
    (tmp_path / "done").touch()
    said, errors = reader.communicate(timeout=600)
    assert reader.returncode == 0, errors
    assert int(said) == 50
    assert versions(tmp_path) == list(range(1, 51))


# An export whose process is killed when all of the SavedModel is written, and it stands in its folder.
KILLED = """
import os, signal, sys
import tsdeep, tsdeep.serving.saved_model
from tests.synthetic import samples
tsdeep.serving.saved_model.check_operations = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
market = samples(200)
model = tsdeep.build("tiny", market)
tsdeep.export(model, sys.argv[1], samples=market, scaler=market.fit_scaler(market.rows), verify=False)
"""


def test_a_killed_export_leaves_nothing_that_looks_like_a_version_and_the_next_one_tidies_up(
    market, tmp_path
):
    here = Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path], cwd=here, check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".writing-")
    assert (left / "saved_model.pb").is_file()
    assert versions(tmp_path) == []
    with pytest.raises(tsdeep.RunError, match="no exported version"):
        tsdeep.predict(tmp_path, market.panel)
    assert export(market, tmp_path).name == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_what_a_live_export_writes_is_left_alone(tmp_path):
    with new_version(tmp_path) as place:
        (place[0] / "half").touch()
        remove_unfinished(tmp_path)
        with new_version(tmp_path) as other:
            (other[0] / "whole").touch()
        assert other == [tmp_path / "1"]
        assert (place[0] / "half").is_file()
    assert place == [tmp_path / "2"]
    assert [path.name for path in place[0].iterdir()] == ["half"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]


def test_a_number_that_another_process_takes_first_is_passed_over(tmp_path, monkeypatch):
    rename = os.rename

    def late(source, target):
        if Path(target).name == "1":
            (tmp_path / "1").mkdir(exist_ok=True)
            (tmp_path / "1" / "taken").touch()
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with new_version(tmp_path) as place:
        (place[0] / "whole").touch()
    assert place == [tmp_path / "2"]
    assert (tmp_path / "1" / "taken").is_file()


def test_a_failed_export_takes_what_it_made_with_it_and_leaves_what_was_there(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError, match="disk full"), new_version(tmp_path / "there" / "deep" / "er"):
        raise OSError("disk full")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_exports_that_fail_side_by_side_in_a_new_folder_say_why_each(tmp_path):
    def fail(number):
        for _ in range(50):
            with pytest.raises(OSError, match=f"disk {number} full"), new_version(tmp_path / "deep" / "er"):
                raise OSError(f"disk {number} full")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fail, range(4)))
    assert not list(tmp_path.rglob("*/.*"))


def test_a_folder_that_a_process_left_before_it_had_its_lock_goes_once_it_is_old(tmp_path):
    for name, age in ((".new-left", 4000), (".new-live", 10)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".new-live"]


# Wide enough that an export with a second copy of the weights would be over the limit.
WIDE = {
    "lstm": {"units": 256},
    "gru": {"units": 256},
    "tcn": {"filters": 96},
    "transformer": {"units": 128, "layers": 2},
    "mlp": {"units": (512, 512)},
    "patchtst": {"patch_rows": 4, "stride": 2, "units": 128},
    "itransformer": {"units": 128},
}


WIDE_BOOKS = {"deeplob": {"units": 128}, "tlob": {"units": 80}}


@pytest.fixture(scope="module")
def books():
    source = make_source({"kind": "simulated_book", "sessions": 1, "rows": 300, "levels": 10})
    panel = source.panel(("ask_price", "ask_size", "bid_price", "bid_size"))
    features = tsdeep.FeatureBank([{"kind": "book_levels", "levels": 10}])
    found = tsdeep.Samples(panel, features, tsdeep.get_task("movement", horizon_rows=20), 32)
    return found.fit_task(found.rows)


@pytest.mark.parametrize("name", [*WIDE, *WIDE_BOOKS])
def test_an_export_is_at_most_a_tenth_larger_than_its_weights_beside_the_graph(name, market, books, tmp_path):
    samples = books if name in WIDE_BOOKS else market
    model = tsdeep.build(name, samples, **(WIDE | WIDE_BOOKS)[name])
    scaler = samples.fit_scaler(samples.rows)
    version = tsdeep.export(
        model, tmp_path, samples=samples, scaler=scaler, verify=False, warmup=False, compiled=(1,)
    )
    weights = sum(weight.nbytes for weight in model.get_weights())
    assert weights > 250_000
    sizes = {file: file.stat().st_size for file in version.rglob("*") if file.is_file()}
    graph = sizes[version / "saved_model.pb"] + sizes[version / "tsdeep.json"]
    assert sum(sizes.values()) < 1.1 * weights + graph
    largest = max(weight.nbytes for weight in model.get_weights())
    assert np.log2(largest) > 15  # of which the graph has no copy:
    assert not _constants(version, largest)


def _constants(version, size):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    nodes = [
        node
        for graph in model.meta_graphs
        for part in (graph.graph_def.node, *(f.node_def for f in graph.graph_def.library.function))
        for node in part
    ]
    return [node.name for node in nodes if node.op == "Const" and node.attr["value"].ByteSize() >= size]
