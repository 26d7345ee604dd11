import os

import numpy as np
import pytest
import tensorflow as tf

from tsdeep.errors import RunError
from tsdeep.serving import reader
from tsdeep.serving.reader import Reader


class Doubler(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def double(self, x):
        return {"y": 2 * x}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder, module = tmp_path_factory.mktemp("model"), Doubler()
    tf.saved_model.save(module, folder, signatures={"double": module.double})
    return folder


@pytest.fixture(scope="module")
def process():
    process = Reader()
    yield process
    process.close()


def read(process, model, folder, x):
    np.savez(folder / "double-inputs.npz", x=np.float32(x))
    process.read(model, ["double"], str(folder))
    return np.load(folder / "double-outputs.npz")["y"].tolist()


def test_one_process_reads_many_and_another_takes_over_when_it_has_ended(process, model, tmp_path):
    assert read(process, model, tmp_path, [1, 2]) == [2, 4]
    first = process._process
    with pytest.raises(RunError, match=r"read again by TensorFlow alone.*saved_model.pb"):
        read(process, tmp_path / "nothing", tmp_path, [1])
    assert read(process, model, tmp_path, [3]) == [6]
    assert process._process is first
    first.kill()
    first.wait()
    assert read(process, model, tmp_path, [4]) == [8]
    assert process._process is not first


def test_a_process_that_dies_over_an_export_is_said(process, tmp_path):
    class Fatal(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def double(self, x):
            with tf.control_dependencies([tf.raw_ops.Abort(error_msg="no more")]):
                return {"y": tf.identity(x)}

    fatal = Fatal()
    tf.saved_model.save(fatal, tmp_path / "fatal", signatures={"double": fatal.double})
    os.write(process._errors.fileno(), b"said of an export before " * 200)
    with pytest.raises(RunError, match=r"the process ended with -6: .*no more"):
        read(process, tmp_path / "fatal", tmp_path, [1])
    assert process._process is None


def test_it_ends_when_nothing_is_asked(process, model, tmp_path, monkeypatch):
    read(process, model, tmp_path, [1])
    running = process._process
    monkeypatch.setattr(reader, "IDLE_SECONDS", 0.05)
    read(process, model, tmp_path, [1])
    running.wait(timeout=30)
    assert process._process is None


def test_a_forked_process_does_not_wait_for_a_lock_of_its_parent():
    with reader.READER._lock:
        child = os.fork()
        if child == 0:
            free = reader.READER._lock.acquire(timeout=10) and reader.READER._process is None
            os._exit(0 if free else 1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
