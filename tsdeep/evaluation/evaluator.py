"""The evaluation of one kind of task, and the names under which these are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd
from matplotlib.figure import Figure

from tsdeep.errors import SpecError, unknown_name
from tsdeep.evaluation.verdict import Verdict

if TYPE_CHECKING:
    from tsdeep.evaluation.comparison.material import Curves, MethodLosses
    from tsdeep.evaluation.evidence import Evidence


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What evidence amounts to; the evaluation of a task adds tables of its own.

    Parameters
    ----------
    metrics : pandas.DataFrame
        See `metrics_table`.
    verdict : Verdict
        What was shown, in words.
    seeds : pandas.DataFrame or None
        A seed a row, scored by itself, then their mean prediction; None for a single one.
    caveats : tuple of str
        Sentences that a reader should know before believing any of it.
    """

    metrics: pd.DataFrame
    verdict: Verdict
    seeds: pd.DataFrame | None
    caveats: tuple[str, ...]


class Evaluator(ABC):
    """How the predictions of one kind of task are scored, judged, drawn and reported.

    Attributes
    ----------
    kind : str
        The task's name, as in `Evidence.task`.
    template : str
        The report's page, a file in this room that fills the blocks of `report.html`.
    """

    kind: ClassVar[str]
    template: ClassVar[str]

    def check(self, evidence: Evidence) -> None:  # noqa: B027
        """Refuse evidence that lacks what this task's evaluation needs; by default nothing is missing."""

    @abstractmethod
    def seeds(self, predictions: pd.DataFrame) -> tuple[int, ...]:
        """Return the seeds whose own predictions are in a table."""

    @abstractmethod
    def metrics_table(
        self, predictions: pd.DataFrame, references: pd.DataFrame | None, name: str
    ) -> pd.DataFrame:
        """Score model and references: index levels that begin with `fold`, then columns (metric, method).

        The columns `"test"` (first, last, rows, ...) describe the test rows; every other first level is a
        metric with a column a method. The last rows, of fold `"pooled"`, are of all test rows together.
        """

    @abstractmethod
    def summary_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Shorten `metrics_table`'s result to what fits a terminal; index levels begin with fold, test."""

    @abstractmethod
    def evaluate(self, evidence: Evidence) -> Evaluation:
        """Score, test and judge."""

    @abstractmethod
    def figures(self, evidence: Evidence, evaluation: Any) -> dict[str, Figure]:
        """Draw the figures of the report, by name."""

    @abstractmethod
    def captions(self, evaluation: Any) -> Mapping[str, str]:
        """Say below each figure, by its name, what it shows."""

    @abstractmethod
    def context(self, evidence: Evidence, evaluation: Any) -> dict[str, Any]:
        """Return what the task's own blocks of the report's page are filled with."""

    def returns(self, evaluation: Any, model: str) -> pd.Series | None:  # noqa: ARG002
        """Return what a strategy on a model's predictions earned, after costs, by time; None: nothing is traded."""
        return None

    def losses(self, evidence: Evidence) -> tuple[MethodLosses, ...]:
        """Return the losses of model and references on which methods are compared; by default there are none."""
        raise SpecError(f"compare: task {evidence.task!r} says of no loss by which runs could be compared")

    def curves(self, evidence: Evidence) -> tuple[Curves, ...]:  # noqa: ARG002
        """Return what trading on the predictions of model and references earned; by default nothing is traded."""
        return ()

    def tables(self, evaluation: Any) -> Mapping[str, pd.DataFrame]:  # noqa: ARG002
        """Return tables that are written beside the report, by name, as `metrics.csv` is; by default none."""
        return {}


_EVALUATORS: dict[str, Evaluator] = {}


def register_evaluator(kind: str) -> Callable[[type[Evaluator]], type[Evaluator]]:
    """Make an evaluator known under the name of the task whose predictions it reads."""

    def register(cls: type[Evaluator]) -> type[Evaluator]:
        cls.kind = kind
        _EVALUATORS[kind] = cls()
        return cls

    return register


def evaluator_names() -> list[str]:
    """List the kinds of task whose predictions can be evaluated."""
    return sorted(_EVALUATORS)


def get_evaluator(kind: str) -> Evaluator:
    """Return the evaluator of a kind of task; SpecError lists the kinds that there are."""
    if not isinstance(kind, str) or kind not in _EVALUATORS:
        raise SpecError(unknown_name("evaluation of task", kind, _EVALUATORS))
    return _EVALUATORS[kind]
