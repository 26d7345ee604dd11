"""Attention with a network equals its definition, written with loops over windows, heads and rows."""

from __future__ import annotations

import numpy as np
import pytest

from tsdeep.layers import AttentionMLP

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5, 8)).astype("float32")


def attended(attention, query, key, value):
    weights = [np.asarray(weight, "float64") for weight in attention.weights]
    q, q_bias, k, k_bias, v, v_bias, out, out_bias = weights
    result = np.zeros((*query.shape[:2], out.shape[-1])) + out_bias
    for window in range(len(query)):
        for head in range(q.shape[1]):
            queries = query[window] @ q[:, head] + q_bias[head]
            keys = key[window] @ k[:, head] + k_bias[head]
            values = value[window] @ v[:, head] + v_bias[head]
            for row, question in enumerate(queries):
                scores = np.exp(keys @ question / np.sqrt(len(question)))
                result[window, row] += (scores / scores.sum()) @ values @ out[head]
    return result


@pytest.mark.parametrize("units", [None, 2])
@pytest.mark.parametrize("reprojected", [False, True])
def test_output_is_its_definition(units, reprojected):
    layer = AttentionMLP(2, units, reprojected=reprojected)
    layer.build((None, 5, 8))
    layer.set_weights([0.3 * RNG.normal(size=weight.shape) for weight in layer.weights])
    x = X.astype("float64")
    if reprojected:
        parts = [x @ np.asarray(p.kernel) + np.asarray(p.bias) for p in layer.projections]
        hidden = attended(layer.attention, *parts)
        hidden = hidden @ np.asarray(layer.result.kernel) + np.asarray(layer.result.bias)
    else:
        hidden = attended(layer.attention, x, x, x)
    hidden = hidden + x
    hidden = (hidden - hidden.mean(-1, keepdims=True)) / np.sqrt(hidden.var(-1, keepdims=True) + 1e-5)
    hidden = hidden * np.asarray(layer.norm.gamma) + np.asarray(layer.norm.beta)
    expected = np.asarray(layer.mlp(hidden)) + (x if units is None else 0)
    np.testing.assert_allclose(layer(X), expected, atol=1e-4)


def test_rows_attend_to_rows_of_their_own_window_only():
    layer = AttentionMLP()
    changed = X.copy()
    changed[0, 2] += 1
    before, after = np.asarray(layer(X)), np.asarray(layer(changed))
    assert (np.abs(before[0] - after[0]).max(axis=-1) > 0).all()
    np.testing.assert_allclose(before[1:], after[1:], atol=1e-6)
