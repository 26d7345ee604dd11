"""What the benchmark measures in processes of their own: `python measure.py WHAT ...` prints one line of JSON."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np


def peak_bytes() -> int:
    """Peak of the resident memory of this process alone; `ru_maxrss` knows that of the process that started it too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def tensorflow() -> dict:
    """Import TensorFlow, and no more."""
    import tensorflow as tf

    tf.constant(0.0)
    return {"peak": peak_bytes()}


def prepare(folder: str, days: str, rows: str) -> dict:
    """Write the data set."""
    from large_book import large_spec

    import tsdeep

    started = time.perf_counter()
    prepared = tsdeep.prepare(large_spec(int(days), int(rows)), folder)
    seconds = time.perf_counter() - started
    size = sum(shard.path.stat().st_size for shard in prepared.shards)
    return {
        "seconds": seconds,
        "peak": peak_bytes(),
        "rows": prepared.n_rows,
        "shards": len(prepared.shards),
        "bytes": size,
    }


def opened(folder: str):
    """Open the data set; its source has to be known."""
    import large_book  # noqa: F401

    import tsdeep

    return tsdeep.load_prepared(folder)


def first_rows(prepared, n: int):
    """Rows with a label among the first n."""
    import tsdeep

    return prepared.rows & tsdeep.RowRanges.between([(0, n)])


def epoch(folder: str, n_rows: str) -> dict:
    """Pass once over the windows of the first rows, read from the disk and not from the page cache."""
    from large_book import BATCH

    import tsdeep

    prepared = opened(folder)
    rows = first_rows(prepared, int(n_rows))
    for shard in prepared.shards_of(rows):
        with shard.path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    before, started, seen = peak_bytes(), time.perf_counter(), 0
    for x, _ in tsdeep.windows(prepared, rows, batch_size=BATCH, shuffle=True, seed=0):
        seen += len(x)
    assert seen == len(rows)
    return {"windows": seen, "seconds": time.perf_counter() - started, "before": before, "peak": peak_bytes()}


class Stream:
    """A dataset that is passed over for some seconds at a time, epoch after epoch."""

    def __init__(self, batches) -> None:
        self._batches, self._iterator = batches, iter(batches)

    def rate(self, seconds: float) -> float:
        """Windows a second."""
        counted, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            batch = next(self._iterator, None)
            if batch is None:
                self._iterator = iter(self._batches)
                continue
            counted += len(batch[0])
        return counted / passed


class Copy:
    """Memory copy of the bytes of windows, one thread."""

    def __init__(self) -> None:
        from large_book import BATCH, LEVELS, LOOKBACK

        shape = (50, BATCH, LOOKBACK, 4 * LEVELS)
        self._source = np.random.default_rng(0).standard_normal(shape, np.float32)

    def rate(self, seconds: float) -> float:
        """Windows a second."""
        counted, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds:
            counted += len(self._source[counted % 50].copy())
        return counted / passed


def rates(folder: str, rounds: str, seconds: str, *sizes: str) -> dict:
    """Take turns: windows in memory, from disk of several sizes, and memory copy; the first round warms up."""
    from large_book import BATCH, large_spec

    import tsdeep

    prepared = opened(folder)
    samples = tsdeep.load(large_spec(1, prepared.spec.source.rows))
    given = {"batch_size": BATCH, "shuffle": True, "seed": 0}
    streams = {"memory": Stream(tsdeep.windows(samples, samples.rows[:200_000], **given))}
    for size in sizes:
        streams[size] = Stream(tsdeep.windows(prepared, first_rows(prepared, int(size)), **given))
    streams["copy"] = Copy()
    found = {name: [] for name in streams}
    for _ in range(int(rounds) + 1):
        for name, stream in streams.items():
            found[name].append(stream.rate(float(seconds)))
    return {name: each[1:] for name, each in found.items()}


def quality(folder: str, *buffers: str) -> dict:
    """Compare the order of a whole epoch, for several pools, with a perfect shuffle of the same rows.

    A lookback of one row gives the windows in the same order as any other and is read faster.
    """
    from large_book import DAY_CHANNEL, ROW_CHANNEL

    import tsdeep

    prepared = opened(folder)
    short, n_day = prepared.replace(lookback=1), prepared.spec.source.rows
    found = {}
    for buffer in buffers:
        given = {"shuffle": True, "seed": 0, "buffer_rows": int(buffer)}
        rows = np.empty(len(prepared.rows), np.int64)
        labels = np.empty(len(rows), np.float32)
        at = 0
        for x, y in tsdeep.windows(short, prepared.rows, batch_size=8192, **given):
            last = x[:, -1].numpy()
            day, row = last[:, DAY_CHANNEL].astype(np.int64), last[:, ROW_CHANNEL].astype(np.int64)
            rows[at : at + len(last)] = (day - 1) * n_day + row - 1
            labels[at : at + len(last)] = y.numpy()
            at += len(last)
        found[buffer] = described(rows, labels)
    order = np.argsort(rows)
    assert np.array_equal(rows[order], np.asarray(prepared.rows)), "not every window exactly once"
    found["in order"] = described(rows[order], labels[order])
    perfect = np.random.default_rng(0).permutation(len(rows))
    found["perfect"] = described(rows[perfect], labels[perfect])
    return found


def described(rows: np.ndarray, labels: np.ndarray) -> dict:
    """Say how well rows `[n]` and their labels `[n]` are mixed in batches of neighbours."""
    from large_book import BATCH, LOOKBACK

    n = len(rows) // BATCH * BATCH
    rows, labels = rows[:n].reshape(-1, BATCH), labels[:n].reshape(-1, BATCH)
    distance = np.abs(np.diff(rows, axis=1))
    gap = np.diff(np.sort(rows, axis=1), axis=1)
    far = np.full((len(gap), 1), np.iinfo(np.int64).max)
    nearest = np.minimum(np.hstack([far, gap]), np.hstack([gap, far]))
    centred = labels - labels.mean(dtype=np.float64)
    variance = (centred**2).mean()
    return {
        "distance": float(distance.mean()),
        "percentile": float(np.percentile(distance, 1)),
        "near": float((distance < LOOKBACK).mean()),
        "nearest": float((nearest < LOOKBACK).mean()),
        "autocorrelation": float((centred[:, 1:] * centred[:, :-1]).mean() / variance),
        "variance": float(centred.mean(axis=1).var() * BATCH / variance),
    }


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    measures = (tensorflow, prepare, epoch, rates, quality)
    print(json.dumps({each.__name__: each for each in measures}[what](*arguments)))
