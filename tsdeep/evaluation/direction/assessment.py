"""From evidence on direction to an evaluation: scores, tests, strategies, the verdict, and what to bear in mind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.backtest import Backtest, backtest
from tsdeep.evaluation.calibration import wilson_interval
from tsdeep.evaluation.direction.caveats import caveats
from tsdeep.evaluation.direction.edge import Edge, edge_of
from tsdeep.evaluation.direction.metrics import (
    METRICS,
    direction_metrics,
    direction_table,
    log_losses,
    predicted_class,
)
from tsdeep.evaluation.direction.predictions import check_predictions, check_references, gives_probabilities
from tsdeep.evaluation.direction.ranking import Ranking, rank_symbols
from tsdeep.evaluation.direction.stability import fold_stability
from tsdeep.evaluation.direction.verdict import QUESTIONS, judge
from tsdeep.evaluation.evaluator import Evaluation
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.exposure import exposure_figures
from tsdeep.evaluation.sharpe_odds import SharpeOdds, sharpe_odds
from tsdeep.evaluation.significance import (
    Significance,
    diebold_mariano,
    pesaran_timmermann,
    sharpe_difference,
)
from tsdeep.evaluation.strategy import EXECUTIONS
from tsdeep.evaluation.verdict import Verdict

BASE = "base_rate"
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class DirectionEvaluation(Evaluation):
    """What the evidence on a prediction of direction amounts to.

    Parameters
    ----------
    tests : pandas.DataFrame
        A test a row: question, test, estimate, low, high (95%), statistic, p_value (two-sided), p_holm (of
        the three tests of the verdict; NaN for the others), rows, note.
    backtests : mapping of str to Backtest
        A method's strategy, all with the evidence's sizing, execution and costs.
    strategies : pandas.DataFrame
        Index (method, costs): `Backtest.figures` before and after costs, then buy and hold.
    executions : pandas.DataFrame
        Index execution: Sharpe before and after costs of the model's strategy, and its annual return.
    sharpe_odds : SharpeOdds
        How sure the Sharpe ratio of the model's strategy after costs is, with the number of trials that are known.
    edge : Edge
        What is left of it at other costs and with delays.
    exposure : mapping of str to float
        What the model's strategy held and traded, see `exposure_figures`.
    stability : pandas.DataFrame
        Each fold by itself, see `fold_stability`.
    ranking : Ranking or None
        How the model ranks the symbols of a date, see `rank_symbols`; None with fewer than three.
    """

    tests: pd.DataFrame
    backtests: Mapping[str, Backtest]
    strategies: pd.DataFrame
    executions: pd.DataFrame
    sharpe_odds: SharpeOdds
    edge: Edge
    exposure: Mapping[str, float]
    stability: pd.DataFrame
    ranking: Ranking | None


def evaluate_direction(evidence: Evidence) -> DirectionEvaluation:
    """Score, test and trade the predictions, beside the references.

    Parameters
    ----------
    evidence : Evidence
        Predictions, references, prices and settings.

    Returns
    -------
    DirectionEvaluation
        Tables, tests and the verdict.

    Raises
    ------
    DataError
        If predictions, references and prices do not fit together.
    SpecError
        If the strategy's settings are not known.
    """
    predictions = check_predictions(evidence.predictions)
    methods = {evidence.model: predictions, **check_references(evidence.references, predictions)}
    backtests = {method: trade(evidence, frame) for method, frame in methods.items()}
    strategies = _strategies(backtests)
    tests = _tests(evidence, methods, backtests[evidence.model])
    verdict = _verdict(evidence, predictions, tests, strategies)
    traded = backtests[evidence.model]
    odds = _sharpe_odds(evidence, traded)
    base = methods.get(BASE) if gives_probabilities(predictions["up"].to_numpy()) else None
    return DirectionEvaluation(
        metrics=direction_table(evidence.predictions, evidence.references, name=evidence.model),
        tests=_tests_table(tests, verdict),
        verdict=verdict,
        backtests=backtests,
        strategies=strategies,
        executions=_executions(evidence, predictions),
        seeds=_seeds(predictions),
        sharpe_odds=odds,
        edge=edge_of(traded, partial(trade, evidence, predictions)),
        exposure=exposure_figures(traded),
        stability=fold_stability(predictions, base, traded, horizon_rows=evidence.horizon_rows),
        ranking=_ranking(evidence, predictions),
        caveats=(*caveats(evidence, predictions, traded), odds.words),
    )


def trade(evidence: Evidence, predictions: pd.DataFrame, **changes: Any) -> Backtest:
    """Trade predictions with the evidence's strategy, some of its settings changed, see `backtest`."""
    return backtest(predictions, evidence.prices, **(strategy_settings(evidence) | changes))


