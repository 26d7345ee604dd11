"""One self-contained HTML page, readable by someone who has not read the code."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.assessment import BASE, Evaluation, evaluate
from tsdeep.evaluation.assessment import figures as draw_figures
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.metrics import METRICS, tidy_metrics

_CAPTIONS = {
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


def write_report(
    evidence: Evidence,
    out: str | Path,
    *,
    evaluation: Evaluation | None = None,
    figures: Mapping[str, Figure] | None = None,
) -> Path:
    """Write `report.html`, `metrics.csv` and `figures/*.png` into a folder.

    Parameters
    ----------
    evidence : Evidence
        What is reported on.
    out : str or Path
        Folder; made where it is missing.
    evaluation : Evaluation, optional
        Where it was computed before; by default `evaluate(evidence)`.
    figures : mapping of str to matplotlib.figure.Figure, optional
        Where they were drawn before; by default `figures(evidence, evaluation)`.

    Returns
    -------
    Path
        Of `report.html`. The page holds its figures and loads nothing.
    """
    out = Path(out)
    evaluation = evaluate(evidence) if evaluation is None else evaluation
    figures = draw_figures(evidence, evaluation) if figures is None else figures
    (out / "figures").mkdir(parents=True, exist_ok=True)
    images = {name: _png(figure) for name, figure in figures.items()}
    for name, png in images.items():
        _write(out / "figures" / f"{name}.png", png)
    _write(out / "metrics.csv", tidy_metrics(evaluation.metrics).to_csv(index=False).encode())
    _write(out / "report.html", render_report(evidence, evaluation, images).encode())
    return out / "report.html"


def render_report(evidence: Evidence, evaluation: Evaluation, images: Mapping[str, bytes]) -> str:
    """Return the report's HTML.

    Parameters
    ----------
    evidence : Evidence
        What is reported on.
    evaluation : Evaluation
        What it amounts to.
    images : mapping of str to bytes
        PNG files, by the names of `figures`.

    Returns
    -------
    str
        One page; every text from data, settings or names is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    metrics = evaluation.metrics
    test = metrics["test"].loc["pooled"]
    methods = list(metrics["accuracy"].columns)
    early = int((~(evidence.predictions["cutoff"] < evidence.predictions["time"])).sum())
    return environment.get_template("report.html").render(
        evidence=evidence,
        evaluation=evaluation,
        period=f"{test['first']:%Y-%m-%d} to {test['last']:%Y-%m-%d}",
        rows_a_year=f"{evaluation.backtests[evidence.model].periods_per_year:,.1f}".removesuffix(".0"),
        test_rows=f"{int(test['rows']):,}",
        up_share=f"{float(test['up_share']):.1%}",
        folds=len(metrics) - 1,
        walk_forward=early == 0,
        early_rows=f"{early:,}",
        symbols=evidence.predictions["symbol"].nunique(),
        methods=methods,
        base=BASE,
        pooled=_pooled(metrics, methods),
        by_fold=_by_fold(metrics, methods),
        tests=_tests(evaluation.tests),
        strategies=_strategies(evaluation.strategies),
        executions=_executions(evaluation.executions),
        seeds=_seeds(evaluation.seeds),
        fold_table=_plain(evidence.folds),
        images={name: base64.b64encode(png).decode("ascii") for name, png in images.items()},
        captions=_CAPTIONS,
        names=_METRIC_NAMES,
    )


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write in one step: an interrupted report leaves the earlier file or none."""
    partial = path.with_name(f".{path.name}.part")
    partial.write_bytes(content)
    os.replace(partial, path)


def _number(value: Any, form: str) -> str:
    return "—" if np.isnan(value) else format(value, form)


def _metric(metric: str, value: float) -> str:
    if metric in ("accuracy", "balanced_accuracy"):
        return _number(value, ".1%")
    return _number(value, ".4f" if metric in ("log_loss", "brier", "calibration_error") else ".3f")


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
                "estimate": _number(test["estimate"], form),
                "interval": f"{_number(test['low'], form)} to {_number(test['high'], form)}",
                "statistic": _number(test["statistic"], "+.2f"),
                "p_value": _p(test["p_value"]),
                "p_holm": _p(test["p_holm"]),
                "note": test["note"],
            }
        )
    return rows


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else _number(value, ".3f")


def _strategies(table: pd.DataFrame) -> list[list[str]]:
    rows = []
    for (method, costs), row in table.iterrows():
        name = "buy and hold" if method == "buy_and_hold" else method
        rows.append(
            [
                name,
                "" if method == "buy_and_hold" else costs,
                _number(row["annual_return"], ".1%"),
                _number(row["annual_volatility"], ".1%"),
                _number(row["sharpe"], ".2f"),
                _number(row["sortino"], ".2f"),
                _number(row["max_drawdown"], ".1%"),
                _number(row["alpha"], "+.1%"),
                _number(row["beta"], "+.2f"),
                _number(row["turnover"], ".0f"),
                f"{row['long']:.0%} / {row['short']:.0%}",
            ]
        )
    return rows


def _executions(table: pd.DataFrame) -> list[list[str]]:
    return [
        [str(name), _number(row["sharpe_before"], ".2f"), _number(row["sharpe_after"], ".2f"),
         _number(row["annual_return_after"], ".1%")]
        for name, row in table.iterrows()
    ]  # fmt: skip


def _seeds(table: pd.DataFrame | None) -> list[tuple[str, list[str]]]:
    if table is None:
        return []
    return [(str(seed), [_metric(m, row[m]) for m in METRICS]) for seed, row in table.iterrows()]


def _plain(table: pd.DataFrame | None) -> dict[str, Any] | None:
    """Return header and cells of any small table, dates without an empty clock."""
    if table is None:
        return None
    frame = table.reset_index() if table.index.name else table
    return {
        "header": [str(c) for c in frame.columns],
        "rows": [[_cell(v) for v in row] for row in frame.to_numpy()],
    }


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp | np.datetime64):
        stamp = pd.Timestamp(value)
        return "—" if pd.isna(stamp) else f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp}"
    if isinstance(value, float) and np.isfinite(value):
        return f"{int(value):,}" if value == int(value) else f"{value:.4g}"
    return "—" if value is None or value is pd.NaT or value != value else str(value)
