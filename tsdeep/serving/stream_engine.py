"""What runs a stream's steps: a traced function, and the state of some instruments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

Step = Callable[[dict[str, Any], dict[str, Any]], tuple[dict[str, Any], dict[str, Any]]]


class Engine:
    """The steps of instruments that have one scaler, with their state.

    All that is handed over in a call is three tensors at most, as each costs some microseconds: the row of every
    instrument with its fields side by side, and the state.

    Parameters
    ----------
    step : callable
        `step(state, fields) -> (outputs, state)`, as of `StreamModel`.
    shapes, dtypes : mapping
        Of the state, as of `StreamModel`.
    fields : mapping of str to tuple
        Shapes of the fields.
    outputs : tuple of str
        Names of the outputs.
    instruments : int
        How many there are.
    jit_compile : bool
        Compile the step of all instruments with XLA.
    """

    def __init__(
        self,
        step: Step,
        shapes: Mapping[str, tuple[int, ...]],
        dtypes: Mapping[str, str],
        fields: Mapping[str, tuple[int, ...]],
        outputs: tuple[str, ...],
        instruments: int,
        jit_compile: bool,
    ) -> None:
        import tensorflow as tf

        self._names = tuple(shapes)
        self._shapes = {name: (instruments, *shape) for name, shape in shapes.items()}
        self._dtypes = dict(dtypes)
        sizes = [int(np.prod(shape)) for shape in fields.values()]

        def stepped(state: tuple[tf.Tensor, ...], row: tf.Tensor) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
            parts = tf.split(row, sizes, axis=1)
            named = {
                name: tf.reshape(part, (-1, *shape))
                for (name, shape), part in zip(fields.items(), parts, strict=True)
            }
            answer, after = step(dict(zip(self._names, state, strict=True)), named)
            return tf.stack([answer[name] for name in outputs], axis=1), tuple(after[k] for k in self._names)

        def some(
            state: tuple[tf.Tensor, ...], row: tf.Tensor, places: tf.Tensor
        ) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
            answer, after = stepped(tuple(tf.gather(each, places) for each in state), row)
            written = [
                tf.tensor_scatter_nd_update(each, places[:, None], new)
                for each, new in zip(state, after, strict=True)
            ]
            return answer, tuple(written)

        row = tf.TensorSpec((instruments, sum(sizes)), tf.float64)
        specs = tuple(tf.TensorSpec(self._shapes[k], self._dtypes[k]) for k in self._names)
        # Traced here, so that no push waits for it.
        self._all = tf.function(stepped, autograph=False, jit_compile=jit_compile).get_concrete_function(
            specs, row
        )
        self._some = tf.function(
            some,
            autograph=False,
            input_signature=[
                specs,
                tf.TensorSpec((None, sum(sizes)), tf.float64),
                tf.TensorSpec((None,), tf.int32),
            ],
        )
        self._state = self._zeros()

    def push(self, row: np.ndarray, places: np.ndarray | None) -> np.ndarray:
        """Take the next row `[instruments, columns]` of all, or of those at `places`; return their outputs.

        Returns
        -------
        ndarray of float32, [instruments, outputs] or [instruments, outputs, assets]
        """
        import tensorflow as tf

        given = tf.constant(row)
        if places is None:
            answer, state = self._all(self._state, given)
        else:
            answer, state = self._some(self._state, given, tf.constant(places, tf.int32))
        found = answer.numpy()
        self._state = state
        return np.asarray(found)

    def reset(self, place: int | None) -> None:
        """Forget the rows of the instrument at a place, or of all."""
        if place is None:
            self._state = self._zeros()
            return
        state = self.state()
        for values in state.values():
            values[place] = 0
        self.set_state(state)

    def state(self) -> dict[str, np.ndarray]:
        """Return a copy of the state, `[instruments, ...]` each."""
        return {name: np.array(each) for name, each in zip(self._names, self._state, strict=True)}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a state."""
        import tensorflow as tf

        self._state = tuple(tf.constant(state[name], self._dtypes[name]) for name in self._names)

    def _zeros(self) -> tuple[tf.Tensor, ...]:
        import tensorflow as tf

        return tuple(tf.zeros(self._shapes[name], self._dtypes[name]) for name in self._names)
