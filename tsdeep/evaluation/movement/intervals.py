"""Intervals of scores, and of the paired differences from the references, by the block bootstrap."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import norm

from tsdeep.evaluation.movement.bootstrap import LEAST_BLOCKS, Blocks
from tsdeep.evaluation.movement.predictions import class_probabilities, states_probabilities
from tsdeep.evaluation.movement.scores import (
    calls_of,
    class_log_losses,
    confusion_counts,
    confusion_scores,
)
from tsdeep.evaluation.verdict import holm

INTERVAL_METRICS = ("log_loss", "mcc", "macro_f1")
JUDGED_METRICS = ("log_loss", "mcc")
_CALLS = ("mcc", "macro_f1")


def score_draws(blocks: Blocks, frame: pd.DataFrame) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Score predictions of one horizon, on their rows and on each draw.

    Parameters
    ----------
    blocks : Blocks
        Of the rows of `frame`.
    frame : pandas.DataFrame
        Columns y, down, stationary, up, and call where the method states it.

    Returns
    -------
    tuple of dict
        `INTERVAL_METRICS` on the rows (float), and on the draws `[draws]`; log_loss is NaN where the method
        states classes, or where a loss is infinite.
    """
    y, p = frame["y"].to_numpy(dtype=np.int64), class_probabilities(frame)
    called = calls_of(frame)
    cells = np.zeros((len(y), 10))  # [rows, 9 cells of the confusion matrix and the loss]
    cells[np.arange(len(y)), 3 * y + called] = 1.0
    losses = class_log_losses(y, p)
    stated = states_probabilities(p) and bool(np.isfinite(losses).all())
    cells[:, 9] = losses if stated else 0.0
    sums = blocks.sums(cells)  # [draws, 10]
    here = confusion_scores(confusion_counts(y, called))
    drawn = confusion_scores(sums[:, :9].reshape(-1, 3, 3))
    estimates = {metric: float(here[metric]) for metric in _CALLS}
    draws = {metric: drawn[metric] for metric in _CALLS}
    undefined = np.full(len(sums), np.nan)
    estimates["log_loss"] = float(losses.mean()) if stated else float("nan")
    draws["log_loss"] = sums[:, 9] / sums[:, :9].sum(axis=1) if stated else undefined
    return estimates, draws


def interval_tables(methods: Mapping[str, pd.DataFrame], blocks: Blocks) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores with their errors, and the first method's differences from each other one.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        The model first, then the references: predictions of one horizon, on the same rows.
    blocks : Blocks
        Of those rows; every method is scored on the same draws.

    Returns
    -------
    intervals : pandas.DataFrame
        Columns method, metric, estimate, error (standard deviation over the draws), low, high (95%, percentiles
        of the draws). With fewer than `LEAST_BLOCKS` blocks, errors are NaN.
    differences : pandas.DataFrame
        Columns reference, metric, estimate (model minus reference), error, low, high, ratio (estimate over
        error), p_value (two-sided, normal).
    """
    scored = {method: score_draws(blocks, frame) for method, frame in methods.items()}
    enough = blocks.blocks >= LEAST_BLOCKS
    intervals = [
        {"method": method, "metric": metric} | _spread(estimates[metric], draws[metric], enough)
        for method, (estimates, draws) in scored.items()
        for metric in INTERVAL_METRICS
    ]
    (own, own_draws), *_ = scored.values()
    differences = []
    for reference, (estimates, draws) in list(scored.items())[1:]:
        for metric in INTERVAL_METRICS:
            gap = own[metric] - estimates[metric]
            row = _spread(gap, own_draws[metric] - draws[metric], enough)
            ratio = row["estimate"] / row["error"] if row["error"] > 0 else float("nan")
            row |= {"ratio": ratio, "p_value": float(2 * norm.sf(abs(ratio)))}
            differences.append({"reference": reference, "metric": metric} | row)
    columns = ["reference", "metric", "estimate", "error", "low", "high", "ratio", "p_value"]
    return pd.DataFrame(intervals), pd.DataFrame(differences, columns=columns)


def adjust_p_values(differences: pd.DataFrame) -> pd.DataFrame:
    """Add `p_holm`: p-values adjusted for all references and horizons that were compared.

    Log-loss and MCC are adjusted each by itself: the first is what a model is judged by, the second can only take
    from it. Macro F1, which nothing rests on, has none.
    """
    adjusted: dict[str, float] = {}
    for metric in JUDGED_METRICS:
        p_values = differences[differences["metric"] == metric]["p_value"]
        adjusted |= holm({str(key): float(p) for key, p in p_values.items()})
    return differences.assign(p_holm=[adjusted.get(str(key), float("nan")) for key in differences.index])


def _spread(estimate: float, draws: np.ndarray, enough: bool) -> dict[str, float]:
    nan = float("nan")
    if not enough or not np.isfinite(estimate):
        return {"estimate": estimate, "error": nan, "low": nan, "high": nan}
    low, high = np.quantile(draws, [0.025, 0.975])
    return {"estimate": estimate, "error": float(draws.std(ddof=1)), "low": float(low), "high": float(high)}
