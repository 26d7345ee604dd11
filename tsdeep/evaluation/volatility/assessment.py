"""From evidence on volatility to an evaluation: scores, tests, regressions, coverage, a portfolio, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.evaluation.evaluator import Evaluation
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.movement.bootstrap import effective_rows
from tsdeep.evaluation.significance import overlap_lags
from tsdeep.evaluation.volatility.basket import Basket, make_basket
from tsdeep.evaluation.volatility.caveats import volatility_caveats
from tsdeep.evaluation.volatility.comparison import (
    LOSSES,
    best_references,
    compare_by_asset,
    compare_by_class,
    compare_losses,
    confidence_sets,
    daily_losses,
)
from tsdeep.evaluation.volatility.coverage import interval_coverage, quantile_shares
from tsdeep.evaluation.volatility.metrics import table_of
from tsdeep.evaluation.volatility.portfolio import TARGET_VOLATILITY, TargetPortfolio, trade_all
from tsdeep.evaluation.volatility.portfolio_scores import portfolio_differences, portfolio_figures
from tsdeep.evaluation.volatility.predictions import (
    FORECASTS,
    check_horizon,
    check_volatility,
    check_volatility_references,
    volatility_seeds,
)
from tsdeep.evaluation.volatility.regimes import REGIMES, market_regimes
from tsdeep.evaluation.volatility.regression import regressions
from tsdeep.evaluation.volatility.scores import ASSET, BASKET, MEAN, POINT_METRICS, volatility_scores
from tsdeep.evaluation.volatility.verdict import judge_volatility


@dataclass(frozen=True, kw_only=True)
class VolatilityEvaluation(Evaluation):
    """What the evidence on forecasts of volatility amounts to.

    `seeds` has the index seed and the columns of `POINT_METRICS`, means over the assets.

    Parameters
    ----------
    scores : pandas.DataFrame
        By fold, see `volatility_scores`, and of the basket (group `"basket"`).
    regimes : pandas.DataFrame
        The same by calm, middle and crisis, see `market_regimes`; columns regime instead of fold.
    comparisons : pandas.DataFrame
        The model against each reference, see `compare_losses`.
    by_regime, by_asset : pandas.DataFrame
        See `compare_by_class` and `compare_by_asset`, the latter with the basket.
    members : pandas.DataFrame
        See `confidence_sets`.
    best : mapping of str to str
        By loss, the reference of the lowest mean loss.
    losses : mapping of str to pandas.DataFrame
        By loss, of each day and method, see `daily_losses`.
    days : numpy.ndarray of object [days]
        The regime of each of these days.
    regressions : pandas.DataFrame
        Mincer-Zarnowitz, see `regressions`.
    coverage, quantiles : pandas.DataFrame
        See `interval_coverage` and `quantile_shares`.
    basket : Basket or None
        None without prices, or with one asset.
    portfolios : mapping of str to TargetPortfolio
        By method; empty without a basket.
    portfolio, portfolio_differences : pandas.DataFrame or None
        See `portfolio_figures` and `portfolio_differences`.
    insane : pandas.DataFrame or None
        Of methods with an insanity filter: method, fold, rows, acted (rows on which it did).
    effective : pandas.Series
        days, windows (labels that do not overlap), effective_days (of the model's QLIKE, see
        `effective_rows`), lags (of the tests' errors).
    """

    scores: pd.DataFrame
    regimes: pd.DataFrame
    comparisons: pd.DataFrame
    by_regime: pd.DataFrame
    by_asset: pd.DataFrame
    members: pd.DataFrame
    best: Mapping[str, str]
    losses: Mapping[str, pd.DataFrame]
    days: np.ndarray
    regressions: pd.DataFrame
    coverage: pd.DataFrame
    quantiles: pd.DataFrame
    basket: Basket | None
    portfolios: Mapping[str, TargetPortfolio]
    portfolio: pd.DataFrame | None
    portfolio_differences: pd.DataFrame | None
    insane: pd.DataFrame | None
    effective: pd.Series


def evaluate_volatility(evidence: Evidence) -> VolatilityEvaluation:
    """Score, test and judge forecasts of volatility, beside the references.

    Parameters
    ----------
    evidence : Evidence
        Of task `volatility`. Without prices, basket and portfolio are left out.

    Returns
    -------
    VolatilityEvaluation
        Tables, tests and the verdict.

    Raises
    ------
    DataError
        If predictions, references and prices do not fit together.
    SpecError
        If labels look farther ahead than `evidence.horizon_rows`.
    """
    model, horizon = evidence.model, evidence.horizon_rows
    predictions = check_volatility(evidence.predictions)
    check_horizon(predictions, horizon)
    methods = {model: predictions, **check_volatility_references(evidence.references, predictions)}
    basket = None if evidence.prices is None else make_basket(methods, evidence.prices)
    of_basket = {} if basket is None else dict(basket.predictions)
    scores = volatility_scores(methods)
    metrics = table_of(predictions, scores)
    if of_basket:
        scores = pd.concat([scores, _of_basket(of_basket)], ignore_index=True)
    losses = {loss: daily_losses(methods, loss) for loss in LOSSES}
    regimes = market_regimes(predictions)
    days = _of_days(predictions, regimes)
    comparisons = compare_losses(losses, model, horizon)
    best = best_references(losses, model)
    members = confidence_sets(
        losses, horizon, draws=evidence.draws, seed=evidence.seed, block_rows=evidence.block_rows
    )
    by_asset = [compare_by_asset(methods, model, best, horizon)]
    if of_basket:
        by_asset.append(compare_by_asset(of_basket, model, best, horizon))
    portfolios, figures, differences = _portfolios(evidence, methods, basket)
    effective = _effective(losses["qlike"][model], horizon)
    return VolatilityEvaluation(
        metrics=metrics,
        verdict=judge_volatility(
            model,
            comparisons,
            members,
            metrics.loc["pooled"],
            best=best,
            portfolio=differences,
            figures=figures,
            target=TARGET_VOLATILITY,
        ),
        seeds=_seeds(predictions),
        caveats=volatility_caveats(evidence, methods, effective, basket, bool(portfolios)),
        scores=scores.rename(columns={"class": "fold"}),
        regimes=_by_regime(methods, regimes),
        comparisons=comparisons,
        by_regime=compare_by_class(losses, model, days, horizon).rename(columns={"class": "regime"}),
        by_asset=pd.concat(by_asset, ignore_index=True),
        members=members,
        best=best,
        losses=losses,
        days=days,
        regressions=regressions(methods, of_basket, horizon),
        coverage=interval_coverage(methods, horizon),
        quantiles=quantile_shares(methods),
        basket=basket,
        portfolios=portfolios,
        portfolio=figures,
        portfolio_differences=differences,
        insane=_insane(methods),
        effective=effective,
    )


def _of_basket(methods: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    scores = volatility_scores(methods)
    return scores[scores["group"] == ASSET].assign(group=BASKET, symbol="")


def _by_regime(methods: Mapping[str, pd.DataFrame], regimes: np.ndarray) -> pd.DataFrame:
    scores = volatility_scores(methods, regimes)
    parts = [scores[scores["class"] == regime] for regime in REGIMES]
    return pd.concat(parts, ignore_index=True).rename(columns={"class": "regime"})


def _of_days(predictions: pd.DataFrame, classes: np.ndarray) -> np.ndarray:
    """Return the class of each day, which all its rows have, in time order."""
    first = np.unique(predictions["time"].to_numpy(), return_index=True)[1]
    return classes[first]


def _effective(losses: pd.Series, horizon: int) -> pd.Series:
    days = len(losses)
    lags = overlap_lags(days, horizon)
    return pd.Series(
        {
            "days": days,
            "windows": max(days / horizon, 1.0),
            "effective_days": effective_rows(losses.to_numpy(), np.zeros(days), lags),
            "lags": lags,
        }
    )


def _portfolios(
    evidence: Evidence, methods: Mapping[str, pd.DataFrame], basket: Basket | None
) -> tuple[dict[str, TargetPortfolio], pd.DataFrame | None, pd.DataFrame | None]:
    if basket is None:
        return {}, None, None
    horizon = evidence.horizon_rows
    portfolios = trade_all(basket, methods, horizon, cost_bps=evidence.cost_bps)
    if not portfolios:
        return {}, None, None
    differences = portfolio_differences(
        portfolios, evidence.model, horizon, draws=evidence.draws, seed=evidence.seed
    )
    return portfolios, portfolio_figures(portfolios, basket), differences


def _seeds(predictions: pd.DataFrame) -> pd.DataFrame | None:
    """Score each member by itself and their mean; None where there are fewer than two."""
    numbers = volatility_seeds(predictions)
    if len(numbers) < 2:
        return None
    base = predictions[["fold", "time", "symbol", "end", "y"]]
    named = {
        f"seed{k}": base.assign(**{name: predictions[f"{name}_seed{k}"] for name in FORECASTS})
        for k in numbers
    }
    named["mean of seeds"] = base.assign(**{name: predictions[name] for name in FORECASTS})
    scores = volatility_scores(named)
    table = scores[(scores["class"] == "pooled") & (scores["group"] == MEAN)].set_index("method")
    table.index.name = "seed"
    return table[list(POINT_METRICS)]


def _insane(methods: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    parts = []
    for method, frame in methods.items():
        if "insane" in frame:
            acted = (frame["insane"] > 0).groupby(frame["fold"])
            table = pd.DataFrame({"rows": acted.size(), "acted": acted.sum()}).reset_index()
            table.insert(0, "method", method)
            parts.append(table)
    return pd.concat(parts, ignore_index=True) if parts else None
