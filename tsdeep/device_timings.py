"""What a training step takes here: matrix products, convolutions over rows, an LSTM, each in several ways."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

WORKS = ("matmul", "convolution", "LSTM")

#: Batch, rows and units (dense layers have 8 times as many): like tsdeep's models on a CPU, enough to fill a GPU.
SIZES = {"CPU": (64, 30, 64), "GPU": (1024, 100, 256)}

_REPEATS, _SECONDS = 50, 0.15


@dataclass(frozen=True)
class Timing:
    """The shortest of some training steps, forward and backward, without an optimizer.

    Attributes
    ----------
    work : {"matmul", "convolution", "LSTM"}
        Two dense layers, two dilated causal convolutions as of a TCN, or one LSTM.
    policy : str
        Keras' dtype policy.
    xla : bool
        Whether XLA compiled it.
    cudnn : bool
        Whether Keras may take the cuDNN kernel; of an LSTM alone.
    seconds : float
        Of one step; compilation is not in it. Infinite where TensorFlow cannot run it, or lacks the memory.
    """

    work: str
    policy: str
    xla: bool
    cudnn: bool
    seconds: float


def time_steps(device: str, policies: Sequence[str]) -> tuple[Timing, ...]:
    """Time a training step of each work in each way.

    Parameters
    ----------
    device : {"CPU", "GPU"}
        What TensorFlow runs on by itself; on a GPU the LSTM is timed with the cuDNN kernel and without.
    policies : sequence of str
        Keras' dtype policies.

    Returns
    -------
    tuple of Timing
        With XLA and without; the cuDNN kernel without it alone, as XLA cannot call it.
    """
    timings = []
    for work in WORKS:
        for policy in policies:
            kernels = (True, False) if work == "LSTM" and device == "GPU" else (False,)
            for xla, cudnn in [(False, kernel) for kernel in kernels] + [(True, False)]:
                step = _step(work, policy, SIZES[device], cudnn, xla)
                timings.append(Timing(work, policy, xla, cudnn, _shortest(step)))
    return tuple(timings)


def _step(work: str, policy: str, size: tuple[int, int, int], cudnn: bool, xla: bool) -> Callable[[], Any]:
    """Make a function that runs a training step of layers of its own to its end."""
    import numpy as np
    import tensorflow as tf

    batch, rows, units = size
    layers = _layers(work, policy, units, cudnn)
    shape: tuple[int, ...] = (batch, 8 * units) if work == "matmul" else (batch, rows, units)
    for layer in layers:
        layer.build((None, *shape[1:]))
    x = tf.constant(np.random.default_rng(0).normal(size=shape).astype("float32"))
    weights = [weight.value for layer in layers for weight in layer.trainable_variables]

    @tf.function(jit_compile=xla)
    def step() -> Any:
        with tf.GradientTape() as tape:
            y = x
            for layer in layers:
                y = layer(y, training=True)
            loss = tf.reduce_mean(tf.square(tf.cast(y, "float32")))
        return [loss, *tape.gradient(loss, weights)]

    def run() -> None:
        for each in step():
            each.numpy()  # which waits until a GPU has it

    return run


def _layers(work: str, policy: str, units: int, cudnn: bool) -> list[Any]:
    """Make the layers of a work; their names are given, so that Keras counts none."""
    import keras

    if work == "matmul":
        return [keras.layers.Dense(8 * units, dtype=policy, name=f"timed_{k}") for k in range(2)]
    if work == "convolution":
        settings = {"padding": "causal", "activation": "relu", "dtype": policy}
        return [
            keras.layers.Conv1D(units, 3, dilation_rate=2**k, name=f"timed_{k}", **settings) for k in range(4)
        ]
    use = "auto" if cudnn else False
    return [keras.layers.LSTM(units, use_cudnn=use, dtype=policy, name="timed")]


def _shortest(step: Callable[[], Any]) -> float:
    """Run a step once to compile it, then for 0.15 seconds, three times at least; the shortest in seconds."""
    import tensorflow as tf

    try:
        step()
    except tf.errors.OpError:
        return math.inf
    taken: list[float] = []
    while len(taken) < 3 or (sum(taken) < _SECONDS and len(taken) < _REPEATS):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return min(taken)
