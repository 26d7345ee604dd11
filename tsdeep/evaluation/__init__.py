"""Evaluation of predictions: scores, tests, a strategy on them, figures and the report."""

from tsdeep.evaluation.assessment import Evaluation, evaluate, figures
from tsdeep.evaluation.backtest import (
    EXECUTIONS,
    SIZINGS,
    Backtest,
    backtest,
    open_warning,
    opens_equal_to_prior_close,
    position_sizes,
)
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
from tsdeep.evaluation.plots import (
    plot_calibration,
    plot_confusion,
    plot_equity,
    plot_learning_curves,
    plot_probabilities,
    plot_rolling_accuracy,
)
from tsdeep.evaluation.predictions import check_predictions, check_references, gives_probabilities
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
from tsdeep.evaluation.verdict import Verdict, judge

__all__ = [
    "EXECUTIONS",
    "METRICS",
    "SIZINGS",
    "Backtest",
    "Evaluation",
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
    "figures",
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
    "position_sizes",
    "predicted_class",
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
