"""Volatility as evaluation knows it: how much the prices of assets will move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.evaluator import Evaluator, register_evaluator
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.volatility.assessment import VolatilityEvaluation, evaluate_volatility
from tsdeep.evaluation.volatility.compared import compared_volatility, volatility_curves
from tsdeep.evaluation.volatility.figures import volatility_captions, volatility_figures
from tsdeep.evaluation.volatility.metrics import volatility_summary, volatility_table
from tsdeep.evaluation.volatility.predictions import volatility_seeds
from tsdeep.evaluation.volatility.tables import report_context


@register_evaluator("volatility")
class VolatilityEvaluator(Evaluator):
    """Evaluates forecasts of volatility of one asset or several, with quantiles or without."""

    template: ClassVar[str] = "report_volatility.html"

    def seeds(self, predictions: pd.DataFrame) -> tuple[int, ...]:
        """Return the seeds `k` of the columns `variance_seed<k>`."""
        return volatility_seeds(predictions)

    def metrics_table(
        self, predictions: pd.DataFrame, references: pd.DataFrame | None, name: str
    ) -> pd.DataFrame:
        """Score model and references, see `volatility_table`."""
        return volatility_table(predictions, references, name=name)

    def summary_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Shorten the scores, see `volatility_summary`."""
        return volatility_summary(table)

    def evaluate(self, evidence: Evidence) -> VolatilityEvaluation:
        """Score, test and judge, see `evaluate_volatility`."""
        return evaluate_volatility(evidence)

    def figures(self, evidence: Evidence, evaluation: VolatilityEvaluation) -> dict[str, Figure]:
        """Draw the figures, see `volatility_figures`."""
        return volatility_figures(evidence, evaluation)

    def captions(self, evaluation: VolatilityEvaluation) -> Mapping[str, str]:
        """Return a caption a figure."""
        return volatility_captions(evaluation)

    def context(self, evidence: Evidence, evaluation: VolatilityEvaluation) -> dict[str, Any]:
        """Return the tables of the page."""
        return report_context(evidence, evaluation)

    def losses(self, evidence: Evidence) -> tuple[MethodLosses, ...]:
        """Return the losses that methods are compared by, see `compared_volatility`."""
        return compared_volatility(evidence)

    def curves(self, evidence: Evidence) -> tuple[Curves, ...]:
        """Return what trading on each method's predictions earned, see `volatility_curves`."""
        return volatility_curves(evidence)

    def tables(self, evaluation: VolatilityEvaluation) -> Mapping[str, pd.DataFrame]:
        """Return the scores by asset and by regime, tests, regressions, coverage and the portfolios, as files."""
        found = {
            "scores": evaluation.scores,
            "regimes": evaluation.regimes,
            "differences": evaluation.comparisons,
            "differences_by_regime": evaluation.by_regime,
            "differences_by_asset": evaluation.by_asset,
            "confidence_sets": evaluation.members,
            "mincer_zarnowitz": evaluation.regressions,
            "coverage": evaluation.coverage,
            "quantiles": evaluation.quantiles,
            "insane": evaluation.insane,
            "portfolio": None if evaluation.portfolio is None else evaluation.portfolio.reset_index(),
            "portfolio_differences": evaluation.portfolio_differences,
            "seeds": None if evaluation.seeds is None else evaluation.seeds.reset_index(),
        }
        return {name: table for name, table in found.items() if table is not None and len(table)}
