"""Which figures the report on volatility has, and what stands below them."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.plots import plot_learning_curves
from tsdeep.evaluation.volatility.assessment import VolatilityEvaluation
from tsdeep.evaluation.volatility.plots import (
    plot_interval_coverage,
    plot_loss_differences,
    plot_volatility_forecasts,
)
from tsdeep.evaluation.volatility.portfolio import TARGET_VOLATILITY
from tsdeep.evaluation.volatility.portfolio_plots import plot_portfolio_costs, plot_target_portfolio
from tsdeep.evaluation.volatility.portfolio_scores import equal_weight_returns
from tsdeep.evaluation.volatility.predictions import check_volatility

_CAPTIONS = {
    "folds": "How the folds were cut: the rows to fit on, to stop on and to be tested on, through time.",
    "learning_curves": "Loss by epoch on the rows used to fit and to stop. A gap that opens is overfitting; a flat "
    "validation curve says that nothing carries over.",
    "forecasts": "Grey: what the rows after each origin realised. Dark: what was forecast at the origin; the band, "
    "where there is one, is its interval. A line that follows the surface late says no more than the past did.",
    "loss_differences": "The model's loss minus that of the strongest references, summed up to each day and divided "
    "by the number of all days. Falling: the model gains; where the steps are says when. The right end is the mean "
    "difference that the tests judge.",
    "coverage": "Left: share of rows within the intervals, by test fold. Right: share of rows below each quantile; "
    "on the diagonal, quantiles are what they say.",
    "portfolio_costs": "The same weights, had trading cost less or more: forecasts that jump trade more, and their "
    "lines fall faster.",
    "portfolio": "Above: volatility of positions while they were held, averaged over three horizons of the days on "
    "which they were taken; good forecasts keep it near the target. In the middle: what became of one unit of money, "
    "beside all assets in equal parts at their own volatility. Below: the loss from the last peak, of both.",
}


def volatility_figures(evidence: Evidence, evaluation: VolatilityEvaluation) -> dict[str, Figure]:
    """Draw folds and learning_curves (where the evidence has them), forecasts, and where there are references,
    quantiles and a portfolio: loss_differences, coverage, portfolio and, where trading costs anything,
    portfolio_costs.
    """
    model = evidence.model
    drawn = {}
    if evidence.folds_figure is not None:
        drawn["folds"] = evidence.folds_figure
    if evidence.history is not None and (evidence.history["stage"] == "fit").any():
        drawn["learning_curves"] = plot_learning_curves(evidence.history, unit="")
    basket = None if evaluation.basket is None else evaluation.basket.predictions[model]
    predictions = check_volatility(evidence.predictions)
    drawn["forecasts"] = plot_volatility_forecasts(predictions, name=model, basket=basket)
    if evaluation.best:
        drawn["loss_differences"] = plot_loss_differences(
            evaluation.losses, model=model, regimes=evaluation.days
        )
    if (evaluation.coverage["method"] == model).any():
        folds = fold_names(evaluation.metrics)
        drawn["coverage"] = plot_interval_coverage(
            evaluation.coverage, evaluation.quantiles, model=model, folds=folds
        )
    if evaluation.portfolios:
        wanted = ["random_walk", *evaluation.best.values()]
        chosen = [name for name in dict.fromkeys(wanted) if name in evaluation.portfolios]
        drawn["portfolio"] = plot_target_portfolio(
            evaluation.portfolios,
            methods=[*chosen, model],
            model=model,
            target=TARGET_VOLATILITY,
            horizon_rows=evidence.horizon_rows,
            benchmark=None if evaluation.basket is None else equal_weight_returns(evaluation.basket),
        )
        if evidence.cost_bps > 0:
            drawn["portfolio_costs"] = plot_portfolio_costs(
                evaluation.portfolios, methods=[*chosen, model], model=model, cost_bps=evidence.cost_bps
            )
    return drawn


def volatility_captions(evaluation: VolatilityEvaluation) -> dict[str, str]:  # noqa: ARG001
    """Return a caption a figure."""
    return dict(_CAPTIONS)


def fold_names(metrics: pd.DataFrame) -> dict[object, str]:
    """Return how each fold is called: its year, where it lies in one and no other fold does; else its months."""
    test = metrics["test"].drop("pooled")
    spans = list(zip(test["first"], test["last"], strict=True))
    years = [f"{first:%Y}" if first.year == last.year else "" for first, last in spans]
    if "" in years or len(set(years)) < len(years):
        years = [f"{first:%Y-%m} to {last:%Y-%m}" for first, last in spans]
    return dict(zip(test.index, years, strict=True))
