"""Scores of direction predictions: a fold a row, then pooled, model and references side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import xlogy
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef, roc_auc_score

from tsdeep.evaluation.calibration import calibration_error
from tsdeep.evaluation.direction.predictions import check_predictions, check_references, gives_probabilities

METRICS = ("accuracy", "balanced_accuracy", "mcc", "auc", "log_loss", "brier", "calibration_error")
PROBABILITY_METRICS = ("log_loss", "brier", "calibration_error")


def predicted_class(up: ArrayLike) -> np.ndarray:
    """Return the predicted class `[rows]`: 1 where P(up) is above one half; exactly one half is not up."""
    return (np.asarray(up, dtype=np.float64) > 0.5).astype(np.int8)


def log_losses(y: ArrayLike, up: ArrayLike) -> np.ndarray:
    """Return each row's log-loss in nats, unclipped: infinite where a certainty was wrong.

    Parameters
    ----------
    y : array_like [rows]
        0 or 1.
    up : array_like [rows]
        P(up).

    Returns
    -------
    numpy.ndarray [rows]
        `-log P(what happened)`, float64.
    """
    y = np.asarray(y, dtype=np.float64)
    up = np.asarray(up, dtype=np.float64)
    return -(xlogy(y, up) + xlogy(1.0 - y, 1.0 - up))


def direction_metrics(y: ArrayLike, up: ArrayLike, *, probabilities: bool | None = None) -> dict[str, float]:
    """Score direction predictions.

    Parameters
    ----------
    y : array_like [rows]
        0 or 1.
    up : array_like [rows]
        P(up), or a class where all values are 0, 1 or 0.5.
    probabilities : bool, optional
        Whether `up` states probabilities; by default `gives_probabilities(up)`. Where it does not,
        log_loss, brier and calibration_error are NaN.

    Returns
    -------
    dict of str to float
        The names of `METRICS`. auc is NaN where `y` holds one class; a constant prediction has auc 0.5 and
        mcc 0; log_loss is in nats, unclipped, so infinite where a stated certainty was wrong.
    """
    y = np.asarray(y, dtype=np.int8)
    up = np.asarray(up, dtype=np.float64)
    probabilities = gives_probabilities(up) if probabilities is None else probabilities
    predicted = predicted_class(up)
    both = y.min() != y.max()
    correct = predicted == y
    return {
        "accuracy": float(correct.mean()),
        "balanced_accuracy": float(balanced_accuracy_score(y, predicted)) if both else float(correct.mean()),
        "mcc": float(matthews_corrcoef(y, predicted)) if both else 0.0,
        "auc": float(roc_auc_score(y, up)) if both else float("nan"),
        "log_loss": float(log_losses(y, up).mean()) if probabilities else float("nan"),
        "brier": float(np.mean((up - y) ** 2)) if probabilities else float("nan"),
        "calibration_error": calibration_error(y, up) if probabilities else float("nan"),
    }


def direction_table(
    predictions: pd.DataFrame, references: pd.DataFrame | None = None, *, name: str = "model"
) -> pd.DataFrame:
    """Score the model and every reference method on each fold's test rows, then on all of them.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Columns fold, cutoff, time, symbol, y, up.
    references : pandas.DataFrame, optional
        The same columns and `method`, on the same test rows.
    name : str
        How the model's columns are called.

    Returns
    -------
    pandas.DataFrame
        Index `fold`: the fold numbers, then `"pooled"` (computed on all test rows, not averaged over folds).
        Two-level columns (metric, method): `table["log_loss"]` has a column a method, and `table["test"]`
        describes the test rows: first, last (times), rows, up_share. NaN: not defined for this
        method (always-up states no probability) or on these rows (AUC of a single class).

    Raises
    ------
    DataError
        If predictions and references cannot be compared, see `check_predictions` and `check_references`.
    """
    predictions = check_predictions(predictions)
    methods = {name: predictions, **check_references(references, predictions)}
    probabilities = {method: gives_probabilities(frame["up"].to_numpy()) for method, frame in methods.items()}
    y = predictions["y"].to_numpy()
    folds = predictions["fold"].to_numpy()
    selections: dict[object, np.ndarray] = {int(fold): folds == fold for fold in np.unique(folds)}
    selections["pooled"] = np.ones(len(y), dtype=bool)
    records = []
    for chosen in selections.values():
        times = predictions["time"][chosen]
        record: dict[tuple[str, str], object] = {
            ("test", "first"): times.iloc[0],
            ("test", "last"): times.iloc[-1],
            ("test", "rows"): int(chosen.sum()),
            ("test", "up_share"): float(y[chosen].mean()),
        }
        scores = {
            method: direction_metrics(
                y[chosen], frame["up"].to_numpy()[chosen], probabilities=probabilities[method]
            )
            for method, frame in methods.items()
        }
        record.update({(metric, method): scores[method][metric] for metric in METRICS for method in methods})
        records.append(record)
    table = pd.DataFrame(records, index=pd.Index(list(selections), name="fold", dtype=object))
    table.columns = pd.MultiIndex.from_tuples(list(table.columns), names=["metric", "method"])
    return table


def direction_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Shorten `direction_table`'s result to what fits a terminal: a fold a row, then pooled.

    Returns
    -------
    pandas.DataFrame
        Index: fold and its test period. Two-level columns (metric, method): accuracy and log-loss of
        every method that has one, AUC of every method but the constant ones, and rows.
    """
    test = table["test"]
    ends = zip(test["first"], test["last"], strict=True)
    period = [f"{first:%Y-%m} .. {last:%Y-%m}" for first, last in ends]
    kept = {("", "rows"): table["test", "rows"]}
    for metric in ("accuracy", "auc", "log_loss"):
        for method in table[metric].columns:
            values = table[metric, method].astype(float)
            constant = metric == "auc" and bool((values.drop("pooled").dropna() == 0.5).all())
            if values.notna().any() and not constant:
                kept[metric, method] = values
    summary = pd.DataFrame(kept)
    summary.index = pd.MultiIndex.from_arrays([table.index, period], names=["fold", "test"])
    summary.columns.names = ["metric", "method"]
    return summary
