"""One prepared data set among processes: by a strategy of `tf.distribute`, and by the `tf.data` service."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tsdeep
from tests.pipeline.prepared_sets import as_set, books
from tests.pipeline.worker import shard_of, untrained

EPOCHS = 3
FOLDER = Path(__file__).parent

pytestmark = pytest.mark.slow


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def processes():
    """A list of processes that end with the block, however it ends."""
    started = []
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Samples in memory, and the same prepared: an even number of windows in many shards, the last batch not full."""
    task = {"kind": "movement", "horizon_rows": 3, "labels": "raw", "threshold": 1.0, "threshold_in": "ticks"}
    spec = books({"A": [[150, 40], [200], [97, 60]], "B": [[80], [333]]}, task=task)
    prepared = tsdeep.prepare(spec, tmp_path_factory.mktemp("prepared"), chunk_rows=30)
    assert len(prepared.rows) % 2 == 0
    assert len(prepared.rows) // 2 % 32
    return spec.samples(), prepared


@pytest.fixture(scope="module")
def every_window(data):
    """All windows with their labels, from memory."""
    samples, _ = data
    batches = tsdeep.windows(samples).as_numpy_iterator()
    return as_set([np.concatenate(part) for part in zip(*batches, strict=True)])


@pytest.fixture(scope="module")
def workers(data, tmp_path_factory):
    """What two processes saw and learnt."""
    _, prepared = data
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    out = tmp_path_factory.mktemp("workers")
    with processes() as started:
        for index in range(2):
            task = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
            arguments = [str(prepared.path), str(EPOCHS), str(out / f"{index}.npz")]
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.pipeline.worker", *arguments],
                    env=os.environ | {"TF_CONFIG": task},
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        for worker in started:
            _, said = worker.communicate(timeout=600)
            assert worker.returncode == 0, said[-4000:]
    return [dict(np.load(out / f"{index}.npz")) for index in range(2)]


def weights_of(worker):
    return [worker[name] for name in sorted(worker) if name.startswith("weight")]


def test_two_workers_see_every_window_once_an_epoch(workers, every_window):
    for epoch in range(EPOCHS):
        x, y = (np.concatenate([worker[f"{name}{epoch}"] for worker in workers]) for name in "xy")
        assert len(workers[0][f"x{epoch}"]) == len(workers[1][f"x{epoch}"])
        assert as_set([x, y]) == every_window
    assert not np.array_equal(workers[0]["x0"], workers[0]["x1"])


def test_two_workers_learn_one_model(workers):
    for one, other in zip(*map(weights_of, workers), strict=True):
        np.testing.assert_array_equal(one, other)
    loss = workers[0]["loss"]
    np.testing.assert_array_equal(loss, workers[1]["loss"])
    assert loss[-1].mean() < loss[0].mean()


def test_two_workers_learn_what_one_process_does_from_both_their_batches(data, workers):
    _, prepared = data
    model = untrained(prepared)
    shards = [shard_of(prepared, index, 2) for index in range(2)]
    for _ in range(EPOCHS):
        for one, other in zip(*(shard.as_numpy_iterator() for shard in shards), strict=True):
            model.train_on_batch(*(np.concatenate(part) for part in zip(one, other, strict=True)))
    for alone, together in zip(model.get_weights(), weights_of(workers[0]), strict=True):
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_a_service_of_other_processes_cuts_every_window_once_an_epoch(data, every_window):
    _, prepared = data
    with processes() as started:

        def server(*arguments):
            command = [sys.executable, str(FOLDER / "service.py"), *arguments]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            started.append(process)
            return process

        service = server("dispatcher").stdout.readline().strip()
        for worker in [server("worker", service.removeprefix("grpc://")) for _ in range(2)]:
            assert worker.stdout.readline() == "ready\n"
        batches = tsdeep.windows(prepared, batch_size=32, shuffle=True, service=service)
        for _ in range(2):
            parts = zip(*batches.as_numpy_iterator(), strict=True)
            assert as_set([np.concatenate(part) for part in parts]) == every_window
        history = untrained(prepared).fit(batches, epochs=2, verbose=0).history
        assert history["loss"][1] < history["loss"][0]
