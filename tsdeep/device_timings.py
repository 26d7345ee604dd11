"""What a training step takes here: matrix products, convolutions over rows, an LSTM, each in several ways."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

WORKS = ("matmul", "convolution", "LSTM")

#: Batch, rows and units (dense layers have 8 times as many): like tsdeep's models on a CPU, enough to fill a GPU.
SIZES = {"CPU": (64, 30, 64), "GPU": (1024, 100, 256)}

_LEAST_TURNS, _MOST_TURNS, _SECONDS = 10, 40, 0.6


@dataclass(frozen=True)
class Timing:
    """The shortest of some training steps, forward and backward, without an optimizer.

    Attributes
    ----------
    work : {"matmul", "convolution", "LSTM"}
        Two dense layers, four dilated causal convolutions as of a TCN, or one LSTM.
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
        kernels = (True, False) if work == "LSTM" and device == "GPU" else (False,)
        ways = [(policy, False, cudnn) for policy in policies for cudnn in kernels]
        ways += [(policy, True, False) for policy in policies]
        steps = [partial(_step, work, policy, SIZES[device], cudnn, xla) for policy, xla, cudnn in ways]
        timings += [Timing(work, *way, seconds) for way, seconds in zip(ways, _shortest(steps), strict=True)]
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
        gradients = tape.gradient(loss, weights)
        return tf.add_n([loss, *(tf.reshape(each, [-1])[0] for each in gradients)]), gradients

    def run() -> None:
        done, _ = step()
        done.numpy()  # waits until a GPU has all; to fetch gradients takes longer than to compute them there

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


def _shortest(makers: Sequence[Callable[[], Callable[[], Any]]]) -> list[float]:
    """Make each step and compile it by a run, then run all in turns; the shortest run of each, in seconds.

    In turns, so that what other processes do meanwhile slows all of them alike.
    """
    import tensorflow as tf

    steps: list[Callable[[], Any]] = []
    taken: list[list[float]] = []
    for make in makers:
        try:
            steps.append(make())
            steps[-1]()
            taken.append([])
        except tf.errors.OpError:
            steps[len(taken) :] = [make]  # which is not run
            taken.append([math.inf])
    start = time.perf_counter()
    for turn in range(_MOST_TURNS):
        if turn >= _LEAST_TURNS and time.perf_counter() - start > _SECONDS:
            break
        for step, seconds in zip(steps, taken, strict=True):
            if math.inf not in seconds:
                began = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - began)
    return [min(seconds) for seconds in taken]
