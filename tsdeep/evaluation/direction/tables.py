"""The tables of direction's report, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.direction.assessment import DirectionEvaluation, strategy_settings
from tsdeep.evaluation.direction.edge import Edge
from tsdeep.evaluation.direction.metrics import METRICS
from tsdeep.evaluation.direction.ranking import ranking_rows
from tsdeep.evaluation.direction.words import strategy_words
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, text_table
from tsdeep.evaluation.sharpe_odds import SharpeOdds

METRIC_NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "mcc": "MCC",
    "auc": "AUC",
    "log_loss": "log-loss",
    "brier": "Brier",
    "calibration_error": "calibration error",
}


def report_context(evidence: Evidence, evaluation: DirectionEvaluation) -> dict[str, Any]:
    """Return what the page's blocks on direction are filled with."""
    metrics = evaluation.metrics
    methods = list(metrics["accuracy"].columns)
    model = evidence.model
    return {
        "rows_a_year": f"{evaluation.backtests[model].periods_per_year:,.1f}".removesuffix(".0"),
        "up_share": f"{float(metrics['test'].loc['pooled']['up_share']):.1%}",
        "pooled": _pooled(metrics, methods, model),
        "by_fold": _by_fold(metrics, methods),
        "fold_strategies": _fold_strategies(evaluation.stability),
        "tests": _tests(evaluation.tests),
        "strategies": _strategies(evaluation.strategies, model),
        "sharpe_odds": _sharpe_odds(evaluation, model),
        "executions": _executions(evaluation.executions),
        "strategy_words": strategy_words(
            strategy_settings(evidence), symbols=evidence.predictions["symbol"].nunique()
        ),
        "edge_words": _edge_words(evaluation.edge, evaluation.backtests[model].cost_bps),
        "edge": _edge(evaluation.edge),
        "exposure": _exposure(evaluation.exposure),
        "seeds": _seeds(evaluation.seeds),
        "ranking": ranking_rows(evaluation.ranking),
    }


def _metric(metric: str, value: float) -> str:
    if metric in ("accuracy", "balanced_accuracy"):
        return number_text(value, ".1%")
    return number_text(value, ".4f" if metric in ("log_loss", "brier", "calibration_error") else ".3f")


def _pooled(metrics: pd.DataFrame, methods: list[str], model: str) -> dict[str, Any]:
    pooled = metrics.loc["pooled"]
    rows = [[method, *(_metric(m, pooled[m, method]) for m in METRICS)] for method in methods]
    return text_table(["method", *(METRIC_NAMES[m] for m in METRICS)], rows, model=model)


def _by_fold(metrics: pd.DataFrame, methods: list[str]) -> dict[str, Any]:
    """Return accuracy, AUC and log-loss a fold, of the methods for which they are defined."""
    told = {}
    for metric in ("accuracy", "log_loss", "auc"):
        values = metrics[metric].astype(float)
        defined = [m for m in methods if values[m].notna().any()]
        told[metric] = [m for m in defined if metric != "auc" or (values[m].iloc[:-1] != 0.5).any()]
    rows = []
    for fold in metrics.index:
        test = metrics["test"].loc[fold]
        cells = [_metric(metric, metrics.loc[fold, (metric, m)]) for metric, ms in told.items() for m in ms]
        span = f"{test['first']:%Y-%m} to {test['last']:%Y-%m}"
        rows.append([str(fold), span, f"{int(test['rows']):,}", f"{float(test['up_share']):.1%}", *cells])
    header = ["fold", "test rows", "rows", "ups", *(method for ms in told.values() for method in ms)]
    groups = [("", 4), *((METRIC_NAMES[metric], len(ms)) for metric, ms in told.items() if ms)]
    return text_table(header, rows, groups=groups, last=True)


def _fold_strategies(stability: pd.DataFrame) -> dict[str, Any] | None:
    """Return the strategy's Sharpe ratio a fold, and the difference of the losses; None for a single fold."""
    if len(stability) < 2:
        return None
    compared = "loss_difference" in stability
    rows = []
    for fold, row in stability.iterrows():
        span = f"{row['first']:%Y-%m} to {row['last']:%Y-%m}"
        cells = [str(fold), span, number_text(row["sharpe"], ".2f"), number_text(row["buy_and_hold"], ".2f")]
        if compared:
            cells += [
                number_text(row["loss_difference"], "+.5f"),
                interval_text(row["low"], row["high"], "+.5f"),
            ]
        rows.append(cells)
    header = ["fold", "test rows", "Sharpe after costs", "Sharpe, buy and hold"]
    header += ["log-loss minus base rate's, nats", "95% interval"] if compared else []
    return text_table(header, rows)


def _tests(tests: pd.DataFrame) -> list[dict[str, str]]:
    rows = []
    for key, test in tests.iterrows():
        share = key in ("direction", "accuracy")
        form = "+.2%" if share else "+.2f" if key == "money" else "+.5f"
        rows.append(
            {
                "question": test["question"],
                "test": test["test"],
                "estimate": number_text(test["estimate"], form),
                "interval": interval_text(test["low"], test["high"], form),
                "statistic": number_text(test["statistic"], "+.2f"),
                "p_value": p_cell(test["p_value"]),
                "p_holm": p_cell(test["p_holm"]),
                "note": test["note"],
            }
        )
    return rows


