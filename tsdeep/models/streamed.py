"""A model that takes its rows one at a time and keeps between them what it still has to read."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.errors import SpecError, unknown_name
from tsdeep.models.receptive_field import (
    EVERY,
    NEWEST,
    graph_of,
    named,
    nodes_of,
    reach,
    rows_left,
    rows_read,
)

#: How a stream may compute what a model would of a window.
MODES = ("exact", "window", "carry")

#: Layers whose cell is stepped in the mode "carry"; their subclasses may do otherwise.
RECURRENT = (keras.layers.LSTM, keras.layers.GRU)

State = dict[str, Any]


class StreamedModel:
    """A fitted model on windows, stepped row by row.

    Parameters
    ----------
    model : keras.Model
        On windows `[batch, lookback, channels]`.
    lookback : int
        Rows of a window.
    mode : {"exact", "window", "carry"}, default "exact"
        `"exact"`: convolutions keep the rows that their next output reads, all else works on one row; the output
        is that of the window of the last `lookback` rows. `"window"`: the last rows of the window are kept and the
        model runs on all of them; the same for every model, at the cost of a window. `"carry"`: recurrent layers
        and convolutions carry their state on past the lookback, from the first row of the stream: after `lookback`
        rows the output is that of the window, and from then on that of a window that grows, which is another
        estimator.

    Attributes
    ----------
    shapes : dict of str to tuple
        Shapes of the state after the batch axis; all zeros before the first row.
    dtypes : dict of str to str
        Their dtypes.

    Raises
    ------
    SpecError
        If the model cannot be stepped so, with the layer that is the reason.
    """

    def __init__(self, model: keras.Model, lookback: int, mode: str = "exact") -> None:
        if mode not in MODES:
            raise SpecError(unknown_name("mode", str(mode), MODES))
        self.mode, self.lookback = mode, lookback
        if mode == "exact" and lookback > 1:
            _check_exact(model, lookback)
        # With a lookback of one row every model is exact on that row.
        self._step: Any = (
            _Window(model, lookback) if mode == "window" or lookback == 1 else _Graph(model, mode)
        )
        self.shapes: dict[str, tuple[int, ...]] = self._step.shapes
        self.dtypes: dict[str, str] = self._step.dtypes

    def step(self, state: State, row: Any) -> tuple[Any, State]:
        """Take the next row `[batch, 1, channels]`; return the model's output `[batch, ...]` and the new state."""
        return self._step.step(state, row)


def _check_exact(model: keras.Model, lookback: int) -> None:
    """Refuse a model whose stream would not be equal to its windows."""
    field, _, unknown = reach(model)
    whole = "mode='window' runs the model on the whole window at every row and is exact"
    if field is None:
        recurrent = any(type(layer) in RECURRENT for layer in model.layers)
        raise SpecError(
            f"{model.name} cannot be streamed exactly: {unknown} reads every row of the window, or may, so that each "
            f"row computes all of them anew; {whole}"
            + ("; mode='carry' carries recurrent states on, another estimator" if recurrent else "")
        )
    if field > lookback:
        raise SpecError(
            f"{model.name} cannot be streamed exactly: its receptive field is {field} rows, the lookback {lookback}, "
            f"and at the front of a window it reads zeros where a stream has rows; {whole}; mode='carry' lets it read "
            "the rows, another estimator"
        )


class _Window:
    """The last rows of a window, and the model on all of them."""

    def __init__(self, model: keras.Model, lookback: int) -> None:
        self._model = model
        kept = (lookback - 1, int(model.inputs[0].shape[-1]))
        self.shapes: dict[str, tuple[int, ...]] = {"window": kept} if lookback > 1 else {}
        self.dtypes = dict.fromkeys(self.shapes, "float32")

    def step(self, state: State, row: Any) -> tuple[Any, State]:
        if not state:
            return only(self._model(row, training=False)), {}
        window = ops.concatenate([state["window"], row], axis=1)  # [batch, lookback, channels]
        return only(self._model(window, training=False)), {"window": window[:, 1:]}


