"""The local cache: what a provider answered, as one Parquet file for each request."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.user_folders import given_folder
from tsdeep.versions import library_versions

VARIABLE = "TSDEEP_CACHE"
"""Environment variable of the cache's folder; by default it is the user's cache folder of the system."""
LOCK_SECONDS = 900
"""How long to wait for another process that fetches the same request."""
FORMAT = 1
"""Of the files; another version of tsdeep may write another."""
_ABOUT = b"tsdeep"
_KEY_LENGTH = 16


@dataclass(frozen=True)
class Entry:
    """What the cache knows of an answer without reading its rows.

    Parameters
    ----------
    path : Path
        The file.
    request : mapping
        `kind` and the settings that decide the answer.
    fetched : Timestamp
        When the provider answered, UTC.
    statement : str
        What the values are: how prices are adjusted.
    notes : tuple of str
        What was left out.
    versions : mapping of str to str
        Of the libraries that fetched it.
    n_rows : int
    first, last : Timestamp
        Time of the earliest and the latest row.
    sha256 : str
        Of everything here and of the rows.
    """

    path: Path
    request: Mapping[str, Any]
    fetched: pd.Timestamp
    statement: str
    notes: tuple[str, ...]
    versions: Mapping[str, str]
    n_rows: int
    first: pd.Timestamp
    last: pd.Timestamp
    sha256: str

    @property
    def key(self) -> str:
        """The request's key; of an older copy with the time it was fetched: `KEY@20240105T210000Z`."""
        return key_of(self.path)

    @property
    def older(self) -> bool:
        """Whether a later fetch gave other history, and this is what there was before."""
        return "@" in self.key


def folder() -> Path:
    """Return the cache's folder: that of the variable TSDEEP_CACHE, or the user's cache folder.

    Raises
    ------
    DataError
        If the variable has a path that depends on where a command is run.
    """
    given = given_folder(
        VARIABLE, ": what is fetched in one folder would not be found from another", DataError
    )
    if given is not None:
        return given
    import platformdirs

    return platformdirs.user_cache_path("tsdeep", appauthor=False)


def request_key(request: Mapping[str, Any]) -> str:
    """Return the key of a request, the start of a SHA-256 of its canonical JSON.

    Examples
    --------
    >>> request_key({"kind": "a", "symbols": ["X"]}) == request_key({"symbols": ["X"], "kind": "a"})
    True
    """
    return hashlib.sha256(_canonical(request).encode()).hexdigest()[:_KEY_LENGTH]


def place(request: Mapping[str, Any]) -> Path:
    """Return the file of a request, whether it is there or not."""
    return folder() / f"{request['kind']}-{request_key(request)}.parquet"


def key_of(path: Path) -> str:
    """Return the key that a file of the cache has in its name."""
    return path.stem.rpartition("-")[2]


def files() -> list[Path]:
    """List all files of the cache by name, older copies behind their request's newest."""
    return sorted(folder().glob("*-*.parquet"), key=lambda path: path.stem)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from fetching or changing an entry; DataError if one does so for too long."""
    import filelock

    _make_folder(path.parent)
    lock = filelock.FileLock(path.with_name(f"{path.stem.partition('@')[0]}.lock"))  # one for all copies
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except filelock.Timeout:
        raise DataError(
            f"{path}: another process has been fetching it for more than {LOCK_SECONDS / 60:g} minutes"
        ) from None
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    try:
        yield
    finally:
        lock.release()


def write(
    request: Mapping[str, Any],
    table: pd.DataFrame,
    *,
    fetched: pd.Timestamp,
    statement: str,
    notes: tuple[str, ...],
) -> Entry:
    """Store an answer in place of the one that was there, atomically.

    Parameters
    ----------
    request : mapping
        JSON values, `kind` among them.
    table : DataFrame
        With `time` (datetime64[ns], no zone), `symbol` (text) and numeric columns.
    fetched : Timestamp
        UTC.
    statement : str
        What the values are.
    notes : tuple of str
        What was left out.

    Returns
    -------
    Entry
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = place(request)
    about = {
        "format": FORMAT,
        "request": dict(request),
        "fetched": fetched.isoformat(),
        "statement": statement,
        "notes": list(notes),
        "versions": library_versions(),
        "rows": len(table),
        "first": table["time"].min().isoformat(),
        "last": table["time"].max().isoformat(),
    }
    about["sha256"] = _hash(about, table)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata(
        {**(arrow.schema.metadata or {}), _ABOUT: json.dumps(about).encode()}
    )
    with _replacing(path) as temporary:
        pq.write_table(arrow, temporary)
    return _entry(path, about)


