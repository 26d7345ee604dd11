"""Training steps by tsdeep, in a process of its own: `tsdeep_steps.py ARCHITECTURE THREADS`.

Reads seconds from standard input, a line each, and answers each with windows a second of `model.fit`.
"""

import sys
import time

import numpy as np
import tensorflow as tf

BATCH, LOOKBACK, CHANNELS, CLASSES, BATCHES = 64, 100, 40, 3, 16
MODELS = {
    "tcn": {"filters": 64, "dilations": (1, 2, 4, 8, 16, 32)},
    "lstm": {"units": 64},
    "deeplob": {"variant": "paper"},
}


def main(architecture, threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import tsdeep

    model = tsdeep.build(
        architecture,
        input_shape=(LOOKBACK, CHANNELS),
        task="movement",
        jit_compile=architecture != "deeplob",  # whose convolutions oneDNN does faster
        steps_per_execution=BATCHES,
        **MODELS[architecture],
    )
    print(model.count_params(), flush=True)
    random = np.random.default_rng(0)
    x = random.standard_normal((BATCHES * BATCH, LOOKBACK, CHANNELS), np.float32)
    y = random.integers(CLASSES, size=len(x)).astype(np.float32)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH, drop_remainder=True).cache().repeat()
    model.fit(batches, steps_per_epoch=2 * BATCHES, verbose=0)
    print("ready", flush=True)
    steps = BATCHES
    for line in sys.stdin:
        started = time.perf_counter()
        history = model.fit(batches, steps_per_epoch=steps, verbose=0).history
        passed = time.perf_counter() - started
        assert np.isfinite(history["loss"][0])
        print(steps * BATCH / passed, flush=True)
        steps = BATCHES * max(1, round(steps * float(line) / passed / BATCHES))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
