"""Direction as evaluation knows it: whether the price goes up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
from matplotlib.figure import Figure

from tsdeep.errors import SpecError
from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.direction.assessment import DirectionEvaluation, evaluate_direction
from tsdeep.evaluation.direction.captions import CAPTIONS
from tsdeep.evaluation.direction.compared import direction_curves, direction_losses
from tsdeep.evaluation.direction.figures import direction_figures
from tsdeep.evaluation.direction.metrics import direction_summary, direction_table
from tsdeep.evaluation.direction.tables import report_context
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

    def losses(self, evidence: Evidence) -> tuple[MethodLosses, ...]:
        """Return the losses that methods are compared by, see `direction_losses`."""
        return direction_losses(evidence)

    def curves(self, evidence: Evidence) -> tuple[Curves, ...]:
        """Return what trading on each method's predictions earned, see `direction_curves`."""
        return direction_curves(evidence)

    def tables(self, evaluation: DirectionEvaluation) -> Mapping[str, pd.DataFrame]:
        """Return Sharpe ratios by cost and by delay, each fold by itself, and how symbols are ranked, as files."""
        edge, stability, ranking = evaluation.edge, evaluation.stability, evaluation.ranking
        tables = {
            "costs": edge.costs.reset_index(),
            "delays": edge.delays.reset_index(),
            "stability": stability.reset_index(),
        }
        if ranking is not None:
            tables["information"] = ranking.coefficient.by_date.reset_index()
            tables["quantiles"] = ranking.spread.table.reset_index()
        return tables

    def context(self, evidence: Evidence, evaluation: DirectionEvaluation) -> dict[str, Any]:
        """Return the tables of the page."""
        return report_context(evidence, evaluation)
