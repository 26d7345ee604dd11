"""Evaluation of volatility: means and quantiles of what prices will move, on labels that overlap."""

from tsdeep.evaluation.volatility.assessment import VolatilityEvaluation
from tsdeep.evaluation.volatility.basket import Basket, make_basket
from tsdeep.evaluation.volatility.comparison import compare_losses, confidence_sets, daily_losses
from tsdeep.evaluation.volatility.coverage import interval_coverage, quantile_shares
from tsdeep.evaluation.volatility.evaluator import VolatilityEvaluator
from tsdeep.evaluation.volatility.losses import past_labels, pinball_losses, qlike_losses
from tsdeep.evaluation.volatility.plots import (
    plot_interval_coverage,
    plot_loss_differences,
    plot_volatility_forecasts,
)
from tsdeep.evaluation.volatility.portfolio import TargetPortfolio, target_portfolio
from tsdeep.evaluation.volatility.portfolio_plots import plot_target_portfolio
from tsdeep.evaluation.volatility.portfolio_scores import equal_weight_returns
from tsdeep.evaluation.volatility.predictions import check_volatility, check_volatility_references
from tsdeep.evaluation.volatility.regimes import REGIMES, market_regimes
from tsdeep.evaluation.volatility.regression import mincer_zarnowitz
from tsdeep.evaluation.volatility.scores import VOLATILITY_METRICS, volatility_metrics, volatility_scores
from tsdeep.evaluation.volatility.verdict import judge_volatility

__all__ = [
    "REGIMES",
    "VOLATILITY_METRICS",
    "Basket",
    "TargetPortfolio",
    "VolatilityEvaluation",
    "VolatilityEvaluator",
    "check_volatility",
    "check_volatility_references",
    "compare_losses",
    "confidence_sets",
    "daily_losses",
    "equal_weight_returns",
    "interval_coverage",
    "judge_volatility",
    "make_basket",
    "market_regimes",
    "mincer_zarnowitz",
    "past_labels",
    "pinball_losses",
    "plot_interval_coverage",
    "plot_loss_differences",
    "plot_target_portfolio",
    "plot_volatility_forecasts",
    "qlike_losses",
    "quantile_shares",
    "target_portfolio",
    "volatility_metrics",
    "volatility_scores",
]
