"""Movement: whether the mid-price of an order book goes down, stays or goes up over the next rows."""

# No `from __future__ import annotations`: a task that inherits the settings needs their annotations as objects.

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from tsdeep.arguments import check_arguments
from tsdeep.books import BOOK_FIELDS, spread
from tsdeep.errors import DataError, SpecError
from tsdeep.tasks.base import Labels, Task, register_task
from tsdeep.tasks.movement_labels import (
    STATIONARY,
    Mids,
    Moves,
    balanced_limit,
    classes,
    given_classes,
    limit_in_ticks,
    mid_unit,
    mids,
    mids_in_sums,
    moves,
)
from tsdeep.tasks.movement_outputs import CLASSES, book_context, named, output_names, stack_horizons
from tsdeep.tasks.movement_settings import check_smoothing, check_threshold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tsdeep.panel import Panel

Horizon = Annotated[int, Field(strict=True, ge=1, description="Rows ahead, 1 or more.")]
Threshold = Annotated[float, Field(ge=0, allow_inf_nan=False, description="0 or more.")]

_STATIONARY_SHARE = 1.0 / 3.0
_FROM_TRAINING_ROWS = ("spread", "balanced")


@register_task("movement")
@dataclass(frozen=True)
class Movement(Task):
    """Whether the mid goes down (0), stays (1) or goes up (2) over the next rows, at one or several horizons.

    The move of row t over the horizon of k rows is, with m the mid and h the smoothing rows,

    ============ ==================================================== =================================
    `labels`     move                                                 reads rows
    ============ ==================================================== =================================
    `raw`        m[t+k] - m[t]                                        t and t+k
    `anchored`   mean of m[t+1..t+k] - m[t]                           t to t+k
    `smoothed`   mean of m[t+1..t+k] - mean of m[t-k+1..t]            t-k+1 to t+k
    `decoupled`  mean of m[t+k-h+1..t+k] - mean of m[t-h+1..t]        t-h+1 to t, and t+k-h+1 to t+k
    ============ ==================================================== =================================

    and a return where it is divided by the mid, or mean of mids, that it starts from. A move of at most the
    threshold, up or down, is stationary. `given` takes labels that came with the data, from the fields
    `label_<k>`: 0 down, 1 stationary, 2 up, NaN for none.

    Every label ends at row t + k, of several horizons the longest; none crosses a segment. Mids are counted in
    half ticks, whole numbers, so that moves are exact.

    Parameters
    ----------
    horizon_rows : int or tuple of int, default 100
        Rows ahead, k; several make a model of several horizons.
    labels : {"raw", "anchored", "smoothed", "decoupled", "given"}
        What moves, see above.
    smoothing_rows : int, optional
        Rows of both means of `decoupled`, h, at most the shortest horizon; for no other labels.
    beyond_segment : bool, default False
        Of `given`: keep labels whose rows ahead are not all in the segment, as ending with it. That is right
        only where the segment is cut from a longer row of data on which nothing is trained or tested, as
        FI-2010's files; labels that look into the next session would leak.
    threshold : float, tuple of float, or mapping of symbol to either, optional
        How large a move is stationary: one for all horizons or one each, for all symbols or by symbol. Not
        with `given`, nor with `threshold_in="balanced"`.
    threshold_in : {"balanced", "return", "ticks", "spread"}
        The unit: a return; ticks; the average spread of the training rows of the symbol; or the threshold at
        which a third of the moves of the training rows of the symbol are stationary.

    Attributes
    ----------
    thresholds : dict of str to tuple of float, or None
        What `fit` took from training rows by symbol, one a horizon, in the price unit of the data.

    Raises
    ------
    SpecError
        If a value does not fit, or arguments do not go together.

    References
    ----------
    `anchored` is FI-2010's (Ntakaris et al. 2018, J. Forecasting 37) and DeepLOB's eq. 3 (Zhang, Zohren and
    Roberts 2019, IEEE Trans. Signal Processing 67); `smoothed` is DeepLOB's eq. 4, with k mids in the mean of the
    past (the equation sums i = 0 to k and divides by k). `decoupled` is that of Berti and Kasneci (2025), TLOB,
    arXiv:2502.15757, whose k + 1 is h here and whose h is k.

    Examples
    --------
    >>> Movement(horizon_rows=(10, 100), threshold=0.5, threshold_in="ticks").output_names
    ('down_10', 'stationary_10', 'up_10', 'down_100', 'stationary_100', 'up_100')
    """

    horizon_rows: Horizon | Annotated[tuple[Horizon, ...], Field(min_length=1)] = 100
    labels: Literal["raw", "anchored", "smoothed", "decoupled", "given"] = "raw"
    smoothing_rows: Horizon | None = None
    beyond_segment: Annotated[bool, Field(strict=True, description="Keep given labels at segment ends.")] = (
        False
    )
    threshold: Threshold | tuple[Threshold, ...] | dict[str, Threshold | tuple[Threshold, ...]] | None = None
    threshold_in: Literal["balanced", "return", "ticks", "spread"] = "balanced"
    thresholds: dict[str, tuple[float, ...]] | None = field(default=None, init=False)

    classes: ClassVar[tuple[str, ...]] = CLASSES

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _ARGUMENTS}
        for name, value in check_arguments(type(self), given, "task 'movement'").items():
            object.__setattr__(self, name, value)
        if len(set(self.horizons)) < len(self.horizons):
            raise SpecError(f"horizon_rows: a horizon is given more than once in {list(self.horizons)}")
        check_smoothing(self)
        check_threshold(self)

    @property
    def horizons(self) -> tuple[int, ...]:
        """Rows ahead that the labels look."""
        return (self.horizon_rows,) if isinstance(self.horizon_rows, int) else self.horizon_rows

    @property
    def fields(self) -> tuple[str, ...]:
        """Raw fields: the book, whose best prices the labels read and the rest the references; given labels."""
        if self.labels != "given":
            return BOOK_FIELDS
        return (*BOOK_FIELDS, *(f"label_{horizon}" for horizon in self.horizons))

    @property
    def logit_shape(self) -> tuple[int, ...]:
        """Shape of the logits of one prediction: a logit a class, for each of several horizons."""
        return (3,) if len(self.horizons) == 1 else (len(self.horizons), 3)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the probabilities of the classes; of several horizons each with its rows, `down_10`."""
        return output_names(self.horizons)

    @property
    def fitted(self) -> bool:
        """Whether the thresholds are known; those of "spread" and "balanced" come from training rows."""
        return not self.fits_thresholds or self.thresholds is not None

    @property
    def fits_thresholds(self) -> bool:
        """Whether thresholds come from training rows."""
        return self.threshold_in in _FROM_TRAINING_ROWS and self.labels != "given"

    def fit(self, panel: "Panel", rows: np.ndarray) -> "Movement":
        """Return the task with the thresholds of a fold's training rows, by symbol and horizon.

        Parameters
        ----------
        panel : Panel
            With the fields of a book.
        rows : ndarray of int64, [samples]
            The training rows; only what their labels read is read.

        Returns
        -------
        Movement
            The task itself where thresholds are fixed or labels given.

        Raises
        ------
        DataError
            If no training row of a symbol has a label. A symbol without training rows gets no threshold, and so
            no labels.
        """
        if not self.fits_thresholds:
            return self
        rows = np.asarray(rows)
        found = self.moves(panel)
        own = {symbol: found[rows[panel.symbol[rows] == symbol]] for symbol in dict.fromkeys(panel.symbols)}
        return self.fit_moves({symbol: some for symbol, some in own.items() if len(some)}, panel.tick)

    def moves(self, panel: "Panel") -> np.ndarray:
        """Return differences of sums of mids, float64 `[rows, horizons]`, and last the spread if thresholds need it.

        Differences are in the unit of `mids`, NaN where a row has none; the spread is in the price unit of the data.
        """
        found = self._mids(panel)
        columns = [self._moves(panel, found, horizon).difference for horizon in self.horizons]
        if self.threshold_in == "spread":
            columns.append(spread(panel))
        return np.stack(columns, axis=1)

    def fit_moves(self, moves: "Mapping[str, np.ndarray]", tick: float | None) -> "Movement":
        """Return the task with the thresholds of training rows, given what `moves` says of them by symbol.

        Raises
        ------
        DataError
            If no training row of a symbol has a label.
        """
        thresholds = {symbol: self._fitted(symbol, own, tick) for symbol, own in moves.items()}
        fitted = replace(self)
        object.__setattr__(fitted, "thresholds", thresholds)
        return fitted

    def _fitted(self, symbol: str, moved: np.ndarray, tick: float | None) -> tuple[float, ...]:
        """Thresholds of a symbol, one a horizon, in the price unit of the data."""
        numbers = range(len(self.horizons))
        if self.threshold_in == "spread":
            return tuple(self._threshold(symbol, number) * float(moved[:, -1].mean()) for number in numbers)
        sizes = [np.abs(moved[~np.isnan(moved[:, number]), number]) for number in numbers]
        if not all(len(size) for size in sizes):
            raise DataError(f"symbol '{symbol}': no training row has a label")
        return tuple(
            balanced_limit(size, _STATIONARY_SHARE) * mid_unit(tick) / self._count(number)
            for number, size in zip(numbers, sizes, strict=True)
        )

    def limits(self, symbols: tuple[str, ...], tick: float | None) -> np.ndarray:
        """Return the largest difference that is stationary, in the unit of `moves`, `[symbols, horizons]`."""
        found = np.full((len(symbols), len(self.horizons)), np.nan)
        for place, symbol in enumerate(symbols):
            for number, threshold in enumerate((self.thresholds or {}).get(symbol, ())):
                found[place, number] = threshold / mid_unit(tick) * self._count(number)
        return found

    def labels_of(self, moves: Any, limits: Any) -> Any:
        """Return 0 down, 1 stationary, 2 up of differences by limits, as `classes` does, as tensors."""
        from keras import ops

        moved = ops.where(moves > limits, 2.0, ops.where(moves < -limits, 0.0, 1.0))
        return ops.where(ops.isnan(moves) | ops.isnan(limits), float("nan"), moved)

    def _count(self, number: int) -> int:
        """Mids in each of the two sums that a difference of a horizon is of."""
        assert self.labels != "given"
        return mids_in_sums(self.labels, self.horizons[number], self.smoothing_rows or 1)

    def label(self, panel: "Panel") -> Labels:
        """Label every row of a panel that has all the rows its label reads within its segment.

        Parameters
        ----------
        panel : Panel
            With the fields of a book.

        Returns
        -------
        Labels
            y 0.0 down, 1.0 stationary or 2.0 up, `[rows]`, or `[rows, horizons]` with several, NaN where
            there is none; None before thresholds that come from training rows are fitted. A row has labels of
            all horizons or of none.

        Raises
        ------
        DataError
            If a symbol has no threshold, or a given label is none of 0, 1, 2.
        """
        if self.labels == "given":
            y = np.stack([given_classes(panel, horizon) for horizon in self.horizons], axis=1)
        else:
            found = self._mids(panel)
            moved = [self._moves(panel, found, horizon) for horizon in self.horizons]
            y = np.stack([move.difference for move in moved], axis=1)  # [rows, horizons]
        whole = ~np.isnan(y).any(axis=1)
        end = np.arange(panel.n_rows) + max(self.horizons)
        last = panel.bounds[panel.segment, 1] - 1
        if self.labels == "given" and self.beyond_segment:
            end = np.minimum(end, last)
        whole &= end <= last
        end = np.where(whole, end, -1)
        if not self.fitted:
            return Labels(None, end)
        if self.labels != "given":
            y = np.stack([self.classes_of(panel, found, move, n) for n, move in enumerate(moved)], axis=1)
        y = np.where(whole[:, None], y, np.nan).astype(np.float32)
        return Labels(y if len(self.horizons) > 1 else y[:, 0], end)

    def past_classes(self, panel: "Panel", number: int) -> np.ndarray:
        """Return the class of what is known at each row of the past over a horizon: what persistence goes by.

        Parameters
        ----------
        panel : Panel
            With the fields of a book.
        number : int
            Of the horizon, from 0.

        Returns
        -------
        ndarray of int64, [rows]
            The class of the mid less the mid k rows before, by the threshold of the label; with given labels
            the last one known, that of k rows before. The first k rows of a segment go by its first row, and
            are stationary with given labels.
        """
        horizon = self.horizons[number]
        rows = np.arange(panel.n_rows)
        before = np.maximum(rows - horizon, panel.bounds[panel.segment, 0])
        if self.labels == "given":
            known = given_classes(panel, horizon)[before]
            return np.where((rows - before < horizon) | np.isnan(known), STATIONARY, known).astype(np.int64)
        found = self._mids(panel)
        base = found.values[before]
        return self.classes_of(panel, found, Moves(found.values - base, base, 1), number).astype(np.int64)

    def classes_of(self, panel: "Panel", found: Mids, moved: Moves, number: int) -> np.ndarray:
        """Return the classes `[rows]` of moves by the thresholds of one horizon, NaN where there is no move."""
        y = np.full(panel.n_rows, np.nan, np.float32)
        for (start, stop), symbol in zip(panel.bounds.tolist(), panel.symbols, strict=True):
            if self.fits_thresholds and symbol not in (self.thresholds or {}):
                continue  # no training row that a threshold could come from
            own = Moves(moved.difference[start:stop], moved.base[start:stop], moved.count)
            y[start:stop] = classes(own.difference, self._limit(panel, start, found, own, number))
        return y

    def _limit(self, panel: "Panel", row: int, found: Mids, moved: Moves, number: int) -> Any:
        """Largest difference that is stationary, for the moves of the segment in which a row is."""
        symbol = panel.symbol[row]
        if self.fits_thresholds:
            assert self.thresholds is not None
            return self.thresholds[symbol][number] / found.unit * moved.count
        threshold = self._threshold(symbol, number)
        if self.threshold_in == "return":
            return threshold * moved.base
        if panel.tick is None:
            raise DataError("the data has no tick, which a threshold in ticks needs")
        return limit_in_ticks(threshold, moved.count)

    def _threshold(self, symbol: str, number: int) -> float:
        """Threshold as given, of a symbol and horizon."""
        value = self.threshold
        if isinstance(value, dict):
            if symbol not in value:
                raise DataError(f"symbol '{symbol}' has no threshold; there are some for: {', '.join(value)}")
            value = value[symbol]
        return float(value[number] if isinstance(value, tuple) else value)  # type: ignore[arg-type]

    def _mids(self, panel: "Panel") -> Mids:
        return mids(panel.raw("ask_price")[:, 0], panel.raw("bid_price")[:, 0], panel.tick)

    def _moves(self, panel: "Panel", found: Mids, horizon: int) -> Moves:
        assert self.labels != "given"
        return moves(found.values, panel.bounds, self.labels, horizon, self.smoothing_rows or 1)

    def mirrored(self, y: Any) -> Any:
        """Return labels as they are where the order book is mirrored: up for down."""
        return 2.0 - y

    def loss(self) -> Any:
        """Return sparse categorical cross-entropy on logits, over the last axis."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self) -> list[Any]:
        """Return accuracy of the most probable class."""
        import keras

        return [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]

    def outputs(self, logits: Any) -> dict[str, Any]:
        """Turn logits `[batch, 3]` or `[batch, horizons, 3]` into the probabilities of `output_names`, `[batch]`."""
        from keras import ops

        return named(ops.softmax(logits, axis=-1), self.horizons)

    def context(self, panel: "Panel", rows: np.ndarray) -> dict[str, np.ndarray]:
        """Return row, session, mid (price unit of the data), spread in ticks and seconds into the session."""
        return book_context(panel, rows)

    def table(self, base: pd.DataFrame, y: np.ndarray, outputs: "Mapping[str, np.ndarray]") -> pd.DataFrame:
        """Lay out predictions, horizon by horizon: the columns of `base`, horizon, y (int8), down, stationary, up.

        With several seeds there are `down_seed<k>`, `stationary_seed<k>`, `up_seed<k>` too. A method may state which
        class it calls, where that is not the one with the largest probability: outputs `call`, of several horizons
        `call_<k>` (0 down, 1 stationary, 2 up), become the column `call` (int8).
        """
        return stack_horizons(base, y, outputs, self.horizons)


_ARGUMENTS = ("horizon_rows", "labels", "smoothing_rows", "beyond_segment", "threshold", "threshold_in")
