"""Leave the global generators of random numbers as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Put Python's generator back at the end: Keras takes the seeds of what has none from it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
