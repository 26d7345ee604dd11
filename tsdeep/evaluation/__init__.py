"""Evaluation of predictions: scores, tests, a strategy on them, figures and the report."""

from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.metrics import (
    METRICS,
    calibration_error,
    calibration_table,
    direction_metrics,
    log_losses,
    metrics_table,
    predicted_class,
    summary_table,
    tidy_metrics,
    wilson_interval,
)
from tsdeep.evaluation.predictions import check_predictions, check_references, gives_probabilities

__all__ = [
    "METRICS",
    "Evidence",
    "calibration_error",
    "calibration_table",
    "check_predictions",
    "check_references",
    "direction_metrics",
    "gives_probabilities",
    "log_losses",
    "metrics_table",
    "predicted_class",
    "summary_table",
    "tidy_metrics",
    "wilson_interval",
]
