"""What all tests share: a quiet TensorFlow, and one finished run."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """Folder of a run of the S&P 500 spec: its last fold, one epoch."""
    from tsdeep.cli import main

    folder = tmp_path_factory.mktemp("finished") / "run"
    status = main(["run", "sp500_direction", "--folds", "1", "--epochs", "1", "--out", str(folder)])
    assert status == 0
    return folder
