"""Samples with rows, times and label ends alone, drawn at random, for the tests of the splitters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st


@dataclass
class FakeSamples:
    rows: np.ndarray
    time: np.ndarray
    label_end: np.ndarray
    session: np.ndarray
    symbol: np.ndarray

    def end_time(self, rows):
        return self.time[self.label_end[rows]]


def make_samples(segments, horizons, warmup=0):
    """Segments are (symbol, session, times); a label ends `horizons[row]` rows on in it, or never."""
    time, session, symbol, label_end, rows = [], [], [], [], []
    for name, number, times in segments:
        first, behind = len(time), len(time) + len(times)
        for row in range(first, behind):
            end = row + int(horizons[row % len(horizons)])
            label_end.append(end if end < behind else -1)
            if row >= first + warmup and end < behind:
                rows.append(row)
        time.extend(times)
        session.extend([number] * len(times))
        symbol.extend([name] * len(times))
    return FakeSamples(
        np.array(rows, dtype=np.int64),
        np.array(time, dtype="datetime64[ns]"),
        np.array(label_end, dtype=np.int64),
        np.array(session, dtype=np.int64),
        np.array(symbol),
    )


def days(first, count):
    return pd.date_range(first, periods=count, freq="D").to_numpy()


def daily(count=100, horizon=1, first="2001-01-01", warmup=0):
    return make_samples([("a", 0, days(first, count))], [horizon], warmup)


def intraday(sessions=6, rows=10, horizon=2, first="2001-01-01"):
    minutes = pd.to_timedelta(np.arange(rows), unit="min").to_numpy() + np.timedelta64(9, "h")
    segments = [("a", number, day + minutes) for number, day in enumerate(days(first, sessions))]
    return make_samples(segments, [horizon])


@st.composite
def random_samples(draw):
    """Daily history with gaps, intraday sessions, or instruments with ragged starts and missing days."""
    kind = draw(st.sampled_from(["daily", "intraday", "pooled"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    longest = draw(st.sampled_from([0, 1, 5, 25]))
    horizons = rng.integers(min(longest, 1), longest + 1, size=997)
    warmup = draw(st.sampled_from([0, 3]))
    start = np.datetime64("2001-01-01", "D") + rng.integers(0, 400)
    if kind == "intraday":
        horizons = np.minimum(horizons, 6)
        segments = []
        day = start
        for number in range(int(rng.integers(5, 25))):
            day = day + rng.choice([1, 1, 1, 3])
            minutes = np.cumsum(rng.integers(1, 20, size=int(rng.integers(11, 30))))
            opening = day.astype("datetime64[m]") + 9 * 60
            segments.append(("a", number, (opening + minutes).astype("datetime64[ns]")))
        return make_samples(segments, horizons, warmup)
    count = int(rng.integers(60, 400))
    calendar = (start + np.cumsum(rng.choice([1, 1, 1, 1, 3, 5], size=count))).astype("datetime64[ns]")
    if kind == "daily":
        return make_samples([("a", 0, calendar)], horizons, warmup)
    segments = []
    for name in "abc":
        listed = calendar[int(rng.integers(0, count // 3)) :]
        segments.append((name, 0, listed[rng.random(len(listed)) < 0.9]))
    return make_samples(segments, horizons, warmup)
