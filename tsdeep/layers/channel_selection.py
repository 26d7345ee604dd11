"""Some of the channels, by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class ChannelSelection(keras.layers.Layer):
    """Take some of the channels, the last axis, in the order given.

    It has no weights. A mask is passed on.

    Parameters
    ----------
    indices : sequence of int
        Numbers of the channels, from 0; one may be taken more than once.

    Raises
    ------
    ValueError
        If no channel is named, or one that the input does not have.

    Examples
    --------
    >>> ChannelSelection((2, 0))(keras.ops.ones((4, 20, 3))).shape
    TensorShape([4, 20, 2])
    """

    def __init__(self, indices: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        indices = tuple(indices)
        if not indices or any(int(index) != index or index < 0 for index in indices):
            raise ValueError(f"indices: found {indices!r}, expected one or more numbers of channels, from 0")
        self.indices = tuple(int(index) for index in indices)
        self.supports_masking = True

    @property
    def receptive_field(self) -> int:
        """Rows that one output row reads: 1."""
        return 1

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check that the input has the channels."""
        channels = input_shape[-1]
        if channels is None or max(self.indices) >= channels:
            raise ValueError(f"indices: found {max(self.indices)} for {channels} channels, counted from 0")

    def call(self, inputs: Any) -> Any:
        """Take the channels of `inputs [..., channels]`."""
        return ops.take(inputs, self.indices, axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[..., indices]`."""
        return (*input_shape[:-1], len(self.indices))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "indices": self.indices}
