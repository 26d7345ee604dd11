"""What a reference method is: its protocol, and the checks that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np

from tsdeep.errors import DataError

if TYPE_CHECKING:
    from tsdeep.samples import Samples


@runtime_checkable
class Reference(Protocol):
    """A method that the model is shown against, fitted on the same folds.

    Attributes
    ----------
    name : str
        The `method` under which its predictions stand in tables.
    """

    name: str

    def fit(self, samples: Samples, rows: np.ndarray) -> Self:
        """Fit on given panel rows of samples, a fold's refit rows."""
        ...

    def predict(self, samples: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the task's outputs by name, each float64 `[rows]`, for panel rows of samples."""
        ...


class OnFeatures:
    """A direction method on the features of the origin row, made a reference.

    Parameters
    ----------
    method : object
        With `name`, `fit(x [rows, channels], y [rows])` and `predict(x) -> P(up) [rows]`.
    """

    def __init__(self, method: Any) -> None:
        self.method = method
        self.name: str = method.name

    def fit(self, samples: Samples, rows: np.ndarray) -> Self:
        """Fit the method on the features and labels of given panel rows."""
        self.method.fit(samples.x[rows], samples.y[rows])
        return self

    def predict(self, samples: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return P(up) of given panel rows, as `up`."""
        return {"up": self.method.predict(samples.x[rows])}


def check_features(x: np.ndarray) -> np.ndarray:
    """Return features as a finite float64 matrix.

    Parameters
    ----------
    x : array_like [rows, channels]
        One row an origin.

    Returns
    -------
    numpy.ndarray [rows, channels]
        The same values, float64.

    Raises
    ------
    DataError
        If it is not two-dimensional, or holds NaN or infinity (the message gives row and channel).
    """
    matrix = np.asarray(x, dtype=np.float64)
    if matrix.ndim != 2:
        raise DataError(f"features of a reference: expected [rows, channels], found shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        row, channel = np.argwhere(~np.isfinite(matrix))[0]
        raise DataError(
            f"features of references: row {row}, channel {channel} is {matrix[row, channel]}, expected finite"
        )
    return matrix


def check_labels(y: np.ndarray, rows: int) -> np.ndarray:
    """Return direction labels as int8.

    Parameters
    ----------
    y : array_like [rows]
        1 for up, 0 for not up.
    rows : int
        How many there should be.

    Returns
    -------
    numpy.ndarray [rows]
        The same values, int8.

    Raises
    ------
    DataError
        If there are none, the length differs from `rows`, or a value is neither 0 nor 1.
    """
    labels = np.asarray(y).reshape(-1)
    if len(labels) != rows or rows == 0:
        raise DataError(
            f"labels of a reference: found {len(labels)} for {rows} rows, expected one a row, and some"
        )
    wrong = np.flatnonzero((labels != 0) & (labels != 1))
    if len(wrong):
        raise DataError(f"labels of a reference: row {wrong[0]} is {labels[wrong[0]]}, expected 0 or 1")
    return labels.astype(np.int8)