def _strategies(table: pd.DataFrame, model: str) -> dict[str, Any]:
    rows = []
    for (method, costs), row in table.iterrows():
        name = "buy and hold" if method == "buy_and_hold" else method
        rows.append(
            [
                name,
                "" if method == "buy_and_hold" else costs,
                number_text(row["annual_return"], ".1%"),
                number_text(row["annual_volatility"], ".1%"),
                number_text(row["sharpe"], ".2f"),
                number_text(row["sortino"], ".2f"),
                number_text(row["max_drawdown"], ".1%"),
                number_text(row["calmar"], ".2f"),
                number_text(row["tail_ratio"], ".2f"),
                number_text(row["alpha"], "+.1%"),
                number_text(row["beta"], "+.2f"),
                number_text(row["turnover"], ".0f"),
                f"{row['long']:.0%} / {row['short']:.0%}",
            ]
        )
    header = [
        *("strategy on", "costs", "return a year", "volatility a year", "Sharpe", "Sortino", "max. drawdown"),
        *("Calmar", "tail ratio", "alpha a year", "beta", "turnover a year", "long / short"),
    ]
    return text_table(header, rows, model=model)


def _sharpe_odds(evaluation: DirectionEvaluation, model: str) -> dict[str, str]:
    odds, year = evaluation.sharpe_odds, evaluation.backtests[model].periods_per_year
    return {
        "Sharpe ratio after costs": number_text(odds.sharpe, ".2f"),
        "its 95% interval, stationary bootstrap": interval_text(odds.low, odds.high, ".2f"),
        "probabilistic Sharpe ratio: P(true ratio above 0)": number_text(odds.probabilistic, ".3f"),
        "record that 95% of that would take": _record_text(odds, year),
        "settings tried, as far as known": "not known" if odds.trials is None else f"{odds.trials:,}",
        "the best of so many without skill would show": number_text(odds.expected_maximum, ".2f"),
        "deflated Sharpe ratio: P(true ratio above that)": number_text(odds.deflated, ".3f"),
        "skewness of a row's returns": number_text(odds.skewness, ".2f"),
        "kurtosis of a row's returns (normal: 3)": number_text(odds.kurtosis, ".1f"),
    }


def _record_text(odds: SharpeOdds, year: float) -> str:
    if np.isinf(odds.track_record_rows):
        return "no length would do"
    if np.isnan(odds.track_record_rows):
        return "—"
    return f"{odds.track_record_rows / year:,.1f} years; these are {odds.rows / year:,.1f}"


def _executions(table: pd.DataFrame) -> dict[str, Any]:
    rows = [
        [str(name), number_text(row["sharpe_before"], ".2f"), number_text(row["sharpe_after"], ".2f"),
         number_text(row["annual_return_after"], ".1%")]
        for name, row in table.iterrows()
    ]  # fmt: skip
    header = ["filled at", "Sharpe before costs", "Sharpe after costs", "return a year after costs"]
    return text_table(header, rows)


def _edge(edge: Edge) -> list[dict[str, Any]]:
    """Return the tables behind the figure: by cost, and by delay."""
    columns = ["Sharpe after costs", "mean return a year"]
    made = []
    for table, name in ((edge.costs, "cost, bps"), (edge.delays, "rows late")):
        rows = [
            [f"{key:g}", number_text(row["sharpe"], ".2f"), number_text(row["annual_return"], ".1%")]
            for key, row in table.iterrows()
        ]
        made.append(text_table([name, *columns], rows))
    return made


def _edge_words(edge: Edge, cost_bps: float) -> str:
    """Say up to which cost anything is earned, and more than by buying and holding."""
    if np.isnan(edge.break_even_bps):
        said = "The strategy earns nothing even without costs."
    else:
        said = f"Its mean return is zero at a cost of {edge.break_even_bps:,.1f} bps; it is charged {cost_bps:g}."
    if np.isfinite(edge.matches_bps):
        return (
            f"{said} Up to {edge.matches_bps:,.1f} bps its Sharpe ratio is above that of buy and hold, "
            f"{edge.buy_and_hold:.2f}; whether beyond chance is said above."
        )
    if not np.isfinite(edge.buy_and_hold):
        return said
    above = edge.costs["sharpe"].iloc[0] > edge.buy_and_hold
    where = "is above that of buy and hold" if above else "is not above that of buy and hold"
    return f"{said} Its Sharpe ratio {where}, {edge.buy_and_hold:.2f}, at any cost."


def _exposure(figures: Mapping[str, float]) -> dict[str, str]:
    return {
        "net exposure, mean": f"{figures['net']:+.1%} of equity",
        "gross exposure, mean": f"{figures['gross']:.1%} of equity",
        "gross exposure, largest": f"{figures['largest_gross']:.1%} of equity",
        "long / short / flat": " / ".join(f"{figures[side]:.0%}" for side in ("long", "short", "flat"))
        + " of rows",
        "turnover": f"{figures['turnover']:,.1f} equities a year",
        "changes of side, each symbol": f"{figures['changes']:,.1f} a year",
        "a side is kept for": f"{number_text(figures['held_rows'], ',.1f')} rows, on average",
    }


def _seeds(table: pd.DataFrame | None) -> dict[str, Any] | None:
    if table is None:
        return None
    rows = [[str(seed), *(_metric(m, row[m]) for m in METRICS)] for seed, row in table.iterrows()]
    return text_table(["seed", *(METRIC_NAMES[m] for m in METRICS)], rows, last=True)
