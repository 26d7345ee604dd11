"""TensorFlow Datasets: a spec's features and labels, computed once and written as sharded records."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds
from filelock import FileLock, Timeout
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.checks import check_size
from tsdeep.pipeline.prepared import FORMAT, Prepared, check_there
from tsdeep.pipeline.shards import StoredPiece, read_piece, record_features, write_json, write_piece
from tsdeep.sources import BookSource
from tsdeep.spec import DataSpec, load_spec, make_spec
from tsdeep.versions import library_versions

CHUNK_ROWS = 1024
"""Rows of a chunk unless asked for; of a window of 100 rows a tenth is stored twice."""


@dataclasses.dataclass(eq=False)
class StudyConfig(tfds.core.BuilderConfig):
    """A spec as the configuration of a TFDS builder.

    Parameters
    ----------
    name : str
        The spec's.
    spec : DataSpec, optional
        The spec; by default the one that `name` names.
    chunk_rows : int
        Rows of a record.
    """

    name: str
    spec: DataSpec | None = None
    chunk_rows: int = CHUNK_ROWS

    def __post_init__(self) -> None:
        if self.spec is None:
            self.spec = load_spec(self.name)
        self.name = self.spec.name
        self.description = self.spec.description


class _Study(FileReaderBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Base of the builders: pieces of a spec's source, each written when it is read, then named as TFDS does.

    A piece that is written stays in a folder beside the data set until all are, so that a preparation which was
    interrupted goes on; the data set itself appears at its end, whole.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    default: ClassVar[str]

    def _create_builder_config(self, builder_config: Any, version: Any) -> StudyConfig:
        """Take a spec's name or path, a config, or the default; TFDS would know a fixed list of names."""
        del version
        if isinstance(builder_config, StudyConfig):
            return builder_config
        spec = load_spec(builder_config or self.default)
        if isinstance(spec.source, BookSource) != (self.default == TsdeepLob.default):
            raise SpecError(f"{self.name}: found the spec '{spec.name}', whose source is {spec.source.kind}")
        return StudyConfig(name=spec.name, spec=spec)

    def _info(self) -> tfds.core.DatasetInfo:
        spec = self.builder_config.spec
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{type(self).__doc__} {spec.description}",
            features=record_features(),
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(),
        )

    def _log_download_bytes(self) -> None:
        """Say nothing: nothing is downloaded."""

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        """Write all pieces that are not written yet, then hand the shards over to the data set."""
        del dl_manager
        config = self.builder_config
        work = _Work(config.spec, config.chunk_rows, _staging(Path(self.data_dir)))
        runner, options = download_config.beam_runner, download_config.beam_options
        with work.alone():
            if runner or options:
                work.write_by_beam(runner, options)
            else:
                work.write_here()
            pieces = [work.piece(number) for number in range(len(work.names))]
            self._take(pieces, work)
        shutil.rmtree(work.folder)

    def _take(self, pieces: list[StoredPiece], work: _Work) -> None:
        """Move the shards in place under TFDS' names, and describe them."""
        of_split = Counter(shard.split for piece in pieces for shard in piece.shards)
        if not of_split:
            raise DataError(f"spec '{work.spec.name}': no segment is long enough for one window")
        place: Counter[str] = Counter()
        lengths: dict[str, list[int]] = {split: [] for split in of_split}
        sizes: Counter[str] = Counter()
        template = tfds.core.ShardedFileTemplate(
            data_dir=self.data_dir, dataset_name=self.name, filetype_suffix="tfrecord"
        )
        named = []
        for piece in pieces:
            shards = []
            for shard in piece.shards:
                path = template.replace(split=shard.split).sharded_filepath(
                    shard_index=place[shard.split], num_shards=of_split[shard.split]
                )
                os.replace(work.folder / shard.file, path)
                place[shard.split] += 1
                lengths[shard.split].append(shard.records)
                sizes[shard.split] += shard.bytes
                shards.append(dataclasses.replace(shard, file=path.name))
            named.append(dataclasses.asdict(dataclasses.replace(piece, shards=shards)))
        splits = [
            tfds.core.SplitInfo(
                name=split, shard_lengths=lengths[split], num_bytes=sizes[split], filename_template=template
            )
            for split in sorted(of_split)
        ]
        self.info.set_splits(tfds.core.splits.SplitDict(splits))
        self.info.metadata["tsdeep"] = {**work.settings, "versions": library_versions(), "pieces": named}


