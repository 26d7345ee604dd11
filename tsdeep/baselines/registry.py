"""Which reference methods a task is always shown against."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tsdeep.baselines.boosting import MovementBoosting
from tsdeep.baselines.linear import LogisticRegression
from tsdeep.baselines.movement import Majority, OneLineRule, Persistence
from tsdeep.baselines.movement_linear import MovementLogistic
from tsdeep.baselines.naive import AlwaysUp, BaseRate
from tsdeep.baselines.reference import OnFeatures, Reference
from tsdeep.baselines.volatility_references import volatility_references
from tsdeep.errors import SpecError, unknown_name

if TYPE_CHECKING:
    from tsdeep.tasks import Task


def _direction(fields: tuple[str, ...], vix_lag_rows: int) -> tuple[Reference, ...]:
    del fields, vix_lag_rows
    return tuple(OnFeatures(method) for method in (AlwaysUp(), BaseRate(), LogisticRegression()))


def _movement(fields: tuple[str, ...], vix_lag_rows: int) -> tuple[Reference, ...]:
    del fields, vix_lag_rows
    return Majority(), Persistence(), OneLineRule(), MovementLogistic(), MovementBoosting()


def _volatility(fields: tuple[str, ...], vix_lag_rows: int) -> tuple[Reference, ...]:
    return volatility_references(fields, vix_lag_rows=vix_lag_rows)


_REFERENCES: dict[str, Callable[[tuple[str, ...], int], tuple[Reference, ...]]] = {
    "direction": _direction,
    "movement": _movement,
    "volatility": _volatility,
}


def references_for(
    task: Task, fields: tuple[str, ...] = (), *, vix_lag_rows: int = 0
) -> tuple[Reference, ...]:
    """Return fresh, unfitted reference methods of a task, in the order of the tables.

    Parameters
    ----------
    task : Task
        What is predicted.
    fields : tuple of str
        Fields of the data; methods that need others are left out.
    vix_lag_rows : int, default 0
        Rows before the origin at which methods that read VIX read it, as late as the model does.

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
    >>> from tsdeep.tasks import get_task
    >>> [reference.name for reference in references_for(get_task("direction"))]
    ['always_up', 'base_rate', 'logistic']
    """
    if task.kind not in _REFERENCES:
        raise SpecError(unknown_name("task with reference methods", task.kind, _REFERENCES))
    return _REFERENCES[task.kind](fields, vix_lag_rows)
