"""A book of any size, made day by day, whose sizes at the last level tell the row: what the benchmark prepares."""

import numpy as np

import tsdeep
from tsdeep.panel import Panel
from tsdeep.sources.pieces import Piece

LEVELS, LOOKBACK, BATCH = 10, 100, 256
#: Channels that tell the row within its day, and the day, both counted from one.
ROW_CHANNEL, DAY_CHANNEL = 37, 39


@tsdeep.register_source("large_book")
class LargeBook(tsdeep.BookSource):
    """A walk of the mid with random sizes, `days` sessions of `rows` rows; prices in ticks."""

    days: int
    rows: int

    def pieces(self, names, start=None, end=None):
        """List the days."""
        return [Piece(f"BOOK day {day}", lambda day=day: self._day(day)) for day in range(self.days)]

    def book(self):
        """Give the first day alone: all of them do not fit."""
        return self._day(0)

    def _day(self, day: int) -> Panel:
        rng = np.random.default_rng(day)
        n = self.rows
        mid = 100_000 + np.cumsum(rng.choice([-1, 0, 0, 0, 0, 0, 1], n)).astype(np.float64)
        level = np.arange(LEVELS, dtype=np.float64)
        date = np.datetime64("2000-01-03") + day
        sizes = rng.integers(1, 500, (2, n, LEVELS)).astype(np.float64)
        sizes[0, :, -1] = np.arange(1, n + 1)
        sizes[1, :, -1] = day + 1
        return Panel(
            fields={
                "ask_price": mid[:, None] + 1 + level,
                "ask_size": sizes[0],
                "bid_price": mid[:, None] - level,
                "bid_size": sizes[1],
            },
            time=date.astype("datetime64[ns]") + np.arange(n) * np.timedelta64(50, "ms"),
            bounds=np.array([[0, n]], np.int64),
            symbols=("BOOK",),
            session_date=np.full(n, date),
            row="one snapshot",
            tick=1.0,
        )


def large_spec(days: int, rows: int) -> tsdeep.DataSpec:
    """Give the spec: the 40 levels as features, the movement of the mid over 100 rows."""
    return tsdeep.make_spec(
        {
            "name": "large_book",
            "source": {"kind": "large_book", "days": days, "rows": rows},
            "fields": ["ask_price", "ask_size", "bid_price", "bid_size"],
            "features": [{"kind": "book_levels"}],
            "task": {"kind": "movement", "horizon_rows": 100, "threshold": 2.0, "threshold_in": "ticks"},
            "lookback": LOOKBACK,
            "split": {"train": "60%", "valid": "20%", "test": "20%"},
        }
    )
