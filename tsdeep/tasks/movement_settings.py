"""What the settings of the movement task must have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tsdeep.errors import SpecError

if TYPE_CHECKING:
    from tsdeep.tasks.movement import Movement


def check_smoothing(task: Movement) -> None:
    """Refuse smoothing rows without labels that read them, and labels beyond a segment that are not given."""
    if task.beyond_segment and task.labels != "given":
        raise SpecError(
            f"beyond_segment: found it with labels '{task.labels}', expected it with 'given' alone"
        )
    if (task.smoothing_rows is not None) != (task.labels == "decoupled"):
        raise SpecError(
            f"smoothing_rows: found {task.smoothing_rows!r} with labels '{task.labels}', expected it with "
            "'decoupled', and with no other"
        )
    if task.smoothing_rows is not None and task.smoothing_rows > min(task.horizons):
        raise SpecError(
            f"smoothing_rows: found {task.smoothing_rows}, expected at most the shortest horizon, "
            f"{min(task.horizons)} rows, so that the two means share no row"
        )


def check_threshold(task: Movement) -> None:
    """Refuse a threshold where none is read, none where one is, and one that does not fit the horizons."""
    none = task.labels == "given" or task.threshold_in == "balanced"
    if none != (task.threshold is None):
        raise SpecError(
            f"threshold: found {task.threshold!r} with labels '{task.labels}' and threshold_in "
            f"'{task.threshold_in}', expected {'none' if none else 'one'}"
        )
    by_symbol = task.threshold if isinstance(task.threshold, dict) else {"": task.threshold}
    for symbol, value in by_symbol.items():
        if isinstance(value, tuple) and len(value) != len(task.horizons):
            of = f" of '{symbol}'" if symbol else ""
            raise SpecError(
                f"threshold{of}: found {len(value)} values, expected one, or one for each of "
                f"{len(task.horizons)} horizons"
            )
