"""Which reference methods a task is always shown against."""

from __future__ import annotations

from collections.abc import Callable

from tsdeep.baselines.linear import LogisticRegression
from tsdeep.baselines.naive import AlwaysUp, BaseRate
from tsdeep.baselines.reference import Reference
from tsdeep.errors import SpecError, unknown_name

_REFERENCES: dict[str, tuple[Callable[[], Reference], ...]] = {
    "direction": (AlwaysUp, BaseRate, LogisticRegression),
}


def references_for(task: str) -> tuple[Reference, ...]:
    """Return fresh, unfitted reference methods of a task, in the order of the tables.

    Parameters
    ----------
    task : str
        Kind of the task, such as `"direction"`.

    Returns
    -------
    tuple of Reference
        New objects on every call: fit them on one fold and throw them away.

    Raises
    ------
    SpecError
        If the task has no references.

    Examples
    --------
    >>> [reference.name for reference in references_for("direction")]
    ['always_up', 'base_rate', 'logistic']
    """
    if task not in _REFERENCES:
        raise SpecError(unknown_name("task with reference methods", task, _REFERENCES))
    return tuple(make() for make in _REFERENCES[task])
