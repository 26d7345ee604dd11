"""Prepared: samples on disk, which windows stream from as from samples in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.checks import check_size
from tsdeep.pipeline.prepared_rows import gathered, sampled
from tsdeep.pipeline.row_ranges import RowRanges
from tsdeep.pipeline.shards import StoredPiece, record_features, sha256_of
from tsdeep.tasks import Task

if TYPE_CHECKING:
    from tsdeep.samples import Samples
    from tsdeep.spec import DataSpec

FORMAT = 1
"""Version of what is written; a later one that cannot be read says so."""

FIT_ROWS = 500_000
"""About as many rows are scalers and thresholds fitted on at most, unless asked for."""


@dataclass(frozen=True)
class StoredShard:
    """A file of chunks: its path, its panel rows `first` to `stop - 1`, and how many chunks it holds."""

    path: Path
    first: int
    stop: int
    records: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """Samples of a spec on disk, as `tsdeep.prepare` writes them; `tsdeep.load_prepared` opens them.

    Features and labels of every row stand in shards of chunks; memory holds what says where they are, a few numbers a
    segment. Panel rows are counted as in the samples of the same spec in memory, so rows of folds mean the same.

    Parameters
    ----------
    path : Path
        The folder of the data set.
    pieces : tuple of StoredPiece
        What was written, piece by piece.
    chunk_rows : int
        Rows of a chunk at most.
    stored_lookback : int
        The longest lookback that chunks have context for.
    task : Task
        What is predicted.
    lookback : int
        Rows of features that a model sees.
    scaler : mapping, optional
        The scaler that `fit_scaler` makes, as of `Samples`.
    spec : DataSpec, optional
        Where it all comes from.
    """

    path: Path
    pieces: tuple[StoredPiece, ...]
    chunk_rows: int
    stored_lookback: int
    task: Task
    lookback: int
    scaler: Mapping[str, Any] | None = None
    spec: DataSpec | None = None

    def __post_init__(self) -> None:
        check_size("lookback", self.lookback)
        if self.lookback > self.stored_lookback:
            raise SpecError(
                f"lookback: found {self.lookback}, expected at most {self.stored_lookback}, for which the data set was "
                "prepared"
            )
        facts = [piece.facts for piece in self.pieces if piece.facts]
        for each in facts:
            for name, value in each.items():
                if value != facts[0][name]:
                    raise DataError(
                        f"{self.path}: {name} differs between pieces: {facts[0][name]} and {value}"
                    )

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What all pieces agree on: feature names, warm-up, labels, tick, mirror."""
        return next(piece.facts for piece in self.pieces if piece.facts)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """A name for each channel."""
        return tuple(self.facts["feature_names"])

    @property
    def label_columns(self) -> int:
        """Numbers in a label: horizons or assets."""
        return len(self.task.horizons) if self.task.fits_thresholds else int(self.facts["columns"])

    @property
    def input_shape(self) -> tuple[int, int]:
        """Shape of one window: (lookback, channels)."""
        return self.lookback, len(self.feature_names)

    @property
    def rows_needed(self) -> int:
        """Raw rows that one prediction reads: lookback and warm-up."""
        return self.lookback + int(self.facts["warmup"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the data."""
        return tuple(dict.fromkeys(note for piece in self.pieces for note in piece.notes))

    @cached_property
    def offsets(self) -> np.ndarray:
        """Panel row of each piece's first, int64 [pieces]."""
        return np.cumsum([0, *(piece.rows for piece in self.pieces)])[:-1].astype(np.int64)

    @property
    def n_rows(self) -> int:
        """Raw rows in all segments."""
        return sum(piece.rows for piece in self.pieces)

    @cached_property
    def bounds(self) -> np.ndarray:
        """First panel row of each segment and the row behind its last, int64 [segments, 2]."""
        parts = [
            np.array(p.bounds, np.int64).reshape(-1, 2) + o
            for p, o in zip(self.pieces, self.offsets, strict=True)
        ]
        return np.concatenate(parts)

    @cached_property
    def segment_symbols(self) -> tuple[str, ...]:
        """Instrument of each segment."""
        return tuple(symbol for piece in self.pieces for symbol in piece.symbols)

    @cached_property
    def runs(self) -> list[tuple[str, int, int]]:
        """Date, first panel row and the row behind its last of each session (or year) within each segment."""
        return [
            (date, start + int(offset), stop + int(offset))
            for piece, offset in zip(self.pieces, self.offsets, strict=True)
            for date, start, stop in piece.sessions
        ]

    @cached_property
    def run_symbols(self) -> tuple[str, ...]:
        """Instrument of each of `runs`."""
        first = np.array([start for _, start, _ in self.runs], np.int64)
        segment = np.searchsorted(self.bounds[:, 1], first, side="right")
        return tuple(self.segment_symbols[number] for number in segment)

    @property
    def has_sessions(self) -> bool:
        """Whether rows belong to trading sessions; of bars that do not, a calendar year is a split."""
        return bool(self.facts["sessions"])

    @cached_property
    def shards(self) -> list[StoredShard]:
        """The files, in the order of their rows."""
        found = [
            StoredShard(self.path / s.file, s.first + int(offset), s.stop + int(offset), s.records)
            for piece, offset in zip(self.pieces, self.offsets, strict=True)
            for s in piece.shards
        ]
        return sorted(found, key=lambda shard: shard.first)

    @cached_property
    def origins(self) -> RowRanges:
        """Panel rows at which a whole window ends, with or without a label."""
        return RowRanges.between(
            (min(start + self.rows_needed - 1, stop), stop) for start, stop in self.bounds.tolist()
        )

    @cached_property
    def rows(self) -> RowRanges:
        """Origins that have a label: what folds split and models learn from."""
        labelled = RowRanges.between(
            (start + int(offset), stop + int(offset))
            for piece, offset in zip(self.pieces, self.offsets, strict=True)
            for start, stop in piece.labelled
        )
        return labelled & self.origins

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"Prepared({str(self.path)!r}, {len(self):,} windows of {self.input_shape})"

    def samples(self) -> Samples:
        """Read the first piece from the source again, as samples in memory with the task as it is.

        An export and an audit need them: what they know of raw rows is the same for every piece.
        """
        if self.spec is None:
            raise SpecError(f"{self.path}: found no spec, expected one to read raw rows by")
        for piece in self.spec.pieces():
            _, samples = piece.read()
            if samples is not None:
                return samples.with_task(self.task)
        raise DataError(f"{self.path}: no piece of the source has a window any more")

    def describe(self) -> str:
        """Say in a few lines what is there and where."""
        size = sum(shard.bytes for piece in self.pieces for shard in piece.shards)
        splits = list(dict.fromkeys(shard.split for piece in self.pieces for shard in piece.shards))
        symbols = list(dict.fromkeys(self.segment_symbols))
        return (
            f"{self.path}\n"
            f"{self.n_rows:,} rows of {', '.join(symbols[:10])}{', ...' if len(symbols) > 10 else ''} in "
            f"{len(self.bounds):,} segments, {len(self.feature_names)} features, {len(self):,} labelled windows of "
            f"{self.lookback} rows\n"
            f"{len(splits):,} splits, {splits[0]} to {splits[-1]}; {len(self.shards):,} shards, {size / 1e6:,.1f} MB"
        )

    def checked(self, rows: RowRanges | np.ndarray, *, labels: bool = True) -> RowRanges:
        """Return panel rows as ranges; DataError unless a whole window ends at each, with a label where asked."""
        rows = RowRanges.of(rows)
        if not len(rows):
            raise DataError("rows: found none, expected at least one panel row")
        for allowed, what in ((self.origins, "whole window ends here"), (self.rows, "label")):
            if what == "label" and not labels:
                continue
            outside = len(rows) - len(rows & allowed)
            if outside:
                row = next(int(r) for r in np.asarray(rows) if allowed.position(np.array([r]))[0] < 0)
                raise DataError(
                    f"{self.path.name}: panel row {row}: no {what} ({outside} such rows); a window needs "
                    f"{self.rows_needed} rows of one segment"
                    + ("; pass labels=False to predict rows without a label" if what == "label" else "")
                )
        return rows

    def check_thresholds(self, rows: RowRanges) -> None:
        """Refuse rows of an instrument that has no training row to take thresholds from."""
        if not self.task.fits_thresholds:
            return
        symbols = tuple(self.symbols_of(rows))
        for symbol, limits in zip(symbols, self.task.limits(symbols, self.facts["tick"]), strict=True):
            if np.isnan(limits).any():
                raise DataError(
                    f"symbol '{symbol}': no label, because it has no training row from which its thresholds could come"
                )

    @cached_property
    def limits(self) -> np.ndarray | None:
        """Limits of the moves of each run, float64 [runs, horizons], where the task makes labels of moves by them."""
        if not self.task.fits_thresholds:
            return None
        symbols = tuple(dict.fromkeys(self.segment_symbols))
        return self.task.limits(symbols, self.facts["tick"])[
            [symbols.index(each) for each in self.run_symbols]
        ]

    def symbols_of(self, rows: RowRanges) -> list[str]:
        """List the instruments that rows are of, each once."""
        counts = rows.counts(self.bounds[:, 0], self.bounds[:, 1])
        return list(dict.fromkeys(s for s, n in zip(self.segment_symbols, counts, strict=True) if n))

    def chunks(
        self, names: tuple[str, ...], rows: RowRanges | None = None
    ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Read chunks in order: the panel row of the first row of each, and some of what its record holds.

        Parameters
        ----------
        names : tuple of str
            Of `record_features`.
        rows : RowRanges, optional
            Only shards that have some of these; by default all.
        """
        import tensorflow as tf

        asked = dict.fromkeys(("piece", "first", *names))
        features = record_features()
        some = type(features)({name: features[name] for name in asked})
        shards = self.shards if rows is None else self.shards_of(rows)
        records = tf.data.TFRecordDataset([str(shard.path) for shard in shards])
        for record in (
            records.map(some.deserialize_example, num_parallel_calls=2).prefetch(2).as_numpy_iterator()
        ):
            yield int(self.offsets[record["piece"]] + record["first"]), record

    def shards_of(self, rows: RowRanges) -> list[StoredShard]:
        """List the files that hold some of the rows."""
        first, stop = (
            np.array([getattr(s, name) for s in self.shards], np.int64) for name in ("first", "stop")
        )
        return [shard for shard, n in zip(self.shards, rows.counts(first, stop), strict=True) if n]

    def fit_scaler(
        self, rows: RowRanges | np.ndarray, *, mirror: bool = False, max_rows: int = FIT_ROWS
    ) -> Any:
        """Fit the scaler on the features of given rows, as `Samples.fit_scaler`.

        Parameters
        ----------
        rows : RowRanges or ndarray of int64
            Panel rows, a fold's training rows.
        mirror : bool, default False
            As of `Samples.fit_scaler`.
        max_rows : int
            Of more rows than this about as many are read, evenly spaced, and 1,000 at least of each instrument that has
            them: memory is bounded by it.
        """
        from tsdeep.features import fit_scaler

        rows = sampled(self, rows, max_rows)
        return fit_scaler(
            self.scaler,
            gathered(self, rows, "x"),
            self._symbol_of(rows),
            self._session_of(rows),
            self.feature_names,
            self.mirror() if mirror else None,
        )

    def fit_task(self, rows: RowRanges | np.ndarray, *, max_rows: int = FIT_ROWS) -> Prepared:
        """Return the data set with the task as fitted on given rows, a fold's training rows, as `Samples.fit_task`."""
        if not self.task.fits_thresholds:
            return self
        rows = sampled(self, rows, max_rows)
        moves, symbol = gathered(self, rows, "y"), self._symbol_of(rows)
        own = {each: moves[symbol == each] for each in dict.fromkeys(symbol.tolist())}
        return self.with_task(self.task.fit_moves(own, self.facts["tick"]))

    def with_task(self, task: Task) -> Prepared:
        """Return the data set with another state of its task."""
        return replace(self, task=task)

    def replace(self, *, lookback: int) -> Prepared:
        """Return the data set with a shorter lookback, or the one that it was prepared for."""
        spec = None if self.spec is None else self.spec.replace(lookback=lookback)
        return replace(self, lookback=lookback, spec=spec)

    def mirror(self) -> tuple[np.ndarray, np.ndarray]:
        """Tell how channels look from the other side of the book, as `FeatureBank.mirror`."""
        found = self.facts["mirror"]
        if "refused" in found:
            raise SpecError(found["refused"])
        return np.array(found["index"], np.int64), np.array(found["sign"], np.float32)

    def verify(self) -> None:
        """Read every shard and compare it with its checksum.

        Raises
        ------
        DataError
            For the first file that is missing, of another size, or has another checksum; with its name.
        """
        for piece in self.pieces:
            for shard in piece.shards:
                file = self.path / shard.file
                check_there(file, shard.bytes)
                found = sha256_of(file)
                if found != shard.sha256:
                    raise DataError(
                        f"{file}: damaged: its SHA-256 is {found}, expected {shard.sha256}; {_anew(file)}"
                    )

    def _symbol_of(self, rows: RowRanges) -> np.ndarray:
        """Instrument of each row, object [rows]."""
        counts = rows.counts(self.bounds[:, 0], self.bounds[:, 1])
        return np.repeat(np.array(self.segment_symbols, object), counts)

    @cached_property
    def run_sessions(self) -> np.ndarray:
        """Session number of each of `runs`, ascending in time, int64 [runs]."""
        return np.unique([date for date, _, _ in self.runs], return_inverse=True)[1].astype(np.int64)

    def _session_of(self, rows: RowRanges) -> np.ndarray:
        """Session number of each row, int64 [rows]."""
        edges = np.array([run[1:] for run in self.runs], np.int64)
        return np.repeat(self.run_sessions, rows.counts(edges[:, 0], edges[:, 1]))


def check_there(file: Path, size: int) -> None:
    """Refuse a shard that is missing or of another size."""
    if not file.is_file():
        raise DataError(f"{file}: missing, expected a shard of {size:,} bytes; {_anew(file)}")
    found = file.stat().st_size
    if found != size:
        raise DataError(f"{file}: has {found:,} bytes, expected {size:,}; {_anew(file)}")


def _anew(file: Path) -> str:
    """Say what to do about a shard that is not as written: a data set that is there is opened, not prepared."""
    return f"remove {file.parent} and prepare the data set again"
