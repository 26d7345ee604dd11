"""What a builder reads of samples whose channels have names, without samples."""

from __future__ import annotations

from dataclasses import dataclass

from tsdeep.tasks import Task


@dataclass(frozen=True)
class NamedSamples:
    """Shape, task and names."""

    input_shape: tuple[int, int]
    task: Task
    feature_names: tuple[str, ...]
