"""The two-layer network that MLPLOB and TLOB mix channels and rows with."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("tsdeep")
class ResidualMLP(keras.layers.Layer):
    """Two dense layers with a residual, a layer normalisation and a GELU (Berti & Kasneci 2025).

    The output is `gelu(norm(contract(gelu(expand(x))) + x))`; where the units differ from the input's channels
    there is nothing to add, and the residual is left out. It works on the last axis. A mask is passed on.

    Parameters
    ----------
    hidden_units : int
        Units of the first layer.
    units : int
        Units of the second.

    Examples
    --------
    >>> ResidualMLP(160, 40)(keras.ops.ones((2, 10, 40))).shape
    TensorShape([2, 10, 40])
    """

    def __init__(self, hidden_units: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_units = hidden_units
        self.units = units
        self.supports_masking = True
        policy = self.dtype_policy
        self.expand = keras.layers.Dense(hidden_units, activation="gelu", dtype=policy, name="expand")
        self.contract = keras.layers.Dense(units, dtype=policy, name="contract")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name="norm")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build both dense layers and the normalisation."""
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], self.hidden_units))
        self.norm.build((*input_shape[:-1], self.units))

    def call(self, inputs: Any) -> Any:
        """Turn `inputs [..., channels]` into `[..., units]`."""
        hidden = self.contract(self.expand(inputs))
        if inputs.shape[-1] == self.units:
            hidden = ops.add(hidden, inputs)
        return keras.activations.gelu(self.norm(hidden))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return `[..., units]`."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "hidden_units": self.hidden_units, "units": self.units}
