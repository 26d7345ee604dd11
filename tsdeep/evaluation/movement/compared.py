"""Losses and replays of several methods on movement, to be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.evidence import Evidence
from tsdeep.evaluation.movement.assessment import BLOCK_HORIZONS, row_segments
from tsdeep.evaluation.movement.predictions import (
    check_movement,
    check_movement_references,
    class_probabilities,
    states_probabilities,
)
from tsdeep.evaluation.movement.scores import class_log_losses
from tsdeep.evaluation.movement.trading import replays_of
from tsdeep.evaluation.replay import ReplayGrid, Touch, in_time
from tsdeep.evaluation.significance import newey_west_lags


def movement_losses(evidence: Evidence) -> tuple[MethodLosses, ...]:
    """Return log-losses, of each horizon by itself, of groups of neighbouring rows.

    A group is a horizon of rows of one segment, whose labels look at nearly the same future: it counts as one
    observation, in proportion to its rows, so that the mean over the groups is that over the rows. Methods that state
    no probabilities are left out.
    """
    found = []
    for horizon, methods in _by_horizon(evidence).items():
        segments = row_segments(next(iter(methods.values())))
        group = loss_groups(segments, horizon)
        scale = len(np.unique(group)) / len(group)
        values = {}
        for method, frame in methods.items():
            p = class_probabilities(frame)
            if states_probabilities(p):
                values[method] = scale * np.bincount(group, class_log_losses(frame["y"], p))
        table = pd.DataFrame(values)
        name = f"log-loss {horizon} rows ahead"
        lags = newey_west_lags(max(len(table), 1), BLOCK_HORIZONS)
        found.append(
            MethodLosses(name, "nats", f"groups of {horizon} rows", table, lags, BLOCK_HORIZONS, least=30)
        )
    return tuple(found)


def loss_groups(segments: np.ndarray, horizon: int) -> np.ndarray:
    """Return the number of each row's group: `horizon` rows of one segment, the last of a segment shorter.

    Parameters
    ----------
    segments : numpy.ndarray of int [rows]
        Rising, see `row_segments`.
    horizon : int
        Rows of a group.

    Examples
    --------
    >>> loss_groups(np.array([0, 0, 0, 1, 1]), 2)
    array([0, 0, 1, 2, 2])
    """
    begins = np.flatnonzero(np.diff(segments, prepend=segments[0] - 1))
    inside = np.arange(len(segments)) - np.repeat(begins, np.diff([*begins, len(segments)]))
    return np.cumsum(inside % horizon == 0) - 1


def movement_curves(evidence: Evidence) -> tuple[Curves, ...]:
    """Return what each method's calls earned at the touch, a horizon each; none where the touch is not known."""
    if evidence.touch is None:
        return ()
    touch, late = Touch.of(evidence.touch, evidence.tick), evidence.replay.shown_latency_rows
    found = []
    for horizon, methods in _by_horizon(evidence).items():
        earned, figures = {}, {}
        for method, frame in methods.items():
            (made,) = [
                replay
                for replay in replays_of(frame, touch, horizon=horizon, grid=ReplayGrid((late,), ()))
                if replay.fills == "touch"
            ]
            trades = in_time(made.trades)
            earned[method] = trades["net_ticks"].groupby(trades["exit_time"].to_numpy()).sum()
            figures[method] = {
                "ticks, all trades": made.net_ticks,
                "trades": len(trades),
                "ticks a trade": float(trades["net_ticks"].mean()) if len(trades) else float("nan"),
            }
        values = pd.DataFrame(earned).sort_index().fillna(0.0).cumsum()
        title = f"calls {horizon} rows ahead, filled at the touch {late} row{'' if late == 1 else 's'} late, no fee"
        found.append(Curves(title, "ticks earned", values, pd.DataFrame(figures).T))
    return tuple(found)


def _by_horizon(evidence: Evidence) -> dict[int, dict[str, pd.DataFrame]]:
    predictions = check_movement(evidence.predictions)
    methods = {evidence.model: predictions, **check_movement_references(evidence.references, predictions)}
    return {
        int(horizon): {
            method: frame[frame["horizon"] == horizon].reset_index(drop=True)
            for method, frame in methods.items()
        }
        for horizon in np.unique(predictions["horizon"])
    }