class TsdeepLob(_Study):
    """Order-book days of a spec as chunks of features with labels, a split a session."""

    default = "lob_midprice"


class TsdeepBars(_Study):
    """Price panels of a spec as chunks of features with labels, a split a calendar year."""

    default = "sp500_direction"


class _Work:
    """The pieces of a spec's data, and the folder in which they stand until all are written."""

    def __init__(self, spec: DataSpec, chunk_rows: int, folder: Path) -> None:
        self.spec, self.chunk_rows, self.folder = spec, chunk_rows, folder
        self._pieces = spec.pieces()
        self.names = [piece.name for piece in self._pieces]
        self.settings = {
            "format": FORMAT,
            "spec": spec.resolved(),
            "lookback": spec.lookback,
            "chunk_rows": chunk_rows,
            "names": self.names,
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._begin()

    def _begin(self) -> None:
        """Refuse to go on with what was begun with other settings."""
        file = self.folder / "settings.json"
        if not file.is_file():
            write_json(file, self.settings)
        elif json.loads(file.read_text(encoding="utf-8")) != json.loads(json.dumps(self.settings)):
            raise DataError(
                f"{self.folder}: was begun with other settings or other files; prepare with those, or remove the folder"
            )

    def alone(self) -> Any:
        """Keep other processes out; DataError where one is at work."""
        lock = FileLock(self.folder / "lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise DataError(f"{self.folder}: another process is preparing this data set") from None
        return lock

    def piece(self, number: int) -> StoredPiece:
        """Return a piece that is written, whole; write it where it is not."""
        done = read_piece(self.folder / f"piece-{number:05d}.json")
        if done is not None and all(
            (self.folder / shard.file).is_file() and (self.folder / shard.file).stat().st_size == shard.bytes
            for shard in done.shards
        ):
            return done
        return self._write(number)

    def write_here(self) -> None:
        """Write the pieces one after another, with a bar."""
        from rich.progress import track

        for number in track(range(len(self.names)), description=f"prepare {self.spec.name}", transient=True):
            self.piece(number)

    def write_by_beam(self, runner: Any, options: Any) -> None:
        """Write the pieces as a Beam pipeline; all workers must see the folder."""
        try:
            import apache_beam as beam
        except ImportError:
            raise SpecError('Apache Beam is not installed: pip install "tsdeep[beam]"') from None
        content, numbers = self.spec.resolved(), list(range(len(self.names)))
        arguments = (content, self.chunk_rows, str(self.folder))
        with beam.Pipeline(runner=runner, options=options) as pipeline:
            _ = pipeline | beam.Create(numbers) | beam.Reshuffle() | beam.Map(_write_piece_of, *arguments)

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

    _Work(make_spec(content), chunk_rows, Path(folder)).piece(number)
    return number


def prepare(
    spec: DataSpec | str | os.PathLike[str],
    data_dir: str | os.PathLike[str],
    *,
    chunk_rows: int = CHUNK_ROWS,
    beam_runner: Any = None,
    beam_options: Any = None,
) -> Prepared:
    """Compute a spec's features and labels once, and write them as a TensorFlow Datasets data set.

    The source is read piece by piece (of LOBSTER a day of a stock at a time). What was written of a preparation that
    was interrupted is kept, and the next call with the same arguments goes on behind it; the data set appears at the
    end, whole. One that is there already is opened.

    Parameters
    ----------
    spec : DataSpec, str or path
        What to prepare.
    data_dir : path
        Where data sets of TFDS stand: it is written to `tsdeep_lob/<name>/1.0.0` in it, or `tsdeep_bars/...`.
    chunk_rows : int, default 1024
        Rows of a record. Smaller ones mix better when shuffled; `lookback - 1` rows of each are stored twice.
    beam_runner, beam_options : optional
        Of Apache Beam: pieces are then written by its workers, which must all see `data_dir`.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        If the data cannot be read, another process is preparing, or there is a data set or the beginning of one with
        other settings.
    SpecError
        If a setting is wrong, or Apache Beam is not installed.
    """
    spec = spec if isinstance(spec, DataSpec) else load_spec(spec)
    check_size("chunk_rows", chunk_rows)
    cls = TsdeepLob if isinstance(spec.source, BookSource) else TsdeepBars
    config = StudyConfig(name=spec.name, spec=spec, chunk_rows=chunk_rows)
    builder = cls(config=config, data_dir=data_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(beam_runner=beam_runner, beam_options=beam_options)
    )
    prepared = load_prepared(builder.data_path)
    assert prepared.spec is not None
    found, asked = prepared.spec.resolved(), spec.resolved()
    other = [key for key in asked if found.get(key) != asked[key] and key not in _NOT_OF_DATA]
    if other or prepared.chunk_rows != chunk_rows:
        raise DataError(
            f"{prepared.path}: was prepared with another {other[0] if other else 'chunk_rows'}; remove it, or prepare "
            "into another folder"
        )
    return prepared


_NOT_OF_DATA = ("description", "split", "model", "hparams", "training", "backtest", "variants", "scaler")
"""Keys of a spec that what is prepared does not depend on."""


def load_prepared(path: str | os.PathLike[str]) -> Prepared:
    """Open a data set that `prepare` wrote.

    Parameters
    ----------
    path : path
        Its folder, such as `data/tsdeep_lob/lob_midprice/1.0.0`, or one above it that holds no other.

    Returns
    -------
    Prepared

    Raises
    ------
    DataError
        If there is none, it is not complete, was written by a later version, or a shard is missing or of another size.
        `Prepared.verify` compares checksums.
    """
    folder = _folder_of(Path(path))
    content = json.loads((folder / "metadata.json").read_text(encoding="utf-8")).get("tsdeep")
    if content is None or content["format"] != FORMAT:
        found = "none" if content is None else content["format"]
        raise DataError(f"{folder}: found format {found} of tsdeep's metadata, expected {FORMAT}")
    pieces = tuple(StoredPiece.from_dict(each) for each in content["pieces"])
    for piece in pieces:
        for shard in piece.shards:
            check_there(folder / shard.file, shard.bytes)
    spec = make_spec(content["spec"], where=str(folder))
    task = spec.make_task()
    if spec.assets is not None and spec.assets.learn == "side_by_side":
        task = task.for_assets(next(piece.facts["columns"] for piece in pieces if piece.facts))
    return Prepared(
        path=folder,
        pieces=pieces,
        chunk_rows=content["chunk_rows"],
        stored_lookback=content["lookback"],
        task=task,
        lookback=spec.lookback,
        scaler=spec.scaler,
        spec=spec,
    )


def _folder_of(path: Path) -> Path:
    """Find the folder of a data set at a path or below it."""
    if (path / "metadata.json").is_file():
        return path
    below = sorted(
        file.parent for file in path.rglob("metadata.json") if "incomplete" not in file.parent.name
    )
    if len(below) == 1:
        return below[0]
    what = (
        "no prepared data set" if not below else f"{len(below)} data sets: {', '.join(map(str, below[:3]))}"
    )
    raise DataError(f"{path}: found {what}, expected one; tsdeep data prepare SPEC writes one")


def _staging(folder: Path) -> Path:
    """Return where pieces stand until all are written: beside the folder that TFDS writes for now."""
    return folder.parent / f".unfinished-{folder.name.split('.incomplete')[0]}"
