"""Gated axial attention equals its equation, written with loops over lines, heads and places."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import GatedAxialAttention

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 3, 5)).astype("float32")


def normed(norm, values):
    """Normalise by moving statistics, as at inference."""
    gamma, beta, mean, variance = (np.asarray(weight, "float64") for weight in norm.weights)
    return (values - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def by_loops(layer, line):
    """Attend along `line [length, channels]`, place by place and head by head."""
    units, heads = layer.units, layer.heads
    width, length = units // heads, len(line)
    half = width // 2
    projected = normed(layer.norms["projection"], line @ np.asarray(layer.project.kernel, "float64"))
    projected = projected.reshape(length, heads, 2 * width)
    relative, gates = np.asarray(layer.relative, "float64"), np.asarray(layer.gates, "float64")
    parts = np.zeros((length, length, 3 * heads))
    for i in range(length):
        for j in range(length):
            vector = relative[j - i + length - 1]
            for head in range(heads):
                query, key = projected[i, head, :half], projected[j, head, half:width]
                parts[i, j, head] = query @ key
                parts[i, j, heads + head] = gates[0] * (query @ vector[:half])
                parts[i, j, 2 * heads + head] = gates[1] * (key @ vector[half:width])
    parts = normed(layer.norms["scores"], parts)
    both = np.zeros((length, heads, 2, width))
    for i in range(length):
        for head in range(heads):
            scores = np.exp(parts[i, :, head] + parts[i, :, heads + head] + parts[i, :, 2 * heads + head])
            scores = scores / scores.sum()
            for j in range(length):
                both[i, head, 0] += gates[3] * scores[j] * projected[j, head, width:]
                both[i, head, 1] += gates[2] * scores[j] * relative[j - i + length - 1, width:]
    outputs = normed(layer.norms["outputs"], both.reshape(length, 2 * units))
    return outputs.reshape(length, heads, 2, width).sum(axis=2).reshape(length, units)


@pytest.mark.parametrize("axis", ["rows", "features"])
def test_output_is_the_published_equation(axis):
    layer = GatedAxialAttention(8, heads=2, axis=axis)
    layer.build((None, *X.shape[1:]))
    layer.set_weights([RNG.uniform(0.2, 1, size=weight.shape) for weight in layer.weights])
    found = np.asarray(layer(X))
    for window in range(2):
        if axis == "rows":
            for feature in range(3):
                expected = by_loops(layer, X[window, :, feature].astype("float64"))
                np.testing.assert_allclose(found[window, :, feature], expected, atol=1e-4)
        else:
            for row in range(4):
                expected = by_loops(layer, X[window, row].astype("float64"))
                np.testing.assert_allclose(found[window, row], expected, atol=1e-4)


def test_arguments_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="multiple of 4"):
        GatedAxialAttention(6, heads=2)
    with pytest.raises(ValueError, match="axis"):
        GatedAxialAttention(8, heads=2, axis="levels")
    with pytest.raises(ValueError, match="open number"):
        GatedAxialAttention(8, heads=2)(keras.Input((None, 3, 5)))
