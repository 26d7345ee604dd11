"""Scalers of windows that stream from disk: the statistics of every instrument and session as one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.features import Scaler, ScalerBySymbol
from tsdeep.pipeline.row_ranges import RowRanges

if TYPE_CHECKING:
    from tsdeep.pipeline.prepared import Prepared


@dataclass(frozen=True, eq=False)
class StoredScaling:
    """A fitted layer whose statistics depend on the run (instrument and session) that rows are of.

    Statistics are constants of the graph, so that it can be sent to another process.

    Parameters
    ----------
    layer : keras.layers.Layer
        Of all.
    statistics : list of ndarray, [variants, ...]
        The weights of the layer, in its order.
    variant : ndarray of int64, [runs]
        Which of them are a run's.
    trainable : int
        How many of the weights are trainable: the first ones.
    """

    layer: keras.layers.Layer
    statistics: list[np.ndarray]
    variant: np.ndarray
    trainable: int

    @classmethod
    def of(cls, scaler: Any, prepared: Prepared, rows: RowRanges) -> StoredScaling:
        """Take a fitted scaler for the runs of a data set; rows are those that it must know the instruments of."""
        if not getattr(scaler, "fitted", True):
            raise DataError("the scaler was never fitted: use prepared.fit_scaler(fold.train)")
        n_runs = len(prepared.runs)
        if not isinstance(scaler, ScalerBySymbol):
            layer = _built(scaler, len(prepared.feature_names))
            sets, by_run = [_weights(layer)], np.zeros(n_runs, np.int64)
            cls._add_sessions(layer, sets, by_run, np.ones(n_runs, bool), prepared)
        else:
            for symbol in prepared.symbols_of(rows):
                scaler.of(symbol)
            layers = {
                name: _built(each, len(prepared.feature_names)) for name, each in scaler.scalers.items()
            }
            layer = next(iter(layers.values()))
            sets = [
                [np.full_like(value, np.nan) for value in _weights(layer)]
            ]  # of an instrument without a scaler
            by_run = np.zeros(n_runs, np.int64)
            symbols = np.array(prepared.run_symbols, object)
            for name, each in layers.items():
                mine = symbols == name
                by_run[mine] = len(sets)
                sets.append(_weights(each))
                cls._add_sessions(each, sets, by_run, mine, prepared)
        statistics = [np.stack(values) for values in zip(*sets, strict=True)]
        return cls(layer, statistics, by_run, len(layer.trainable_variables))

    @staticmethod
    def _add_sessions(
        layer: Any, sets: list[list[np.ndarray]], by_run: np.ndarray, mine: np.ndarray, prepared: Prepared
    ) -> None:
        """Add the statistics of sessions that have their own."""
        own = layer.by_session() if isinstance(layer, Scaler) else {}
        if own and not prepared.has_sessions:
            raise SpecError(
                f"scaler {layer.kind}: found a data set of bars without sessions, whose years stand for them; expected "
                "another scaler, or samples in memory"
            )
        for number, found in own.items():
            by_run[mine & (prepared.run_sessions == number)] = len(sets)
            sets.append([np.asarray(found[variable.name], np.float32) for variable in layer.variables])

    def __call__(self, x: Any, run: Any) -> Any:
        """Scale `x [rows, channels]` of one run."""
        import tensorflow as tf

        variant = tf.constant(self.variant)[run]
        values = [tf.constant(each)[variant] for each in self.statistics]
        scaled, _ = self.layer.stateless_call(values[: self.trainable], values[self.trainable :], x)
        if scaled.shape[1:] != x.shape[1:]:
            raise DataError(
                f"the scaler turned shape {list(x.shape)} into {list(scaled.shape)}, expected no change"
            )
        return tf.cast(scaled, tf.float32)


def _built(layer: keras.layers.Layer, channels: int) -> keras.layers.Layer:
    if not layer.built:
        layer.build((None, channels))
    return layer


def _weights(layer: keras.layers.Layer) -> list[np.ndarray]:
    variables = [*layer.trainable_variables, *layer.non_trainable_variables]
    return [keras.ops.convert_to_numpy(variable) for variable in variables]
