"""References for movements that no feature goes into: shares of classes, the last move, a one-line rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from tsdeep.errors import DataError, RunError
from tsdeep.tasks.movement import Movement
from tsdeep.tasks.movement_labels import DOWN, STATIONARY, UP, balanced_limit, mids, window_sums
from tsdeep.tasks.movement_outputs import named, named_calls

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

N_CLASSES = 3
_ROUNDING = 1e-12  # of sums of prices that are no whole ticks, as a share of the largest


def movement_task(samples: Samples, name: str) -> Movement:
    """Return the task of samples; DataError unless it is a movement."""
    if not isinstance(samples.task, Movement):
        raise DataError(f"{name}: found samples of task {samples.task}, expected a movement")
    return samples.task


def movement_labels(samples: Samples, rows: np.ndarray, name: str) -> np.ndarray:
    """Return the classes of rows as int64 `[rows, horizons]`; DataError where a row has no label."""
    y = np.asarray(samples.y[rows]).reshape(len(rows), -1)
    if not len(y) or np.isnan(y).any():
        raise DataError(f"{name}: found rows without a label, expected rows that all have one, and some")
    return y.astype(np.int64)


class _ByState(ABC):
    """A method that puts each row into one of three states and predicts the shares of classes in that state.

    Shares are those of the rows it was fitted on, where one row of each class is added to every state, so that none
    is 0; they are fitted by horizon and not by symbol.

    Where a state is a class, the method calls it: the shares say how often that came true, and where one class is the
    most frequent in every state their argmax would be a constant.
    """

    name: str
    states_are_classes: ClassVar[bool] = True

    def __init__(self) -> None:
        self._shares: list[np.ndarray] | None = None  # by horizon, [states, classes]

    def fit(self, samples: Samples, rows: np.ndarray) -> Self:
        """Count classes by state among given panel rows."""
        task = movement_task(samples, self.name)
        y = movement_labels(samples, rows, self.name)
        self._prepare(samples, rows, y)
        self._shares = []
        for number in range(len(task.horizons)):
            counts = np.ones((N_CLASSES, N_CLASSES))
            np.add.at(counts, (self._states(samples.panel, task, number)[rows], y[:, number]), 1.0)
            self._shares.append(counts / counts.sum(axis=1, keepdims=True))
        return self

    def predict(self, samples: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return the probabilities of the classes by output name, each float64 `[rows]`, and the calls, int64 `[rows]`.

        Calls are there where the method states them: `call`, of several horizons `call_<k>`, 0 down, 1 stationary,
        2 up.
        """
        if self._shares is None:
            raise RunError(f"{self.name}: predict before fit; call fit(samples, rows) first")
        task = movement_task(samples, self.name)
        states = [self._states(samples.panel, task, number)[rows] for number in range(len(self._shares))]
        by_horizon = [shares[state] for shares, state in zip(self._shares, states, strict=True)]
        outputs = named(_joined(by_horizon), task.horizons)
        if self.states_are_classes:
            outputs |= named_calls(_joined(states), task.horizons)
        return outputs

    def _prepare(self, samples: Samples, rows: np.ndarray, y: np.ndarray) -> None:
        """Take from the rows what states need; by default nothing."""
        del samples, rows, y

    @abstractmethod
    def _states(self, panel: Panel, task: Movement, number: int) -> np.ndarray:
        """State of every panel row for one horizon, int64 `[rows]`, from that row and rows before it."""


def _joined(by_horizon: list[np.ndarray]) -> np.ndarray:
    """Values of one horizon as they are, of several stacked along axis 1."""
    return by_horizon[0] if len(by_horizon) == 1 else np.stack(by_horizon, axis=1)


class Majority(_ByState):
    """Predict the shares of the classes among the training rows: the best constant, in log-loss, that was known.

    Its most probable class is the majority class, on every row, so its Matthews correlation is 0.
    """

    name = "majority"
    states_are_classes = False

    def _states(self, panel: Panel, task: Movement, number: int) -> np.ndarray:
        del task, number
        return np.zeros(panel.n_rows, np.int64)


class Persistence(_ByState):
    """The last move again: the class of the mid's change over the last k rows, by the label's own threshold.

    Where labels came with the data it is the last one known, that of k rows before, however prices were
    normalised. That class is its call; its probabilities are the shares of the classes among the training rows whose
    last move had that class.
    """

    name = "persistence"

    def _states(self, panel: Panel, task: Movement, number: int) -> np.ndarray:
        return task.past_classes(panel, number)


class OneLineRule(_ByState):
    """Where the mid is against its mean over the last k rows: sign(mid - mean of the last k mids).

    It knows a part of a label that is smoothed over the past: the mean of the last k rows is in the label,
    and the mid is the best guess of the mean to come. It calls up above the mean, stationary at it, and down below;
    its probabilities are the shares of the classes among the training rows that were there. The first k - 1 rows of a
    segment go by the mean since its first row.

    Prices that were normalised over stocks rise and fall with the stock's own, so that the sign says within a stock
    what it says of prices; where a segment goes on with another stock it says which is dearer, for k - 1 rows.

    Parameters
    ----------
    dead_band : bool, default False
        Whether "at" is wider than 0: up to the deviation, by symbol, which as many of the training rows keep
        within as are stationary. Its name is then `rule_with_dead_band`.
    """

    def __init__(self, dead_band: bool = False) -> None:
        super().__init__()
        self.dead_band = dead_band
        self.name = "rule_with_dead_band" if dead_band else "rule"
        self._limits: list[dict[str, float]] = []

    def _prepare(self, samples: Samples, rows: np.ndarray, y: np.ndarray) -> None:
        panel, task = samples.panel, movement_task(samples, self.name)
        self._limits = []
        for number, horizon in enumerate(task.horizons):
            size = np.abs(mid_deviation(panel, horizon)[rows])
            limits = {}
            for symbol in dict.fromkeys(panel.symbols):
                own = panel.symbol[rows] == symbol
                if own.any():
                    limits[symbol] = balanced_limit(size[own], np.mean(y[own, number] == STATIONARY))
            self._limits.append(limits)

    def _states(self, panel: Panel, task: Movement, number: int) -> np.ndarray:
        deviation = mid_deviation(panel, task.horizons[number])
        limit = np.zeros(panel.n_rows)
        if self.dead_band:
            for (start, stop), symbol in zip(panel.bounds.tolist(), panel.symbols, strict=True):
                limit[start:stop] = self._limits[number].get(symbol, 0.0)
        return np.where(deviation > limit, UP, np.where(deviation < -limit, DOWN, STATIONARY))


def mid_deviation(panel: Panel, rows: int) -> np.ndarray:
    """Return the mid less its mean over the last rows, in the price unit of the data, float64 `[rows]`.

    The mean is over the current row and `rows - 1` before it, at the first rows of a segment over those there are.
    It is 0 where the mid stood still, also where there is no tick.
    """
    found = mids(panel.raw("ask_price")[:, 0], panel.raw("bid_price")[:, 0], panel.tick)
    deviation = np.empty(panel.n_rows)
    for start, stop in panel.bounds.tolist():
        own = found.values[start:stop]
        early = min(rows - 1, stop - start)
        sums = np.concatenate([np.cumsum(own[:early]), window_sums(own, rows)])
        count = np.minimum(np.arange(1, stop - start + 1), rows)
        deviation[start:stop] = (own * count - sums) / count  # whole numbers: 0 exactly where they are equal
        if panel.tick is None and stop > start:
            part = deviation[start:stop]
            part[np.abs(part) <= _ROUNDING * np.abs(own).max()] = 0.0
    return deviation * found.unit
