"""Windows a second in training: tsdeep against PyTorch on the same architectures, threads and cores, in one run."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent
ROUNDS, SECONDS = 7, 3.0
#: `nn.LSTM` adds two biases of 4 x 64 where one does.
SECOND_BIAS = {"tcn": 0, "lstm": 256, "deeplob": 256}


class Contestant:
    """A process that trains for some seconds when told to."""

    def __init__(self, script: str, architecture: str, threads: int) -> None:
        cores = sorted(os.sched_getaffinity(0))[:threads]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, str(FOLDER / script), architecture, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        self.parameters = int(self._answer())
        assert self._answer() == "ready"

    def rate(self, seconds: float) -> float:
        """Windows a second over about that time."""
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def _answer(self) -> str:
        line = self.process.stdout.readline().strip()
        assert line, f"{self.process.args} ended with {self.process.wait()}"
        return line


def compare(architecture: str, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates `[rounds]` of tsdeep and of PyTorch, taken in turns; the first round warms up."""
    ours, theirs = (Contestant(f"{who}_steps.py", architecture, threads) for who in ("tsdeep", "torch"))
    assert theirs.parameters - ours.parameters == SECOND_BIAS[architecture]
    rates = [(ours.rate(SECONDS), theirs.rate(SECONDS)) for _ in range(ROUNDS + 1)][1:]
    ours.close()
    theirs.close()
    return tuple(np.array(rates).T)


@pytest.mark.benchmark
@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: pip install torch"
)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("architecture", ["tcn", "lstm", "deeplob"])
def test_training_is_as_fast_as_in_pytorch(architecture, threads, capsys):
    if len(os.sched_getaffinity(0)) < threads:
        pytest.skip(f"{threads} threads need as many cores")
    ours, theirs = compare(architecture, threads)
    ratio = ours / theirs
    with capsys.disabled():
        print(
            f"\n{architecture}, {threads} thread(s): tsdeep {np.median(ours):,.0f} windows/s, PyTorch "
            f"{np.median(theirs):,.0f}, ratio {np.median(ratio):.2f} (rounds {ratio.min():.2f} to {ratio.max():.2f})"
        )
    assert np.median(ratio) >= 1.0
