"""A day of LOBSTER's files as lines of text, to be damaged and written: one made here, and a real one's start."""

import io
import zipfile
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tests.data_folder import data_folder

EMPTY = 9999999999


@dataclass
class Day:
    """Lines of a message and an orderbook file, as lists of texts a line."""

    message: list[list[str]]
    book: list[list[str]]
    symbol: str = "GOOG"
    date: str = "2012-06-21"
    times: str = "34200000_57600000"
    levels: int = field(default=0)

    def __post_init__(self):
        self.levels = self.levels or len(self.book[0]) // 4

    def name(self, kind):
        return f"{self.symbol}_{self.date}_{self.times}_{kind}_{self.levels}.csv"

    def texts(self):
        return {
            self.name(kind): "".join(",".join(line) + "\n" for line in lines)
            for kind, lines in (("message", self.message), ("orderbook", self.book))
        }

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.texts().items():
            (folder / name).write_text(text)
        return str(folder)

    def write_zip(self, file):
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.texts().items():
                archive.writestr(name, text)
            archive.writestr("LOBSTER_SampleFiles_ReadMe.txt", "read me")
        return str(file)

    def halt(self, row, *prices, seconds=None):
        """Put messages of a halt ahead of a row, their book rows repeated."""
        at = self.message[max(row - 1, 0)][0] if seconds is None else seconds
        for number, price in enumerate(prices):
            self.message.insert(row + number, [at, "7", "0", "0", str(price), "-1"])
            self.book.insert(row + number, list(self.book[max(row - 1, 0)]))
        return self


def made_day(n_rows=60, levels=4, seed=0, **settings):
    """A day whose best prices move by a cent now and then; some times are equal.

    Visible executions are at the best price of the row before, and take half of what stands there.
    """
    random = np.random.default_rng(seed)
    ns = 34_200_000_000_000 + np.sort(random.integers(0, 23_000 * 10**9, n_rows))
    ns[1::7] = ns[0:-1:7][: len(ns[1::7])]
    bid = 1_000_000 + 100 * np.cumsum(random.integers(-1, 2, n_rows))
    message, book = [], []
    for row in range(n_rows):
        kind = random.choice([1, 1, 2, 3, 4, 5, 6])
        message.append(
            [
                f"{ns[row] // 10**9}.{ns[row] % 10**9:09d}",
                str(kind),
                str(random.integers(1, 10**8)),
                str(random.integers(1, 500)),
                str(bid[row]),
                str(random.choice([-1, 1])),
            ]
        )
        line = []
        for level in range(levels):
            for sign, best in ((1, bid[row] + 200), (-1, bid[row])):
                line += [str(best + sign * 100 * level), str(random.integers(1, 900))]
        if kind == 4 and row > 0:
            line = execute(message[-1], book[-1])
        book.append(line)
    return Day(message, book, **settings)


def execute(message, before):
    """Make the message an execution at the best price of the book before, and return the book after it."""
    column = 2 if message[5] == "1" else 0
    size = int(before[column + 1]) // 2
    if size == 0:
        message[1] = "3"
        return list(before)
    message[3:5] = [str(size), before[column]]
    after = list(before)
    after[column + 1] = str(int(before[column + 1]) - size)
    return after


def sample(symbol, levels):
    """Path of a sample zip of LOBSTER's; skips where there is no test data."""
    name = f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip"
    return data_folder() / "lobster" / name


def sample_text(symbol, levels, kind):
    with zipfile.ZipFile(sample(symbol, levels)) as archive:
        (name,) = [name for name in archive.namelist() if f"_{kind}_" in name]
        return archive.read(name).decode()


def sample_lines(symbol, levels, kind, n_rows=None):
    return [line.split(",") for line in sample_text(symbol, levels, kind).splitlines()[:n_rows]]


def sample_numbers(symbol, levels, kind):
    """The table as pandas reads it, columns by number; whole numbers, but for the times."""
    table = pd.read_csv(io.StringIO(sample_text(symbol, levels, kind)), header=None)
    assert (table.dtypes[1:] == np.int64).all()
    return table


def real_day(n_rows=500):
    """The first rows of GOOG's sample day."""
    return Day(*(sample_lines("GOOG", 10, kind, n_rows) for kind in ("message", "orderbook")))
