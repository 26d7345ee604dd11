"""Data sets to prepare: order books of ragged days, bars, assets; and what their windows are compared by."""

import datetime
from functools import partial
from typing import Annotated

import numpy as np
from pydantic import Field

import tsdeep
from tests.asset_bars import several
from tsdeep import BookSource, Panel, register_source
from tsdeep.sources import Piece

FEATURES = [
    {"kind": "mid_return", "rows": [1, 3]},
    {"kind": "queue_imbalance"},
    {"kind": "log_size"},
]
SPLIT = {"train": "60%", "valid": "20%", "test": "20%"}
BALANCED = {"kind": "movement", "horizon_rows": 3, "labels": "raw", "threshold_in": "balanced"}


@register_source("ragged_books")
class RaggedBooks(BookSource):
    """Books of days that are given as lengths of segments; a piece is a day of a symbol.

    `days` has, for each symbol, a list of days, each a list of segments' lengths; a day without any has no rows.
    Rows from `changed_from` on, counted in the panel, have other values, at the same times.
    """

    days: dict[str, list[list[Annotated[int, Field(ge=1)]]]]
    seed: int = 0
    levels: int = 2
    changed_from: int | None = None
    start: datetime.date = datetime.date(2024, 1, 2)

    def book(self):
        parts = [part for part in (self._day(s, n) for s, n, _ in self._places()) if part is not None]
        stops = np.cumsum([part.n_rows for part in parts])
        firsts = stops - [part.n_rows for part in parts]
        return Panel(
            fields={name: np.concatenate([part.fields[name] for part in parts]) for name in parts[0].fields},
            time=np.concatenate([part.time for part in parts]),
            bounds=np.concatenate(
                [part.bounds + first for part, first in zip(parts, firsts, strict=True)]
            ).astype(np.int64),
            symbols=tuple(symbol for part in parts for symbol in part.symbols),
            session_date=np.concatenate([part.session_date for part in parts]),
            row=self.a_row,
            tick=0.5,
        )

    def pieces(self, names, start=None, end=None):
        def read(symbol, number):
            part = self._day(symbol, number)
            return None if part is None else self._chosen(part, names)

        return [Piece(f"{s} {n}", partial(read, s, n)) for s, n, _ in self._places()]

    def _places(self):
        """Symbol, number of the day, and first panel row of each day, and one more at the end."""
        first, places = 0, []
        for symbol, days in self.days.items():
            for number, lengths in enumerate(days):
                places.append((symbol, number, first))
                first += sum(lengths)
        return places

    def _day(self, symbol, number):
        lengths = self.days[symbol][number]
        n_rows = sum(lengths)
        if not n_rows:
            return None
        first = next(row for s, n, row in self._places() if (s, n) == (symbol, number))
        key = [self.seed, *symbol.encode(), number]
        bid, gap, sizes = _walk(np.random.default_rng(key), n_rows, self.levels)
        if self.changed_from is not None:
            here = slice(max(self.changed_from - first, 0), None)
            for old, new in zip(
                (bid, gap, sizes), _walk(np.random.default_rng([99, *key]), n_rows, self.levels), strict=True
            ):
                old[..., here] = new[..., here]
        depth = np.arange(self.levels)
        day = np.datetime64(self.start, "D") + number
        stops = np.cumsum(lengths)
        return Panel(
            fields={
                "ask_price": ((bid + gap)[:, None] + depth) * 0.5,
                "ask_size": sizes[0].T.copy(),
                "bid_price": (bid[:, None] - depth) * 0.5,
                "bid_size": sizes[1].T.copy(),
            },
            time=day + np.timedelta64(15, "h") + np.arange(n_rows) * np.timedelta64(10**9, "ns"),
            bounds=np.stack([stops - lengths, stops], axis=1).astype(np.int64),
            symbols=(symbol,) * len(lengths),
            session_date=np.full(n_rows, day),
            row=self.a_row,
            tick=0.5,
        )


def _walk(random, n_rows, levels):
    bid = 10_000 + np.cumsum(random.integers(-2, 3, n_rows))
    return bid, random.integers(1, 4, n_rows), random.integers(1, 500, (2, levels, n_rows)).astype(float)


def books(days, **changes):
    """Spec of such books; `days` is of one symbol, A, or by symbol; `source` has more of its settings."""
    content = {
        "name": "ragged",
        "source": {
            "kind": "ragged_books",
            "days": days if isinstance(days, dict) else {"A": days},
            **changes.pop("source", {}),
        },
        "fields": ["ask_price", "ask_size", "bid_price", "bid_size"],
        "features": FEATURES,
        "task": BALANCED,
        "lookback": 5,
        "split": SPLIT,
    }
    return tsdeep.make_spec({**content, **changes})


def bars(folder, *symbols, days=500, **changes):
    """Spec of daily bars in a file of `folder`: the next day's direction."""
    table = several(*symbols, days=days).rename(columns={"time": "date"})
    path = folder / f"{'_'.join(symbols)}_{days}.csv"
    table.to_csv(path, index=False)
    content = {
        "name": "daily",
        "source": {"kind": "csv", "path": str(path), "symbols": list(symbols)},
        "fields": ["open", "high", "low", "close", "volume"],
        "features": [
            {"kind": "log_return", "rows": 1},
            {"kind": "log_return", "rows": 5},
            {"kind": "field", "field": "volume", "log": True},
        ],
        "task": {"kind": "direction", "horizon_rows": 1},
        "lookback": 5,
        "split": SPLIT,
    }
    return tsdeep.make_spec({**content, **changes})


def both(spec, folder, **settings):
    """A spec's samples in memory and the same prepared in a folder; thresholds fitted on the first half if need be."""
    samples, prepared = spec.samples(), tsdeep.prepare(spec, folder, **settings)
    if samples.task.fits_thresholds:
        train = training_rows(samples)
        samples, prepared = samples.fit_task(train), prepared.fit_task(train)
        assert prepared.task.thresholds == samples.task.thresholds
    return samples, prepared


def training_rows(samples):
    """Every second labelled row, and so some of each instrument that has two."""
    return samples.rows[::2]


def streams(samples, prepared, rows=None, *, scalers=(None, None), buffer_rows=None, **options):
    """One epoch of each, as tuples of arrays."""
    memory = tsdeep.windows(samples, rows, scaler=scalers[0], **options)
    disk = tsdeep.windows(prepared, rows, scaler=scalers[1], buffer_rows=buffer_rows, **options)
    for one, other in zip(_parts(memory.element_spec), _parts(disk.element_spec), strict=True):
        assert (other.dtype, other.shape[1:]) == (one.dtype, one.shape[1:])
    assert int(disk.cardinality()) == int(memory.cardinality())
    epochs = [[_parts(element) for element in data.as_numpy_iterator()] for data in (memory, disk)]
    assert [len(element[0]) for element in epochs[0]] == [len(element[0]) for element in epochs[1]]
    return tuple(tuple(np.concatenate(part) for part in zip(*epoch, strict=True)) for epoch in epochs)


def _parts(element):
    return element if isinstance(element, tuple) else (element,)


def assert_same(expected, found):
    """Bit for bit, in order."""
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(other, one)


def as_set(parts):
    """Rows of arrays `[n, ...]` as sorted bytes: the same for the same windows in any order."""
    flat = [
        np.ascontiguousarray(part).reshape(len(part), -1).view(np.uint8).reshape(len(part), -1)
        for part in parts
    ]
    return sorted(row.tobytes() for row in np.concatenate(flat, axis=1))
