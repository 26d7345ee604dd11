"""The folder of real market data that tests read, which the project does not contain."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NAMED = "TSDEEP_TEST_DATA" in os.environ
MISSING = "the environment variable TSDEEP_TEST_DATA does not name the folder of test data"
needs_data = pytest.mark.skipif(not NAMED, reason=MISSING)


def data_folder() -> Path:
    """Return the folder; a test that asks for it without one is skipped, and says why."""
    if not NAMED:
        pytest.skip(MISSING)
    return Path(os.environ["TSDEEP_TEST_DATA"])
