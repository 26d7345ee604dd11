"""Windows a second: tsdeep against Keras' own pipeline, a NumPy gather and a memory copy, in one run."""

import subprocess
import sys
import time

import keras
import numpy as np
import pandas as pd
import pytest

import tsdeep

ROWS, CHANNELS, LOOKBACK, BATCH = 200_000, 40, 100, 256
WINDOW_BYTES = LOOKBACK * CHANNELS * 4


# In a process of its own: TensorFlow, the raw rows, the features and one whole epoch of batches.
MEMORY = f"""
import numpy as np, psutil
import tsdeep
rows, channels = {ROWS}, {CHANNELS}
random = np.random.default_rng(0)
fields = {{f"f{{i}}": random.standard_normal(rows) for i in range(channels)}}
fields["close"] = np.exp(np.cumsum(fields["f0"]) * 1e-3)
time = np.datetime64("2000-01-01", "ns") + np.arange(rows) * np.timedelta64(60, "s")
panel = tsdeep.Panel(fields, time, np.array([[0, rows]]), ("A",))
features = tsdeep.FeatureBank([{{"kind": "field", "field": f"f{{i}}"}} for i in range(channels)])
samples = tsdeep.Samples(panel, features, tsdeep.get_task("direction"), {LOOKBACK})
for batch in tsdeep.windows(samples, samples.rows, batch_size={BATCH}, shuffle=True, seed=0):
    pass
print(psutil.Process().memory_info().rss)
"""


@pytest.fixture(scope="module")
def market():
    random = np.random.default_rng(0)
    fields = {f"f{i}": random.standard_normal(ROWS) for i in range(CHANNELS)}
    fields["close"] = np.exp(np.cumsum(fields["f0"]) * 1e-3)
    index = pd.date_range("2000-01-01", periods=ROWS, freq="min")
    features = tsdeep.FeatureBank([{"kind": "field", "field": f"f{i}"} for i in range(CHANNELS)])
    panel = tsdeep.Panel.from_frame(pd.DataFrame(fields, index=index), symbol="A")
    return tsdeep.Samples(panel, features, tsdeep.get_task("direction"), LOOKBACK)


def windows_a_second(batches, seconds: float = 4.0) -> float:
    """Pass over batches, the first few left out."""
    iterator, counted, started = iter(batches), 0, 0.0
    for _ in range(10):
        next(iterator)
    started = time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        batch = next(iterator, None)
        if batch is None:
            iterator = iter(batches)
            continue
        counted += len(batch[0])
    return counted / passed


@pytest.mark.benchmark
def test_windows_stream_at_many_times_the_rate_of_keras(market, capsys):
    rows = market.rows
    ours = tsdeep.windows(market, rows, batch_size=BATCH, shuffle=True, seed=0)
    rate = windows_a_second(ours)
    resident = int(subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True).stdout)

    theirs = keras.utils.timeseries_dataset_from_array(
        market.x[:-1], market.y[LOOKBACK - 1 : -1], LOOKBACK, batch_size=BATCH, shuffle=True, seed=0
    )
    keras_rate = windows_a_second(theirs)

    offsets = np.arange(1 - LOOKBACK, 1)
    order = np.random.default_rng(0).permutation(rows)
    batches = [order[i : i + BATCH, None] + offsets for i in range(0, 400 * BATCH, BATCH)]
    x = market.x
    started = time.perf_counter()
    for index in batches:
        x[index]
    numpy_rate = len(batches) * BATCH / (time.perf_counter() - started)

    source = np.random.default_rng(0).standard_normal((50, BATCH, LOOKBACK, CHANNELS), np.float32)
    started = time.perf_counter()
    for i in range(400):
        source[i % 50].copy()
    copy_rate = 400 * BATCH / (time.perf_counter() - started)

    with capsys.disabled():
        print(f"\nwindows of {LOOKBACK} x {CHANNELS} float32 from {ROWS:,} rows, batch {BATCH}, shuffled")
        for name, value in (
            ("tsdeep.windows", rate),
            ("keras.utils.timeseries_dataset_from_array", keras_rate),
            ("NumPy gather, one thread", numpy_rate),
            ("memory copy of the same bytes, one thread", copy_rate),
        ):
            speed = value * WINDOW_BYTES / 1e9
            print(f"  {name:<45}{value:>12,.0f} windows/s {speed:>7.2f} GB/s {rate / value:>8.2f}x")
        print(
            f"  resident memory {resident / 1e9:.2f} GB; all windows at once {len(rows) * WINDOW_BYTES / 1e9:.2f} GB"
        )
    assert rate >= 20 * keras_rate
    assert resident < 1e9
