"""Learned positional encoding."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class LearnedPosition(keras.layers.Layer):
    """Add to each row a learned vector of its position.

    The vectors belong to the number of rows that the layer was built for; shorter inputs are aligned at the
    last row, so that the newest row always gets the same vector. A mask is passed on and not read.

    Parameters
    ----------
    initializer : str or Initializer, default "glorot_uniform"
        Of the vectors `[rows, channels]`.
    """

    def __init__(self, initializer: Any = "glorot_uniform", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the vectors `[rows, channels]`; ValueError where the number of rows is open."""
        if input_shape[1] is None:
            raise ValueError(
                "learned positions: found an open number of rows, expected [batch, rows, channels]; "
                "give the input shape, or use sinusoidal positions"
            )
        self.position = self.add_weight(
            shape=tuple(input_shape[1:]), initializer=self.initializer, name="position"
        )

    def call(self, inputs: Any) -> Any:
        """Add the vectors to `inputs [batch, rows, channels]`."""
        length = self.position.shape[0]
        rows = ops.shape(inputs)[1]
        return inputs + ops.convert_to_tensor(self.position)[length - rows :]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "initializer": keras.initializers.serialize(self.initializer)}
