"""Evaluation of direction: P(up), its calls, and a strategy on them."""

from tsdeep.evaluation.direction.assessment import DirectionEvaluation
from tsdeep.evaluation.direction.edge import Edge, edge_of
from tsdeep.evaluation.direction.evaluator import DirectionEvaluator
from tsdeep.evaluation.direction.metrics import METRICS, direction_metrics, log_losses, predicted_class
from tsdeep.evaluation.direction.plots import (
    plot_calibration,
    plot_confusion,
    plot_equity,
    plot_probabilities,
    plot_rolling_accuracy,
)
from tsdeep.evaluation.direction.predictions import check_predictions, check_references, gives_probabilities
from tsdeep.evaluation.direction.ranking import Ranking, plot_ranking, rank_symbols
from tsdeep.evaluation.direction.strategy_plots import plot_edge, plot_exposure, plot_stability
from tsdeep.evaluation.direction.verdict import judge

__all__ = [
    "METRICS",
    "DirectionEvaluation",
    "DirectionEvaluator",
    "Edge",
    "Ranking",
    "check_predictions",
    "check_references",
    "direction_metrics",
    "edge_of",
    "gives_probabilities",
    "judge",
    "log_losses",
    "plot_calibration",
    "plot_confusion",
    "plot_edge",
    "plot_equity",
    "plot_exposure",
    "plot_probabilities",
    "plot_ranking",
    "plot_rolling_accuracy",
    "plot_stability",
    "predicted_class",
    "rank_symbols",
]
