"""Scores of three-class predictions, from their confusion matrix and from their probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.evaluation.calibration import calibration_error
from tsdeep.evaluation.movement.predictions import (
    CLASSES,
    class_probabilities,
    stated_calls,
    states_probabilities,
)

CALL_METRICS = ("mcc", "macro_f1", "weighted_f1", "balanced_accuracy", "accuracy")
CORRECTED = tuple(f"prior_corrected_{metric}" for metric in ("mcc", "macro_f1", "balanced_accuracy"))
MOVEMENT_METRICS = ("log_loss", *CALL_METRICS, "brier", "calibration_error", *CORRECTED)


def called_class(probabilities: ArrayLike, priors: ArrayLike | None = None) -> np.ndarray:
    """Return the called class `[rows]`: 0 down, 1 stationary, 2 up; the first of several that tie.

    Parameters
    ----------
    probabilities : array_like [rows, 3]
        Of down, stationary and up.
    priors : array_like [rows, 3] or [3], optional
        Class shares of the training rows. The call is then the largest probability divided by its class's
        share: what the row says more of than the training rows did, which a rare class can win. A class that
        the training rows do not have is never called.

    Returns
    -------
    numpy.ndarray [rows]
        int8.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if priors is not None:
        shares = np.broadcast_to(np.asarray(priors, dtype=np.float64), p.shape)
        p = np.divide(p, shares, out=np.full_like(p, -1.0), where=shares > 0)
    return p.argmax(axis=1).astype(np.int8)


def calls_of(frame: pd.DataFrame) -> np.ndarray:
    """Return the class that a method calls, int8 `[rows]`: the one it states, else that of the largest probability."""
    stated = stated_calls(frame)
    return called_class(class_probabilities(frame)) if stated is None else stated


def class_log_losses(y: ArrayLike, probabilities: ArrayLike) -> np.ndarray:
    """Return each row's log-loss in nats, unclipped: infinite where what came had probability zero.

    Parameters
    ----------
    y : array_like [rows]
        0, 1 or 2.
    probabilities : array_like [rows, 3]
        Of down, stationary and up.

    Returns
    -------
    numpy.ndarray [rows]
        `-log P(what happened)`, float64.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return -np.log(p[np.arange(len(p)), np.asarray(y, dtype=np.intp)])


def confusion_counts(y: ArrayLike, called: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
    """Count what was called by what came.

    Parameters
    ----------
    y, called : array_like [rows]
        0, 1 or 2.
    groups : array_like of int [rows], optional
        0 to G - 1: count each group by itself.

    Returns
    -------
    numpy.ndarray [3, 3] or [G, 3, 3]
        int64; a row is what came, a column what was called.
    """
    cell = 3 * np.asarray(y, dtype=np.int64) + np.asarray(called, dtype=np.int64)
    if groups is None:
        return np.bincount(cell, minlength=9).reshape(3, 3)
    number = np.asarray(groups, dtype=np.int64)
    count = int(number.max()) + 1
    return np.bincount(9 * number + cell, minlength=9 * count).reshape(count, 3, 3)


def confusion_scores(confusion: ArrayLike) -> dict[str, np.ndarray]:
    """Score confusion matrices; any number of them at once, so that bootstrap draws are cheap.

    Parameters
    ----------
    confusion : array_like [..., 3, 3]
        Counts: a row is what came, a column what was called.

    Returns
    -------
    dict of str to numpy.ndarray [...]
        The names of `CALL_METRICS`. macro_f1 is the mean over classes that came or were called, weighted_f1
        weights them by how often they came; balanced_accuracy is the mean recall over classes that came;
        mcc is Gorodkin's R_K, and 0 where all calls, or all outcomes, are of one class. These are the
        conventions of scikit-learn.

    References
    ----------
    Gorodkin (2004), Comparing two K-category assignments by a K-category correlation coefficient.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    came, called = counts.sum(axis=-1), counts.sum(axis=-2)  # [..., 3]
    right = np.diagonal(counts, axis1=-2, axis2=-1)  # [..., 3]
    rows = came.sum(axis=-1)  # [...]
    f1 = _ratio(2 * right, came + called)
    recall = _ratio(right, came)
    covariance = right.sum(axis=-1) * rows - (came * called).sum(axis=-1)
    spread = (rows**2 - (called**2).sum(axis=-1)) * (rows**2 - (came**2).sum(axis=-1))
    return {
        "mcc": _ratio(covariance, np.sqrt(spread)),
        "macro_f1": _ratio(f1.sum(axis=-1), ((came + called) > 0).sum(axis=-1)),
        "weighted_f1": _ratio((f1 * came).sum(axis=-1), rows),
        "balanced_accuracy": _ratio(recall.sum(axis=-1), (came > 0).sum(axis=-1)),
        "accuracy": _ratio(right.sum(axis=-1), rows),
    }


