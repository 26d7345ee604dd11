"""The tables of movement's report, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.formatting import number_text, p_cell, text_table
from tsdeep.evaluation.movement.assessment import MovementEvaluation
from tsdeep.evaluation.movement.intervals import JUDGED_METRICS
from tsdeep.evaluation.movement.metrics import SUMMARY, test_period
from tsdeep.evaluation.movement.predictions import CLASSES
from tsdeep.evaluation.movement.scores import MOVEMENT_METRICS
from tsdeep.evaluation.movement.trading_tables import method_rows, replay_rows
from tsdeep.evaluation.verdict import join_words

_NAMES = {
    "log_loss": "log-loss",
    "mcc": "MCC",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "brier": "Brier",
    "calibration_error": "calibration error",
    "prior_corrected_mcc": "MCC, prior-corrected",
    "prior_corrected_macro_f1": "macro F1, prior-corrected",
    "prior_corrected_balanced_accuracy": "balanced accuracy, prior-corrected",
}
_SHARED = {
    "folds": "How the folds were cut: the rows to fit on, to stop on and to be tested on, through time.",
    "learning_curves": "Loss by epoch on the rows used to fit and to stop. A gap that opens is "
    "overfitting; a flat validation curve says that nothing carries over.",
}
_OF_HORIZON = {
    "confusion": "How often each class was called, by what came: rows, and their share of what came.",
    "calibration": "When the model says 40%, does it come in 40% of the cases? Points on the diagonal: yes. "
    "Intervals count rows / horizon as independent.",
    "coverage": "Accuracy and MCC of the rows on which a method is surest. A line that rises to the left: its "
    "confidence is worth something.",
    "time_of_day": "Log-loss through the session; below, the model's minus each reference's: under zero it is "
    "better.",
    "replay": "Left: what the calls earn as trades, filled at the mid, where no one trades, and at the touch. Right: "
    "the mean trade with its 95% interval; dashed: what it must earn to pay a fee.",
}
_GROUPS = {
    "spread": "spread, ticks",
    "time_of_day": "time in session",
    "session": "session",
    "symbol": "symbol",
}
_MOST_ROWS = 30


def movement_captions(evaluation: MovementEvaluation) -> dict[str, str]:
    """Return a caption a figure."""
    horizons = evaluation.effective.index
    return _SHARED | {f"{name}_{horizon}": text for horizon in horizons for name, text in _OF_HORIZON.items()}


def report_context(evidence: Evidence, evaluation: MovementEvaluation) -> dict[str, Any]:
    """Return what the page's blocks on movement are filled with; a table is header, groups and rows."""
    metrics = evaluation.metrics
    methods = [str(method) for method in metrics["mcc"].columns]
    sections = []
    for horizon in evaluation.effective.index:
        pooled = metrics.loc[("pooled", horizon)]
        sections.append(
            {
                "horizon": horizon,
                "shares": ", ".join(f"{pooled['test', f'{c}_share']:.1%} {c}" for c in CLASSES),
                "pooled": _pooled(pooled, methods, evidence.model),
                "intervals": _intervals(evaluation, horizon, evidence.model),
                "differences": _differences(evaluation, horizon),
                "by_fold": _scores(_of_folds(metrics, horizon), ("fold", "test rows"), methods, last=True),
                "breakdowns": [
                    (name, _scores(_first_rows(table), (_GROUPS[name],), methods), len(table) - _MOST_ROWS)
                    for name, table in evaluation.breakdowns[horizon].items()
                    if len(table) > 1
                ],
                "calls": _calls(evaluation, horizon, methods, evidence.model),
                "coverage": _coverage(evaluation, horizon, evidence.model),
                "seeds": _seeds(evaluation.seeds, horizon),
                **_trading(evaluation, horizon, evidence.model, evidence.replay.shown_latency_rows),
            }
        )
    return {
        "sections": sections,
        "horizons": " and ".join(f"{horizon}" for horizon in evaluation.effective.index),
        "effective": _effective(evaluation.effective),
        "corrected": bool(evaluation.corrected_confusions),
        "stating": join_words(evaluation.stated_calls),
        "draws": f"{evidence.draws:,}",
        "references": len(methods) > 1,
        "traded": evaluation.replay_figures is not None,
        "shown_latency": evidence.replay.shown_latency_rows,
    }


def _trading(evaluation: MovementEvaluation, horizon: int, model: str, latency_rows: int) -> dict[str, Any]:
    trips = evaluation.round_trips[evaluation.round_trips["horizon"] == horizon]
    figures = evaluation.replay_figures
    if figures is not None:
        figures = figures[figures["horizon"] == horizon]
    return {
        "replays": None if figures is None else replay_rows(figures, model),
        "round_trips": method_rows(figures, trips, model, latency_rows),
        "perfect_trips": f"{int(trips['potential'].iloc[0]):,}",
    }


def _metric(metric: str, value: float) -> str:
    if "accuracy" in metric:
        return number_text(value, ".1%")
    return number_text(value, ".4f" if metric in ("log_loss", "brier", "calibration_error") else ".3f")


def _pooled(pooled: pd.Series, methods: list[str], model: str) -> dict[str, Any]:
    told = [m for m in MOVEMENT_METRICS if any(np.isfinite(pooled[m, method]) for method in methods)]
    rows = [[method, *(_metric(m, pooled[m, method]) for m in told)] for method in methods]
    return text_table(["method", *(_NAMES[m] for m in told)], rows, model=model)


def _interval(row: pd.Series, form: str) -> str:
    if not np.isfinite(row["low"]):
        return "—"
    return f"{row['low']:{form}} to {row['high']:{form}}"


