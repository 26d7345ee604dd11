"""What the TCN was made for: the adding problem and copy memory (Bai et al. 2018, section 5)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tsdeep.layers import TCN

pytestmark = pytest.mark.slow


def adding_problem(samples, length, seed):
    """Two channels, numbers and markers; the target is the sum of the two numbers that are marked."""
    rng = np.random.default_rng(seed)
    numbers = rng.random((samples, length))
    markers = np.zeros((samples, length))
    markers[np.arange(samples), rng.integers(0, length // 2, samples)] = 1
    markers[np.arange(samples), rng.integers(length // 2, length, samples)] = 1
    x = np.stack([numbers, markers], -1).astype("float32")
    return x, (numbers * markers).sum(1, keepdims=True).astype("float32")


def copy_memory(samples, blank, seed, symbols=10):
    """Symbols 1 to 8, blanks, then a row of 9s at which the symbols are to be given again."""
    rng = np.random.default_rng(seed)
    memory = rng.integers(1, 9, (samples, symbols))
    x = np.zeros((samples, blank + 2 * symbols), int)
    x[:, :symbols] = memory
    x[:, -symbols - 1 :] = 9
    return np.eye(10, dtype="float32")[x], memory


def test_adding_problem_of_length_200_is_solved():
    keras.utils.set_random_seed(0)
    layer = TCN(24, 4, (1, 2, 4, 8, 16, 32), return_sequences=False)
    assert layer.receptive_field >= 200
    inputs = keras.Input((200, 2))
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    epochs, batch = 12, 32
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * 8192 // batch)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse", jit_compile=True, steps_per_execution=32)
    for epoch in range(epochs):  # fresh samples every epoch
        model.fit(*adding_problem(8192, 200, seed=epoch), batch_size=batch, verbose=0)
    x, y = adding_problem(4096, 200, seed=1_000)
    loss = model.evaluate(x, y, batch_size=256, verbose=0)
    print(f"adding problem: mean squared error {loss:.1e}; predicting the mean {y.var():.3f}")
    assert loss < 1e-3


def test_copy_memory_is_solved():
    keras.utils.set_random_seed(0)
    blank, symbols = 30, 10
    layer = TCN(16, 6, (1, 2, 4, 8), return_sequences=True)
    assert layer.receptive_field >= blank + symbols + 1
    inputs = keras.Input((blank + 2 * symbols, 10))
    logits = keras.layers.Dense(9)(layer(inputs)[:, -symbols:])
    model = keras.Model(inputs, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(2e-3, clipnorm=1.0),
        loss,
        metrics=["accuracy"],
        jit_compile=True,
        steps_per_execution=32,
    )
    for epoch in range(8):
        model.fit(*copy_memory(8192, blank, seed=epoch), batch_size=64, verbose=0)
    _, accuracy = model.evaluate(*copy_memory(2048, blank, seed=1_000), batch_size=256, verbose=0)
    print(f"copy memory: accuracy {accuracy:.4f}; by chance 0.125")
    assert accuracy > 0.99
