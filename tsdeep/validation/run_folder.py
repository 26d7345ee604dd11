"""A run on disk: folds appear whole or not at all, and a run belongs to its settings."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd
import pyarrow
from filelock import FileLock, Timeout

from tsdeep.errors import RunError
from tsdeep.features import ScalerBySymbol

_TABLES = ("predictions", "references", "history")
_COLUMNS = {
    "predictions": {"fold", "cutoff", "time", "symbol", "y"},
    "references": {"fold", "cutoff", "time", "symbol", "y", "method"},
    "history": {"fold", "member", "stage", "epoch", "loss"},
}
_FACTS = {"fold", "cutoff", "best_epochs", "seconds", "refitted", "task_fold"}


@dataclass(frozen=True, eq=False)
class FoldRecord:
    """What a finished fold leaves.

    Parameters
    ----------
    predictions, references, history : DataFrame
        As in `Result`.
    models : list of keras.Model
        The fitted members, not compiled; empty where they were not read.
    scaler : Scaler or ScalerBySymbol
        Fitted on the fold's training rows; None where it was not read.
    facts : dict
        fold, cutoff, best_epochs, seconds, refitted, and the fold whose training rows the task took its
        thresholds from.
    """

    predictions: pd.DataFrame
    references: pd.DataFrame
    history: pd.DataFrame
    models: list[keras.Model]
    scaler: Any
    facts: dict[str, Any]


class FoldReader:
    """Finished folds of a run folder.

    Parameters
    ----------
    path : Path
        The run folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, fold: int) -> bool:
        """Whether a fold is finished."""
        return self._fold(fold).is_dir()

    def read(self, fold: int, *, models: bool = True) -> FoldRecord:
        """Read a finished fold, or without `models` its tables and facts alone.

        Raises
        ------
        RunError
            If a file is missing, truncated or not what it should be; the message names it and says how to
            have the fold made again.
        """
        folder = self._fold(fold)
        path = folder / "fold.json"
        try:
            facts = dict(json.loads(path.read_text()))
            _expect(_FACTS - set(facts), "keys")
            tables = {}
            for name in _TABLES:
                path = folder / f"{name}.parquet"
                tables[name] = pd.read_parquet(path)
                _expect(_COLUMNS[name] - set(tables[name].columns), "columns")
            if not models:
                return FoldRecord(models=[], scaler=None, facts=facts, **tables)
            members = []
            for member in range(len(facts["best_epochs"])):
                path = folder / f"model_{member}.keras"
                members.append(keras.saving.load_model(path, compile=False))
            scalers: dict[str | None, Any] = {}
            for name in facts.get("scaler_symbols", [None]):
                path = folder / ("scaler.keras" if name is None else f"scaler_{len(scalers)}.keras")
                scalers[name] = keras.saving.load_model(path).layers[-1]
            scaler = (
                scalers[None]
                if None in scalers
                else ScalerBySymbol({str(name): each for name, each in scalers.items()})
            )
        except (
            OSError,
            ValueError,
            TypeError,
            EOFError,
            zipfile.BadZipFile,
            pyarrow.ArrowException,
        ) as error:
            raise RunError(
                f"{path} cannot be read: {error}. Delete {folder} and resume the run to make the fold again."
            ) from error
        return FoldRecord(models=members, scaler=scaler, facts=facts, **tables)

    def _fold(self, fold: int) -> Path:
        return self.path / "folds" / f"{fold:03d}"