def keep_older(entry: Entry) -> Path:
    """Copy an entry beside itself, under the time it was fetched, before a new answer takes its place."""
    stem = f"{entry.path.stem}@{entry.fetched:%Y%m%dT%H%M%SZ}"
    path, number = entry.path.with_name(f"{stem}.parquet"), 1
    while path.exists():
        number += 1
        path = entry.path.with_name(f"{stem}.{number}.parquet")
    with _replacing(path) as temporary:
        shutil.copyfile(entry.path, temporary)
    return path


def about(path: Path) -> Entry:
    """Read what a file of the cache is, without its rows; DataError if it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
        return _entry(path, json.loads(metadata[_ABOUT]))
    except DataError:
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise _damaged(path, f"cannot be read: {error}") from error


def read(path: Path) -> tuple[Entry, pd.DataFrame]:
    """Read a file of the cache and check every value by its hash.

    Parameters
    ----------
    path : Path
        Of `place` or `files`.

    Returns
    -------
    tuple of Entry and DataFrame

    Raises
    ------
    DataError
        If the file is damaged or not whole; it says how to have it again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        arrow = pq.read_table(path)
        content = json.loads((arrow.schema.metadata or {})[_ABOUT])
        entry, table = _entry(path, content), arrow.to_pandas()
        found, expected = _hash(content, table), entry.sha256
    except DataError:
        raise
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise _damaged(path, f"cannot be read: {error}") from error
    if found != expected:
        raise _damaged(path, f"its content has the hash {found[:12]}..., expected {expected[:12]}...")
    return entry, table


def _entry(path: Path, content: Mapping[str, Any]) -> Entry:
    found = content.get("format", "none")
    if found != FORMAT:
        by = content.get("versions", {}).get("tsdeep", "of unknown number")
        raise DataError(
            f"{path}: the cached answer has the format {found}, written by tsdeep {by}; this one reads "
            f"format {FORMAT}. Read it with that version, or remove it with `tsdeep data rm {key_of(path)}`; then it "
            "is fetched again"
        )
    return Entry(
        path=path,
        request=content["request"],
        fetched=pd.Timestamp(content["fetched"]),
        statement=content["statement"],
        notes=tuple(content["notes"]),
        versions=content["versions"],
        n_rows=content["rows"],
        first=pd.Timestamp(content["first"]),
        last=pd.Timestamp(content["last"]),
        sha256=content["sha256"],
    )


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path}: the cache cannot be written to: {error.strerror or error}; name a folder that can be, and has room, "
        f"in the environment variable {VARIABLE}"
    )


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path}: the cached answer is damaged: {why}. Remove it with `tsdeep data rm {key_of(path)}`; then it is "
        "fetched again"
    )


def _hash(content: Mapping[str, Any], table: pd.DataFrame) -> str:
    """Return a SHA-256 of the rows and of all that is said of them."""
    said = {name: value for name, value in content.items() if name != "sha256"}
    digest = hashlib.sha256(_canonical(said).encode())
    for name in table.columns:
        values = table[name].to_numpy()
        if values.dtype == object or values.dtype.kind not in "fiuMb":
            codes, texts = pd.factorize(table[name].astype(str).to_numpy(object))
            digest.update(repr((name, list(texts))).encode())
            values = codes.astype(np.int64)
        elif values.dtype.kind == "M":
            values = values.astype("datetime64[ns]").astype(np.int64)
        digest.update(f"{name}{values.dtype}{values.shape}".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file that takes the place of `path` when all is written, and is gone if not."""
    _make_folder(path.parent)
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
