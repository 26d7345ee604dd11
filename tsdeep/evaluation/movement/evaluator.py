"""Movement as evaluation knows it: whether the mid-price goes down, stays or goes up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.evaluator import Evaluator, register_evaluator
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.movement.assessment import MovementEvaluation, evaluate_movement
from tsdeep.evaluation.movement.compared import movement_curves, movement_losses
from tsdeep.evaluation.movement.metrics import movement_summary, movement_table
from tsdeep.evaluation.movement.plots import (
    plot_class_calibration,
    plot_confusions,
    plot_coverage,
    plot_time_of_day,
)
from tsdeep.evaluation.movement.predictions import (
    check_movement,
    class_probabilities,
    movement_seeds,
    states_probabilities,
)
from tsdeep.evaluation.movement.tables import movement_captions, report_context
from tsdeep.evaluation.movement.trading_plots import plot_replays
from tsdeep.evaluation.plots import plot_learning_curves


@register_evaluator("movement")
class MovementEvaluator(Evaluator):
    """Evaluates probabilities of down, stationary and up, at one horizon or several."""

    template: ClassVar[str] = "report_movement.html"

    def seeds(self, predictions: pd.DataFrame) -> tuple[int, ...]:
        """Return the seeds `k` of the columns `up_seed<k>`."""
        return movement_seeds(predictions)

    def metrics_table(
        self, predictions: pd.DataFrame, references: pd.DataFrame | None, name: str
    ) -> pd.DataFrame:
        """Score model and references, see `movement_table`."""
        return movement_table(predictions, references, name=name)

    def summary_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Shorten the scores, see `movement_summary`."""
        return movement_summary(table)

    def evaluate(self, evidence: Evidence) -> MovementEvaluation:
        """Score and judge, see `evaluate_movement`."""
        return evaluate_movement(evidence)

    def figures(self, evidence: Evidence, evaluation: MovementEvaluation) -> dict[str, Figure]:
        """Draw folds and learning curves (where the evidence has them), then, a horizon `h` each, confusion_h,
        calibration_h, coverage_h, time_of_day_h and, where the touch is known, replay_h.
        """
        drawn = {}
        if evidence.folds_figure is not None:
            drawn["folds"] = evidence.folds_figure
        if evidence.history is not None and (evidence.history["stage"] == "fit").any():
            drawn["learning_curves"] = plot_learning_curves(evidence.history)
        predictions = check_movement(evidence.predictions)
        model = evidence.model
        for horizon in evaluation.effective.index:
            title = f", {horizon} rows ahead"
            rows = predictions[predictions["horizon"] == horizon]
            y, p = rows["y"].to_numpy(dtype=np.int64), class_probabilities(rows)
            counts = {method: table for (at, method), table in evaluation.confusions.items() if at == horizon}
            drawn[f"confusion_{horizon}"] = plot_confusions(counts, title=title)
            if states_probabilities(p):
                drawn[f"calibration_{horizon}"] = plot_class_calibration(
                    y, p, horizon=horizon, name=model, title=title
                )
            coverage = evaluation.coverage[evaluation.coverage["horizon"] == horizon]
            drawn[f"coverage_{horizon}"] = plot_coverage(coverage, model=model, title=title)
            broken = evaluation.breakdowns[horizon]
            if "time_of_day" in broken:
                drawn[f"time_of_day_{horizon}"] = plot_time_of_day(
                    broken["time_of_day"], model=model, title=title
                )
            if horizon in evaluation.replays:
                free = [made for made in evaluation.replays[horizon] if made.fee_ticks == 0]
                drawn[f"replay_{horizon}"] = plot_replays(
                    free, fees=evidence.replay.fees_ticks, model=model, title=title
                )
        return drawn

    def captions(self, evaluation: MovementEvaluation) -> Mapping[str, str]:
        """Return a caption a figure."""
        return movement_captions(evaluation)

    def context(self, evidence: Evidence, evaluation: MovementEvaluation) -> dict[str, Any]:
        """Return the tables of the page."""
        return report_context(evidence, evaluation)

    def losses(self, evidence: Evidence) -> tuple[MethodLosses, ...]:
        """Return the losses that methods are compared by, see `movement_losses`."""
        return movement_losses(evidence)

    def curves(self, evidence: Evidence) -> tuple[Curves, ...]:
        """Return what trading on each method's predictions earned, see `movement_curves`."""
        return movement_curves(evidence)

    def tables(self, evaluation: MovementEvaluation) -> Mapping[str, pd.DataFrame]:
        """Return the scores with their errors, the differences from the references, p_T and what replays earned."""
        tables = {
            "intervals": evaluation.intervals,
            "differences": evaluation.differences,
            "round_trips": evaluation.round_trips,
        }
        if evaluation.replay_figures is not None:
            tables["replays"] = evaluation.replay_figures
        return tables
