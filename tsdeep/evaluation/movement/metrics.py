"""Scores of movement predictions: a fold and horizon a row, then pooled, model and references side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation.movement.predictions import (
    CLASSES,
    check_movement,
    check_movement_references,
    class_probabilities,
    stated_calls,
    states_probabilities,
    training_shares,
)
from tsdeep.evaluation.movement.scores import MOVEMENT_METRICS, movement_metrics

SUMMARY = ("log_loss", "mcc", "macro_f1")


def movement_table(
    predictions: pd.DataFrame, references: pd.DataFrame | None = None, *, name: str = "model"
) -> pd.DataFrame:
    """Score the model and every reference method on each fold's test rows and horizon, then on all folds'.

    Parameters
    ----------
    predictions : pandas.DataFrame
        See `check_movement`.
    references : pandas.DataFrame, optional
        The same columns and `method`, on the same test rows.
    name : str
        How the model's columns are called.

    Returns
    -------
    pandas.DataFrame
        Index (fold, horizon): the fold numbers, then `"pooled"` (computed on all test rows, not averaged over
        folds), each horizon by itself. Two-level columns (metric, method), the metrics of `MOVEMENT_METRICS`;
        `table["test"]` describes the test rows: first, last (times), rows, down_share, stationary_share,
        up_share. NaN: not defined for this method, or without class shares of the training rows.

    Raises
    ------
    DataError
        If predictions and references cannot be compared, see `check_movement_references`.
    """
    predictions = check_movement(predictions)
    methods = {name: predictions, **check_movement_references(references, predictions)}
    return table_of(methods)


def table_of(methods: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return `movement_table` of tables that were checked, the model's first."""
    predictions = next(iter(methods.values()))
    probabilities = {method: class_probabilities(frame) for method, frame in methods.items()}
    stated = {method: states_probabilities(p) for method, p in probabilities.items()}
    calls = {method: stated_calls(frame) for method, frame in methods.items()}
    priors = training_shares(methods)
    y = predictions["y"].to_numpy(dtype=np.int64)
    folds, horizons = predictions["fold"].to_numpy(), predictions["horizon"].to_numpy()
    times = predictions["time"]
    records, index = [], []
    for fold in [*np.unique(folds).tolist(), "pooled"]:
        for horizon in np.unique(horizons).tolist():
            chosen = np.flatnonzero((horizons == horizon) & ((folds == fold) if fold != "pooled" else True))
            if len(chosen) == 0:
                continue
            shares = np.bincount(y[chosen], minlength=3) / len(chosen)
            record: dict[tuple[str, str], object] = {
                ("test", "first"): times.iloc[chosen].min(),
                ("test", "last"): times.iloc[chosen].max(),
                ("test", "rows"): len(chosen),
            }
            record |= {("test", f"{c}_share"): share for c, share in zip(CLASSES, shares, strict=True)}
            scores = {
                method: movement_metrics(
                    y[chosen],
                    p[chosen],
                    priors=None if priors is None else priors[chosen],
                    stated=stated[method],
                    calls=None if (own := calls[method]) is None else own[chosen],
                )
                for method, p in probabilities.items()
            }
            record |= {
                (metric, method): scores[method][metric] for metric in MOVEMENT_METRICS for method in methods
            }
            records.append(record)
            index.append((fold, int(horizon)))
    table = pd.DataFrame(records, index=pd.MultiIndex.from_tuples(index, names=["fold", "horizon"]))
    table.columns = pd.MultiIndex.from_tuples(list(table.columns), names=["metric", "method"])
    return table


def movement_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Shorten `movement_table`'s result to what fits a terminal: a fold and horizon a row, then pooled.

    Returns
    -------
    pandas.DataFrame
        Index: fold, test (its period), horizon. Two-level columns (metric, method): log-loss, MCC
        and macro F1 of every method that has them, and rows.
    """
    test = table["test"]
    period = [test_period(first, last) for first, last in zip(test["first"], test["last"], strict=True)]
    kept = {("", "rows"): table["test", "rows"]}
    for metric in SUMMARY:
        for method in table[metric].columns:
            if table[metric, method].notna().any():
                kept[metric, method] = table[metric, method].astype(float)
    summary = pd.DataFrame(kept)
    folds, horizons = (table.index.get_level_values(level) for level in ("fold", "horizon"))
    summary.index = pd.MultiIndex.from_arrays([folds, period, horizons], names=["fold", "test", "horizon"])
    summary.columns.names = ["metric", "method"]
    return summary


def test_period(first: pd.Timestamp, last: pd.Timestamp) -> str:
    """Write a period: days, and the clock where it begins and ends on one day."""
    if first.normalize() == last.normalize():
        return f"{first:%Y-%m-%d %H:%M} .. {last:%H:%M}"
    return f"{first:%Y-%m-%d} .. {last:%Y-%m-%d}"
