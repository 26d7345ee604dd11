"""Sinusoidal positional encoding."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class SinusoidalPosition(keras.layers.Layer):
    """Add to each row sines and cosines of its position (Vaswani et al. 2017, section 3.5).

    Channel 2i gets `sin(position / max_wavelength ** (2i / channels))` and channel 2i + 1 the cosine of the
    same, with position 0 at the oldest row. It has no weights and takes any number of rows. A mask is passed
    on and not read.

    Parameters
    ----------
    max_wavelength : float, default 10000.0
        Base of the wavelengths; the longest is about 2 pi times this, in rows.
    """

    def __init__(self, max_wavelength: float = 10_000.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not max_wavelength > 1:
            raise ValueError(f"max_wavelength: found {max_wavelength!r}, expected a number above 1")
        self.max_wavelength = float(max_wavelength)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Fix the angular frequency and phase of each channel."""
        channels = int(input_shape[-1] or 0)
        channel = np.arange(channels)
        pair = channel // 2 * 2
        self._frequency = (self.max_wavelength ** (-pair / channels)).astype("float32")
        self._phase = np.where(channel % 2 == 0, 0.0, np.pi / 2).astype("float32")  # cos(a) = sin(a + pi / 2)

    def call(self, inputs: Any) -> Any:
        """Add the encoding to `inputs [batch, rows, channels]`."""
        # Half precision cannot hold the positions of long windows, so the angles are float32.
        position = ops.cast(ops.arange(ops.shape(inputs)[1]), "float32")
        angle = ops.expand_dims(position, -1) * self._frequency + self._phase  # [rows, channels]
        return inputs + ops.cast(ops.sin(angle), inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "max_wavelength": self.max_wavelength}
