"""The base of every task, and the names under which tasks are known."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from tsdeep.arguments import check_arguments
from tsdeep.errors import SpecError, unknown_name

if TYPE_CHECKING:
    from tsdeep.panel import Panel


@dataclass(frozen=True)
class Labels:
    """A label for every panel row, and the row at which it ends.

    Parameters
    ----------
    y : ndarray of float32, [rows] or [rows, horizons], or None
        The label; NaN where the row has none. None where the task has to be fitted first. `[rows, assets]` where a
        row holds several assets.
    end : ndarray of int64, [rows]
        The last panel row that the label reads; -1 where the row has no label.
    """

    y: np.ndarray | None
    end: np.ndarray


class Task(ABC):
    """One thing to predict. Subclasses are frozen dataclasses whose arguments are the task's settings.

    A task owns what depends on the question asked and on nothing else: how a label is made and where it
    ends, the last layer of a model, the loss and metrics that match it, the names of what a served model
    returns, and the columns of its predictions.
    """

    kind: ClassVar[str]
    classes: ClassVar[tuple[str, ...]] = ()
    """Names of the classes; none where a number is predicted."""

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """Raw fields that the label reads."""

    @property
    def horizons(self) -> tuple[int, ...]:
        """Rows ahead that the labels look, one a label."""
        return (getattr(self, "horizon_rows", 1),)

    @property
    def assets(self) -> int:
        """Assets that one sample holds: 1 unless labels are `[rows, assets]`."""
        return 1

    @property
    def logit_shape(self) -> tuple[int, ...]:
        """Shape of the logits of one prediction."""
        return (1,)

    @property
    def initial_logits(self) -> np.ndarray:
        """Logits that an untrained head gives, float32 `[*logit_shape]`: zeros unless a task knows better."""
        return np.zeros(self.logit_shape, np.float32)

    @property
    @abstractmethod
    def output_names(self) -> tuple[str, ...]:
        """Names of what a served model returns."""

    @property
    def fitted(self) -> bool:
        """Whether labels can be made: a task whose thresholds come from training rows must be fitted first."""
        return True

    def fit(self, panel: Panel, rows: np.ndarray) -> Task:
        """Return the task with all that it takes from a fold's training rows; by default nothing.

        Parameters
        ----------
        panel : Panel
            Raw rows.
        rows : ndarray of int64, [samples]
            The training rows; what their labels read is all that may be read.
        """
        del panel, rows
        return self

    @property
    def fits_thresholds(self) -> bool:
        """Whether labels depend on a fold's training rows: they are then made of `moves` and `limits`."""
        return False

    def moves(self, panel: Panel) -> np.ndarray:
        """Return all that thresholds and labels are made of, float64 `[rows, columns]`, where they are fitted.

        The first columns, one a horizon, become labels by `limits`.
        """
        del panel
        raise self._no_thresholds()

    def fit_moves(self, moves: Mapping[str, np.ndarray], tick: float | None) -> Task:
        """Return the task with the thresholds that the moves of training rows give, `[rows, columns]` by symbol."""
        del moves, tick
        return self

    def limits(self, symbols: tuple[str, ...], tick: float | None) -> np.ndarray:
        """Return the largest move without a direction, float64 `[symbols, horizons]`; NaN where it is not known."""
        del symbols, tick
        raise self._no_thresholds()

    def labels_of(self, moves: Any, limits: Any) -> Any:
        """Turn moves `[..., horizons]` into labels by limits of the same shape, as tensors."""
        del moves, limits
        raise self._no_thresholds()

    def _no_thresholds(self) -> SpecError:
        return SpecError(
            f"task {self.kind}: its labels do not depend on training rows, so it has no moves or limits"
        )

    def for_assets(self, assets: int) -> Task:
        """Return the task with labels of several assets a row; SpecError where it has none such."""
        if assets == 1:
            return self
        raise SpecError(f"task {self.kind}: found {assets} assets a sample, expected one; learn them pooled")

    @property
    def calibrated(self) -> bool:
        """Whether `outputs` can be computed: a task whose outputs need rows not fitted on says no before."""
        return True

    @property
    def calibration(self) -> dict[str, Any] | None:
        """What `calibrate` found, ready for JSON; None where there is nothing."""
        return None

    def calibrate(
        self, y: np.ndarray, logits: np.ndarray, symbol: np.ndarray, time: np.ndarray | None = None
    ) -> Task:
        """Return the task with all that its outputs take from rows that a model was not fitted on; by default nothing.

        Parameters
        ----------
        y : ndarray, [rows] or [rows, assets]
            Labels.
        logits : ndarray, [rows, *logit_shape]
            What the model answered.
        symbol : ndarray of str, [rows]
            Instruments.
        time : ndarray of datetime64, [rows], optional
            Times.
        """
        del y, logits, symbol, time
        return self

    def with_calibration(self, calibration: Mapping[str, Any] | None) -> Task:
        """Return the task with what an earlier `calibrate` found."""
        del calibration
        return self

    @abstractmethod
    def label(self, panel: Panel) -> Labels:
        """Label every row of a panel; no label crosses a segment."""

    def head(self, representation: Any) -> Any:
        """Turn a representation `[..., units]` into float32 logits `[..., *logit_shape]` by one Dense layer."""
        import keras

        logits = keras.layers.Dense(int(np.prod(self.logit_shape)), dtype="float32", name="logits")(
            representation
        )
        return self.shaped(logits)

    def shaped(self, logits: Any) -> Any:
        """Turn flat logits `[..., outputs]` into `[..., *logit_shape]`."""
        import keras

        if len(self.logit_shape) == 1:
            return logits
        shape = (*logits.shape[1:-1], *self.logit_shape)
        # Float32 whatever the policy: a layer of another would cast the logits down.
        reshape = keras.layers.Reshape(
            [-1 if n is None else n for n in shape], dtype="float32", name="by_horizon"
        )
        return reshape(logits)

    def mirrored(self, y: Any) -> Any:
        """Return labels as they are where the order book is mirrored; SpecError where the task has no mirror."""
        del y
        raise SpecError(f"mirror: the task {self.kind} does not say what its labels are on the other side")

    @abstractmethod
    def loss(self) -> Any:
        """Return the Keras loss that reads the logits of `head`."""

    @abstractmethod
    def metrics(self) -> list[Any]:
        """Return fresh Keras metrics that read the logits of `head`."""

    @abstractmethod
    def outputs(self, logits: Any) -> dict[str, Any]:
        """Turn logits `[batch, *logit_shape]` into the named outputs `[batch]` of a served model."""

    def context(self, panel: Panel, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return what an evaluation wants to know of rows beside their label, each `[rows]`; by default nothing."""
        del panel, rows
        return {}

    @abstractmethod
    def table(self, base: pd.DataFrame, y: np.ndarray, outputs: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """Lay out predictions as the evaluation of the task reads them.

        Parameters
        ----------
        base : DataFrame of n rows
            Fold, cutoff, time, symbol, and the context.
        y : ndarray, [n] or [n, horizons]
            Labels.
        outputs : mapping of str to ndarray, [n]
            The named outputs; with several seeds also `<name>_seed<k>` for each.

        Returns
        -------
        DataFrame
            A row a prediction and horizon.
        """


_TASKS: dict[str, type[Task]] = {}


def register_task(kind: str) -> Callable[[type[Task]], type[Task]]:
    """Make a task known by a name in specs and in `tsdeep.build(task=...)`."""

    def register(cls: type[Task]) -> type[Task]:
        cls.kind = kind
        _TASKS[kind] = cls
        return cls

    return register


def task_names() -> list[str]:
    """List the names of the registered tasks."""
    return sorted(_TASKS)


def task_class(kind: str) -> type[Task]:
    """Return the class of a task by its name; SpecError lists the names that exist."""
    if not isinstance(kind, str) or kind not in _TASKS:
        raise SpecError(unknown_name("task", kind, _TASKS))
    return _TASKS[kind]


def get_task(task: str | Task, **settings: Any) -> Task:
    """Return a task by name with its settings, or the task that was given.

    Parameters
    ----------
    task : str or Task
        A name of `task_names()`, or a task, which has its settings already.
    **settings
        The task's settings, the arguments of its class.

    Returns
    -------
    Task

    Raises
    ------
    SpecError
        For an unknown task or setting (with the nearest name), or a value that does not fit.

    Examples
    --------
    >>> get_task("direction", horizon_rows=5).horizon_rows
    5
    """
    if isinstance(task, Task):
        if settings:
            raise SpecError(
                f"found the task {task} with settings {', '.join(settings)}, expected only one of them"
            )
        return task
    cls = task_class(task)
    return cls(**check_arguments(cls, settings, f"task '{task}'"))
