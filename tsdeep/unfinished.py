"""Data sets while they are prepared: pieces that are done stay, whatever happens to the process."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.prepared import FORMAT
from tsdeep.pipeline.shards import StoredPiece, read_piece, sha256_of, write_json, write_piece
from tsdeep.spec import DataSpec

NOT_OF_DATA = (
    "description",
    "split",
    "model",
    "hparams",
    "training",
    "backtest",
    "replay",
    "variants",
    "scaler",
)
"""Keys of a spec that what is prepared does not depend on."""


def settings_of(spec: DataSpec, chunk_rows: int, names: list[str] | None = None) -> dict[str, Any]:
    """Say what a data set is made of: its spec, the names of its pieces, and the state of the data behind them."""
    return {
        "format": FORMAT,
        "spec": spec.resolved(),
        "lookback": spec.lookback,
        "chunk_rows": chunk_rows,
        "names": [piece.name for piece in spec.pieces()] if names is None else names,
        "data": spec.data_state(),
    }


def other_setting(found: dict[str, Any], asked: dict[str, Any]) -> str | None:
    """Name the first setting that is not as asked; None where all that data depends on are."""
    asked = json.loads(json.dumps(asked))
    for key, value in asked["spec"].items():
        if key not in NOT_OF_DATA and found["spec"].get(key) != value:
            return f"{key}: {found['spec'].get(key)}"
    for key in ("format", "chunk_rows"):
        if found[key] != asked[key]:
            return f"{key}: {found[key]}"
    if found["names"] != asked["names"]:
        new = [name for name in asked["names"] if name not in found["names"]]
        gone = [name for name in found["names"] if name not in asked["names"]]
        return f"set of files or sessions: {len(new)} are new ({new[:3]}), {len(gone)} are gone ({gone[:3]})"
    for name, now in asked["data"].items():
        was = found["data"].get(name, {})
        changed = [part for part in {**was, **now} if was.get(part) != now.get(part)]
        if changed:
            return f"state of the data: {name}: {changed[0]} has changed since ({len(changed)} such)"
    return None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made; DataError where one is at work."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)  # beside what is removed at the end
    try:
        lock.acquire()
    except Timeout:
        raise DataError(f"{folder}: another process is preparing this data set") from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(
            missing_ok=True
        )  # while it is held: who comes now finds the data set, or none
        lock.release()


def link(file: Path, path: Path) -> None:
    """Give a file a second name, so that it is kept under the first one until the data set is there."""
    try:
        os.link(file, path)
    except OSError:  # a file system without such names
        shutil.copy2(file, path)


class Work:
    """The pieces of a spec's data, and the folder in which they stand until all are written.

    Parameters
    ----------
    spec : DataSpec
        What is prepared.
    chunk_rows : int
        Rows of a record.
    folder : Path
        Where the pieces are written, each by a file that says that it is done; it is there.

    Raises
    ------
    DataError
        If there are pieces in it that were written with other settings.
    """

    def __init__(self, spec: DataSpec, chunk_rows: int, folder: Path) -> None:
        self.spec, self.chunk_rows, self.folder = spec, chunk_rows, folder
        self._pieces = spec.pieces()
        self.names = [piece.name for piece in self._pieces]
        self.settings = settings_of(spec, chunk_rows, self.names)
        self._begin()

    def _begin(self) -> None:
        """Refuse to go on behind pieces that were written with other settings."""
        file = self.folder / "settings.json"
        other: str | None = "nothing"
        if file.is_file():
            other = other_setting(json.loads(file.read_text(encoding="utf-8")), self.settings)
        if other and any(self.folder.glob("piece-*.json")):
            raise DataError(
                f"{self.folder}: was begun with another {other}; prepare with that one, or remove the folder"
            )
        if other:
            write_json(file, self.settings)

    def piece(self, number: int) -> StoredPiece:
        """Return a piece that is written and has its checksums; write it where it is not."""
        done = read_piece(self.folder / f"piece-{number:05d}.json")
        if done is not None and all(
            (self.folder / shard.file).is_file() and sha256_of(self.folder / shard.file) == shard.sha256
            for shard in done.shards
        ):
            return done
        return self._write(number)

    def write_here(self) -> list[StoredPiece]:
        """Write the pieces one after another, with a bar."""
        from rich.progress import track

        numbers = track(range(len(self.names)), description=f"prepare {self.spec.name}", transient=True)
        return [self.piece(number) for number in numbers]

    def write_by_beam(self, runner: Any, options: Any) -> list[StoredPiece]:
        """Write the pieces as a Beam pipeline; all workers must see the folder."""
        try:
            import apache_beam as beam
        except ImportError:
            raise SpecError('Apache Beam is not installed: pip install "tsdeep[beam]"') from None
        content, numbers = self.spec.resolved(), list(range(len(self.names)))
        arguments = (content, self.chunk_rows, str(self.folder))
        with beam.Pipeline(runner=runner, options=options) as pipeline:
            _ = pipeline | beam.Create(numbers) | beam.Reshuffle() | beam.Map(_write_piece_of, *arguments)
        found = [read_piece(self.folder / f"piece-{number:05d}.json") for number in numbers]
        missing = [self.names[number] for number in numbers if found[number] is None]
        if missing:
            raise DataError(
                f"{self.folder}: found no {missing[0]} ({len(missing)} such pieces) after Beam's pipeline, expected a "
                "folder that all workers see"
            )
        return [piece for piece in found if piece is not None]

    def _write(self, number: int) -> StoredPiece:
        panel, samples = self._pieces[number].read()
        return write_piece(
            samples,
            panel,
            name=self.names[number],
            number=number,
            folder=self.folder,
            chunk_rows=self.chunk_rows,
            lookback=self.spec.lookback,
        )


def _write_piece_of(number: int, content: dict[str, Any], chunk_rows: int, folder: str) -> int:
    """Write one piece in a worker of Beam, which knows the spec by its content."""
    from tsdeep.spec import make_spec

    Work(make_spec(content), chunk_rows, Path(folder)).piece(number)
    return number
