"""What a graph is made of: only operations that a stock TensorFlow runtime has, on any machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tsdeep.errors import SpecError

if TYPE_CHECKING:
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

_DENIED = {
    r"(Eager)?PyFunc(Stateless)?": "calls Python, which a server does not have",
    r"Cudnn.*": "runs on a GPU with cuDNN alone",
}


def operations(version: Path) -> set[str]:
    """List the types of all operations in a SavedModel, those in its functions included.

    Parameters
    ----------
    version : Path
        Folder of a SavedModel.

    Returns
    -------
    set of str
        Such as `"MatMul"`.
    """
    return {node.op for _, node in _nodes(_read(version))}


def check_operations(version: Path, layers: Iterable[str] = ()) -> None:
    """Refuse a SavedModel that a stock server could not run.

    Parameters
    ----------
    version : Path
        Folder of the SavedModel.
    layers : iterable of str
        Names of the model's layers, for the message.

    Raises
    ------
    SpecError
        If an operation calls Python, needs cuDNN, or is not TensorFlow's own; with its layer.
    """
    import tensorflow as tf

    known = set(dir(tf.raw_ops))
    model = _read(version)
    functions = {f.signature.name for graph in model.meta_graphs for f in graph.graph_def.library.function}
    names = set(layers)
    for function, node in _nodes(model):
        reason = next((why for rule, why in _DENIED.items() if re.fullmatch(rule, node.op)), None)
        if reason is None and node.op not in known and node.op not in functions:
            reason = "is none of TensorFlow's own operations, so a server lacks it"
        if reason is not None:
            layer = _layer_of(node.name, names) or _layer_of(function.replace("_while_", "/while/"), names)
            where = f"layer '{layer}'" if layer else f"function '{function}'" if function else "the graph"
            raise SpecError(f"{where}: the operation {node.op} ('{node.name}') {reason}")


def _read(version: Path) -> SavedModel:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    return SavedModel.FromString((version / "saved_model.pb").read_bytes())


def _nodes(model: SavedModel) -> Iterator[tuple[str, NodeDef]]:
    """Give each node with the name of its function, "" in the main graph."""
    for graph in model.meta_graphs:
        for node in graph.graph_def.node:
            yield "", node
        for function in graph.graph_def.library.function:
            for node in function.node_def:
                yield function.signature.name, node


def _layer_of(node: str, layers: set[str]) -> str | None:
    """Return the innermost layer in a node's name scope; scopes get a number where a layer is called again."""
    for part in reversed(node.split("/")):
        for name in (part, re.sub(r"_\d+$", "", part)):
            if name in layers:
                return name
    return None
