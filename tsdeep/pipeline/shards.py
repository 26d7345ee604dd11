"""Samples on disk: chunks of contiguous rows as records, written shard by shard, each whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.row_ranges import RowRanges

if TYPE_CHECKING:
    from tsdeep.panel import Panel
    from tsdeep.samples import Samples

CHUNKS_OF_A_SHARD = 64
"""Chunks that one shard file holds at most: small enough that many shards are read side by side."""


@dataclass(frozen=True)
class Shard:
    """One file of records.

    Parameters
    ----------
    file : str
        Its name.
    split : str
        The split it belongs to, such as `session_20120621` or `year_2004`.
    first, stop : int
        First row of its first chunk and the row behind its last, counted in its piece.
    records : int
        Chunks in it.
    bytes : int
        Size of the file.
    sha256 : str
        Of the file.
    """

    file: str
    split: str
    first: int
    stop: int
    records: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class StoredPiece:
    """What was written of one piece of a source; rows are counted from its first one.

    Parameters
    ----------
    name : str
        What it is, such as "GOOG 2012-06-21".
    rows : int
        Raw rows.
    bounds : list of (int, int)
        First row of each segment and the row behind its last.
    symbols : list of str
        The instrument of each segment.
    sessions : list of (str, int, int)
        Date, first row and the row behind its last of each session within each segment.
    labelled : list of (int, int)
        Ranges of rows that have a label.
    times : list of (int, int)
        Nanoseconds since 1970 of the first labelled row, and of the end of the last label, of each of `sessions`; -1
        and -1 where there is none.
    start : int
        Nanoseconds since 1970 of the first row.
    facts : dict
        What all pieces must agree on: feature names, warm-up, columns and dtype of labels, tick, what a row is.
    data_sha256 : str
        Fingerprint of the raw rows.
    notes : list of str
        The panel's.
    shards : list of Shard
        Its files.
    """

    name: str
    rows: int
    bounds: list[tuple[int, int]]
    symbols: list[str]
    sessions: list[tuple[str, int, int]]
    labelled: list[tuple[int, int]]
    times: list[tuple[int, int]]
    start: int
    facts: dict[str, Any]
    data_sha256: str
    notes: list[str]
    shards: list[Shard] = field(default_factory=list)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> StoredPiece:
        """Read what `asdict` wrote, as it was or through JSON."""
        pairs = {
            key: [tuple(each) for each in content[key]] for key in ("bounds", "sessions", "labelled", "times")
        }
        return cls(**{**content, **pairs, "shards": [Shard(**each) for each in content["shards"]]})


def record_features() -> Any:
    """Return the TFDS features of a record: one chunk of contiguous rows of one segment.

    `x [context + rows, channels]` are the features of the chunk's rows and of the `context` rows before them, which
    windows that end in its first rows reach back to.
    """
    import tensorflow_datasets as tfds

    def tensor(shape: tuple[int | None, ...], dtype: Any, said: str) -> Any:
        return tfds.features.Tensor(shape=shape, dtype=dtype, encoding=tfds.features.Encoding.BYTES, doc=said)

    content: dict[str, Any] = {
        "x": tensor((None, None), np.float32, "features of context and rows, before scaling"),
        "y": tensor((None, None), np.float64, "labels of the rows, or the moves that labels are made of"),
        "label_rows": tensor((None,), np.int32, "rows from each row to the end of its label; -1 for none"),
        "time": tensor((None,), np.int64, "nanoseconds since 1970 of the rows"),
        "context": tfds.features.Scalar(np.int64, doc="rows of x before the first row"),
        "piece": tfds.features.Scalar(np.int64, doc="number of the piece of the source"),
        "first": tfds.features.Scalar(np.int64, doc="number of the first row within its piece"),
        "symbol": tfds.features.Text(doc="instrument"),
        "session": tfds.features.Text(doc="trading day of the first row"),
    }
    return tfds.features.FeaturesDict(content)


@dataclass(frozen=True)
class Chunk:
    """Rows `first` to `stop - 1` of a panel, and the `context` rows before them that windows reach back to."""

    first: int
    stop: int
    context: int
    split: str


def plan_chunks(panel: Panel, warmup: int, lookback: int, chunk_rows: int) -> list[Chunk]:
    """Cut the rows that have features into chunks, each in one segment and one split.

    Parameters
    ----------
    panel : Panel
        Raw rows.
    warmup : int
        Rows of a segment before its first row with features.
    lookback : int
        Rows of a window; a chunk has up to `lookback - 1` rows of context.
    chunk_rows : int
        Rows of a chunk at most.
    """
    chunks = []
    for date, start, stop in session_runs(panel):
        low = int(panel.bounds[panel.segment[start], 0]) + warmup
        by_day = panel.session_date is not None
        split = f"session_{date.replace('-', '')}" if by_day else f"year_{date}"
        for first in range(max(start, low), stop, chunk_rows):
            context = min(lookback - 1, first - low)
            chunks.append(Chunk(first, min(first + chunk_rows, stop), context, split))
    return chunks


def session_runs(panel: Panel) -> list[tuple[str, int, int]]:
    """List runs of rows of one segment and one session, or of one calendar year where the panel has no sessions."""
    when = panel.time.astype("datetime64[Y]") if panel.session_date is None else panel.session_date
    new = np.append(True, (when[1:] != when[:-1]) | (panel.segment[1:] != panel.segment[:-1]))
    starts = np.flatnonzero(new)
    stops = np.append(starts[1:], panel.n_rows)
    return [(str(when[start]), int(start), int(stop)) for start, stop in zip(starts, stops, strict=True)]


def write_piece(
    samples: Samples | None,
    panel: Panel | None,
    *,
    name: str,
    number: int,
    folder: Path,
    chunk_rows: int,
    lookback: int,
) -> StoredPiece:
    """Write the shards of a piece, then the file that says it is done.

    Parameters
    ----------
    samples : Samples or None
        The piece with features and task; None where no segment is long enough for one window.
    panel : Panel or None
        Its raw rows; None where there are none.
    name : str
        What it is.
    number : int
        Its place among the pieces.
    folder : Path
        Where the files go.
    chunk_rows, lookback : int
        As of `plan_chunks`.
    """
    if panel is None:
        piece = StoredPiece(name, 0, [], [], [], [], [], 0, {}, "", [])
    else:
        piece = StoredPiece(
            name=name,
            rows=panel.n_rows,
            bounds=[(int(a), int(b)) for a, b in panel.bounds],
            symbols=list(panel.symbols),
            sessions=session_runs(panel),
            labelled=[] if samples is None else _labelled(samples),
            times=_label_times(panel, samples),
            start=int(panel.time.min().astype(np.int64)),
            facts={},
            data_sha256=panel.fingerprint(),
            notes=list(panel.notes),
        )
    if samples is not None and panel is not None:
        features = record_features()
        chunks = plan_chunks(panel, samples.features.warmup, lookback, chunk_rows)
        y, flat = labels_on_disk(samples)
        piece.facts.update(
            feature_names=list(samples.feature_names),
            warmup=samples.features.warmup,
            columns=y.shape[1],
            flat_labels=flat,
            tick=panel.tick,
            row=panel.row,
            sessions=panel.session_date is not None,
            mirror=_mirror(samples),
        )
        for place, part in enumerate(_shards_of(chunks)):
            records = (
                _in_one_order(features.serialize_example(_record(samples, y, c, number))) for c in part
            )
            file = folder / f"piece-{number:05d}-{place:05d}.tfrecord"
            piece.shards.append(_write_shard(file, part, records))
    write_json(folder / f"piece-{number:05d}.json", asdict(piece))
    return piece


def check_every_symbol(pieces: list[StoredPiece], lookback: int) -> None:
    """Refuse an instrument none of whose segments is long enough for one window, as samples in memory do."""
    longest: dict[str, int] = {}
    for piece in pieces:
        for symbol, (start, stop) in zip(piece.symbols, piece.bounds, strict=True):
            longest[symbol] = max(stop - start, longest.get(symbol, 0))
    warmup = next((piece.facts["warmup"] for piece in pieces if piece.facts), None)
    for symbol, rows in longest.items():
        if warmup is None or rows < lookback + warmup:
            needed = "more" if warmup is None else f"{lookback + warmup}"
            raise DataError(
                f"symbol '{symbol}': one window needs {needed} rows (lookback {lookback} + warm-up), its longest "
                f"segment has {rows}"
            )
    if not longest:
        raise DataError("no row is left of any piece")


def labels_on_disk(samples: Samples) -> tuple[np.ndarray, bool]:
    """Return what labels are made of, float64 `[rows, columns]`, and whether a label is one number.

    Columns are the labels, one a horizon or asset; or the moves of the task where its thresholds are fitted.
    """
    task = samples.task
    if task.fits_thresholds:
        return task.moves(samples.panel), len(task.horizons) == 1
    y = samples.y
    return np.asarray(y, np.float64).reshape(samples.panel.n_rows, -1), y.ndim == 1


def _mirror(samples: Samples) -> dict[str, Any]:
    """Say how the channels are mirrored, or why they cannot be."""
    try:
        index, sign = samples.features.mirror()
    except SpecError as error:
        return {"refused": str(error)}
    return {"index": index.tolist(), "sign": sign.tolist()}


def _label_times(panel: Panel, samples: Samples | None) -> list[tuple[int, int]]:
    """Say of each session run when its first labelled row is, and when the last of its labels ends."""
    found = []
    time = panel.time.astype(np.int64)
    for _, start, stop in session_runs(panel):
        ends = np.full(1, -1) if samples is None else samples.label_end[start:stop]
        rows = np.flatnonzero(ends >= 0)
        found.append((int(time[start + rows[0]]), int(time[ends[rows]].max())) if len(rows) else (-1, -1))
    return found


def _labelled(samples: Samples) -> list[tuple[int, int]]:
    found = RowRanges.of(np.flatnonzero(samples.label_end >= 0))
    return [(int(a), int(b)) for a, b in zip(found.starts, found.stops, strict=True)]


def _shards_of(chunks: list[Chunk]) -> Iterator[list[Chunk]]:
    """Divide chunks, in order, into shards of one split each and of about the same size."""
    start = 0
    while start < len(chunks):
        stop = start
        while stop < len(chunks) and chunks[stop].split == chunks[start].split:
            stop += 1
        n_shards = -(-(stop - start) // CHUNKS_OF_A_SHARD)
        for part in np.array_split(np.arange(start, stop), n_shards):
            yield [chunks[place] for place in part]
        start = stop


def _record(samples: Samples, y: np.ndarray, chunk: Chunk, number: int) -> dict[str, Any]:
    panel, rows = samples.panel, slice(chunk.first, chunk.stop)
    ends = samples.label_end[rows]
    when = panel.time[chunk.first] if panel.session_date is None else panel.session_date[chunk.first]
    return {
        "x": samples.x[chunk.first - chunk.context : chunk.stop],
        "y": y[rows],
        "label_rows": np.where(ends < 0, -1, ends - np.arange(chunk.first, chunk.stop)).astype(np.int32),
        "time": panel.time[rows].astype(np.int64),
        "context": chunk.context,
        "piece": number,
        "first": chunk.first,
        "symbol": panel.symbols[int(panel.segment[chunk.first])],
        "session": str(when.astype("datetime64[D]")),
    }


def _in_one_order(example: bytes) -> bytes:
    """Sort what a record holds by name: its order is another one in each process otherwise, and so is the checksum."""
    import tensorflow as tf

    return tf.train.Example.FromString(example).SerializeToString(deterministic=True)


def _write_shard(file: Path, chunks: list[Chunk], records: Iterator[bytes]) -> Shard:
    import tensorflow as tf

    unfinished = _unfinished(file)
    with tf.io.TFRecordWriter(str(unfinished)) as writer:
        for record in records:
            writer.write(record)
    digest = sha256_of(unfinished)
    os.replace(unfinished, file)
    return Shard(
        file.name, chunks[0].split, chunks[0].first, chunks[-1].stop, len(chunks), file.stat().st_size, digest
    )


def _unfinished(file: Path) -> Path:
    """Return where a file is written before it has its name: no two writers share it."""
    return file.with_name(f"{file.name}.{uuid.uuid4().hex[:12]}.unfinished")


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_json(file: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    unfinished = _unfinished(file)
    unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
    os.replace(unfinished, file)


def read_piece(file: Path) -> StoredPiece | None:
    """Read what says that a piece is done; None where it is not there.

    Raises
    ------
    DataError
        If it is there and cannot be read.
    """
    if not file.is_file():
        return None
    try:
        return StoredPiece.from_dict(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: cannot be read ({error}); remove it and prepare again") from None
