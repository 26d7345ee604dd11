"""Stream: a model that answers row by row, as rows come in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError, unknown_name
from tsdeep.serving.stream_engine import Engine
from tsdeep.serving.stream_order import in_order
from tsdeep.serving.stream_rows import RowReader
from tsdeep.serving.stream_source import StreamSource, source_of
from tsdeep.serving.stream_state import read_state, write_state
from tsdeep.serving.stream_times import nanoseconds

if TYPE_CHECKING:
    import keras

    from tsdeep.samples import Samples
    from tsdeep.validation.result import Result

_NO_TIME = np.iinfo(np.int64).min


class Stream:
    """A fitted model that takes one raw row at a time and answers each with a prediction.

    A row costs the same however many came before. Features are computed by the layers that made the training
    features, on the rows that they read; convolutions keep the rows that their next output reads (Paine et al. 2016).
    A prediction is that of `tsdeep.predict` on the rows since the last reset. Weights are those that the model has when
    the stream is made, or had when it was exported: a model that is trained on needs a new stream.

    Parameters
    ----------
    model : Result, keras.Model, sequence of keras.Model or path
        A walk-forward result (its last fold's), fitted models whose outputs are averaged, or the folder of an
        export that has `stream_init` and `stream_step` (its newest version is used) or of one version.
    samples, scaler : Samples, Layer, optional
        What a model given by itself was trained on and with; results and exports bring their own.
    symbols : sequence of str, optional
        Many instruments at once, as a batch; `push` then takes a table, or an array a field. One instrument unless
        given. Where each instrument has a scaler of its own, these are the names of instruments that have one.
    mode : {"exact", "window", "carry"}, optional
        How a model is streamed, "exact" unless given; that of the export, where one is given.
        "exact": equal to the model on the window of the last `lookback` rows, and refused with the reason where
        that takes the whole window. "window": the last rows of scaled features are kept and the model runs on all
        of them: equal for every model, at a window's cost. "carry": recurrent layers, and convolutions whose
        receptive field is longer than the lookback, carry their state on from the first row: **another
        estimator**, equal to the windows' at the first prediction only.
    jit_compile : bool, default False
        Compile the step of all instruments with XLA. Takes seconds to some tens of seconds once.

    Attributes
    ----------
    fields : dict of str to tuple
        The fields of a row with the shape of each: `()` a number, `(levels,)` an array.
    outputs : tuple of str
        Names of what a prediction has.
    rows_needed : int
        Rows from a reset to the first prediction.
    symbols : tuple of str or None
        The instruments; None where there is one.
    assets : tuple of str or None
        The assets of a model of several, in the order of a field's values; None of others.
    mode : str
        As above.

    Raises
    ------
    SpecError
        If the model cannot be streamed in the mode, or an argument does not fit.
    RunError
        If a result holds no models, a model is given without samples, or an export has no stream.

    Notes
    -----
    Times have no zone. Tables and Series are put in order by `symbol` or their index; arrays are taken in the order of
    `symbols` or `assets`. Of many instruments any may have a row (`push(rows, symbols=...)`) or be reset by itself.

    What a model keeps between rows with `mode="exact"`:

    - `tcn`, and `oflow` and `har_network` with `encoder: tcn`, where the receptive field fits in the lookback: each
      convolution keeps the `(kernel_size - 1) * dilation` rows that it still reads;
    - `mlp`, `oflow`, `har_network`: nothing, as they read the newest row; so does every model with a lookback of 1;
    - `lstm`, `gru`, `oflow` with `encoder: lstm`: refused, as a window starts them from zeros `lookback` rows ago, so
      that each row computes all steps anew;
    - `transformer`, `itransformer`, `patchtst`, `nhits`, `tlob`: refused, as positions and tokens shift with the
      window: what was computed of a row is another value in the next window;
    - `deeplob`, `deeplob_attention`, `translob`, `ctabl`, `binctabl`, `mlplob`, `axiallob`: refused, as they pad,
      normalise or weigh over the whole window.

    Exports have `stream_init` and `stream_step` where a model streams exactly, or as `tsdeep.export(...,
    stream="window")` asks; the state is one or two tensors, explicit inputs and outputs, and zeros reset an
    instrument. `formats=("savedmodel", "litert")` adds `stream.tflite`, the step behind the features, the quickest.

    One row, one thread, median microseconds on two cores without a GPU, by
    `pytest -n 0 -s -m benchmark tests/benchmarks/latency tests/benchmarks/streaming`:

    ========================================== ==================== =================== =============
    way                                        TCN-64 over 253 rows LSTM-64 over 100    DeepLOB
    ========================================== ==================== =================== =============
    Keras call                                 90,175               272,345             371,593
    SavedModel signature, in Python / in C     2,517 / 1,146        3,052 / 1,945       5,903 / 4,232
    compiled signature, in Python / in C       1,592 / 599          788 / 199           2,695 / 1,773
    ONNX Runtime / LiteRT, behind the features 489 / 339            139 / 205           1,016 / 1,094
    `Stream.push`, compiled                    809                  380                 2,420
    compiled `stream_step`, in C               233                  66                  1,817
    `stream.tflite`, behind the features       38                   6                   1,116
    ========================================== ==================== =================== =============

    In C the compiled signature takes 1.2 times ONNX Runtime's time for the TCN (1.4 over 100 rows), 1.4 for the LSTM,
    1.7 for DeepLOB. The TCN's step in LiteRT is 8.9 times as quick as the quickest call on its whole window; on raw
    rows, in C, 1.5 times. DeepLOB computes its window at every row; the LSTM's steps carry its state on, which is
    another estimator.

    Examples
    --------
    >>> stream = tsdeep.Stream("models/sp500_tcn")  # doctest: +SKIP
    >>> for row in rows:  # doctest: +SKIP
    ...     prediction = stream.push(row)  # None for the first stream.rows_needed - 1 rows
    """

    def __init__(
        self,
        model: Result | keras.Model | Sequence[keras.Model] | str | os.PathLike[str],
        *,
        samples: Samples | None = None,
        scaler: Any | None = None,
        symbols: Sequence[str] | None = None,
        mode: str | None = None,
        jit_compile: bool = False,
    ) -> None:
        self.symbols = None if symbols is None else _different(symbols)
        source = source_of(model, samples, scaler, self.symbols, mode)
        self._fingerprint = source.fingerprint
        self.fields, self.outputs = source.fields, source.outputs
        self.rows_needed, self.mode, self.assets = source.rows_needed, source.mode, source.assets
        self._reader = RowReader(source.fields, source.positive)
        self._names: tuple[str | None, ...] = (None,) if self.symbols is None else self.symbols
        self._places = {name: place for place, name in enumerate(self._names)}
        self._groups = self._grouped(source, jit_compile)
        self._one = self._groups[0][1] if len(self._groups) == 1 else None
        self._rows = np.zeros(len(self._names), np.int64)
        self._time = np.full(len(self._names), _NO_TIME)

    def push(self, row: Any, symbols: Sequence[str] | None = None) -> dict[str, Any] | None:
        """Take the next row and predict.

        Parameters
        ----------
        row : mapping, Series or DataFrame
            A value a field: a number, or an array of the field's shape. For many instruments an array a field,
            `[instruments, ...]` in the order of `symbols`; of a model of several assets in the order of `assets`. A
            DataFrame is put in this order by its column `symbol`, or its index, and refused where they have other
            names; so are fields that are Series. `time` may be among them, as a timestamp without a zone or seconds
            since 1970: it must not go back. Other fields are not read.
        symbols : sequence of str, optional
            Of many instruments those that have a row now; all of them unless given.

        Returns
        -------
        dict or None
            Each output by name: a float, or an array `[assets]` of a model of several assets; for many instruments a
            float32 array `[instruments]` (`[instruments, assets]`), NaN where one warms up. None while all warm up:
            until `rows_needed` rows came since the reset.

        Raises
        ------
        DataError
            If a field is missing, is not a finite number, has another shape or must be above zero and is not, names
            are not those of the instruments or assets, or time goes back or has a zone; the state is then as before.
        """
        places, names = self._placed(symbols)
        batched = self.symbols is not None
        row = in_order(row, self.fields, [str(name) for name in names] if batched else None, self.assets)
        values = self._reader.read(row, names, batched)
        time = self._next_time(row, places, names)
        answers = self._answers(values, places)
        chosen = slice(None) if places is None else places
        self._rows[chosen] += 1
        if time is not None:
            self._time[chosen] = time
        if not (self._rows[chosen] >= self.rows_needed).any():
            return None
        if batched:
            return {name: answers[:, number] for number, name in enumerate(self.outputs)}
        return {
            name: float(answers[0, number]) if answers.ndim == 2 else answers[0, number]
            for number, name in enumerate(self.outputs)
        }

    def rows(self, symbol: str | None = None) -> int:
        """Return how many rows came since the last reset, of one of many instruments by its name."""
        return int(self._rows[self._place(symbol)])

    def reset(self, symbol: str | None = None) -> None:
        """Forget the rows so far, of one instrument or of all: a new session, a halt, a gap.

        Parameters
        ----------
        symbol : str, optional
            Of many instruments the one that is reset; all unless given.
        """
        if symbol is None:
            for _, engine in self._groups:
                engine.reset(None)
            self._rows[:], self._time[:] = 0, _NO_TIME
            return
        place = self._place(symbol)
        for places, engine in self._groups:
            inside = np.flatnonzero(places == place)
            if len(inside):
                engine.reset(int(inside[0]))
        self._rows[place], self._time[place] = 0, _NO_TIME

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file, whole or not at all."""
        state: dict[str, np.ndarray] = {}
        for places, engine in self._groups:
            for name, values in engine.state().items():
                state.setdefault(name, np.zeros((len(self._names), *values.shape[1:]), values.dtype))
                state[name][places] = values
        write_state(
            Path(path), self._fingerprint, self.symbols, state | {"rows": self._rows, "time": self._time}
        )

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a state that `save` wrote.

        Raises
        ------
        RunError
            If the file cannot be read, or is of another model, mode or other instruments; the state is then as
            before.
        """
        expected = {
            name: np.empty((len(self._names), *values.shape[1:]), values.dtype)
            for name, values in self._groups[0][1].state().items()
        }
        about = {"rows": self._rows, "time": self._time}
        state = read_state(Path(path), self._fingerprint, self.symbols, expected | about)
        for places, engine in self._groups:
            engine.set_state({name: state[name][places] for name in expected})
        self._rows, self._time = state["rows"].copy(), state["time"].copy()

    def _grouped(self, source: StreamSource, jit_compile: bool) -> list[tuple[np.ndarray, Engine]]:
        """Make an engine for the instruments of each scaler."""
        numbers: dict[Any, list[int]] = {}
        for place, name in enumerate(self._names):
            numbers.setdefault(source.group_of(name), []).append(place)
        found = []
        for group, places in numbers.items():
            step = source.step_of(group)
            about = (source.shapes, source.dtypes, source.fields, source.outputs)
            found.append((np.array(places), Engine(step, *about, len(places), jit_compile)))
        return found

    def _answers(self, values: np.ndarray, places: np.ndarray | None) -> np.ndarray:
        """Step the instruments that have a row; outputs `[instruments, outputs, ...]` in their order."""
        if self._one is not None:
            return self._one.push(values, places)
        asked = np.arange(len(self._names)) if places is None else places
        answers: np.ndarray | None = None
        for members, engine in self._groups:
            given = np.flatnonzero(np.isin(asked, members))
            if not len(given):
                continue
            inside = np.searchsorted(members, asked[given])
            found = engine.push(values[given], inside)
            if answers is None:
                answers = np.empty((len(asked), *found.shape[1:]), found.dtype)
            answers[given] = found
        assert answers is not None
        return answers

    def _placed(self, symbols: Sequence[str] | None) -> tuple[np.ndarray | None, tuple[str | None, ...]]:
        """Return the numbers of the instruments that have a row, None of all, and their names."""
        if symbols is None:
            return None, self._names
        if self.symbols is None:
            raise SpecError(
                "push(symbols=...) is for a stream of many instruments: Stream(..., symbols=[...])"
            )
        names = (symbols,) if isinstance(symbols, str) else tuple(symbols)
        if not names or len(set(names)) != len(names):
            raise DataError(f"symbols: found {names!r}, expected different instruments, one or more")
        return np.array([self._place(name) for name in names]), names

    def _place(self, symbol: str | None) -> int:
        if symbol is None and len(self._names) > 1:
            raise SpecError(f"symbol: found none, expected one of {', '.join(map(str, self._names))}")
        if symbol is None:
            return 0
        if self.symbols is None or symbol not in self._places:
            raise DataError(unknown_name("instrument of the stream", str(symbol), self.symbols or ()))
        return self._places[symbol]

    def _next_time(
        self, row: Any, places: np.ndarray | None, names: Iterable[str | None]
    ) -> np.ndarray | None:
        """Return the times of a row, where it has them; DataError where one goes back."""
        try:
            given = row["time"]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
        time = nanoseconds(given)
        before = self._time if places is None else self._time[places]
        if time.shape not in ((), before.shape):
            raise DataError(
                f"field 'time': found the shape {list(time.shape)}, expected {list(before.shape)}"
            )
        time = np.broadcast_to(time, before.shape)
        for name, now, last in zip(names, time.tolist(), before.tolist(), strict=True):
            if now < last:
                where = "" if name is None else f"symbol '{name}': "
                raise DataError(
                    f"{where}field 'time': found {np.datetime64(now, 'ns')}, expected none before the last row's, "
                    f"{np.datetime64(last, 'ns')}; reset() begins anew"
                )
        return time


def _different(symbols: Any) -> tuple[str, ...]:
    """Return names of instruments as a tuple; SpecError where they are none, or not different."""
    names = tuple(symbols) if isinstance(symbols, Iterable) and not isinstance(symbols, str) else ()
    if not names or len(set(names)) != len(names) or not all(isinstance(name, str) for name in names):
        raise SpecError(f"symbols: found {symbols!r}, expected different names of instruments, one or more")
    return names
