"""The arithmetic of volatility labels: realised variance of the next rows, and what a label holds of it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.tables import refuse
from tsdeep.tasks.movement_labels import window_sums

Target = Literal["volatility", "variance", "log_variance"]
"""What a label holds."""


def realised_variance(panel: Panel, horizon_rows: int, annual_rows: int, assets: int = 1) -> np.ndarray:
    """Return the annualised mean of the next squared log returns of every row that has them in its segment.

    Parameters
    ----------
    panel : Panel
        With `close [rows]`, or `close [rows, assets]` of assets side by side.
    horizon_rows : int
        Rows ahead, k: row t reads the closes of rows t to t + k and no other.
    annual_rows : int
        Rows of a year.
    assets : int, default 1
        As many as there must be in `close`.

    Returns
    -------
    ndarray of float64, [rows], or [rows, assets] of several
        As a fraction squared; NaN at the last k rows of each segment.

    Raises
    ------
    DataError
        If a close is not above zero, with the place; or the assets are not as many.
    """
    close = panel.raw("close").astype(np.float64)
    refuse(panel, "close", ~(close > 0), "above zero, as log returns need it")
    columns = close.reshape(panel.n_rows, -1)
    if columns.shape[1] != assets:
        raise DataError(
            f"field 'close': found {columns.shape[1]} assets a row, expected {assets}: "
            f"task.for_assets({columns.shape[1]})"
        )
    variance = np.full(columns.shape, np.nan)
    for start, stop in panel.bounds.tolist():
        if stop - start <= horizon_rows:
            continue
        own = columns[start:stop]
        squares = np.square(np.log(own[1:] / own[:-1]))
        for asset in range(columns.shape[1]):
            sums = window_sums(squares[:, asset], horizon_rows)
            variance[start : stop - horizon_rows, asset] = annual_rows * sums / horizon_rows
    return variance if assets > 1 else variance[:, 0]


def check_moved(panel: Panel, variance: np.ndarray, horizon_rows: int) -> None:
    """Refuse rows after which no price moved: DataError with the place of the first."""
    still = np.flatnonzero((variance == 0).reshape(panel.n_rows, -1).any(axis=1))
    if len(still):
        raise DataError(
            f"{panel.place(int(still[0]))}: the close does not move over the next {horizon_rows} rows, so the "
            f"realised variance is zero and has no log ({len(still)} such rows); leave the rows out, take a longer "
            "horizon, or learn the target 'variance' or 'volatility' by the loss 'mse' with quantiles: []"
        )


def from_variance(variance: np.ndarray, target: Target) -> np.ndarray:
    """Turn variance into what a label holds: log variance, variance or volatility, float64."""
    if target == "log_variance":
        return np.log(variance)
    return variance if target == "variance" else np.sqrt(variance)


def log_variance_of(y: np.ndarray, target: Target) -> np.ndarray:
    """Turn labels into log variance, float64; minus infinity where nothing moved."""
    y = np.asarray(y, np.float64)
    if target == "log_variance":
        return y
    with np.errstate(divide="ignore"):
        return np.log(y) * (2.0 if target == "volatility" else 1.0)


def volatility_of(y: np.ndarray, target: Target) -> np.ndarray:
    """Turn labels into volatility, float64."""
    y = np.asarray(y, np.float64)
    if target == "log_variance":
        return np.exp(y / 2.0)
    return np.sqrt(y) if target == "variance" else y
