"""The tables of direction's report, as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.direction.assessment import DirectionEvaluation
from tsdeep.evaluation.direction.metrics import METRICS
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, text_table
from tsdeep.evaluation.sharpe_odds import SharpeOdds

CAPTIONS = {
    "folds": "How the folds were cut: the rows to fit on, to stop on and to be tested on, through time.",
    "learning_curves": "Loss by epoch on the rows used to fit and to stop. A gap that opens is "
    "overfitting; a flat validation curve says that nothing carries over.",
    "calibration": "When the model says 55%, does it come in 55% of the cases? Points on the diagonal: yes.",
    "probabilities": "Probabilities on rows that went up and on rows that went down. Outlines that lie on "
    "each other mean that the probabilities do not tell the two apart.",
    "rolling_accuracy": "Share of right calls over the last rows. Where always-up lies inside the band, the "
    "two cannot be told apart there.",
    "confusion": "How often each direction was called, by what came.",
    "equity": "What the strategy earned, before and after costs, beside buy and hold; below, the loss from "
    "the last peak.",
}
_METRIC_NAMES = {
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
    return {
        "rows_a_year": f"{evaluation.backtests[evidence.model].periods_per_year:,.1f}".removesuffix(".0"),
        "up_share": f"{float(metrics['test'].loc['pooled']['up_share']):.1%}",
        "pooled": _pooled(metrics, methods),
        "by_fold": _by_fold(metrics, methods),
        "tests": _tests(evaluation.tests),
        "strategies": _strategies(evaluation.strategies),
        "sharpe_odds": _sharpe_odds(evaluation, evidence.model),
        "executions": _executions(evaluation.executions),
        "seeds": _seeds(evaluation.seeds),
        "names": _METRIC_NAMES,
    }


def _metric(metric: str, value: float) -> str:
    if metric in ("accuracy", "balanced_accuracy"):
        return number_text(value, ".1%")
    return number_text(value, ".4f" if metric in ("log_loss", "brier", "calibration_error") else ".3f")


def _pooled(metrics: pd.DataFrame, methods: list[str]) -> list[tuple[str, list[str]]]:
    pooled = metrics.loc["pooled"]
    return [(method, [_metric(m, pooled[m, method]) for m in METRICS]) for method in methods]


def _by_fold(metrics: pd.DataFrame, methods: list[str]) -> dict[str, Any]:
    """Return accuracy, AUC and log-loss a fold, of the methods for which they are defined."""
    groups = {}
    for metric in ("accuracy", "log_loss", "auc"):
        values = metrics[metric].astype(float)
        told = [m for m in methods if values[m].notna().any()]
        groups[metric] = [m for m in told if metric != "auc" or (values[m].iloc[:-1] != 0.5).any()]
    rows = []
    for fold in metrics.index:
        test = metrics["test"].loc[fold]
        cells = [_metric(metric, metrics.loc[fold, (metric, m)]) for metric, ms in groups.items() for m in ms]
        span = f"{test['first']:%Y-%m} to {test['last']:%Y-%m}"
        rows.append([str(fold), span, f"{int(test['rows']):,}", f"{float(test['up_share']):.1%}", *cells])
    return {"groups": groups, "rows": rows}


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
                "interval": f"{number_text(test['low'], form)} to {number_text(test['high'], form)}",
                "statistic": number_text(test["statistic"], "+.2f"),
                "p_value": p_cell(test["p_value"]),
                "p_holm": p_cell(test["p_holm"]),
                "note": test["note"],
            }
        )
    return rows


def _strategies(table: pd.DataFrame) -> list[list[str]]:
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
    return rows


def _sharpe_odds(evaluation: DirectionEvaluation, model: str) -> dict[str, Any]:
    odds, year = evaluation.sharpe_odds, evaluation.backtests[model].periods_per_year
    return text_table(
        ["how sure the Sharpe ratio is", ""],
        [
            ["Sharpe ratio after costs", number_text(odds.sharpe, ".2f")],
            ["its 95% interval, stationary bootstrap", interval_text(odds.low, odds.high, ".2f")],
            ["probabilistic Sharpe ratio: P(true ratio above 0)", number_text(odds.probabilistic, ".3f")],
            ["record that 95% of that would take", _record_text(odds, year)],
            ["settings tried, as far as known", "not known" if odds.trials is None else f"{odds.trials:,}"],
            ["the best of so many without skill would show", number_text(odds.expected_maximum, ".2f")],
            ["deflated Sharpe ratio: P(true ratio above that)", number_text(odds.deflated, ".3f")],
            ["skewness of a row's returns", number_text(odds.skewness, ".2f")],
            ["kurtosis of a row's returns (normal: 3)", number_text(odds.kurtosis, ".1f")],
        ],
    )


def _record_text(odds: SharpeOdds, year: float) -> str:
    if np.isinf(odds.track_record_rows):
        return "no length would do"
    if np.isnan(odds.track_record_rows):
        return "—"
    return f"{odds.track_record_rows / year:,.1f} years; these are {odds.rows / year:,.1f}"


def _executions(table: pd.DataFrame) -> list[list[str]]:
    return [
        [str(name), number_text(row["sharpe_before"], ".2f"), number_text(row["sharpe_after"], ".2f"),
         number_text(row["annual_return_after"], ".1%")]
        for name, row in table.iterrows()
    ]  # fmt: skip


def _seeds(table: pd.DataFrame | None) -> list[tuple[str, list[str]]]:
    if table is None:
        return []
    return [(str(seed), [_metric(m, row[m]) for m in METRICS]) for seed, row in table.iterrows()]