def _intervals(evaluation: MovementEvaluation, horizon: int, model: str) -> dict[str, Any]:
    chosen = evaluation.intervals[evaluation.intervals["horizon"] == horizon]
    rows = []
    for method, of_method in chosen.groupby("method", sort=False):
        cells = []
        for metric in SUMMARY:
            row = of_method[of_method["metric"] == metric].iloc[0]
            form = ".4f" if metric == "log_loss" else ".3f"
            cells += [
                number_text(row["estimate"], form),
                number_text(row["error"], form),
                _interval(row, form),
            ]
        rows.append([str(method), *cells])
    groups = [("", 1), *((_NAMES[metric], 3) for metric in SUMMARY)]
    return text_table(
        ["method", *["estimate", "error", "95% interval"] * 3], rows, groups=groups, model=model
    )


def _differences(evaluation: MovementEvaluation, horizon: int) -> dict[str, Any]:
    chosen = evaluation.differences[evaluation.differences["horizon"] == horizon]
    rows = []
    for reference, of_reference in chosen.groupby("reference", sort=False):
        cells = []
        for metric in SUMMARY:
            row = of_reference[of_reference["metric"] == metric].iloc[0]
            form = "+.4f" if metric == "log_loss" else "+.3f"
            cells += [
                number_text(row["estimate"], form), _interval(row, form), number_text(row["ratio"], "+.1f")
            ]  # fmt: skip
            if metric in JUDGED_METRICS:
                cells.append(p_cell(row["p_holm"]))
        rows.append([str(reference), *cells])
    three = ["difference", "95% interval", "errors"]
    columns = {metric: [*three, "p, Holm"] if metric in JUDGED_METRICS else three for metric in SUMMARY}
    groups = [("", 1), *((_NAMES[metric], len(names)) for metric, names in columns.items())]
    header = ["model minus", *(name for names in columns.values() for name in names)]
    return text_table(header, rows, groups=groups)


def _of_folds(metrics: pd.DataFrame, horizon: int) -> pd.DataFrame:
    table = metrics.xs(horizon, level="horizon")
    test = table["test"]
    periods = [test_period(first, last) for first, last in zip(test["first"], test["last"], strict=True)]
    return table.set_axis(pd.MultiIndex.from_arrays([table.index, periods]))


def _first_rows(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[:_MOST_ROWS]


def _scores(
    table: pd.DataFrame, names: Sequence[str], methods: list[str], *, last: bool = False
) -> dict[str, Any]:
    """Return rows and shares of classes, then log-loss and MCC of the methods for which they are defined."""
    told = {m: [k for k in methods if table[m, k].notna().any()] for m in ("log_loss", "mcc")}
    told["mcc"] = [k for k in told["mcc"] if (table["mcc", k] != 0).any()]
    rows = []
    for key, row in table.iterrows():
        name = [str(part) for part in (key if isinstance(key, tuple) else (key,))]
        shares = [f"{row['test', f'{c}_share']:.1%}" for c in CLASSES]
        scores = [_metric(metric, row[metric, method]) for metric, ms in told.items() for method in ms]
        rows.append([*name, f"{int(row['test', 'rows']):,}", *shares, *scores])
    groups = [("", len(names) + 1), ("came", 3), *((_NAMES[m], len(ms)) for m, ms in told.items() if ms)]
    header = [*names, "rows", *CLASSES, *(method for ms in told.values() for method in ms)]
    return text_table(header, rows, groups=groups, last=last)


def _calls(evaluation: MovementEvaluation, horizon: int, methods: list[str], model: str) -> dict[str, Any]:
    """Return how often each class is called, and how often by prior-corrected argmax."""
    sources = [("called", evaluation.confusions)]
    if evaluation.corrected_confusions:
        sources.append(("called, prior-corrected", evaluation.corrected_confusions))
    rows = []
    for method in methods:
        cells = []
        for _, confusions in sources:
            counts = confusions[horizon, method]
            cells += [f"{share:.1%}" for share in counts.sum(axis=0) / counts.sum()]
        rows.append([method, *cells])
    groups = [("", 1), *((name, 3) for name, _ in sources)]
    return text_table(["method", *CLASSES * len(sources)], rows, groups=groups, model=model)


def _coverage(evaluation: MovementEvaluation, horizon: int, model: str) -> dict[str, Any]:
    table = evaluation.coverage
    chosen = table[(table["horizon"] == horizon) & (table["method"] == model)]
    rows = [
        [f"{row['threshold']:.3f}", f"{row['share']:.1%}", f"{row['rows']:,}", f"{row['accuracy']:.1%}",
         f"{row['mcc']:.3f}"]
        for _, row in chosen.iterrows()
    ]  # fmt: skip
    return text_table(["probability of the call at least", "share of rows", "rows", "accuracy", "MCC"], rows)


def _seeds(seeds: pd.DataFrame | None, horizon: int) -> dict[str, Any] | None:
    if seeds is None:
        return None
    table = seeds.loc[horizon]
    told = [metric for metric in MOVEMENT_METRICS if table[metric].notna().any()]
    rows = [[str(seed), *(_metric(metric, row[metric]) for metric in told)] for seed, row in table.iterrows()]
    return text_table(["seed", *(_NAMES[metric] for metric in told)], rows, last=True)


def _effective(effective: pd.DataFrame) -> dict[str, Any]:
    header = ["horizon, rows", "test rows", "labels that do not overlap", "effective rows of the log-loss",
              "block, rows", "blocks in a draw"]  # fmt: skip
    keys = ["rows", "non_overlapping_rows", "effective_rows", "block_rows", "blocks"]
    rows = [[str(h), *(number_text(row[key], ",.0f") for key in keys)] for h, row in effective.iterrows()]
    return text_table(header, rows)
