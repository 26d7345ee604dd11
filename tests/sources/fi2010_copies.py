"""Files of the shape of FI-2010's, with stocks and days of known lengths."""

from __future__ import annotations

import numpy as np

EUROS = (26.9, 12.8, 17.4, 12.7, 34.8)
TICK = 1e-4  # a cent, as stored: euros / 100


def make_days(lengths, seed=0):
    """Books and labels, [45, rows] for each day (first axis of `lengths`) and stock (second)."""
    rng = np.random.default_rng(seed)
    ticks = [round(price * 100) for price in EUROS]
    days = []
    for row in lengths:
        blocks = []
        for stock, count in enumerate(row):
            # Overnight at most 20 cents, then at most 2 a row.
            steps = np.append(rng.integers(-20, 21), rng.integers(-2, 3, count - 1))
            bid = ticks[stock] + np.cumsum(steps)
            ticks[stock] = int(bid[-1])
            depth = np.arange(10)[:, None]
            book = np.empty((10, 4, count))
            book[:, 0] = (bid + rng.integers(1, 4, count) + depth) * TICK
            book[:, 2] = (bid - depth) * TICK
            book[:, 1::2] = rng.integers(1, 5000, (10, 2, count)) * 1e-6
            labels = rng.integers(1, 4, (5, count)).astype(float)
            blocks.append(np.concatenate([book.reshape(40, count).round(8), labels]))
        days.append(blocks)
    return days


def day(days, number):
    return np.concatenate(days[number - 1], axis=1)


def training(days, fold):
    """A training file: the first stock's days, then the second's."""
    return np.concatenate([days[d][stock] for stock in range(5) for d in range(fold)], axis=1)


def normalised(values, kind):
    if kind == "DecPre":
        return values
    book, labels = values[:40], values[40:]
    low, high = book.min(axis=1, keepdims=True), book.max(axis=1, keepdims=True)
    if kind == "MinMax":
        book = (book - low) / (high - low)
    else:
        book = (book - book.mean(axis=1, keepdims=True)) / book.std(axis=1, keepdims=True)
    return np.concatenate([book, labels])


def text(values):
    """149 lines: books, 104 features that are not read, labels."""
    lines = [" ".join(map(repr, row)) for row in values[:40].tolist()]
    lines += [" ".join(["0"] * values.shape[1])] * 104
    lines += [" ".join(f"{label:.7e}" for label in row) for row in values[40:].tolist()]
    return "\r\n".join(f"   {line}" for line in lines) + "\r\n"


def name(part, fold, kind="DecPre", auction=False):
    return f"{part}_Dst_{'Auction' if auction else 'NoAuction'}_{kind}_CF_{fold}.txt"


def write(folder, days, names, kind="DecPre", auction=False):
    """Write files by (part, fold) into the benchmark's folders."""
    said = "Auction" if auction else "NoAuction"
    for part, fold in names:
        place = folder / said / f"1.{said}_{kind}" / f"{said}_{kind}_{part}ing"
        place.mkdir(parents=True, exist_ok=True)
        values = training(days, fold) if part == "Train" else day(days, fold + 1)
        (place / name(part, fold, kind, auction)).write_text(text(normalised(values, kind)))
    return folder


SINGLE_DAYS = [("Train", 1), *(("Test", fold) for fold in range(1, 10))]
SETUP_2 = [("Train", 7), *SINGLE_DAYS]
