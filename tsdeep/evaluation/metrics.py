"""Scores of direction predictions: a fold a row, then pooled, model and references side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import xlogy
from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef, roc_auc_score

from tsdeep.evaluation.predictions import check_predictions, check_references, gives_probabilities

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


def calibration_table(y: ArrayLike, up: ArrayLike, bins: int = 10) -> pd.DataFrame:
    """Compare stated with observed frequency in bins that hold about equally many rows.

    Bins of equal width would leave nearly all of a daily direction model's probabilities in one or two of
    them. Equal probabilities share a bin, so there may be fewer than asked.

    Parameters
    ----------
    y : array_like [rows]
        0 or 1.
    up : array_like [rows]
        P(up).
    bins : int
        At most this many, by quantiles of `up`.

    Returns
    -------
    pandas.DataFrame
        A bin a row, by rising probability: predicted (mean P(up)), observed (share of ups), rows, and
        low and high (95% Wilson interval of the observed share).
    """
    frame = pd.DataFrame({"y": np.asarray(y, dtype=np.float64), "up": np.asarray(up, dtype=np.float64)})
    edges = np.unique(np.quantile(frame["up"], np.linspace(0, 1, bins + 1)))
    number = np.clip(np.searchsorted(edges, frame["up"], side="left"), 1, None)
    table = frame.groupby(number).agg(predicted=("up", "mean"), observed=("y", "mean"), rows=("y", "size"))
    table["low"], table["high"] = wilson_interval(table["observed"].to_numpy(), table["rows"].to_numpy())
    return table.reset_index(drop=True)


def calibration_error(y: ArrayLike, up: ArrayLike, bins: int = 10) -> float:
    """Return the expected calibration error: mean |observed - stated| over `calibration_table`'s bins.

    It is not zero for a perfect model on few rows: with ten bins of n rows each, about 0.4 / sqrt(n).
    """
    table = calibration_table(y, up, bins)
    gap = (table["observed"] - table["predicted"]).abs()
    return float(np.average(gap, weights=table["rows"]))


def wilson_interval(
    share: ArrayLike, rows: ArrayLike, z: float = 1.959963984540054
) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's score interval (1927) of a share observed on independent rows.

    Parameters
    ----------
    share : array_like
        Observed shares.
    rows : array_like
        How many rows each was observed on.
    z : float
        Standard normal quantile; the default gives 95%.

    Returns
    -------
    tuple of numpy.ndarray
        Low and high.

    Examples
    --------
    >>> low, high = wilson_interval(0.5, 100)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4038, 0.5962)
    """
    share, rows = np.asarray(share, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return centre - half, centre + half


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


def metrics_table(
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


def tidy_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Turn `metrics_table`'s result into one row a fold and method, as `metrics.csv` holds it.

    Returns
    -------
    pandas.DataFrame
        Columns fold, method, first, last, rows, up_share, then `METRICS`.
    """
    methods = list(table[METRICS[0]].columns)
    frames = []
    for method in methods:
        scores = pd.DataFrame({metric: table[metric, method] for metric in METRICS})
        frame = pd.concat([table["test"], scores], axis=1)
        frame.insert(0, "method", method)
        frames.append(frame)
    tidy = pd.concat(frames)
    order = {fold: i for i, fold in enumerate(table.index)}
    return tidy.reset_index().sort_values(
        "fold", key=lambda s: s.map(order), kind="stable", ignore_index=True
    )


def summary_table(table: pd.DataFrame) -> pd.DataFrame:
    """Shorten `metrics_table`'s result to what fits a terminal: a fold a row, then pooled.

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
