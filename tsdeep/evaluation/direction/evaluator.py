"""Direction as evaluation knows it: whether the price goes up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
from matplotlib.figure import Figure

from tsdeep.errors import SpecError
from tsdeep.evaluation.direction.assessment import (
    DirectionEvaluation,
    direction_figures,
    evaluate_direction,
)
from tsdeep.evaluation.direction.metrics import direction_summary, direction_table
from tsdeep.evaluation.direction.tables import CAPTIONS, report_context
from tsdeep.evaluation.evaluator import Evaluator, register_evaluator
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.prediction_tables import seed_numbers


@register_evaluator("direction")
class DirectionEvaluator(Evaluator):
    """Evaluates P(up), its calls, and a strategy on them."""

    template: ClassVar[str] = "report_direction.html"

    def check(self, evidence: Evidence) -> None:
        """Refuse evidence without prices."""
        if evidence.prices is None:
            raise SpecError("evidence: prices is None, expected the prices that direction is traded at")

    def seeds(self, predictions: pd.DataFrame) -> tuple[int, ...]:
        """Return the seeds `k` of the columns `up_seed<k>`."""
        return seed_numbers(predictions, "up")

    def metrics_table(
        self, predictions: pd.DataFrame, references: pd.DataFrame | None, name: str
    ) -> pd.DataFrame:
        """Score model and references, see `direction_table`."""
        return direction_table(predictions, references, name=name)

    def summary_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Shorten the scores, see `direction_summary`."""
        return direction_summary(table)

    def evaluate(self, evidence: Evidence) -> DirectionEvaluation:
        """Score, test and trade, see `evaluate_direction`."""
        return evaluate_direction(evidence)

    def returns(self, evaluation: DirectionEvaluation, model: str) -> pd.Series:
        """Return the simple returns of a method's strategy after costs, by time."""
        return evaluation.backtests[model].net

    def figures(self, evidence: Evidence, evaluation: DirectionEvaluation) -> dict[str, Figure]:
        """Draw the figures, see `direction_figures`."""
        return direction_figures(evidence, evaluation)

    def captions(self, evaluation: DirectionEvaluation) -> Mapping[str, str]:  # noqa: ARG002
        """Return a caption a figure."""
        return CAPTIONS

    def context(self, evidence: Evidence, evaluation: DirectionEvaluation) -> dict[str, Any]:
        """Return the tables of the page."""
        return report_context(evidence, evaluation)
