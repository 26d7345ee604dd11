"""Losses and equity of several methods on direction, to be compared."""

from __future__ import annotations

import pandas as pd

from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.direction.assessment import strategy_settings, trade
from tsdeep.evaluation.direction.metrics import log_losses
from tsdeep.evaluation.direction.predictions import check_predictions, check_references, gives_probabilities
from tsdeep.evaluation.direction.words import strategy_words
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.significance import newey_west_lags

_LEAST_BLOCK = 10


def direction_losses(evidence: Evidence) -> tuple[MethodLosses, ...]:
    """Return log-losses of each time, averaged over its symbols, of the methods that state probabilities."""
    values = {}
    for method, frame in _methods(evidence).items():
        if gives_probabilities(frame["up"].to_numpy()):
            losses = log_losses(frame["y"].to_numpy(), frame["up"].to_numpy())
            values[method] = pd.Series(losses).groupby(frame["time"].to_numpy()).mean()
    table = pd.DataFrame(values)
    block = max(_LEAST_BLOCK, 3 * evidence.horizon_rows)
    lags = newey_west_lags(max(len(table), 1), evidence.horizon_rows)
    return (
        MethodLosses(
            "log-loss", "nats", "rows", table, lags, block, least=max(30, 10 * evidence.horizon_rows)
        ),
    )


def direction_curves(evidence: Evidence) -> tuple[Curves, ...]:
    """Return the equity of each method's strategy after costs, and of buy and hold."""
    equity, figures = {}, {}
    for method, frame in _methods(evidence).items():
        traded = trade(evidence, frame)
        table = traded.figures()
        equity[method], figures[method] = (1 + traded.net).cumprod(), table.loc["net"]
    equity["buy and hold"] = (1 + traded.benchmark).cumprod()
    figures["buy and hold"] = table.loc["buy_and_hold"]
    names = {
        "annual_return": "return a year",
        "annual_volatility": "volatility a year",
        "sharpe": "Sharpe a year",
        "max_drawdown": "largest drawdown",
        "turnover": "turnover, equities a year",
    }
    shown = pd.DataFrame(figures).T[list(names)].rename(columns=names)
    symbols = evidence.predictions["symbol"].nunique()
    title = strategy_words(strategy_settings(evidence), symbols=symbols).removesuffix(".")
    return (Curves(title, "growth of 1", pd.DataFrame(equity), shown, log=True),)


def _methods(evidence: Evidence) -> dict[str, pd.DataFrame]:
    predictions = check_predictions(evidence.predictions)
    return {evidence.model: predictions, **check_references(evidence.references, predictions)}
