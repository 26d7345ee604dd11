"""Samples: a panel with the features, labels and label ends that windows and folds index into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.panel import Panel
from tsdeep.tables import refuse
from tsdeep.tasks import Task

if TYPE_CHECKING:
    from tsdeep.assets import Assets
    from tsdeep.features import AssetFeatures, FeatureBank
    from tsdeep.spec import DataSpec


_CHUNK_ROWS = 16_384


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
    scaler : mapping, optional
        The scaler that `fit_scaler` makes: `kind` and its settings, and `by_symbol: true` for one an
        instrument; by default the standard scaler over all.
    spec : DataSpec, optional
        Where the samples come from, for reports and exports.
    assets : Assets, optional
        Which instruments are predicted, where several stand in one panel that belong together.
    pooled : Samples, optional
        Of samples that hold all assets of a day (`side_by_side`): the same with one asset each.

    Raises
    ------
    DataError
        If the data lacks a field, a symbol has no segment that is long enough for one window, or, on first
        use, a field that must be positive is not, or a feature is not finite; with the place.
    SpecError
        If `lookback` is not a positive whole number.
    """

    panel: Panel
    features: FeatureBank | AssetFeatures
    task: Task
    lookback: int
    scaler: Mapping[str, Any] | None = None
    spec: DataSpec | None = None
    assets: Assets | None = None
    pooled: Samples | None = None

    def __post_init__(self) -> None:
        if isinstance(self.lookback, bool) or not isinstance(self.lookback, int) or self.lookback < 1:
            raise SpecError(f"lookback: found {self.lookback!r}, expected a whole number of rows, 1 or more")
        for reader, names in (
            ("the features read", self.features.fields),
            ("the task reads", self.task.fields),
        ):
            missing = [name for name in names if name not in (*self.panel.fields, "time")]
            if missing:
                raise DataError(
                    f"no field '{missing[0]}' in the data, which {reader}; it has: {', '.join(self.panel.fields)}"
                )
        longest: dict[str, int] = {}
        for symbol, rows in zip(self.panel.symbols, np.diff(self.panel.bounds)[:, 0].tolist(), strict=True):
            longest[symbol] = max(rows, longest.get(symbol, 0))
        for symbol, rows in longest.items():
            if rows < self.rows_needed:
                raise DataError(
                    f"symbol '{symbol}': one window needs {self.rows_needed} rows (lookback {self.lookback} + "
                    f"warm-up {self.features.warmup}), its longest segment has {rows}"
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
            # In chunks, each with its warm-up rows, so that intermediate results do not grow with the data.
            for first in range(int(start) + warmup, int(stop), _CHUNK_ROWS):
                last = min(first + _CHUNK_ROWS, int(stop))
                raw = {
                    name: self.panel.raw(name)[None, first - warmup : last] for name in self.features.fields
                }
                x[first:last] = np.asarray(self.features(raw))[0]
        self._check_finite(x)
        return x

    @cached_property
    def _labels(self) -> Any:
        return self.task.label(self.panel)

    @property
    def y(self) -> np.ndarray:
        """Label of every panel row, float32 [rows] or [rows, horizons]; NaN where there is none.

        SpecError where the task's thresholds come from training rows and it was not fitted: `fit_task`.
        """
        if self._labels.y is None:
            raise SpecError(
                f"{self.task}: its thresholds come from training rows, so there is no label before "
                "samples.fit_task(fold.train)"
            )
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

    def scored(self, rows: np.ndarray) -> np.ndarray:
        """Return those of panel rows whose instrument is validated and tested, not only learnt from."""
        if self.assets is None or not self.assets.train_only:
            return rows
        return rows[~np.isin(self.symbol[rows].astype(str), self.assets.train_only)]

    def side_by_side(self) -> Samples:
        """Return samples of one row a day: `x [days, assets * channels]`, asset by asset, `y [days, assets]`.

        They are of the days that all assets have. SpecError if the samples are of one instrument, have assets to
        train on only, or the task has no such labels.
        """
        from tsdeep.assets import side_by_side
        from tsdeep.features import AssetFeatures

        if self.assets is None:
            raise SpecError("side_by_side needs samples of several assets: a spec with 'assets'")
        if self.assets.train_only:
            raise SpecError(
                "assets side by side: found assets to train on only, expected none; learn them pooled (learn: pooled)"
            )
        a = self.assets
        features = AssetFeatures(self.features, a.names, market=a.market, joined=a.joined)
        fields = dict.fromkeys((*features.fields, *self.task.fields))
        panel = side_by_side(self.panel, a, tuple(fields))
        return replace(
            self,
            panel=panel,
            features=features,
            task=self.task.for_assets(len(a.names)),
            pooled=replace(self, panel=self.panel.take(self.time >= panel.time[0])),
        )

    def pooled_rows(self, rows: np.ndarray) -> np.ndarray:
        """Return the panel rows of `pooled` that stand behind rows of all assets, int64 [rows, assets]."""
        assert self.pooled is not None
        assert self.assets is not None
        panel = self.pooled.panel
        found = []
        for name in self.assets.names:
            low, high = panel.bounds[panel.symbols.index(name)]
            found.append(low + np.searchsorted(panel.time[low:high], self.time[rows]))
        return np.stack(found, axis=1).astype(np.int64)

    def calibrate(self, rows: np.ndarray, logits: np.ndarray) -> Samples:
        """Return samples whose task took what its outputs need from rows `[n]` that no model was fitted on.

        `logits [n, *task.logit_shape]` are a model's answers on these rows, such as a fold's validation rows.
        """
        return self.with_task(self.task.calibrate(self.y[rows], logits, self.symbol[rows], self.time[rows]))

    def with_task(self, task: Task) -> Samples:
        """Return samples with another state of their task, and all that does not depend on it kept."""
        if task is self.task:
            return self
        changed = replace(self, task=task)
        for name in ("x", "origins", "rows"):  # the same for every state, and costly
            if name in self.__dict__:
                changed.__dict__[name] = self.__dict__[name]
        return changed

    def fit_task(self, rows: np.ndarray) -> Samples:
        """Return samples whose task has taken what it needs from given rows, a fold's training rows.

        Where the task takes nothing from them the samples are returned as they are.

        Parameters
        ----------
        rows : ndarray of int64, [samples]
            Panel rows; only these and what their labels read are read.
        """
        return self.with_task(self.task.fit(self.panel, self.checked(rows)))

    def fit_scaler(self, rows: np.ndarray, *, mirror: bool = False) -> Any:
        """Fit the scaler on the features of given rows, a fold's training rows.

        Parameters
        ----------
        rows : ndarray of int64, [samples]
            Panel rows; only these are read.
        mirror : bool, default False
            Fit on the rows and their mirror images, so that to scale and to mirror can be done in either order.

        Returns
        -------
        Scaler or ScalerBySymbol
            Fitted; it goes into `tsdeep.windows` and into the export.

        Raises
        ------
        DataError
            If there is no row, a row is not one at which a window ends, or a feature is constant over them.
        """
        from tsdeep.features import fit_scaler

        rows = self.checked(rows)
        mirrored = self.features.mirror() if mirror else None
        return fit_scaler(
            self.scaler, self.x[rows], self.symbol[rows], self.session[rows], self.feature_names, mirrored
        )

    def scaled(self, scaler: Any | None) -> np.ndarray:
        """Return the features of every row through a fitted scaler, float32 [rows, channels].

        Raises
        ------
        DataError
            If the scaler was never fitted, or gives another shape.
        """
        from tsdeep.features import Scaler, ScalerBySymbol

        if scaler is None:
            return self.x
        if not getattr(scaler, "fitted", True):
            raise DataError("the scaler was never fitted: use samples.fit_scaler(fold.train)")
        if isinstance(scaler, ScalerBySymbol):
            return scaler.transform(self.x, self.symbol, self.session)
        if isinstance(scaler, Scaler):
            return scaler.transform(self.x, self.session)
        scaled = np.asarray(scaler(self.x))
        if scaled.shape != self.x.shape:
            raise DataError(
                f"the scaler turned shape {list(self.x.shape)} into {list(scaled.shape)}, expected no change"
            )
        return scaled

    def checked(self, rows: np.ndarray) -> np.ndarray:
        """Return panel rows as int64 `[rows]`; DataError unless a whole window ends at each."""
        rows = np.asarray(rows)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise DataError(
                f"rows: found dtype {rows.dtype} and shape {list(rows.shape)}, expected panel row numbers [rows]"
            )
        if not len(rows):
            raise DataError("rows: found none, expected at least one panel row")
        if rows.min() < 0 or rows.max() >= self.panel.n_rows:
            raise DataError(
                f"rows {rows.min()} to {rows.max()} are not all among the panel's {self.panel.n_rows} rows"
            )
        whole = np.zeros(self.panel.n_rows, bool)
        whole[self.origins] = True
        if not whole[rows].all():
            row = int(rows[~whole[rows]][0])
            raise DataError(
                f"{self.panel.place(row)}: no whole window ends here: it needs {self.rows_needed} rows of one "
                f"segment (lookback {self.lookback} + warm-up {self.features.warmup})"
            )
        return rows.astype(np.int64)

    def replace(self, **changes: Any) -> Samples:
        """Return samples with some arguments changed, such as `panel` or `lookback`.

        The spec follows a new `lookback`; it is left out where features or task are no longer its own.
        """
        if self.spec is not None and "spec" not in changes:
            if {"features", "task", "scaler", "assets"} & set(changes):
                changes["spec"] = None
            elif "lookback" in changes:
                changes["spec"] = self.spec.replace(lookback=changes["lookback"])
        return replace(self, **changes)

    def prices(self) -> pd.DataFrame | None:
        """Return the bars that a backtest fills against: time, symbol, close, and open where there is one.

        None where the data has no closes, as order books have none. Without instruments to train on only.
        """
        if self.pooled is not None:
            return self.pooled.prices()
        if "close" not in self.panel.fields:
            return None
        frame = self.panel.to_frame().iloc[self.scored(np.arange(self.panel.n_rows))]
        return frame[[name for name in ("time", "symbol", "open", "close") if name in frame]]

    def touch(self) -> pd.DataFrame | None:
        """Return the best prices that a replay fills at: row (of the panel), time, symbol, segment, ask, bid.

        None where the data is no order book, or its tick is not known.
        """
        panel = self.panel
        if panel.tick is None or not {"ask_price", "bid_price"} <= set(panel.fields):
            return None
        columns = {
            "row": np.arange(panel.n_rows),
            "time": panel.time,
            "symbol": panel.symbol,
            "segment": panel.segment,
            "ask": panel.raw("ask_price")[:, 0],
            "bid": panel.raw("bid_price")[:, 0],
        }
        return pd.DataFrame(columns)

    def _check_positive(self) -> None:
        for name in self.features.positive_fields:
            readers = ", ".join(f.kind or f.name for f in self.features.features if name in f.positive_fields)
            refuse(self.panel, name, self.panel.raw(name) <= 0, f"above zero, as {readers} needs it")

    def _check_finite(self, x: np.ndarray) -> None:
        known = (
            np.arange(self.panel.n_rows) - self.panel.bounds[self.panel.segment, 0] >= self.features.warmup
        )
        bad = np.argwhere(known[:, None] & ~np.isfinite(x))
        if len(bad):
            row, channel = bad[0]
            raise DataError(
                f"{self.panel.place(row)}: feature '{self.feature_names[channel]}' is {x[row, channel]}, expected a "
                "finite number"
                + (
                    ""
                    if self.assets is None
                    else "; what reads all assets needs all of them: assets: {start: common}"
                )
            )
