"""Normalisation of a window along its rows and along its channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tsdeep.layers.bilinear_layer import closed


@keras.saving.register_keras_serializable("tsdeep")
class BilinearNormalization(keras.layers.Layer):
    """Standardise a window by its own rows and by its own channels, and weigh the two (BiN; Tran et al. 2021).

    Over rows, each channel gets mean 0 and standard deviation 1 within the window, and then a scale and a shift
    of its own; over channels, each row likewise. The output is the sum of both, each times a learned weight
    that stays at or above 0. Only the window itself is read, so there is nothing to fit, and a level of prices
    that was not seen in training does no harm. It has `2 * (rows + channels + 1)` weights. Statistics are taken
    in float32 at least. A mask is not supported.

    Parameters
    ----------
    unbiased : bool, default False
        Divide the squares by the number of values less one, as the public PyTorch ports do.
    epsilon : float, default 1e-4
        A standard deviation below it is taken as 1: the values are all equal.
    scale_initializer : str or Initializer, default "ones"
        Of the scales; `"glorot_normal"` in the public ports.

    Raises
    ------
    ValueError
        If the number of rows of the input is open.

    Examples
    --------
    >>> BilinearNormalization()(keras.ops.ones((2, 10, 40))).shape
    TensorShape([2, 10, 40])
    """

    def __init__(
        self,
        *,
        unbiased: bool = False,
        epsilon: float = 1e-4,
        scale_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.unbiased = bool(unbiased)
        self.epsilon = float(epsilon)
        self.scale_initializer = keras.initializers.get(scale_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create scale and shift of each channel `[1, channels]` and of each row `[rows, 1]`, and both weights."""
        rows, channels = closed(input_shape)
        half = keras.initializers.Constant(0.5)
        scale = self.scale_initializer
        self.channel_scale = self.add_weight(shape=(1, channels), initializer=scale, name="channel_scale")
        self.channel_shift = self.add_weight(shape=(1, channels), initializer="zeros", name="channel_shift")
        self.row_scale = self.add_weight(shape=(rows, 1), initializer=scale.clone(), name="row_scale")
        self.row_shift = self.add_weight(shape=(rows, 1), initializer="zeros", name="row_shift")
        self.over_rows = self.add_weight(shape=(1,), initializer=half, constraint="non_neg", name="over_rows")
        self.over_channels = self.add_weight(
            shape=(1,), initializer=half.clone(), constraint="non_neg", name="over_channels"
        )

    def call(self, inputs: Any) -> Any:
        """Normalise `inputs [batch, rows, channels]`."""
        values = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        by_rows = self._standardised(values, axis=1)
        by_channels = self._standardised(values, axis=2)

        def weight(variable: Any) -> Any:
            return ops.cast(ops.convert_to_tensor(variable), values.dtype)

        by_rows = weight(self.channel_scale) * by_rows + weight(self.channel_shift)
        by_channels = weight(self.row_scale) * by_channels + weight(self.row_shift)
        outputs = weight(self.over_rows) * by_rows + weight(self.over_channels) * by_channels
        return ops.cast(outputs, self.compute_dtype)

    def _standardised(self, values: Any, axis: int) -> Any:
        """Subtract the mean over an axis and divide by the standard deviation, where there is one."""
        count = values.shape[axis]
        # From the first of them on: prices are large beside their moves, and the mean would round those away.
        values = values - (values[:, :1] if axis == 1 else values[:, :, :1])
        values = values - ops.mean(values, axis=axis, keepdims=True)
        squares = ops.sum(ops.square(values), axis=axis, keepdims=True)
        variance = squares / max(count - self.unbiased, 1)
        flat = variance < self.epsilon**2
        return values / ops.sqrt(ops.where(flat, ops.ones_like(variance), variance))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {
            **super().get_config(),
            "unbiased": self.unbiased,
            "epsilon": self.epsilon,
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
        }
