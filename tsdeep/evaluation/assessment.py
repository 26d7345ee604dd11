"""From evidence to scores, an evaluation and figures, for whatever task was predicted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from tsdeep.evaluation.evaluator import Evaluation, get_evaluator
from tsdeep.evaluation.evidence import Evidence


def evaluate(evidence: Evidence) -> Evaluation:
    """Score, test and judge the predictions, beside the references.

    Parameters
    ----------
    evidence : Evidence
        Predictions, references and settings; `evidence.task` says of which kind.

    Returns
    -------
    Evaluation
        Tables, tests and the verdict: a `DirectionEvaluation`, a `MovementEvaluation` or a
        `VolatilityEvaluation`.

    Raises
    ------
    DataError
        If predictions, references and prices do not fit together.
    SpecError
        If the settings are not known.
    """
    return get_evaluator(evidence.task).evaluate(evidence)


def figures(evidence: Evidence, evaluation: Evaluation) -> dict[str, Figure]:
    """Draw the figures of the report.

    Parameters
    ----------
    evidence : Evidence
        What was evaluated.
    evaluation : Evaluation
        What it amounts to.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        folds and learning_curves (where the evidence has them), then the task's own.
    """
    return get_evaluator(evidence.task).figures(evidence, evaluation)


def metrics_table(
    predictions: pd.DataFrame,
    references: pd.DataFrame | None = None,
    *,
    name: str = "model",
    task: str = "direction",
) -> pd.DataFrame:
    """Score the model and every reference method on each fold's test rows, then on all of them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As `Evidence` holds them for the task.
    references : pandas.DataFrame, optional
        The same columns and `method`, on the same test rows.
    name : str
        How the model's columns are called.
    task : str
        Kind of task, of `evaluator_names()`.

    Returns
    -------
    pandas.DataFrame
        Index `fold`: the fold numbers, then `"pooled"` (computed on all test rows, not averaged over folds);
        of `movement`: (fold, horizon), each horizon by itself.
        Two-level columns (metric, method): `table["log_loss"]` has a column a method, and `table["test"]`
        describes the test rows: first, last (times), rows, and the shares of the classes. NaN: not defined
        for this method (always-up states no probability) or on these rows (AUC of a single class).

    Raises
    ------
    DataError
        If predictions and references cannot be compared.
    SpecError
        For an unknown task.
    """
    return get_evaluator(task).metrics_table(predictions, references, name)


def summary_table(table: pd.DataFrame, task: str = "direction") -> pd.DataFrame:
    """Shorten `metrics_table`'s result to what fits a terminal: a fold a row, then pooled.

    Returns
    -------
    pandas.DataFrame
        Index: fold and its test period (of `movement`, then horizon). Two-level columns (metric, method): the
        task's main metrics of every method that has them, and rows.
    """
    return get_evaluator(task).summary_table(table)


def tidy_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Turn `metrics_table`'s result, of any task, into one row a fold and method, as `metrics.csv` holds it.

    Returns
    -------
    pandas.DataFrame
        Columns fold (of `movement`, then horizon), method, what `table["test"]` has (first, last, rows, ...),
        then the metrics.
    """
    metrics = [metric for metric in dict.fromkeys(table.columns.get_level_values(0)) if metric != "test"]
    frames = []
    for method in table[metrics[0]].columns:
        scores = pd.DataFrame({metric: table[metric, method] for metric in metrics})
        frame = pd.concat([table["test"], scores], axis=1)
        frame.insert(0, "method", method)
        frames.append(frame)
    tidy = pd.concat(frames).reset_index()
    order = np.argsort(np.tile(np.arange(len(table)), len(frames)), kind="stable")
    return tidy.iloc[order].reset_index(drop=True)


def pooled_scores(table: pd.DataFrame) -> dict[str, Any]:
    """Return the scores on all test rows by method; where the index has horizons, by horizon, then method.

    Returns
    -------
    dict
        Method to its scores by name (counts and shares of the test rows included, times left out); keys are
        text, figures that are not defined None: ready for JSON.
    """
    tidy = tidy_metrics(table)
    pooled = tidy[tidy["fold"] == "pooled"].drop(columns=["fold", "first", "last"])
    if "horizon" not in pooled:
        return {row["method"]: _plain(row.drop("method")) for _, row in pooled.iterrows()}
    return {
        str(horizon): {row["method"]: _plain(row.drop(["method", "horizon"])) for _, row in rows.iterrows()}
        for horizon, rows in pooled.groupby("horizon")
    }


def _plain(row: pd.Series) -> dict[str, float | int | None]:
    numbers = {key: float(value) for key, value in row.items()}
    return {
        str(key): None if not np.isfinite(value) else int(value) if key == "rows" else value
        for key, value in numbers.items()
    }