class _Graph:
    """The graph of a functional model, its operations applied to one row each."""

    def __init__(self, model: keras.Model, mode: str) -> None:
        self._graph = graph_of(model)
        if self._graph is None:
            raise SpecError(
                f"{named(model)} is no functional model, so it cannot be streamed in mode '{mode}'"
            )
        self._steps: dict[int, Any] = {}  # of each node that keeps rows
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, str] = {}
        rows: dict[int, int] = {}
        for number, node in enumerate(nodes_of(self._graph)):
            given = {rows[id(x)] for x in node.input_tensors if id(x) in rows}
            left = rows_left(node, given)
            if left not in (EVERY, NEWEST):
                raise _not_stepped(node, mode, "leaves rows out")
            if given != {NEWEST}:
                self._add(number, node, mode)
            rows |= {id(x): left if len(x.shape) > 2 else NEWEST for x in node.output_tensors}

    def _add(self, number: int, node: Any, mode: str) -> None:
        """Take in an operation on rows."""
        operation = node.operation
        if hasattr(operation, "stream_step"):
            step = operation
        elif mode == "carry" and type(operation) in RECURRENT:
            step = _Recurrent(node)
        elif rows_read(node) == 1:
            return  # row by row as it is
        elif isinstance(operation, keras.Model) and rows_read(node) is not None:
            step = _Graph(operation, mode)
        else:
            raise _not_stepped(node, mode, "reads more rows than one and has no stream_step")
        shapes = step.stream_shapes()
        dtypes = getattr(
            step, "dtypes", dict.fromkeys(shapes, getattr(operation, "compute_dtype", "float32"))
        )
        self._steps[number] = step
        # An operation that is applied twice has two states.
        self.shapes |= {f"{number}/{operation.name}/{name}": shape for name, shape in shapes.items()}
        self.dtypes |= {f"{number}/{operation.name}/{name}": dtypes[name] for name in shapes}

    def stream_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.shapes

    def stream_step(self, state: State, row: Any) -> tuple[Any, State]:
        return self.step(state, row)

    def step(self, state: State, row: Any) -> tuple[Any, State]:
        graph: Any = self._graph
        values = {id(graph.inputs[0]): row}
        after: State = {}
        for number, node in enumerate(nodes_of(graph)):
            if node.is_input:
                continue
            args, kwargs = node.arguments.fill_in(values)
            if number in self._steps:
                step, prefix = self._steps[number], f"{number}/{node.operation.name}/"
                own = {name: state[prefix + name] for name in step.stream_shapes()}
                output, own = step.stream_step(own, args[0])
                after |= {prefix + name: value for name, value in own.items()}
            else:
                output = node.operation(*args, **kwargs)
            for symbolic, value in zip(node.outputs, keras.tree.flatten(output), strict=True):
                values[id(symbolic)] = value
        return values[id(graph.outputs[0])], after


class _Recurrent:
    """The cell of an LSTM or GRU, its state carried from row to row."""

    def __init__(self, node: Any) -> None:
        layer = node.operation
        odd = [name for name in ("go_backwards", "stateful", "return_state") if getattr(layer, name)]
        if odd or len(node.input_tensors) != 1:
            raise _not_stepped(node, "carry", f"has {odd[0] if odd else 'an initial state of its own'}")
        self._layer = layer
        sizes = keras.tree.flatten(layer.cell.state_size)
        self._shapes: dict[str, tuple[int, ...]] = {
            f"state_{number}": (int(size),) for number, size in enumerate(sizes)
        }
        self.dtypes = dict.fromkeys(self._shapes, layer.compute_dtype)

    def stream_shapes(self) -> dict[str, tuple[int, ...]]:
        return self._shapes

    def stream_step(self, state: State, row: Any) -> tuple[Any, State]:
        output, states = self._layer.cell(row[:, 0], list(state.values()), training=False)
        if self._layer.return_sequences:
            output = output[:, None]
        return output, dict(zip(self._shapes, keras.tree.flatten(states), strict=True))


def _not_stepped(node: Any, mode: str, why: str) -> SpecError:
    return SpecError(
        f"{named(node.operation)} {why}, so the model cannot be streamed in mode '{mode}'; mode='window' runs it on "
        "the whole window at every row"
    )


def only(outputs: Any) -> Any:
    """Return the one output of a model, which may be in a list."""
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs
