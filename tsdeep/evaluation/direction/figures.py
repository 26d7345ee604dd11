"""Which figures the report on direction has."""

from __future__ import annotations

from matplotlib.figure import Figure

from tsdeep.evaluation.direction import plots
from tsdeep.evaluation.direction.assessment import BASE, DirectionEvaluation
from tsdeep.evaluation.direction.predictions import check_predictions, check_references, gives_probabilities
from tsdeep.evaluation.direction.ranking import plot_ranking
from tsdeep.evaluation.direction.strategy_plots import plot_edge, plot_exposure, plot_stability
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.plots import plot_learning_curves


def direction_figures(evidence: Evidence, evaluation: DirectionEvaluation) -> dict[str, Figure]:
    """Draw the figures of the report.

    Parameters
    ----------
    evidence : Evidence
        What was evaluated.
    evaluation : DirectionEvaluation
        What it amounts to.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        folds and learning_curves (where the evidence has them), calibration, probabilities, rolling_accuracy,
        confusion, equity, edge, exposure and, of several folds, stability and, of three symbols or more, ranking.
    """
    predictions = check_predictions(evidence.predictions)
    y, up = predictions["y"].to_numpy(), predictions["up"].to_numpy()
    drawn = {}
    if evidence.folds_figure is not None:
        drawn["folds"] = evidence.folds_figure
    if evidence.history is not None and (evidence.history["stage"] == "fit").any():
        drawn["learning_curves"] = plot_learning_curves(evidence.history)
    if gives_probabilities(up):
        drawn["calibration"] = plots.plot_calibration(y, up, name=evidence.model)
        shown = {evidence.model: predictions}
        for method, frame in check_references(evidence.references, predictions).items():
            if gives_probabilities(frame["up"].to_numpy()) and method != BASE:
                shown[method] = frame
        drawn["probabilities"] = plots.plot_probabilities(shown)
    drawn["rolling_accuracy"] = plots.plot_rolling_accuracy(predictions, name=evidence.model)
    drawn["confusion"] = plots.plot_confusion(y, up, name=evidence.model)
    traded = evaluation.backtests[evidence.model]
    drawn["equity"] = plots.plot_equity(traded, name=evidence.model)
    drawn["edge"] = plot_edge(evaluation.edge, traded, name=evidence.model)
    drawn["exposure"] = plot_exposure(traded, name=evidence.model)
    if len(evaluation.stability) > 1:
        drawn["stability"] = plot_stability(evaluation.stability, name=evidence.model)
    if evaluation.ranking is not None:
        drawn["ranking"] = plot_ranking(evaluation.ranking, name=evidence.model)
    return drawn
