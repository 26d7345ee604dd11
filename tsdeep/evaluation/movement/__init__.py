"""Evaluation of movement: probabilities of down, stationary and up, on rows whose labels overlap."""

from tsdeep.evaluation.movement.assessment import MovementEvaluation
from tsdeep.evaluation.movement.bootstrap import (
    Blocks,
    draw_blocks,
    effective_rows,
    non_overlapping_rows,
)
from tsdeep.evaluation.movement.breakdown import breakdown
from tsdeep.evaluation.movement.evaluator import MovementEvaluator
from tsdeep.evaluation.movement.plots import (
    plot_class_calibration,
    plot_confusions,
    plot_coverage,
    plot_time_of_day,
)
from tsdeep.evaluation.movement.predictions import check_movement, check_movement_references
from tsdeep.evaluation.movement.scores import (
    MOVEMENT_METRICS,
    called_class,
    calls_of,
    class_log_losses,
    classwise_calibration_error,
    confusion_counts,
    confusion_scores,
    coverage_table,
    movement_metrics,
)
from tsdeep.evaluation.movement.trading import movement_signals, replay_movement
from tsdeep.evaluation.movement.trading_plots import plot_replays
from tsdeep.evaluation.movement.verdict import judge_movement

__all__ = [
    "MOVEMENT_METRICS",
    "Blocks",
    "MovementEvaluation",
    "MovementEvaluator",
    "breakdown",
    "called_class",
    "calls_of",
    "check_movement",
    "check_movement_references",
    "class_log_losses",
    "classwise_calibration_error",
    "confusion_counts",
    "confusion_scores",
    "coverage_table",
    "draw_blocks",
    "effective_rows",
    "judge_movement",
    "movement_metrics",
    "movement_signals",
    "non_overlapping_rows",
    "plot_class_calibration",
    "plot_confusions",
    "plot_coverage",
    "plot_replays",
    "plot_time_of_day",
    "replay_movement",
]
