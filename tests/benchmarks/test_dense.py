"""Dense training against windows: labelled ticks a second, on the same threads in one run, both with XLA."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

ROUNDS, SECONDS = 7, 3.0
CONTESTANTS = (
    "dense",
    "windows, every row of each computed",
    "windows, only the rows that are read computed",
)
RECEPTIVE_FIELD, CHANNELS, STRETCH, STRETCHES, BATCH = 61, 40, 1024, 8, 256


def samples():
    """A day of made-up bars: speed does not depend on what is in them."""
    import tsdeep

    n_rows = 100_000
    random = np.random.default_rng(0)
    fields = {f"f{i}": random.standard_normal(n_rows) for i in range(CHANNELS)}
    fields["close"] = np.exp(np.cumsum(fields["f0"]) * 1e-3)
    panel = tsdeep.Panel(
        fields,
        np.datetime64("2020-01-01", "ns") + np.arange(n_rows) * np.timedelta64(1, "s"),
        np.array([[0, n_rows]]),
        ("A",),
    )
    bank = tsdeep.FeatureBank([{"kind": "field", "field": f"f{i}"} for i in range(CHANNELS)])
    return tsdeep.Samples(panel, bank, tsdeep.get_task("direction"), RECEPTIVE_FIELD)


def main(threads):
    """Print ticks a second of both, in training and in scoring, a round a line."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    import tsdeep

    day = samples()

    def every_row(inputs):
        return tsdeep.models.tcn(inputs, return_sequences=True)[:, -1]

    runs = {}
    for name, body in (("dense", "tcn"), ("plain", every_row), ("windowed", "tcn")):
        dense = name == "dense"
        model = tsdeep.build(body, day, jit_compile=True, outputs="sequence" if dense else "last")
        assert tsdeep.models.receptive_field(model) == RECEPTIVE_FIELD
        options = (
            {"mode": "dense", "stretch": STRETCH, "batch_size": STRETCHES} if dense else {"batch_size": BATCH}
        )
        train = tsdeep.windows(day, shuffle=True, seed=0, drop_remainder=True, **options).repeat()
        score = tsdeep.windows(day, labels=False, drop_remainder=True, **options).repeat()
        ticks = STRETCH * STRETCHES if dense else BATCH

        def fit(steps, model=model, batches=train):
            model.fit(batches, steps_per_epoch=steps, verbose=0)

        def predict(steps, model=model, batches=score):
            model.predict(batches, steps=steps, verbose=0)

        runs[name] = (ticks, fit, predict)
    steps = {}
    for _ in range(ROUNDS + 2):  # the first compiles, the second finds how many steps take the time
        line = []
        for kind in (1, 2):
            for name, run in runs.items():
                n = steps.get((name, kind), 3)
                started = time.perf_counter()
                run[kind](n)
                passed = time.perf_counter() - started
                line.append(n * run[0] / passed)
                steps[name, kind] = max(3, round(n * SECONDS / passed))
        print(*line, flush=True)


@pytest.mark.benchmark
@pytest.mark.parametrize("threads", [1, 2])
def test_dense_training_and_scoring_are_many_times_faster_than_windows(threads, capsys):
    cores = sorted(os.sched_getaffinity(0))[:threads]
    if len(cores) < threads:
        pytest.skip(f"{threads} threads need as many cores")
    done = subprocess.run(
        [sys.executable, __file__, str(threads)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    rates = np.array([line.split() for line in done.stdout.splitlines()][2:], float)
    rates = rates.reshape(len(rates), 2, len(CONTESTANTS))  # [rounds, training or scoring, contestants]
    ratios = {}
    with capsys.disabled():
        print(
            f"\nTCN of receptive field {RECEPTIVE_FIELD}, {CHANNELS} channels, {threads} thread(s), ticks/s"
        )
        for place, kind in enumerate(("training", "scoring")):
            for other, name in enumerate(CONTESTANTS):
                rate, ratio = rates[:, place, other], rates[:, place, 0] / rates[:, place, other]
                ratios[kind, other] = np.median(ratio)
                print(
                    f"  {kind:<9}{name:<50}{np.median(rate):>10,.0f} {np.median(ratio):>6.1f}x "
                    f"({ratio.min():.1f} to {ratio.max():.1f})"
                )
    assert ratios["training", 1] >= 40
    assert ratios["scoring", 1] >= 30


if __name__ == "__main__":
    main(int(sys.argv[1]))
