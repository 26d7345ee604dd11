"""A process that knows TensorFlow alone and reads exports, kept for a while: importing TensorFlow takes seconds."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from tsdeep.errors import RunError

# Seconds without an export, after which the process ends and gives back its memory.
IDLE_SECONDS = 30.0

# Runs in a new interpreter, where nothing of this package is imported. A request and its reply are a line each.
_PROGRAM = """
import os
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print is no reply
import gc, json, sys, traceback
import numpy as np
import tensorflow as tf


def answer(path, names, folder):
    loaded = tf.saved_model.load(path)
    for name in names:
        with np.load(f"{folder}/{name}-inputs.npz") as given:
            answers = loaded.signatures[name](**{key: tf.constant(given[key]) for key in given.files})
        arrays = {key: value.numpy() for key, value in answers.items()}
        arrays = {key: value.astype("S") if value.dtype == object else value for key, value in arrays.items()}
        np.savez(f"{folder}/{name}-outputs.npz", **arrays)
    assert not [m for m in sys.modules if m.partition(".")[0] == "tsdeep"], "the process imported tsdeep"


for line in sys.stdin:
    try:
        answer(**json.loads(line))
        reply = ""
    except Exception:
        reply = traceback.format_exc()
    gc.collect()
    print(json.dumps(reply), file=replies, flush=True)
"""


class Reader:
    """The process, begun when it is first asked and again when it has ended.

    Safe for several threads, which wait for each other. A forked process must call `forked`, as `READER` does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._timer: threading.Timer | None = None
        self._asked = 0
        self._before = 0  # bytes that the process had said on its standard error before it was asked

    def read(self, path: Path, names: list[str], folder: str) -> None:
        """Run signatures of a SavedModel on `<name>-inputs.npz`, and write `<name>-outputs.npz`, on a CPU.

        Parameters
        ----------
        path : Path
            Folder of the SavedModel.
        names : list of str
            Of the signatures.
        folder : str
            Where inputs are, one array an input, and outputs go.

        Raises
        ------
        RunError
            If the SavedModel cannot be loaded or run there, with what the process said of it.
        """
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._asked += 1
            words = self._ask(json.dumps({"path": str(path), "names": names, "folder": folder}))
            self._timer = threading.Timer(IDLE_SECONDS, self._idle, [self._asked])
            self._timer.daemon = True
            self._timer.start()
        if words:
            raise RunError(f"the export cannot be read again by TensorFlow alone: {words[:1500]}")

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _idle(self, asked: int) -> None:
        """End the process, unless it was asked again while the lock was waited for."""
        with self._lock:
            if asked == self._asked:
                self._end()

    def forked(self) -> None:
        """Leave the process and a lock that another thread may hold to the parent."""
        self._lock, self._process, self._errors, self._timer = threading.Lock(), None, None, None

    def _ask(self, request: str) -> str:
        """Return why it failed, or nothing."""
        process = self._running()
        assert self._errors is not None
        self._before = os.fstat(self._errors.fileno()).st_size
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request + "\n")
            process.stdin.flush()
            reply = process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        except BaseException:  # interrupted: a reply that still comes would be taken for the next one's
            self._end()
            raise
        if reply:
            return " ".join(json.loads(reply).strip().splitlines()[-5:])
        code = process.wait()
        words = f"the process ended with {code}: {self._words()}"
        self._end()
        return words

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        self._errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115, closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM],
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        return self._process

    def _words(self) -> str:
        assert self._errors is not None
        self._errors.seek(self._before)
        return " ".join(self._errors.read().splitlines())

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


READER = Reader()
atexit.register(READER.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=READER.forked)
