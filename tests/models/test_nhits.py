"""N-HiTS: its size from a formula, what each block reads, and that blocks share the work."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.layers import RowInterpolation
from tsdeep.tasks import Volatility

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 50, 3)).astype("float32")


def network(lookback=50, channels=3, task=None, **arguments):
    keras.utils.set_random_seed(0)
    return tsdeep.build("nhits", input_shape=(lookback, channels), task=task or Volatility(), **arguments)


def dense(inputs, outputs):
    return inputs * outputs + outputs


def formula(lookback, channels, rates, blocks, units, layers, logits):
    """Add up the dense layers of every block, the backcasts of all but the last, and the head."""
    each = [-(-lookback // rate) * channels for rate in rates for _ in range(blocks)]
    read = sum(dense(size, units) + (layers - 1) * dense(units, units) for size in each)
    return read + sum(dense(units, size) for size in each[:-1]) + dense(len(each) * units, logits)


@pytest.mark.parametrize(
    ("lookback", "channels", "rates", "blocks", "units", "layers"),
    [(50, 3, (22, 5, 1), 1, 32, 2), (64, 10, (8, 2), 3, 16, 1), (20, 1, (4,), 1, 8, 3)],
)
def test_parameters_are_those_of_the_formula(lookback, channels, rates, blocks, units, layers):
    model = network(lookback, channels, rates=rates, blocks=blocks, units=units, layers=layers)
    assert model.count_params() == formula(lookback, channels, rates, blocks, units, layers, 8)
    assert model.get_layer("logits").input.shape[-1] == len(rates) * blocks * units


def test_defaults_are_those_of_the_formula():
    assert network().count_params() == formula(50, 3, (22, 5, 1), 1, 32, 2, 8)


def test_logits_are_the_sum_of_what_each_block_makes_of_what_the_last_left_over():
    model = network(rates=(5, 1), units=6, layers=1)
    model.set_weights([w + 0.1 * RNG.normal(size=w.shape) for w in model.get_weights()])
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}

    def block(name, seen):
        kernel, bias = weights[f"dense_{name}_1"]
        return np.maximum(seen.reshape(len(seen), -1) @ kernel + bias, 0)

    coarse = block("1_1", X.reshape(4, 10, 5, 3).mean(2))
    kernel, bias = weights["knots_1_1"]
    rest = X - np.asarray(RowInterpolation(50)((coarse @ kernel + bias).reshape(4, 10, 3)))
    fine = block("2_1", rest)
    head, shift = weights["logits"]
    np.testing.assert_allclose(model(X), coarse @ head[:6] + fine @ head[6:] + shift, rtol=1e-4, atol=1e-4)


def test_a_coarse_block_reads_the_means_of_its_groups_alone():
    model = network(rates=(10,))
    x = X.copy()
    x[:, 40:50] = x[:, 40:50].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(model(x), model(X), atol=1e-5)
    x[:, 40:50] += 1
    assert np.all(np.asarray(model(x)) != np.asarray(model(X)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rates": ()}, r"rates: found \(\), expected one or more whole numbers"),
        ({"rates": (5, 0)}, r"rates: found \(5, 0\)"),
        ({"rates": (51, 1)}, "rates: found 51 with a lookback of 50 rows"),
        ({"blocks": 0}, "blocks: found 0"),
        ({"layers": 0}, "layers: found 0"),
        ({"pooling": "mx"}, "unknown pooling 'mx': did you mean 'max'"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        network(**arguments)
