"""The text files of FI-2010: where they are, and their rows."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from tsdeep.errors import DataError

ROWS = 149
BOOK_ROWS = tuple(range(40))
LABEL_ROWS = tuple(range(144, 149))
LABEL_HORIZONS = (1, 2, 3, 5, 10)

_NAME = re.compile(r"(Train|Test)_Dst_(NoAuction|Auction)_(ZScore|MinMax|DecPre)_CF_([1-9])\.txt$", re.I)
_SPELLING = {name.lower(): name for name in ("Train", "Test", "ZScore", "MinMax", "DecPre")}


class Name(NamedTuple):
    """What a file holds: `Test_Dst_NoAuction_ZScore_CF_7.txt` is `Name("Test", False, "ZScore", 7)`."""

    part: str
    auction: bool
    normalisation: str
    fold: int

    def __str__(self) -> str:
        auction = "Auction" if self.auction else "NoAuction"
        return f"{self.part}_Dst_{auction}_{self.normalisation}_CF_{self.fold}.txt"


@dataclass(frozen=True)
class Place:
    """A text file, by itself or as a member of a zip."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}: {self.member}"

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the text as bytes."""
        if self.member is None:
            with self.path.open("rb") as file:
                yield file
        else:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                yield file


def find_files(path: Path) -> dict[Name, Place]:
    """Find the files of the benchmark by their names, in a folder with all below it, or in a zip.

    Parameters
    ----------
    path : Path
        A folder of text files and zips of them, at any depth, or a zip.

    Returns
    -------
    dict of Name to Place

    Raises
    ------
    DataError
        If there is none, one is there twice, or a zip cannot be read or holds zips alone.
    """
    if path.is_dir():
        inside = sorted(file for file in path.rglob("*") if file.is_file())
        places = [Place(file) for file in inside if _NAME.search(file.name)]
        places += [place for file in inside if file.suffix.lower() == ".zip" for place in _members(file)]
    elif zipfile.is_zipfile(path):
        places = _members(path)
    else:
        raise DataError(f"{path}: found no folder and no zip there, expected the files of FI-2010")
    found: dict[Name, Place] = {}
    for place in places:
        name = _name(place)
        if name in found:
            raise DataError(f"{name} is there twice: {found[name]} and {place}; expected it once")
        found[name] = place
    if not found:
        raise DataError(
            f"{path}: found no file of FI-2010, expected names as Train_Dst_NoAuction_ZScore_CF_7.txt{_nested(path)}"
        )
    return found


def _members(path: Path) -> list[Place]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [Place(path, member) for member in archive.namelist() if _NAME.search(member)]
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{path}: cannot be read as a zip: {error}") from error


def _nested(path: Path) -> str:
    if path.is_dir():
        return ""
    with zipfile.ZipFile(path) as archive:
        zips = [name for name in archive.namelist() if name.lower().endswith(".zip")]
    return f"; it holds {zips[0]}: unpack it first" if zips else ""


def _name(place: Place) -> Name:
    match = _NAME.search(place.path.name if place.member is None else place.member)
    assert match is not None
    part, auction, normalisation, fold = match.groups()
    return Name(
        _SPELLING[part.lower()], auction.lower() == "auction", _SPELLING[normalisation.lower()], int(fold)
    )


def read_rows(place: Place, rows: tuple[int, ...]) -> np.ndarray:
    """Read some rows of a file.

    Parameters
    ----------
    place : Place
        The file: 149 lines of as many numbers each, apart by blanks.
    rows : tuple of int
        Rows to read, from 0, ascending; the others are counted and not read.

    Returns
    -------
    ndarray of float64, [len(rows), columns]

    Raises
    ------
    DataError
        With the file and the row, from 1 as the benchmark counts them: if there are not 149 rows, a value is
        not a finite number, rows have different lengths, or a label is not 1, 2 or 3.
    """
    wanted, read, count = set(rows), [], 0
    try:
        with place.open() as file:
            for count, line in enumerate(filter(bytes.strip, file), start=1):
                if count - 1 in wanted:
                    read.append(_numbers(place, count, line))
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{place}: cannot be read: {error}") from error
    if count != ROWS:
        raise DataError(f"{place}: found {count} rows, expected {ROWS}")
    for row, values in zip(rows, read, strict=True):
        if len(values) != len(read[0]):
            raise DataError(
                f"{place}: row {row + 1} has {len(values)} values, row {rows[0] + 1} {len(read[0])}"
            )
    return np.stack(read)


def _numbers(place: Place, row: int, line: bytes) -> np.ndarray:
    try:
        values = np.array(line.split(), dtype=np.float64)
    except ValueError as error:
        raise DataError(f"{place}: row {row}: {error}") from None
    bad = ~np.isfinite(values)
    if bad.any():
        column = int(np.argmax(bad))
        raise DataError(
            f"{place}: row {row}, column {column + 1} is {values[column]}, expected a finite number"
        )
    if row - 1 in LABEL_ROWS and not np.isin(values, (1.0, 2.0, 3.0)).all():
        column = int(np.argmin(np.isin(values, (1.0, 2.0, 3.0))))
        raise DataError(
            f"{place}: row {row}, column {column + 1} is {values[column]}, expected a label 1, 2 or 3"
        )
    return values
