"""Samples: a panel with the features, labels and label ends that windows and folds index into."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.panel import Panel
from tsdeep.tasks import Task

if TYPE_CHECKING:
    from tsdeep.features import FeatureBank, StandardScaler
    from tsdeep.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Samples:
    """A panel with the features and the task of a study; everything is computed on first use.

    A sample is known by its *origin*: the panel row at which its window ends and its prediction is made.
    Features at a row read that row and `features.warmup` rows before it, a window holds `lookback` rows of
    features, so an origin needs `rows_needed` raw rows of its own segment up to and with itself.

    Parameters
    ----------
    panel : Panel
        Raw rows.
    features : FeatureBank
        The causal feature layers.
    task : Task
        What is predicted.
    lookback : int
        Rows of features that a model sees, the current one included.
    spec : DataSpec, optional
        Where the samples come from, for reports and exports.

    Raises
    ------
    DataError
        If the data lacks a field, a field that must be positive is not, no segment is long enough for one
        window, or a feature is not finite; with the place.
    """

    panel: Panel
    features: FeatureBank
    task: Task
    lookback: int
    spec: DataSpec | None = None

    def __post_init__(self) -> None:
        if self.lookback < 1:
            raise DataError(f"lookback: found {self.lookback}, expected at least 1 row")
        for name in (*self.features.fields, *self.task.fields):
            self.panel.raw(name)
        longest = int(np.diff(self.panel.bounds, axis=1).max()) if len(self.panel.bounds) else 0
        if longest < self.rows_needed:
            raise DataError(
                f"one window needs {self.rows_needed} rows (lookback {self.lookback} + warm-up "
                f"{self.features.warmup}), the longest segment has {longest}"
            )

    @property
    def rows_needed(self) -> int:
        """Raw rows that one prediction reads: lookback and warm-up."""
        return self.lookback + self.features.warmup

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each channel."""
        return self.features.names

    @property
    def input_shape(self) -> tuple[int, int]:
        """Shape of one window: (lookback, channels)."""
        return self.lookback, len(self.features.names)

    @property
    def time(self) -> np.ndarray:
        """Time of every panel row, datetime64[ns] [rows]."""
        return self.panel.time

    @property
    def session(self) -> np.ndarray:
        """Session number of every panel row, int64 [rows]."""
        return self.panel.session

    @property
    def symbol(self) -> np.ndarray:
        """Instrument of every panel row, object [rows]."""
        return self.panel.symbol

    @cached_property
    def x(self) -> np.ndarray:
        """Features of every panel row before scaling, float32 [rows, channels]; NaN while warming up."""
        self._check_positive()
        warmup = self.features.warmup
        x = np.full((self.panel.n_rows, len(self.features.names)), np.nan, np.float32)
        for start, stop in self.panel.bounds:
            if stop - start > warmup:
                raw = {name: self.panel.raw(name)[None, start:stop] for name in self.features.fields}
                x[start + warmup : stop] = np.asarray(self.features(raw))[0]
        self._check_finite(x)
        return x

    @cached_property
    def _labels(self) -> Any:
        return self.task.label(self.panel)

    @property
    def y(self) -> np.ndarray:
        """Label of every panel row, float32 [rows]; NaN where there is none."""
        return self._labels.y

    @property
    def label_end(self) -> np.ndarray:
        """Panel row at which each label ends, int64 [rows]; -1 where there is none."""
        return self._labels.end

    @cached_property
    def origins(self) -> np.ndarray:
        """Panel rows at which a whole window ends, with or without a label, int64 [origins]."""
        return np.concatenate(
            [
                np.arange(min(start + self.rows_needed - 1, stop), stop, dtype=np.int64)
                for start, stop in self.panel.bounds
            ]
        )

    @cached_property
    def rows(self) -> np.ndarray:
        """Origins that have a label: what folds split and models learn from, int64 [samples]."""
        rows = self.origins[self.label_end[self.origins] >= 0]
        if not len(rows):
            raise DataError(
                f"no row has both a window of {self.rows_needed} rows before it and a label "
                f"({self.task}) after it; the data has {self.panel.n_rows} rows"
            )
        return rows

    def __len__(self) -> int:
        return len(self.rows)

    def fit_scaler(self, rows: np.ndarray) -> StandardScaler:
        """Fit the standard scaler on the features of given rows, a fold's training rows.

        Parameters
        ----------
        rows : ndarray of int64, [samples]
            Panel rows; only these are read.

        Returns
        -------
        StandardScaler
            A fitted layer; it goes into `tsdeep.windows` and into the export.
        """
        from tsdeep.features import StandardScaler

        return StandardScaler().fit(self.x[np.asarray(rows, np.int64)], names=self.feature_names)

    def replace(self, **changes: Any) -> Samples:
        """Return samples with some arguments changed, such as `panel` or `lookback`."""
        return replace(self, **changes)

    def prices(self) -> pd.DataFrame:
        """Return the bars that a backtest fills against: time, symbol, close, and open where there is one."""
        frame = self.panel.to_frame()
        return frame[[name for name in ("time", "symbol", "open", "close") if name in frame]]

    def _check_positive(self) -> None:
        for name in self.features.positive_fields:
            values = self.panel.raw(name)
            bad = np.flatnonzero((values <= 0).reshape(len(values), -1).any(axis=1))
            if len(bad):
                row = int(bad[0])
                readers = [f.name for f in self.features.features if name in f.positive_fields]
                raise DataError(
                    f"symbol '{self.symbol[row]}', row {row}, {pd.Timestamp(self.time[row])}: field '{name}' is "
                    f"{values[row]}; {', '.join(readers)} needs it above zero ({len(bad)} such rows)"
                )

    def _check_finite(self, x: np.ndarray) -> None:
        for start, stop in self.panel.bounds:
            part = x[start + self.features.warmup : stop]
            bad = np.argwhere(~np.isfinite(part))
            if len(bad):
                row, channel = start + self.features.warmup + int(bad[0, 0]), int(bad[0, 1])
                raise DataError(
                    f"symbol '{self.symbol[row]}', row {row}, {pd.Timestamp(self.time[row])}: feature "
                    f"'{self.feature_names[channel]}' is {x[row, channel]}, expected a finite number"
                )
