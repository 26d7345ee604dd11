"""How volatility-targeted portfolios fared: risk against target, returns after costs, and both compared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tsdeep.evaluation.risk import risk_figures, rows_a_year
from tsdeep.evaluation.significance import (
    Significance,
    diebold_mariano,
    overlap_lags,
    sharpe_difference,
)
from tsdeep.evaluation.verdict import holm
from tsdeep.evaluation.volatility.basket import Basket
from tsdeep.evaluation.volatility.comparison import LEAST_WINDOWS
from tsdeep.evaluation.volatility.losses import POINTS
from tsdeep.evaluation.volatility.portfolio import TARGET_VOLATILITY, TargetPortfolio


def equal_weight_returns(basket: Basket) -> pd.Series:
    """Return what all assets in equal parts earn, set to equal anew at every close at no cost.

    Parameters
    ----------
    basket : Basket
        Whose assets.

    Returns
    -------
    pandas.Series [days - 1]
        Simple returns of the day, by time.
    """
    close = basket.closes.close
    time = pd.DatetimeIndex(basket.closes.time[1:], name="time")
    return pd.Series((close[1:] / close[:-1] - 1.0).mean(axis=1), time, name="equal_weight")


def portfolio_figures(
    portfolios: Mapping[str, TargetPortfolio], basket: Basket, target: float = TARGET_VOLATILITY
) -> pd.DataFrame:
    """Return what each portfolio's risk and return were.

    Parameters
    ----------
    portfolios : mapping of str to TargetPortfolio
        By method.
    basket : Basket
        On which they were held; the benchmark of alpha and beta is its return.
    target : float
        Annualised fraction.

    Returns
    -------
    pandas.DataFrame
        Index: method. Columns volatility (of all days' net returns), held_volatility (mean over the
        origins of the realised volatility while the position is held), risk_error (root mean square
        of its distance from the target), all in annualised percentage points; exposure (mean sum of weights), capped
        (share of origins at the leverage limit), turnover (a year, in equities), cost (a year), and
        annual_return, sharpe, max_drawdown, alpha, beta of net returns, see `risk_figures`.
    """
    equal = equal_weight_returns(basket)
    records = {}
    for method, portfolio in portfolios.items():
        days, risk = portfolio.days, portfolio.risk
        year = rows_a_year(days.index)
        figures = risk_figures(days["net"], equal.reindex(days.index), periods_per_year=year)
        realised = risk["realised"].to_numpy()
        records[method] = {
            "volatility": POINTS * figures["annual_volatility"],
            "held_volatility": POINTS * float(realised.mean()),
            "risk_error": POINTS * float(np.sqrt(np.square(realised - target).mean())),
            "exposure": float(risk["exposure"].mean()),
            "capped": float(risk["capped"].mean()),
            "turnover": float(days["turnover"].mean() * year),
            "cost": float(days["cost"].mean() * year),
            **{key: figures[key] for key in ("annual_return", "sharpe", "max_drawdown", "alpha", "beta")},
        }
    table = pd.DataFrame.from_dict(records, orient="index")
    table.index.name = "method"
    return table


def portfolio_differences(
    portfolios: Mapping[str, TargetPortfolio],
    model: str,
    horizon_rows: int,
    *,
    target: float = TARGET_VOLATILITY,
    draws: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the model's portfolio with each reference's: how near its risk was to the target, and Sharpe ratios.

    Parameters
    ----------
    portfolios : mapping of str to TargetPortfolio
        By method.
    model : str
        Its key; the others are references.
    horizon_rows : int
        Rows that a position is held: see `overlap_lags`.
    target : float
        Annualised fraction.
    draws, seed : int
        Of the bootstrap of Sharpe ratios.

    Returns
    -------
    pandas.DataFrame
        Columns measure ("risk": mean of (realised - target)^2 in squared percentage points, negative where the model
        is nearer, Diebold-Mariano with HAC errors; "sharpe": a year, after costs, positive where the model's is
        higher, stationary bootstrap), reference, estimate, low, high (95%), statistic, p_value, p_holm (adjusted
        over the references, each measure by itself).
    """
    found: dict[tuple[str, str], Significance] = {}
    ours = portfolios[model]
    lags = overlap_lags(len(ours.risk), horizon_rows)
    for reference, theirs in portfolios.items():
        if reference == model:
            continue
        away = [np.square(POINTS * (each.risk["realised"] - target)) for each in (ours, theirs)]
        found["risk", reference] = diebold_mariano(*away, lags=lags, fixed_b=True)
        if len(ours.risk) < LEAST_WINDOWS * horizon_rows:
            found["risk", reference] = _untested(found["risk", reference])
        found["sharpe", reference] = sharpe_difference(
            ours.days["net"],
            theirs.days["net"],
            draws=draws,
            seed=seed,
            periods_per_year=rows_a_year(ours.days.index),
        )
        if len(ours.risk) < LEAST_WINDOWS * horizon_rows:
            found["sharpe", reference] = _untested(found["sharpe", reference])
    records = []
    for measure in ("risk", "sharpe"):
        outcomes = {reference: outcome for (of, reference), outcome in found.items() if of == measure}
        adjusted = holm({reference: outcome.p_value for reference, outcome in outcomes.items()})
        records += [
            {
                "measure": measure,
                "reference": reference,
                "estimate": outcome.estimate,
                "low": outcome.low,
                "high": outcome.high,
                "statistic": outcome.statistic,
                "p_value": outcome.p_value,
                "p_holm": adjusted.get(reference, float("nan")),
            }
            for reference, outcome in outcomes.items()
        ]
    columns = ["measure", "reference", "estimate", "low", "high", "statistic", "p_value", "p_holm"]
    return pd.DataFrame(records, columns=columns)


def _untested(outcome: Significance) -> Significance:
    nan = float("nan")
    return Significance(outcome.estimate, nan, nan, nan, nan, outcome.rows, "too few windows to test")
