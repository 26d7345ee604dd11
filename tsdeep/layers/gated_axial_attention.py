"""Attention along one axis of a map, with gated relative positions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

AXES = ("rows", "features")
#: Values that the gates start at: of the positions of queries, keys and values, and of the values themselves.
GATES = (0.1, 0.1, 0.1, 0.5)


@keras.saving.register_keras_serializable("tsdeep")
class GatedAxialAttention(keras.layers.Layer):
    """Position-sensitive axial attention with gates (Wang et al. 2020; Valanarasu et al. 2021).

    Along the axis, every place attends to every other of its line; lines do not meet. With queries q, keys k,
    values v and learned vectors r of the distance of two places, the scores are
    `q.k + gate q.r_q + gate k.r_k` and the outputs `softmax(scores) (gate v + gate r_v)`. The four gates and the
    vectors are shared by all lines, the vectors by all heads. Queries and keys are half as wide as values. As in
    the authors' models, q, k, v, the three parts of the scores and both of the outputs are normalised over the
    batch, and scores are not divided by the root of the width.

    Parameters
    ----------
    units : int
        Output channels, a multiple of twice the heads.
    heads : int, default 4
        Attention heads.
    axis : {"rows", "features"}, default "rows"
        The axis along which places attend to each other.
    momentum : float, default 0.9
        Of the moving statistics of the normalisations.

    Raises
    ------
    ValueError
        If `units` is no multiple of twice the heads, the axis is unknown, or its length is open.

    Examples
    --------
    >>> GatedAxialAttention(8, heads=2)(keras.ops.ones((2, 6, 5, 4))).shape
    TensorShape([2, 6, 5, 8])
    """

    def __init__(
        self, units: int, heads: int = 4, *, axis: str = "rows", momentum: float = 0.9, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if units < 1 or heads < 1 or units % (2 * heads):
            raise ValueError(f"units: found {units} for {heads} heads, expected a multiple of {2 * heads}")
        if axis not in AXES:
            raise ValueError(f"axis: found {axis!r}, expected one of {', '.join(AXES)}")
        self.units = units
        self.heads = heads
        self.axis = axis
        self.momentum = momentum
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the projection, the vectors of distances `[2 * length - 1, 2 * units / heads]` and the gates."""
        length = input_shape[1 if self.axis == "rows" else 2]
        if length is None:
            raise ValueError(f"{self.axis}: found an open number, expected a known one")
        width = self.units // self.heads
        policy = self.dtype_policy
        self.project = keras.layers.Dense(2 * self.units, use_bias=False, dtype=policy, name="project")
        self.project.build((None, None, length, input_shape[-1]))
        self.relative = self.add_weight(
            shape=(2 * length - 1, 2 * width),
            initializer=keras.initializers.RandomNormal(stddev=width**-0.5),
            name="relative",
        )
        self.gates = self.add_weight(
            shape=(len(GATES),),
            initializer=lambda shape, dtype: ops.reshape(ops.convert_to_tensor(GATES, dtype), shape),
            name="gates",
        )
        channels = {"projection": 2 * self.units, "scores": 3 * self.heads, "outputs": 2 * self.units}
        self.norms = {}
        for name, count in channels.items():
            self.norms[name] = keras.layers.BatchNormalization(
                momentum=self.momentum, epsilon=1e-5, dtype=policy, name=f"{name}_norm"
            )
            self.norms[name].build((None, None, length, count))

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Turn `inputs [batch, rows, features, channels]` into `[batch, rows, features, units]`."""
        lines = ops.transpose(inputs, (0, 2, 1, 3)) if self.axis == "rows" else inputs
        outputs = self._along(lines, training)
        return ops.transpose(outputs, (0, 2, 1, 3)) if self.axis == "rows" else outputs

    def _along(self, lines: Any, training: bool | None) -> Any:
        """Attend along the second axis from last but one of `lines [batch, lines, length, channels]`."""
        width, heads = self.units // self.heads, self.heads
        count, length = lines.shape[1], lines.shape[2]
        half = width // 2
        values = self.norms["projection"](self.project(lines), training=training)
        values = ops.reshape(values, (-1, count, length, heads, 2 * width))
        query, key, value = values[..., :half], values[..., half:width], values[..., width:]
        relative = _by_pair(ops.convert_to_tensor(self.relative), length)  # [from, to, 2 width]
        of_query, of_key, of_value = relative[..., :half], relative[..., half:width], relative[..., width:]
        gates = ops.convert_to_tensor(self.gates)
        scores = ops.stack(
            [
                ops.einsum("bnihc,bnjhc->bnijh", query, key),
                gates[0] * ops.einsum("bnihc,ijc->bnijh", query, of_query),
                gates[1] * ops.einsum("bnjhc,ijc->bnijh", key, of_key),
            ],
            axis=-2,
        )  # [batch, lines, from, to, 3, heads]
        scores = ops.reshape(scores, (-1, count * length, length, 3 * heads))
        scores = self.norms["scores"](scores, training=training)
        scores = ops.sum(ops.reshape(scores, (-1, count, length, length, 3, heads)), axis=-2)
        weights = ops.softmax(scores, axis=3)
        outputs = ops.concatenate(
            [
                gates[3] * ops.einsum("bnijh,bnjhc->bnihc", weights, value),
                gates[2] * ops.einsum("bnijh,ijc->bnihc", weights, of_value),
            ],
            axis=-1,
        )  # [batch, lines, length, heads, 2 width]
        outputs = ops.reshape(outputs, (-1, count, length, 2 * self.units))
        outputs = self.norms["outputs"](outputs, training=training)
        outputs = ops.sum(ops.reshape(outputs, (-1, count, length, heads, 2, width)), axis=-2)
        return ops.reshape(outputs, (-1, count, length, self.units))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[batch, rows, features, units]`."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "units": self.units,
            "heads": self.heads,
            "axis": self.axis,
            "momentum": self.momentum,
        }


def _by_pair(relative: Any, length: int) -> Any:
    """Lay out vectors of distances `[2 * length - 1, width]`, the first of -length + 1, as `[from, to, width]`.

    Copies one after the other, read in lines one shorter than a copy, move by one place a line.
    """
    if length == 1:
        return relative[None]
    line = 2 * length - 2
    copies = ops.tile(relative, (length, 1))[length - 1 : length - 1 + length * line]
    return ops.reshape(copies, (length, line, relative.shape[-1]))[:, :length]
