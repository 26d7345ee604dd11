"""The registry of trials: what was tried in a study, so that the best of it can be judged as the best of so many.

`tsdeep.run` writes one small JSON file for each finished run, in a folder of the user's that TSDEEP_TRIALS names, or
turns off. The same settings run again, on newer data too, are one trial.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from tsdeep.errors import RunError
from tsdeep.user_folders import given_folder

VARIABLE = "TSDEEP_TRIALS"
"""Environment variable of the registry's folder, or `off`; by default it is in the user's data folder of the system."""
FORMAT = 1
"""Of the files."""
_OFF = "off"
_NOT_OF_SETTINGS = frozenset({"versions", "data_sha256"})
_NOT_OF_SPEC = frozenset({"description", "variants", "hparams"})
"""What of a spec decides no number; hyperparameters of the model that ran are among the settings."""


@dataclass(frozen=True)
class Trial:
    """One finished run.

    Parameters
    ----------
    study : str
        Name of the spec.
    task, model : str
        What was predicted, and by what.
    settings_sha256 : str
        See `settings_hash`.
    data_sha256 : str
        Of the data.
    sharpe : float or None
        Sharpe ratio, a row's and after costs, of the strategy on the test rows; None where nothing is traded, or
        returns are constant.
    rows : int
        Returns that it is of; of a task without a strategy, predicted rows.
    first, last : str
        Time of the first and the last of these rows.
    finished : str
        When, UTC.
    run : str
        The run folder.
    """

    study: str
    task: str
    model: str
    settings_sha256: str
    data_sha256: str
    sharpe: float | None
    rows: int
    first: str
    last: str
    finished: str
    run: str


_COLUMNS = [field.name for field in fields(Trial)]


def trials_folder() -> Path | None:
    """Return the registry's folder: that of TSDEEP_TRIALS, or in the user's data folder; None where it is `off`.

    Raises
    ------
    RunError
        If the variable has a path that depends on where a command is run.
    """
    if os.environ.get(VARIABLE, "").strip().lower() == _OFF:
        return None
    why = f", or {_OFF!r}: trials that are recorded in one folder would not be counted from another"
    given = given_folder(VARIABLE, why, RunError)
    if given is not None:
        return given
    import platformdirs

    return platformdirs.user_data_path("tsdeep", appauthor=False) / "trials"


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Return a SHA-256 of the settings of a run that decide what was tried.

    Parameters
    ----------
    settings : mapping
        `Result.settings`. Versions of libraries, the data's hash, the description and what the spec says of earlier
        trials are left out: newer rows of the same source are the same trial.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    kept = {name: value for name, value in settings.items() if name not in _NOT_OF_SETTINGS}
    if kept.get("spec") is not None:
        kept["spec"] = {name: value for name, value in kept["spec"].items() if name not in _NOT_OF_SPEC}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def record_trial(trial: Trial) -> Path | None:
    """Write a trial, in place of the same settings' on the same data, whole or not at all.

    Returns
    -------
    Path or None
        The file; None where the registry is off.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    folder = trials_folder()
    if folder is None:
        return None
    path = folder / trial.study / f"{trial.settings_sha256[:16]}-{trial.data_sha256[:8]}.json"
    text = json.dumps({"format": FORMAT, **asdict(trial)}, indent=2, allow_nan=False) + "\n"
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".part")
        temporary = Path(name)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise RunError(
            f"{path}: the trial cannot be recorded: {error.strerror or error}; name a folder that can be written to "
            f"in the environment variable {VARIABLE}, or {_OFF!r}"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path


def read_trials(study: str | None = None) -> pd.DataFrame:
    """Read the registry: each trial once, by the time that it was last run.

    Parameters
    ----------
    study : str, optional
        Name of a spec; by default all.

    Returns
    -------
    pandas.DataFrame [trials]
        Columns of `Trial`; sharpe is NaN for None, first, last and finished are times. Of the same settings run
        several times the last one counts.

    Raises
    ------
    RunError
        If a file is damaged or of another format.
    """
    folder = trials_folder()
    files = [] if folder is None else sorted(folder.glob("*/*.json"))
    found = [trial for trial in map(_read, files) if study is None or trial.study == study]
    table = pd.DataFrame([asdict(trial) for trial in found], columns=_COLUMNS)
    table["sharpe"] = table["sharpe"].astype("float64")
    table["rows"] = table["rows"].astype("int64")
    for name in ("first", "last", "finished"):
        table[name] = pd.to_datetime(table[name], format="ISO8601")
    table = table.sort_values("finished", kind="stable")
    return table.drop_duplicates(["study", "settings_sha256"], keep="last", ignore_index=True)


def other_trials(study: str, settings: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return what else was tried in a study: `read_trials` without these settings; None where the registry is off."""
    if trials_folder() is None:
        return None
    table = read_trials(study)
    return table[table["settings_sha256"] != settings_hash(settings)].reset_index(drop=True)


def _read(path: Path) -> Trial:
    try:
        content = dict(json.loads(path.read_text()))
        found = content.pop("format", None)
        if found != FORMAT:
            raise ValueError(f"it has the format {found}, expected {FORMAT}")
        trial = Trial(**{name: content[name] for name in _COLUMNS})
        for name in ("first", "last", "finished"):
            pd.Timestamp(getattr(trial, name))
        if trial.sharpe is not None:
            float(trial.sharpe)
        int(trial.rows)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RunError(
            f"{path} cannot be read as a trial: {type(error).__name__}: {error}. Remove it, and run what it was of "
            "again to have it counted"
        ) from error
    return trial
