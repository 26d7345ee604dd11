"""How many rows a model's prediction reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras

#: Keras layers that compute each row from that row alone, of each of their inputs; their subclasses may not.
ROW_WISE = (
    keras.layers.InputLayer,
    keras.layers.Dense,
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.GaussianNoise,
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.LayerNormalization,
    keras.layers.Add,
    keras.layers.Subtract,
    keras.layers.Multiply,
    keras.layers.Concatenate,
)

#: Operations of `keras.ops` that compute each value from the values in the same place.
# fmt: off
ELEMENTWISE = frozenset({
    "Absolute", "Add", "Divide", "Elu", "Exp", "Gelu", "LeakyRelu", "Log", "Log1p", "Maximum", "Minimum",
    "Multiply", "Negative", "Relu", "Sigmoid", "Sign", "Silu", "Softplus", "Sqrt", "Square", "Subtract",
    "Tanh", "TrueDivide",
})
# fmt: on

#: Rows of a value: every row, or the newest alone (no rows axis); a number is the rows cut off the front.
EVERY, NEWEST = 0, -1


class Reach(NamedTuple):
    """What a model's outputs read, and the rows that they have."""

    #: Newest rows that an output reads; None where that is not known.
    rows: int | None
    #: Whether the outputs have a row for each row of the inputs.
    by_row: bool
    #: The operation that does not say what it reads, as `name (Type)`.
    unknown: str = ""


def receptive_field(model: keras.Model) -> int | None:
    """Return the number of newest rows that a prediction of the model reads, the current one included.

    Parameters
    ----------
    model : keras.Model
        A built model.

    Returns
    -------
    int or None
        The rows, for a model of convolutions with a stated receptive field and of operations known to work row
        by row; it may exceed the lookback. Where branches stand side by side their rows are added up, so that
        it is at least what is read. None where an operation reads every row that it is given, or does not say:
        recurrent layers, attention, normalisation along the rows, operations of `keras.ops` other than
        elementwise ones.

    Examples
    --------
    >>> from tsdeep.models import build
    >>> model = build("tcn", input_shape=(20, 8), task="direction", kernel_size=2, dilations=(1, 2, 4))
    >>> receptive_field(model)
    15
    """
    return reach(model).rows


def reach(model: keras.Model) -> Reach:
    """Walk every operation of a model, once for each time it is applied, and add up the rows that they read."""
    graph = graph_of(model)
    if graph is None:  # a subclass of Model: its call may do anything
        return Reach(None, False, named(model))
    rows = 1
    of: dict[int, int] = {}  # the rows of each value
    for node in nodes_of(graph):
        given = {of[id(x)] for x in node.input_tensors if id(x) in of}
        # Whatever is made of the newest row alone reads no other.
        inner = 1 if given == {NEWEST} else rows_read(node)
        cut = rows_left(node, given)
        if inner is None or cut is None:
            return Reach(None, False, named(node.operation))
        rows += inner - 1
        of |= {id(x): cut if len(x.shape) > 2 else NEWEST for x in node.output_tensors}
    return Reach(rows, all(of[id(x)] == EVERY for x in graph.outputs))


def graph_of(model: keras.Model) -> Any | None:
    """Return the graph of a functional or sequential model; None of any other, whose call may do anything."""
    graph = getattr(model, "_functional", None) or model  # a Sequential holds its graph
    return graph if hasattr(graph, "_nodes_by_depth") else None


def nodes_of(graph: Any) -> Iterator[Any]:
    """Give the applications of operations in a graph, inputs first, each after those that it needs."""
    nodes = graph._nodes_by_depth
    for depth in sorted(nodes, reverse=True):
        yield from nodes[depth]


def rows_read(node: Any) -> int | None:
    """Return the rows that one application of an operation reads; None where it is not known."""
    operation = node.operation
    kind = type(operation)
    if kind.__module__.startswith("keras.src.ops."):
        return 1 if kind.__name__ == "GetItem" or _is_elementwise(node) else None
    activation = getattr(operation, "activation", None)
    if activation is not None and _module(activation) != _module(keras.activations.relu):
        return None  # a function of the user's may look along the rows
    if isinstance(operation, keras.Model):
        inner = reach(operation)
        return inner.rows if inner.by_row else None
    if kind not in ROW_WISE:
        return getattr(operation, "receptive_field", None)
    if kind in (keras.layers.LayerNormalization, keras.layers.Concatenate):
        return 1 if _along_channels(operation.axis, len(node.input_tensors[0].shape)) else None
    return 1


def rows_left(node: Any, given: set[int]) -> int | None:
    """Return which rows an operation's outputs have; None where the rows of its inputs do not match."""
    if node.is_input:
        return EVERY
    if len(given) != 1:  # the newest row beside every row would be broadcast to rows before it
        return None
    cut = next(iter(given))
    return _rows_taken(node, cut) if type(node.operation).__name__ == "GetItem" else cut


def _rows_taken(node: Any, cut: int) -> int | None:
    """Return which rows `x[:, -1]`, `x[:, rows:]` and slices of channels leave; None for any other index."""
    key = node.arguments.args[1] if len(node.arguments.args) > 1 else node.arguments.kwargs.get("key")
    key = list(key) if isinstance(key, tuple) else [key]
    rank = len(node.input_tensors[0].shape)
    if rank < 3 or sum(part is Ellipsis for part in key) > 1 or any(part is None for part in key):
        return None
    if Ellipsis in key:
        at = key.index(Ellipsis)
        key = key[:at] + [slice(None)] * (rank - len(key) + 1) + key[at + 1 :]
    batch, rows, *channels = key + [slice(None)] * (rank - len(key))
    if batch != slice(None) or not all(isinstance(part, slice) for part in channels):
        return None
    if isinstance(rows, int):
        return NEWEST if rows == -1 else None
    if not isinstance(rows, slice) or rows.stop is not None or rows.step not in (None, 1):
        return None
    start = rows.start or 0
    return cut + start if isinstance(start, int) and start >= 0 else None


def _is_elementwise(node: Any) -> bool:
    """Whether each value is computed from those in the same place, and from numbers."""
    values = (*node.arguments.args, *node.arguments.kwargs.values())
    if any(not isinstance(value, (keras.KerasTensor, int, float, bool, type(None))) for value in values):
        return False  # an array may differ from row to row
    ranks = {len(value.shape) for value in node.input_tensors}
    return type(node.operation).__name__ in ELEMENTWISE and len(ranks) == 1


def _along_channels(axis: Any, rank: int) -> bool:
    """Whether an axis, or each of several, is neither that of the batch nor that of the rows."""
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    return all(one % rank >= (2 if rank > 2 else 1) for one in axes)


def _module(function: Any) -> str:
    return getattr(function, "__module__", "")


def named(operation: Any) -> str:
    """Name an operation for a message, as `name (Type)`."""
    return f"{operation.name} ({type(operation).__name__})"
