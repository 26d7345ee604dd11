"""From evidence on movement to an evaluation: scores, intervals, breakdowns, the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.evaluation.evaluator import Evaluation
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.movement.bootstrap import (
    Blocks,
    draw_blocks,
    effective_rows,
    non_overlapping_rows,
)
from tsdeep.evaluation.movement.breakdown import breakdowns
from tsdeep.evaluation.movement.caveats import movement_caveats
from tsdeep.evaluation.movement.intervals import adjust_p_values, interval_tables
from tsdeep.evaluation.movement.metrics import table_of
from tsdeep.evaluation.movement.predictions import (
    check_movement,
    check_movement_references,
    class_probabilities,
    movement_seeds,
    stated_calls,
    training_shares,
)
from tsdeep.evaluation.movement.scores import (
    called_class,
    calls_of,
    class_log_losses,
    confusion_counts,
    coverage_table,
    movement_metrics,
)
from tsdeep.evaluation.movement.trading import replay_table, replays_of, round_trip_table
from tsdeep.evaluation.movement.verdict import judge_movement
from tsdeep.evaluation.replay import Replay, Touch

BLOCK_HORIZONS = 5


@dataclass(frozen=True, kw_only=True)
class MovementEvaluation(Evaluation):
    """What the evidence on a prediction of movement amounts to; every table has the horizon.

    `seeds` has the index (horizon, seed).

    Parameters
    ----------
    intervals : pandas.DataFrame
        Columns horizon, method, metric (log_loss, mcc, macro_f1), estimate, error, low, high (95%).
    differences : pandas.DataFrame
        The model minus each reference, paired: columns horizon, reference, metric, estimate, error, low, high,
        ratio, p_value, p_holm (of log-loss and MCC; see `adjust_p_values`).
    confusions : mapping of (int, str) to numpy.ndarray [3, 3]
        By horizon and method; a row is what came, a column what was called.
    corrected_confusions : mapping of (int, str) to numpy.ndarray [3, 3]
        The same of prior-corrected calls; empty without class shares of the training rows.
    coverage : pandas.DataFrame
        Columns horizon, method, threshold, share, rows, accuracy, mcc; see `coverage_table`.
    breakdowns : mapping of int to mapping of str to pandas.DataFrame
        By horizon, then spread, time_of_day, session, symbol; see `breakdown`.
    stated_calls : tuple of str
        The methods that state which class they call; of the others it is that of the largest probability.
    effective : pandas.DataFrame
        Index horizon: rows, non_overlapping_rows, effective_rows (of the model's log-loss, see
        `effective_rows`), block_rows, blocks.
    round_trips : pandas.DataFrame
        Columns horizon, method, trips, correct, potential, p_t, error, low, high; see `round_trips`.
    replays : mapping of int to tuple of Replay
        By horizon, the model's: at the mid, then at the touch, by latency and fee, see `replays_of`; empty where the
        touch is not known.
    replay_figures : pandas.DataFrame or None
        Of these and the references' replays: columns horizon, method, fills, latency_rows, fee_ticks, and the figures
        of `Replay.summary`.
    """

    intervals: pd.DataFrame
    differences: pd.DataFrame
    confusions: Mapping[tuple[int, str], np.ndarray]
    corrected_confusions: Mapping[tuple[int, str], np.ndarray]
    coverage: pd.DataFrame
    breakdowns: Mapping[int, Mapping[str, pd.DataFrame]]
    stated_calls: tuple[str, ...]
    effective: pd.DataFrame
    round_trips: pd.DataFrame
    replays: Mapping[int, tuple[Replay, ...]]
    replay_figures: pd.DataFrame | None


def evaluate_movement(evidence: Evidence) -> MovementEvaluation:
    """Score and judge predictions of movement, beside the references.

    Parameters
    ----------
    evidence : Evidence
        Of task `movement`.

    Returns
    -------
    MovementEvaluation
        Tables and the verdict.

    Raises
    ------
    DataError
        If predictions and references do not fit together.
    """
    predictions = check_movement(evidence.predictions)
    methods = {evidence.model: predictions, **check_movement_references(evidence.references, predictions)}
    metrics = table_of(methods)
    priors = training_shares(methods)
    horizons = [int(horizon) for horizon in np.unique(predictions["horizon"])]
    timed = not any("times" in note and "made up" in note for note in evidence.notes)
    intervals, differences, coverage, seeds = [], [], [], []
    confusions, corrected, broken, effective = {}, {}, {}, {}
    trips, replays, traded = [], {}, []
    touch = None if evidence.touch is None else Touch.of(evidence.touch, evidence.tick)
    for horizon in horizons:
        chosen = np.flatnonzero(predictions["horizon"].to_numpy() == horizon)
        rows = {method: frame.iloc[chosen] for method, frame in methods.items()}
        shares = None if priors is None else priors[chosen]
        segments = row_segments(rows[evidence.model])
        block_rows = evidence.block_rows or BLOCK_HORIZONS * horizon
        blocks = draw_blocks(segments, block_rows, draws=evidence.draws, seed=evidence.seed)
        own, paired = interval_tables(rows, blocks)
        intervals.append(own.assign(horizon=horizon))
        differences.append(paired.assign(horizon=horizon))
        effective[horizon] = _effective(rows[evidence.model], segments, horizon, blocks)
        for method, frame in rows.items():
            y, p = frame["y"].to_numpy(dtype=np.int64), class_probabilities(frame)
            called = calls_of(frame)
            confusions[horizon, method] = confusion_counts(y, called)
            if shares is not None:
                corrected[horizon, method] = confusion_counts(y, called_class(p, shares))
            coverage.append(coverage_table(y, p, calls=called).assign(horizon=horizon, method=method))
        broken[horizon] = breakdowns(rows, timed=timed)
        trips.append(round_trip_table(rows, segments).assign(horizon=horizon))
        if touch is not None:
            made = {
                method: replays_of(frame, touch, horizon=horizon, grid=evidence.replay)
                for method, frame in rows.items()
            }
            replays[horizon] = tuple(made[evidence.model])
            traded.append(replay_table(made).assign(horizon=horizon))
        seeds.extend(_seeds(rows[evidence.model], shares, horizon))
    table = pd.DataFrame(effective).T
    table.index.name = "horizon"
    compared = adjust_p_values(_first(pd.concat(differences, ignore_index=True), "horizon"))
    return MovementEvaluation(
        metrics=metrics,
        verdict=judge_movement(evidence.model, compared, metrics.loc["pooled"]),
        seeds=pd.DataFrame(seeds).set_index(["horizon", "seed"]) if seeds else None,
        caveats=movement_caveats(evidence, predictions, table),
        intervals=_first(pd.concat(intervals, ignore_index=True), "horizon"),
        differences=compared,
        confusions=confusions,
        corrected_confusions=corrected,
        coverage=_first(pd.concat(coverage, ignore_index=True), "horizon", "method"),
        breakdowns=broken,
        stated_calls=tuple(m for m, frame in methods.items() if stated_calls(frame) is not None),
        effective=table,
        round_trips=_first(pd.concat(trips, ignore_index=True), "horizon"),
        replays=replays,
        replay_figures=_first(pd.concat(traded, ignore_index=True), "horizon") if traded else None,
    )


def row_segments(frame: pd.DataFrame) -> np.ndarray:
    """Return the number of the run that each row is in: what no block crosses.

    A run is of one symbol, session and fold, and ends where more rows are left out than the label looks ahead,
    as between a night and a day session of one trading day; unless rows are regularly that far apart.

    Parameters
    ----------
    frame : pandas.DataFrame
        Checked predictions of one horizon: columns symbol, session, fold, row, horizon.

    Returns
    -------
    numpy.ndarray of int [rows]
        From 0, rising.
    """
    keys = frame[["symbol", "session", "fold"]]
    new = (keys != keys.shift()).any(axis=1).to_numpy()
    steps = np.diff(frame["row"].to_numpy(dtype=np.int64), prepend=0)
    inside = steps[~new]
    if len(inside):
        new = new | (steps > max(int(frame["horizon"].iloc[0]), float(np.median(inside))))
    return new.cumsum() - 1


def _effective(frame: pd.DataFrame, segments: np.ndarray, horizon: int, blocks: Blocks) -> dict[str, float]:
    losses = class_log_losses(frame["y"], class_probabilities(frame))
    return {
        "rows": len(frame),
        "non_overlapping_rows": non_overlapping_rows(segments, horizon),
        "effective_rows": effective_rows(losses, segments, blocks.block_rows),
        "block_rows": blocks.block_rows,
        "blocks": blocks.blocks,
    }


def _seeds(frame: pd.DataFrame, priors: np.ndarray | None, horizon: int) -> list[dict[str, object]]:
    """Score each seed by itself and their mean; nothing where there are fewer than two."""
    numbers = movement_seeds(frame)
    if len(numbers) < 2:
        return []
    y = frame["y"].to_numpy()
    named = {f"seed{k}": class_probabilities(frame, k) for k in numbers}
    named["mean of seeds"] = class_probabilities(frame)
    calls = {"mean of seeds": stated_calls(frame)}
    return [
        {"horizon": horizon, "seed": name} | movement_metrics(y, p, priors=priors, calls=calls.get(name))
        for name, p in named.items()
    ]


def _first(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame[[*columns, *(column for column in frame if column not in columns)]]
