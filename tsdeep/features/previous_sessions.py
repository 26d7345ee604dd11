"""The scaler of raw order books over many days: statistics of the sessions before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import Field

from tsdeep.errors import DataError, SpecError
from tsdeep.features.scaler_registry import register_scaler
from tsdeep.features.scaling import Clip, Values
from tsdeep.features.standard_scaler import StandardScaler

SessionCount = Annotated[int, Field(strict=True, ge=1, description="Sessions that statistics are of.")]


@register_scaler("previous_sessions")
class PreviousSessionsScaler(StandardScaler):
    """(x - mean) / scale with mean and standard deviation of the last sessions, as DeepLOB scales raw levels.

    Prices drift from day to day, so a training row is scaled by the rows of the training sessions before its
    own, as many as there are up to `sessions`; the first training session has none before it and is scaled by
    itself. The weights are the statistics of the last training sessions: they scale the last of these and
    every row after it, in training, in tests and in the export alike, so that the three agree wherever the
    training rows end. With a single training session this is the standard scaler.

    Parameters
    ----------
    sessions : int
        Sessions that statistics are of, 1 or more.
    mean, scale : sequence of float or None
        Statistics of the last training sessions, if known already; else `fit` finds them.
    clip : float or None
        Scaled values are clipped to -clip to clip; None leaves them.
    **kwargs : object
        See `Scaler`.

    Notes
    -----
    A call knows no sessions and uses the weights; `transform` tells sessions apart. Statistics of earlier
    sessions are for training alone, and are not saved.

    References
    ----------
    Zhang, Zohren and Roberts (2019), "DeepLOB: deep convolutional neural networks for limit order books", IEEE
    Transactions on Signal Processing 67(11), section III, with 5 days.
    """

    def __init__(
        self,
        sessions: SessionCount = 5,
        mean: Values = None,
        scale: Values = None,
        clip: Clip = None,
        **kwargs: Any,
    ) -> None:
        if sessions < 1:
            raise SpecError(f"PreviousSessionsScaler: sessions is {sessions!r}; expected 1 or more")
        super().__init__(mean, scale, clip, **kwargs)
        self.sessions = sessions
        self._earlier: tuple[tuple[int, np.ndarray, np.ndarray], ...] = ()

    def fit(self, x: Any, names: Sequence[str] | None = None, session: Any = None) -> Self:
        """Find the statistics of each training session's predecessors, and of the last sessions.

        Parameters
        ----------
        x : array
            `[rows, channels]`, the training rows; no other row is read.
        names : sequence of str or None
            Channel names for error messages.
        session : array of int
            Session number of each row, ascending in time, `[rows]`.

        Returns
        -------
        PreviousSessionsScaler
            Itself.

        Raises
        ------
        DataError
            As `Scaler.fit` does, and if there are no session numbers, or a channel is constant over the
            sessions that a statistic is of.
        """
        x, channels = self._checked(x, names)
        if session is None or np.shape(session) != (len(x),):
            raise DataError(
                f"PreviousSessionsScaler.fit: expected session numbers [{len(x)}], found "
                + ("none" if session is None else f"shape {np.shape(session)}")
            )
        session = np.asarray(session)
        numbers = np.unique(session).tolist()
        earlier = []
        for place, number in enumerate(numbers[:-1]):
            found = self._of(numbers[max(place - self.sessions, 0) : max(place, 1)], x, session, channels)
            earlier.append((number, found["mean"], found["scale"]))
        self._take(self._of(numbers[-self.sessions :], x, session, channels))
        self._earlier = tuple(earlier)
        return self

    def transform(self, x: np.ndarray, session: np.ndarray | None = None) -> np.ndarray:
        """Scale rows, those of training sessions but the last by the sessions before them.

        Parameters
        ----------
        x : ndarray, [rows, channels]
            Rows of any session.
        session : ndarray of int, [rows]
            Session number of each.

        Returns
        -------
        ndarray
            float32, the same shape.

        Raises
        ------
        DataError
            If there are no session numbers.
        """
        if session is None:
            raise DataError("PreviousSessionsScaler.transform: expected session numbers, found none")
        scaled = np.array(self(x))
        bound = np.inf if self.clip is None else self.clip
        for number, mean, scale in self._earlier:
            rows = np.asarray(session) == number
            scaled[rows] = np.clip((x[rows].astype(np.float32) - mean) / scale, -bound, bound)
        return scaled

    def by_session(self) -> dict[int, dict[str, np.ndarray]]:
        """Return the statistics of the training sessions but the last, by session number."""
        return {number: {"mean": mean, "scale": scale} for number, mean, scale in self._earlier}

    def _of(
        self, numbers: list[int], x: np.ndarray, session: np.ndarray, channels: list[str]
    ) -> dict[str, np.ndarray]:
        """Statistics of the rows of some sessions."""
        return self._found(
            x[np.isin(session, numbers)], channels, f" of session {numbers[0]} to {numbers[-1]}"
        )
