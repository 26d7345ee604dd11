"""Calls of movements as trades: the replay at the touch beside the mid, and p_T, of every method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.evaluation.movement.predictions import check_movement, class_probabilities
from tsdeep.evaluation.movement.scores import calls_of
from tsdeep.evaluation.replay import (
    Replay,
    ReplayGrid,
    SignalledBook,
    Touch,
    decide,
    fill,
    replay_book,
    round_trips,
)

HoldRows = int | None | Literal["horizon"]


def movement_signals(predictions: pd.DataFrame, threshold: float = 0.0) -> pd.DataFrame:
    """Turn predictions of one horizon into calls to trade on.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Checked, of one horizon.
    threshold : float
        A call of up buys and one of down sells where its probability is above it; the call is the class of the largest
        probability, or the one that the method states.

    Returns
    -------
    pandas.DataFrame
        Columns row, time, symbol, signal (1, -1, 0).

    Raises
    ------
    SpecError
        If the threshold is not in [0, 1).
    """
    if not 0 <= threshold < 1:
        raise SpecError(f"replay: threshold is {threshold!r}, expected a probability in [0, 1)")
    called = calls_of(predictions).astype(np.int64)
    stated = class_probabilities(predictions)[np.arange(len(called)), called]
    signal = np.where(stated > threshold, called - 1, 0)
    return predictions[["row", "time", "symbol"]].assign(signal=signal.astype(np.int8))


def replay_movement(
    predictions: pd.DataFrame,
    touch: pd.DataFrame,
    *,
    tick: float | None,
    horizon: int | None = None,
    threshold: float = 0.0,
    hold_rows: HoldRows = "horizon",
    opposite: bool = True,
    latency_rows: int = 1,
    fee_ticks: float = 0.0,
    fills: str = "touch",
) -> Replay:
    """Trade predictions of movement over the book's own rows, see `replay_book`.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As `check_movement` takes them.
    touch : pandas.DataFrame
        Best prices: columns row, time, symbol, segment, ask, bid.
    tick : float
        In the price unit of the data.
    horizon : int, optional
        Whose predictions are traded, where there are several.
    threshold : float
        See `movement_signals`.
    hold_rows : int, None or "horizon"
        Rows after which a position is closed that its row does not call again; None: never.
    opposite, latency_rows, fee_ticks, fills
        See `replay_book`; `fills="mid", latency_rows=0` is the fiction of papers.

    Returns
    -------
    Replay

    Raises
    ------
    DataError
        If predictions or touch are refused, or do not fit together.
    SpecError
        If a setting is not known, or the horizon is not one of the predictions.
    """
    checked = check_movement(predictions)
    horizons = sorted(int(each) for each in checked["horizon"].unique())
    if horizon is None and len(horizons) == 1:
        horizon = horizons[0]
    if horizon not in horizons:
        raise SpecError(f"replay: horizon is {horizon!r}, expected one of {', '.join(map(str, horizons))}")
    signals = movement_signals(checked[checked["horizon"] == horizon], threshold)
    return replay_book(
        signals,
        touch,
        tick=tick,
        hold_rows=horizon if hold_rows == "horizon" else hold_rows,
        opposite=opposite,
        latency_rows=latency_rows,
        fee_ticks=fee_ticks,
        fills=fills,
    )


def replays_of(
    predictions: pd.DataFrame,
    touch: Touch,
    *,
    horizon: int,
    grid: ReplayGrid,
) -> list[Replay]:
    """Replay checked predictions of one horizon: the fiction at the mid first, then every latency and fee of a grid.

    At each latency the replay without a fee comes first. Every call is traded, and a position is closed by the opposite
    call, or after the horizon; see `replay_movement`.
    """
    book = SignalledBook.of(movement_signals(predictions), touch)
    decisions = decide(book.signal, book.touch.bounds, hold_rows=horizon)
    fiction = fill(book, decisions, latency_rows=0, fills="mid")
    return [
        fiction,
        *(
            fill(book, decisions, latency_rows=late, fee_ticks=fee)
            for late in grid.latencies_rows
            for fee in (0.0, *grid.fees_ticks)
        ),
    ]


def replay_table(replays: Mapping[str, Sequence[Replay]]) -> pd.DataFrame:
    """Put the figures of replays under each other.

    Parameters
    ----------
    replays : mapping of str to sequence of Replay
        By method.

    Returns
    -------
    pandas.DataFrame
        A replay a row: method, fills, latency_rows, fee_ticks, and the figures of `Replay.summary`.
    """
    return pd.DataFrame(
        [
            {"method": method, "fills": made.fills, "latency_rows": made.latency_rows, "fee_ticks": made.fee_ticks}
            | made.summary()
            for method, several in replays.items()
            for made in several
        ]
    )  # fmt: skip


def round_trip_table(methods: Mapping[str, pd.DataFrame], segments: np.ndarray) -> pd.DataFrame:
    """Return p_T of every method, see `round_trips`.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Checked predictions of one horizon, on the same rows.
    segments : numpy.ndarray [rows]
        What no round trip crosses.

    Returns
    -------
    pandas.DataFrame
        A method a row: method, trips, correct, potential, p_t, error, low, high.
    """
    return pd.DataFrame(
        [
            {"method": method}
            | round_trips(frame["y"].to_numpy(dtype=np.int64), calls_of(frame), segments).summary()
            for method, frame in methods.items()
        ]
    )
