"""LOBSTER's files: found by their names in folders and zips, and paired."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from tsdeep.errors import DataError

_NAME = re.compile(
    r"(?P<symbol>.+)_(?P<date>\d{4}-\d{2}-\d{2})_(?P<start>\d+)_(?P<stop>\d+)"
    r"_(?P<kind>message|orderbook)_(?P<levels>\d+)\.csv"
)
_EXPECTED = "SYMBOL_2012-06-21_34200000_57600000_message_10.csv and ..._orderbook_10.csv"
_OTHER_ARCHIVES = (".7z", ".gz", ".rar", ".tar", ".tgz", ".bz2", ".xz")


@dataclass(frozen=True)
class Member:
    """A file on disk, or one inside a zip (or a zip in a zip): the path and the names inside it."""

    path: Path
    inside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return Path(self.inside[-1]).name if self.inside else self.path.name

    def __str__(self) -> str:
        return "/".join([str(self.path), *self.inside])

    def read(self) -> bytes:
        """Return what is in it; DataError if it cannot be read."""
        try:
            content = self.path.read_bytes() if not self.inside else _from_zip(self.path, self.inside[0])
            for name in self.inside[1:]:
                content = _from_zip(io.BytesIO(content), name)
        except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
            raise DataError(f"{self}: cannot be read: {error}") from error
        return content


def _from_zip(file: Path | io.BytesIO, name: str) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(name)


@dataclass(frozen=True)
class Pair:
    """A message file and its orderbook file, with what their names say.

    Parameters
    ----------
    symbol : str
        The ticker.
    date : ndarray scalar of datetime64[D]
        The trading day, in the exchange's zone.
    start_ms, stop_ms : int
        First and last time of the files, in milliseconds after midnight.
    levels : int
        Levels of each side.
    message, orderbook : Member
        The files.
    """

    symbol: str
    date: np.datetime64
    start_ms: int
    stop_ms: int
    levels: int
    message: Member
    orderbook: Member


def find_pairs(path: Path) -> tuple[list[Pair], list[str]]:
    """Find the message and orderbook files at a place.

    Parameters
    ----------
    path : Path
        One file of a pair, a zip, or a folder; folders and zips are searched all the way down.

    Returns
    -------
    pairs : list of Pair
        By symbol, then day and time.
    others : list of str
        Files left aside although they may hold data: CSV files with other names, other kinds of archives.

    Raises
    ------
    DataError
        If there is nothing there, a file lacks its partner, or two pairs are of the same symbol, day and time.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file or folder, expected LOBSTER's {_EXPECTED}, or a zip of them")
    if path.is_file() and path.suffix.lower() == ".csv":
        if not _NAME.fullmatch(path.name):
            raise DataError(f"{path}: found another name than LOBSTER's, expected {_EXPECTED}")
        there = [Member(path), *(Member(p) for p in [_partner_path(path)] if p.is_file())]
    else:
        there = list(_members(path))
    files: dict[tuple[str, str, str, str, str], dict[str, Member]] = {}
    others = []
    for member in there:
        match = _NAME.fullmatch(member.name)
        if match is None:
            others.append(str(member))
            continue
        key = (match["symbol"], match["date"], match["start"], match["stop"], match["levels"])
        kinds = files.setdefault(key, {})
        if match["kind"] in kinds:
            raise DataError(f"{member}: found the same file at {kinds[match['kind']]}, expected each once")
        kinds[match["kind"]] = member
    if not files:
        hint = f"; it has {', '.join(others[:3])}: unpack archives of other kinds" if others else ""
        raise DataError(f"{path}: found no file named as LOBSTER's, expected {_EXPECTED}{hint}")
    pairs = sorted(
        (_pair(key, kinds) for key, kinds in files.items()), key=lambda p: (p.symbol, p.date, p.start_ms)
    )
    for one, next_one in pairwise(pairs):
        same_day = (one.symbol, one.date) == (next_one.symbol, next_one.date)
        if same_day and next_one.start_ms < one.stop_ms:
            raise DataError(
                f"{next_one.message}: found {one.message} of the same symbol, day and time; expected each once"
            )
    return pairs, others


def _partner_path(path: Path) -> Path:
    head, kind, tail = re.split(r"_(message|orderbook)_(?=\d+\.csv$)", path.name)
    return path.with_name(f"{head}_{'orderbook' if kind == 'message' else 'message'}_{tail}")


def _members(path: Path) -> Iterator[Member]:
    """Every CSV file and archive that may hold data, in order of their names."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        if file.suffix.lower() == ".zip":
            yield from _in_zip(Member(file), file)
        elif file.suffix.lower() in (".csv", *_OTHER_ARCHIVES):
            yield Member(file)


def _in_zip(member: Member, file: Path | io.BytesIO) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(file) as archive:
            names = sorted(name for name in archive.namelist() if not name.startswith("__MACOSX"))
            for name in names:
                inner = Member(member.path, (*member.inside, name))
                suffix = Path(name).suffix.lower()
                if suffix == ".zip":
                    yield from _in_zip(inner, io.BytesIO(archive.read(name)))
                elif suffix in (".csv", *_OTHER_ARCHIVES):
                    yield inner
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{member}: cannot be read as a zip: {error}") from error


def _pair(key: tuple[str, str, str, str, str], kinds: dict[str, Member]) -> Pair:
    symbol, date, start, stop, levels = key
    for kind in ("message", "orderbook"):
        if kind not in kinds:
            (there,) = kinds.values()
            name = f"{symbol}_{date}_{start}_{stop}_{kind}_{levels}.csv"
            raise DataError(f"{there}: its partner {name} is missing, expected both side by side")
    member = kinds["message"]
    try:
        day = np.datetime64(date, "D")
    except ValueError:
        raise DataError(f"{member}: its name has '{date}', expected a date") from None
    if not int(start) < int(stop) <= 86_400_000 or int(levels) < 1:
        raise DataError(
            f"{member}: its name says {start} to {stop} ms and {levels} levels, expected ascending times within "
            "a day and one level or more"
        )
    return Pair(symbol, day, int(start), int(stop), int(levels), member, kinds["orderbook"])
