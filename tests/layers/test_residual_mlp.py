"""The network of MLPLOB and TLOB equals PyTorch's layers put together as its authors do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erf

from tsdeep.layers import ResidualMLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5, 8)).astype("float32")


def gelu(x):
    return x * (1 + erf(x / np.sqrt(2))) / 2


@pytest.mark.parametrize("units", [8, 3])
def test_output_is_its_definition_with_a_residual_where_the_units_are_the_channels(units):
    layer = ResidualMLP(12, units)
    layer.build((None, 5, 8))
    layer.set_weights([RNG.normal(size=weight.shape) for weight in layer.weights])
    kernel, bias = (np.asarray(weight) for weight in layer.expand.weights)
    contract, shift = (np.asarray(weight) for weight in layer.contract.weights)
    hidden = gelu(X @ kernel + bias) @ contract + shift
    if units == 8:
        hidden = hidden + X
    z = (hidden - hidden.mean(-1, keepdims=True)) / np.sqrt(hidden.var(-1, keepdims=True) + 1e-5)
    expected = gelu(z * np.asarray(layer.norm.gamma) + np.asarray(layer.norm.beta))
    np.testing.assert_allclose(layer(X), expected, atol=1e-4)