def classwise_calibration_error(y: ArrayLike, probabilities: ArrayLike, bins: int = 10) -> float:
    """Return the classwise expected calibration error: the mean over the three classes.

    Of each class it is `calibration_error` of its probability against its occurrence, in bins of about
    equally many rows.

    References
    ----------
    Kull et al. (2019), Beyond temperature scaling, NeurIPS, eq. 3 (there with bins of equal width).
    """
    y = np.asarray(y)
    p = np.asarray(probabilities, dtype=np.float64)
    return float(np.mean([calibration_error(y == k, p[:, k], bins) for k in range(len(CLASSES))]))


def movement_metrics(
    y: ArrayLike,
    probabilities: ArrayLike,
    *,
    priors: ArrayLike | None = None,
    stated: bool | None = None,
    calls: ArrayLike | None = None,
) -> dict[str, float]:
    """Score three-class predictions.

    Parameters
    ----------
    y : array_like [rows]
        0 down, 1 stationary, 2 up.
    probabilities : array_like [rows, 3]
        Of the same.
    priors : array_like [rows, 3] or [3], optional
        Class shares of the training rows, for the prior-corrected calls; their scores are NaN without.
    stated : bool, optional
        Whether probabilities are stated, rather than classes; by default `states_probabilities`. Where they
        are not, log_loss, brier and calibration_error are NaN.
    calls : array_like [rows], optional
        The class that is called, 0, 1 or 2; by default that of the largest probability. Prior-corrected calls
        are of the probabilities in any case.

    Returns
    -------
    dict of str to float
        The names of `MOVEMENT_METRICS`: log_loss in nats, unclipped; the scores of `confusion_scores`; brier,
        the squared error summed over the classes (0 to 2, Brier 1950); calibration_error, see
        `classwise_calibration_error`; and prior_corrected_*: scores of `called_class` with the priors.
    """
    y = np.asarray(y, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    stated = states_probabilities(p) if stated is None else stated
    called = called_class(p) if calls is None else np.asarray(calls)
    scores = {key: float(v) for key, v in confusion_scores(confusion_counts(y, called)).items()}
    nan = float("nan")
    scores["log_loss"] = float(class_log_losses(y, p).mean()) if stated else nan
    scores["brier"] = float(np.mean(np.sum((p - np.eye(3)[y]) ** 2, axis=1))) if stated else nan
    scores["calibration_error"] = classwise_calibration_error(y, p) if stated else nan
    corrected: dict[str, np.ndarray] = {}
    if priors is not None:
        corrected = confusion_scores(confusion_counts(y, called_class(p, priors)))
    for name in CORRECTED:
        scores[name] = float(corrected.get(name.removeprefix("prior_corrected_"), np.asarray(nan)))
    return {name: scores[name] for name in MOVEMENT_METRICS}


def coverage_table(
    y: ArrayLike,
    probabilities: ArrayLike,
    shares: ArrayLike = (1.0, 0.8, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05),
    *,
    calls: ArrayLike | None = None,
) -> pd.DataFrame:
    """Score only the rows on which the probability of the called class is high enough.

    Parameters
    ----------
    y : array_like [rows]
        0, 1 or 2.
    probabilities : array_like [rows, 3]
        Of down, stationary and up.
    shares : array_like
        Shares of the rows to keep, the most confident ones. Rows with one confidence are kept or left
        together, so that more are kept where many tie.
    calls : array_like [rows], optional
        The class that is called, 0, 1 or 2; by default that of the largest probability.

    Returns
    -------
    pandas.DataFrame
        A threshold a row, rising: threshold (the least confidence kept), share, rows, accuracy, mcc.
    """
    y, p = np.asarray(y), np.asarray(probabilities, dtype=np.float64)
    called = called_class(p) if calls is None else np.asarray(calls, dtype=np.int8)
    confidence = p[np.arange(len(p)), called]
    quantiles = 1 - np.asarray(shares, dtype=np.float64)
    thresholds = np.unique(np.quantile(confidence, quantiles, method="inverted_cdf"))
    records = []
    for threshold in thresholds:
        kept = confidence >= threshold
        scores = confusion_scores(confusion_counts(y[kept], called[kept]))
        record = {"threshold": threshold, "share": kept.mean(), "rows": int(kept.sum())}
        records.append(record | {name: float(scores[name]) for name in ("accuracy", "mcc")})
    return pd.DataFrame(records)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
