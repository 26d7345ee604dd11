"""What all tests share: a quiet TensorFlow, and one finished run."""

import importlib.util
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

# Modules of benchmarks that run in processes of their own, and need what the tests do not.
collect_ignore = [] if importlib.util.find_spec("torch") else ["benchmarks/training/torch_steps.py"]


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Folder of a run of the S&P 500 spec: its last fold, one epoch."""
    from tsdeep.cli import main

    folder = tmp_path_factory.mktemp("finished") / "run"
    status = main(["run", "sp500_direction", "--folds", "1", "--epochs", "1", "--out", str(folder)])
    assert status == 0
    return folder
