"""Evaluation of predictions: scores, tests, a strategy on them, figures and the report."""

from tsdeep.evaluation.assessment import (
    evaluate,
    figures,
    metrics_table,
    pooled_scores,
    summary_table,
    tidy_metrics,
)
from tsdeep.evaluation.backtest import (
    EXECUTIONS,
    SIZINGS,
    Backtest,
    backtest,
    open_warning,
    opens_equal_to_prior_close,
    position_sizes,
)
from tsdeep.evaluation.calibration import calibration_error, calibration_table, wilson_interval
from tsdeep.evaluation.direction import (
    METRICS,
    DirectionEvaluation,
    check_predictions,
    check_references,
    direction_metrics,
    gives_probabilities,
    judge,
    log_losses,
    plot_calibration,
    plot_confusion,
    plot_equity,
    plot_probabilities,
    plot_rolling_accuracy,
    predicted_class,
)
from tsdeep.evaluation.evaluator import (
    Evaluation,
    Evaluator,
    evaluator_names,
    get_evaluator,
    register_evaluator,
)
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.plots import plot_learning_curves
from tsdeep.evaluation.report import render_report, write_report
from tsdeep.evaluation.risk import risk_figures, rows_a_year
from tsdeep.evaluation.significance import (
    Significance,
    diebold_mariano,
    newey_west_lags,
    pesaran_timmermann,
    sharpe_difference,
    sharpe_ratio,
)
from tsdeep.evaluation.verdict import Verdict

__all__ = [
    "EXECUTIONS",
    "METRICS",
    "SIZINGS",
    "Backtest",
    "DirectionEvaluation",
    "Evaluation",
    "Evaluator",
    "Evidence",
    "Significance",
    "Verdict",
    "backtest",
    "calibration_error",
    "calibration_table",
    "check_predictions",
    "check_references",
    "diebold_mariano",
    "direction_metrics",
    "evaluate",
    "evaluator_names",
    "figures",
    "get_evaluator",
    "gives_probabilities",
    "judge",
    "log_losses",
    "metrics_table",
    "newey_west_lags",
    "open_warning",
    "opens_equal_to_prior_close",
    "pesaran_timmermann",
    "plot_calibration",
    "plot_confusion",
    "plot_equity",
    "plot_learning_curves",
    "plot_probabilities",
    "plot_rolling_accuracy",
    "pooled_scores",
    "position_sizes",
    "predicted_class",
    "register_evaluator",
    "render_report",
    "risk_figures",
    "rows_a_year",
    "sharpe_difference",
    "sharpe_ratio",
    "summary_table",
    "tidy_metrics",
    "wilson_interval",
    "write_report",
]