class RunFolder(FoldReader):
    """The folder of one run.

    `run.json` says which settings and data the run belongs to; `folds/<n>/` holds a finished fold. A fold
    is written beside its place and moved there whole.

    Parameters
    ----------
    path : path
        Made if it is not there.
    settings : dict
        Everything that decides the run's numbers; JSON values.
    resume : bool
        Continue what is there; otherwise a folder that holds a run is refused.

    Raises
    ------
    RunError
        If the folder holds a run and `resume` is False, holds another run, or its `run.json` cannot be
        read.
    """

    def __init__(self, path: str | os.PathLike[str], settings: dict[str, Any], *, resume: bool) -> None:
        super().__init__(Path(path))
        self._file = self.path / "run.json"
        settings = json.loads(json.dumps(settings, default=str))
        if self._file.exists():
            self._check_same(settings, resume)
        elif resume:
            raise RunError(f"{self.path} holds no run to resume")
        elif self.path.exists() and any(self.path.iterdir()):
            raise RunError(
                f"{self.path}: the folder has files but no run.json; name an empty or a new folder"
            )
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            write_run_json(self.path, {"settings": settings, "complete": False})
        self._lock = _lock(self.path)
        for unfinished in (*self.path.glob("folds/.writing-*"), *self.path.glob("model/.writing-*")):
            shutil.rmtree(unfinished)

    def _check_same(self, settings: dict[str, Any], resume: bool) -> None:
        found = read_run_json(self.path)["settings"]
        differing = [key for key in {**settings, **found} if settings.get(key) != found.get(key)]
        if differing:
            lines = "; ".join(
                f"{key}: the folder has {_short(found.get(key))}, asked for {_short(settings.get(key))}"
                for key in differing
            )
            raise RunError(f"{self.path} belongs to another run: {lines}. Name another folder.")
        if not resume:
            raise RunError(
                f"{self.path} holds this run already; resume it (--resume), or name another folder"
            )

    def close(self) -> None:
        """Let other processes into the folder."""
        self._lock.release()

    def write(self, fold: int, record: FoldRecord) -> None:
        """Write a finished fold, whole or not at all."""
        temporary = self.path / "folds" / f".writing-{fold:03d}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for name in _TABLES:
            getattr(record, name).to_parquet(temporary / f"{name}.parquet")
        for member, model in enumerate(record.models):
            model.save(temporary / f"model_{member}.keras", include_optimizer=False)
        facts = record.facts
        if isinstance(record.scaler, ScalerBySymbol):
            facts = {**facts, "scaler_symbols": list(record.scaler.scalers)}
        channels = record.models[0].input_shape[-1]
        for name, scaler in _scaler_files(record.scaler).items():
            keras.Sequential([keras.Input((channels,)), scaler]).save(temporary / name)
        (temporary / "fold.json").write_text(json.dumps(facts, indent=2, default=str) + "\n")
        os.replace(temporary, self._fold(fold))


def _scaler_files(scaler: Any) -> dict[str, Any]:
    """Give the layers of a scaler by the files they stand in."""
    if not isinstance(scaler, ScalerBySymbol):
        return {"scaler.keras": scaler}
    return {f"scaler_{number}.keras": each for number, each in enumerate(scaler.scalers.values())}


def _lock(path: Path) -> FileLock:
    """Keep other processes out of a run folder until this one releases it or ends, however it ends."""
    lock = FileLock(path / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(
            f"{path}: another process is writing this run; wait for it, or name another folder"
        ) from None
    return lock


def read_run_json(path: Path) -> dict[str, Any]:
    """Read a run's `run.json`; RunError if it is missing or damaged."""
    file = path / "run.json"
    try:
        content = dict(json.loads(file.read_text()))
        _expect({"settings", "complete"} - set(content), "keys")
        _expect({"model", "data_sha256"} - set(content["settings"]), "settings")
    except (OSError, ValueError, TypeError) as error:
        raise RunError(f"{file} cannot be read as a run: {type(error).__name__}: {error}") from error
    return content


def _expect(missing: set[str], what: str) -> None:
    if missing:
        raise ValueError(f"it lacks the {what} {', '.join(sorted(missing))}")


def write_run_json(path: Path, content: dict[str, Any]) -> None:
    """Write a run's `run.json`, whole or not at all."""
    write_whole(path / "run.json", json.dumps(content, indent=2, default=str) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader finds the old or the new content, never a part."""
    temporary = path.with_name(f".writing-{path.name}")
    temporary.write_text(text)
    os.replace(temporary, path)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
