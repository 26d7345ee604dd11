"""Windows from 8 GB on disk: resident memory, throughput against memory, and the quality of the shuffle, in one run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent
DAYS, ROWS = 100, 500_000  # of 160 bytes: 8 GB
SIZES = [5_000_000, 25_000_000, 50_000_000]
BUFFERS = [65_536, 262_144, 1_048_576]
WINDOW_BYTES = 100 * 40 * 4

pytestmark = pytest.mark.benchmark


def measured(*arguments) -> dict:
    """Run a measurement in a process of its own."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(FOLDER / "measure.py"), *map(str, arguments)]
    done = subprocess.run(command, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def book():
    """Folder of the data set, and what preparing it took; on the disk of the temporary files (TMPDIR)."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < 12e9:
        pytest.skip(f"{tempfile.gettempdir()} has {free / 1e9:.1f} GB free, 12 are needed; set TMPDIR")
    with tempfile.TemporaryDirectory() as folder:
        yield folder, measured("prepare", folder, DAYS, ROWS)


def test_memory_is_bounded_by_the_settings(book, capsys):
    folder, prepared = book
    alone = measured("tensorflow")["peak"]
    epochs = {size: measured("epoch", folder, size) for size in SIZES}
    with capsys.disabled():
        rows, seconds, size = prepared["rows"], prepared["seconds"], prepared["bytes"]
        print(
            f"\nprepared: {rows:,} rows x 40 float32 in {prepared['shards']} shards, {size / 1e9:.2f} GB, in "
            f"{seconds:.0f} s: {rows / seconds:,.0f} rows/s; peak of resident memory {prepared['peak'] / 1e9:.2f} GB"
        )
        print("one epoch of shuffled windows 100 x 40, batch 256, from the disk")
        print(f"  {'TensorFlow imported, nothing else':<40}{'peak resident':>24} {alone / 1e9:.2f} GB")
        for size, each in epochs.items():
            rate = each["windows"] / each["seconds"]
            print(
                f"  {size:>12,} rows {rate:>10,.0f} windows/s {rate * WINDOW_BYTES / 1e9:>6.2f} GB/s of batches, peak "
                f"resident {each['peak'] / 1e9:.2f} GB ({each['before'] / 1e9:.2f} before the first batch)"
            )
    assert epochs[SIZES[-1]]["peak"] < 1.5e9


def test_disk_streams_at_half_the_rate_of_memory(book, capsys):
    folder, _ = book
    rates = {name: np.array(each) for name, each in measured("rates", folder, 5, 6, *SIZES).items()}
    names = {"memory": "in memory, 200,000 rows", "copy": "memory copy of the same bytes, one thread"}
    with capsys.disabled():
        print("\nshuffled windows 100 x 40, batch 256: medians of 5 rounds in turns, and ratios to memory")
        for name, rate in rates.items():
            label = names.get(name) or f"from disk, {int(name):,} rows"
            ratio, middle = rate / rates["memory"], np.median(rate)
            print(
                f"  {label:<45}{middle:>10,.0f} windows/s {middle * WINDOW_BYTES / 1e9:>6.2f} GB/s "
                f"{np.median(ratio):>6.2f} ({ratio.min():.2f} to {ratio.max():.2f})"
            )
    assert np.median(rates[str(SIZES[-1])] / rates["memory"]) >= 0.5


def test_shuffle_is_printed_beside_a_perfect_one(book, capsys):
    folder, _ = book
    found = measured("quality", folder, *BUFFERS)
    with capsys.disabled():
        print(
            "\na whole epoch of 50 million rows in batches of 256, against a perfect shuffle of the same rows"
        )
        print(
            f"  {'rows of a pool':<16}{'distance of neighbours':>24}{'its 1st percentile':>20}{'within lookback':>17}"
            f"{'any of batch within':>21}{'label lag-1 corr.':>19}{'variance of means':>19}"
        )
        for name, each in found.items():
            label = f"{int(name):,}" if name.isdigit() else name
            print(
                f"  {label:<16}{each['distance']:>24,.0f}{each['percentile']:>20,.0f}{each['near']:>17.5%}"
                f"{each['nearest']:>21.3%}{each['autocorrelation']:>19.5f}{each['variance']:>19.3f}"
            )
    assert found["262144"]["variance"] < found["in order"]["variance"]