def strategy_settings(evidence: Evidence) -> dict[str, Any]:
    """Return the settings of the evidence's strategy, by their name in `tsdeep.evaluation.Strategy`."""
    return {
        "sizing": evidence.sizing,
        "threshold": evidence.threshold,
        "short": evidence.short,
        "execution": evidence.execution,
        "cost_bps": evidence.cost_bps,
        **evidence.strategy,
    }


def _ranking(evidence: Evidence, predictions: pd.DataFrame) -> Ranking | None:
    if evidence.prices is None or not gives_probabilities(predictions["up"].to_numpy()):
        return None
    return rank_symbols(predictions, evidence.prices, horizon_rows=evidence.horizon_rows)


def _by_time(predictions: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Average the symbols of each time: they are not independent observations."""
    return pd.Series(values).groupby(predictions["time"].to_numpy()).mean().to_numpy()


def _dependence(evidence: Evidence, predictions: pd.DataFrame) -> str:
    """Say why rows are not independent observations of direction, or return "" where they may be taken so."""
    reasons = []
    if evidence.horizon_rows > 1:
        reasons.append(f"labels of {evidence.horizon_rows} rows overlap")
    symbols = predictions["symbol"].nunique()
    if symbols > 1:
        reasons.append(f"{symbols} symbols are pooled")
    return f"{' and '.join(reasons)}, so the rows are not independent" if reasons else ""


def _tests(
    evidence: Evidence, methods: Mapping[str, pd.DataFrame], traded: Backtest
) -> dict[str, tuple[str, str, Significance]]:
    """Return (question, test, outcome) by key: those of the verdict, then those that explain it."""
    predictions = methods[evidence.model]
    y, up = predictions["y"].to_numpy(), predictions["up"].to_numpy()
    called = predicted_class(up)
    tests: dict[str, tuple[str, str, Significance]] = {}
    losses = {
        method: _by_time(frame, log_losses(frame["y"].to_numpy(), frame["up"].to_numpy()))
        for method, frame in methods.items()
        if gives_probabilities(frame["up"].to_numpy())
    }
    against = [method for method in losses if method != evidence.model] if evidence.model in losses else []
    for method in sorted(against, key=lambda method: method != BASE):
        outcome = diebold_mariano(losses[evidence.model], losses[method], horizon_rows=evidence.horizon_rows)
        key, question = f"log_loss_{method}", f"Are the probabilities better than {method}'s?"
        if method == BASE:
            key, question = "probabilities", QUESTIONS["probabilities"]
        tests[key] = (question, f"Diebold-Mariano on log-loss against {method}, nats", outcome)
    outcome = pesaran_timmermann(y, called)
    dependent = _dependence(evidence, predictions)
    if dependent:
        note = f"not defined: {dependent}"
        outcome = Significance(outcome.estimate, _NAN, _NAN, _NAN, _NAN, outcome.rows, note)
    tests["direction"] = (QUESTIONS["direction"], "Pesaran-Timmermann on the calls, share of rows", outcome)
    outcome = sharpe_difference(
        traded.net,
        traded.benchmark,
        draws=evidence.draws,
        seed=evidence.seed,
        periods_per_year=traded.periods_per_year,
    )
    tests["money"] = (QUESTIONS["money"], "Sharpe ratio minus buy and hold's, a year", outcome)
    wrong, wrong_up = _by_time(predictions, called != y), _by_time(predictions, y != 1)
    outcome = diebold_mariano(-wrong, -wrong_up, horizon_rows=evidence.horizon_rows)
    question = "Is it right more often than always calling up?"
    tests["accuracy"] = (question, "accuracy minus always-up's, share of rows", outcome)
    return tests


def _verdict(
    evidence: Evidence,
    predictions: pd.DataFrame,
    tests: Mapping[str, tuple[str, str, Significance]],
    strategies: pd.DataFrame,
) -> Verdict:
    y, called = predictions["y"].to_numpy(), predicted_class(predictions["up"].to_numpy())
    right = float(np.mean(called == y))
    low, high = (_NAN, _NAN) if _dependence(evidence, predictions) else wilson_interval(right, len(y))
    sharpe = strategies["sharpe"]
    return judge(
        evidence.model,
        {key: tests[key][2] for key in QUESTIONS if key in tests},
        accuracy=(right, float(low), float(high)),
        always_up=float(y.mean()),
        called_up=float(called.mean()),
        sharpe=(
            float(sharpe[evidence.model, "before"]),
            float(sharpe[evidence.model, "after"]),
            float(sharpe["buy_and_hold", "before"]),
        ),
        cost_bps=evidence.cost_bps,
    )


def _tests_table(tests: Mapping[str, tuple[str, str, Significance]], verdict: Verdict) -> pd.DataFrame:
    rows = {
        key: {
            "question": question,
            "test": test,
            "estimate": outcome.estimate,
            "low": outcome.low,
            "high": outcome.high,
            "statistic": outcome.statistic,
            "p_value": outcome.p_value,
            "p_holm": verdict.adjusted.get(key, _NAN),
            "rows": outcome.rows,
            "note": outcome.note,
        }
        for key, (question, test, outcome) in tests.items()
    }
    order = [key for key in QUESTIONS if key in rows] + [key for key in rows if key not in QUESTIONS]
    return pd.DataFrame.from_dict({key: rows[key] for key in order}, orient="index")


def _strategies(backtests: Mapping[str, Backtest]) -> pd.DataFrame:
    rows = {}
    for method, result in backtests.items():
        table = result.figures()
        rows[method, "before"] = table.loc["gross"]
        rows[method, "after"] = table.loc["net"]
        held = table.loc["buy_and_hold"]
    rows["buy_and_hold", "before"] = held
    frame = pd.DataFrame(rows).T
    frame.index.names = ["method", "costs"]
    return frame


def _sharpe_odds(evidence: Evidence, traded: Backtest) -> SharpeOdds:
    return sharpe_odds(
        traded.net,
        variants=evidence.variants,
        trials=evidence.trials,
        periods_per_year=traded.periods_per_year,
        draws=evidence.draws,
        seed=evidence.seed,
    )


def _executions(evidence: Evidence, predictions: pd.DataFrame) -> pd.DataFrame:
    rows = {}
    prices = evidence.prices
    opens = prices is not None and "open" in prices.columns and prices["open"].notna().all()
    for execution in EXECUTIONS:
        if execution == "next_open" and not opens:
            continue
        result = trade(evidence, predictions, execution=execution)
        table = result.figures()
        rows[execution] = {
            "sharpe_before": table.loc["gross", "sharpe"],
            "sharpe_after": table.loc["net", "sharpe"],
            "annual_return_after": table.loc["net", "annual_return"],
        }
    frame = pd.DataFrame(rows).T
    frame.index.name = "execution"
    return frame


def _seeds(predictions: pd.DataFrame) -> pd.DataFrame | None:
    columns = [str(column) for column in predictions.columns if str(column).startswith("up_seed")]
    if len(columns) < 2:
        return None
    y = predictions["y"].to_numpy()
    rows = {column.removeprefix("up_"): predictions[column] for column in columns}
    rows["mean of seeds"] = predictions["up"]
    table = pd.DataFrame({name: direction_metrics(y, up.to_numpy()) for name, up in rows.items()}).T
    table.index.name = "seed"
    return table[list(METRICS)]
