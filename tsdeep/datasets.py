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
from tensorflow_datasets.core.dataset_builder import FileReaderBuilder

from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline.checks import check_size
from tsdeep.pipeline.prepared import FORMAT, Prepared, check_there
from tsdeep.pipeline.shards import StoredPiece, check_every_symbol, record_features
from tsdeep.sources import BookSource
from tsdeep.spec import DataSpec, load_spec, make_spec
from tsdeep.unfinished import Work, alone, link, other_setting, settings_of
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

    A piece that is written stays in a folder beside the data set until that is there, so that a preparation which
    was interrupted goes on; the data set itself appears at its end, whole.
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

    def _log_download_done(self) -> None:
        """Say nothing: who prepared it knows."""

    def download_and_prepare(self, **options: Any) -> None:
        """Prepare as TFDS does, with no other process at it, and leave nothing behind but the data set.

        Parameters
        ----------
        **options
            As of `tfds.core.DatasetBuilder.download_and_prepare`.

        Raises
        ------
        DataError
            If another process is preparing the data set, or as of `prepare`.
        """
        self._unfinished = Path(self.data_path).with_name(f".unfinished-{self.data_path.name}")
        config = options.get("download_config")
        reuse = config is None or config.download_mode == tfds.GenerateMode.REUSE_DATASET_IF_EXISTS
        if reuse and self.data_path.exists() and not self._unfinished.exists():
            return  # it is there, perhaps where nothing may be written
        with alone(self._unfinished):
            for left in self._unfinished.parent.glob(f"incomplete.*_{self.data_path.name}"):
                shutil.rmtree(left)  # of a process that was killed while TFDS wrote there
            for left in self._unfinished.glob("*.unfinished"):
                left.unlink()
            super().download_and_prepare(**options)
            shutil.rmtree(self._unfinished)

    def _download_and_prepare(self, dl_manager: Any, download_config: Any) -> None:
        """Write all pieces that are not written yet, then make their shards the data set's."""
        del dl_manager
        config = self.builder_config
        work = Work(config.spec, config.chunk_rows, self._unfinished)
        runner, options = download_config.beam_runner, download_config.beam_options
        pieces = work.write_by_beam(runner, options) if runner or options else work.write_here()
        self._take(pieces, work)

    def _take(self, pieces: list[StoredPiece], work: Work) -> None:
        """Give the shards TFDS' names, and describe them."""
        of_split = Counter(shard.split for piece in pieces for shard in piece.shards)
        check_every_symbol(pieces, work.spec.lookback)
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
                link(work.folder / shard.file, Path(path))
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

    Notes
    -----
    The data set is chunks of rows in sharded records, a split a session (a calendar year of daily bars), with
    checksums in its metadata. `tsdeep.windows` takes it as it takes samples in memory, with the same options, and
    gives the same windows, cut from chunks as they are read. From the shell it is `tsdeep data prepare SPEC --out
    DIR`, with `--beam DirectRunner` or another runner of Apache Beam, and `tsdeep data verify DIR`. After
    `tsdeep.register()`, `tfds.load("tsdeep_lob/lob_midprice", data_dir=DIR)` reads the records themselves.

    On 50 million rows of 40 channels (8 GB), windows of 100, two cores without a GPU, by
    `pytest -n 0 -s -m benchmark tests/benchmarks/test_windows.py`:

    ============================================================================== ==================================
    peak resident memory over a whole epoch                                        1.18 GB, 0.74 of it TensorFlow's
    windows a second against in memory, medians of rounds in turns                 0.99 (0.91 to 1.45)
    the same with 5 and 25 million rows                                            1.02
    rows nearer than the lookback among neighbours in a batch; a perfect shuffle   0.07%; 0.0005%
    variance of batch means of labels against a perfect shuffle; in order          1.08; 75
    ============================================================================== ==================================

    Examples
    --------
    >>> import tempfile, tsdeep
    >>> small = {"kind": "simulated_book", "sessions": 2, "rows": 1500}
    >>> spec = tsdeep.load_spec("lob_midprice").replace(source=small)
    >>> prepared = tsdeep.prepare(spec, tempfile.mkdtemp())
    >>> fold = next(tsdeep.WalkForward(train="1 session", test="1 session").split(prepared))  # rows as ranges
    >>> prepared = prepared.fit_task(fold.train)
    >>> scaler = prepared.fit_scaler(fold.train)
    >>> train = tsdeep.windows(prepared, fold.train, scaler=scaler, batch_size=256, shuffle=True, seed=0)
    >>> len(next(iter(train))[0])
    256
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
    other = other_setting(_metadata(prepared.path), settings_of(spec, chunk_rows))
    if other:
        raise DataError(
            f"{prepared.path}: was prepared with another {other}; remove it, or prepare into another folder"
        )
    return dataclasses.replace(prepared, spec=spec, scaler=spec.scaler)


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
    content = _metadata(folder)
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


def _metadata(folder: Path) -> dict[str, Any]:
    """Read what `prepare` says of a data set."""
    content = json.loads((folder / "metadata.json").read_text(encoding="utf-8")).get("tsdeep")
    if content is None or content["format"] != FORMAT:
        found = "none" if content is None else content["format"]
        raise DataError(f"{folder}: found format {found} of tsdeep's metadata, expected {FORMAT}")
    return content


def _folder_of(path: Path) -> Path:
    """Find the folder of a data set at a path or below it; what TFDS was still writing is none."""
    below = sorted(
        file.parent for file in path.rglob("metadata.json") if not file.parent.name.startswith("incomplete.")
    )
    if len(below) == 1:
        return below[0]
    what = (
        "no prepared data set" if not below else f"{len(below)} data sets: {', '.join(map(str, below[:3]))}"
    )
    raise DataError(f"{path}: found {what}, expected one; tsdeep data prepare SPEC writes one")
