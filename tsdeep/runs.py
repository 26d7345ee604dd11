"""A whole run: a spec in, a run folder out."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from tsdeep.errors import RunError
from tsdeep.evaluation import get_evaluator
from tsdeep.features import ScalerBySymbol
from tsdeep.serving.export import export
from tsdeep.serving.folders import versions
from tsdeep.serving.server_files import check_server_files, write_server_files
from tsdeep.spec import DataSpec, load, load_spec
from tsdeep.trials import Trial, read_trials, record_trial, settings_hash
from tsdeep.validation.result import Result
from tsdeep.validation.run_folder import FoldReader, read_run_json, write_run_json
from tsdeep.validation.walk_forward import walk_forward


def run(
    spec: DataSpec | str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    resume: bool = False,
    progress: bool = True,
) -> Result:
    """Walk a spec's model through its folds and leave a run folder.

    Parameters
    ----------
    spec : DataSpec, str or path
        What to run; `spec.replace(...)` changes the model, the training or the folds.
    out : path
        The run folder: `predictions.parquet`, `references.parquet`, `metrics.csv`, `figures/`,
        `report.html`, `model/1/` (`model/symbol=<symbol>/1/` where each of several has
        a scaler of its own), `spec.yaml` (all settings) and `run.json` (seed, versions, timings, hash
        of the data). Finished folds stand in `folds/`. The run is also recorded in the registry of trials
        (`tsdeep.trials`), which later reports count; one that cannot be written to is warned of.
    resume : bool, default False
        Continue a run that was interrupted; finished folds are kept as they are.
    progress : bool, default True
        Show progress on standard error.

    Returns
    -------
    Result

    Raises
    ------
    SpecError, DataError, RunError
        See `load_spec`, `load` and `walk_forward`.

    Notes
    -----
    A run writes each fold when it is done; `resume`, `tsdeep run --resume` in the shell, goes on with the same
    numbers. The best of many runs looks good by luck, so finished runs are counted: one small file each under
    `TSDEEP_TRIALS` (by default in the user's data folder; `off`: none), the same settings once. `tsdeep trials SPEC`
    lists them, and a study's later reports deflate the Sharpe ratio by their number, or by the spec's `variants`
    where that is larger.
    """
    spec = spec if isinstance(spec, DataSpec) else load_spec(spec)
    out = Path(out)
    read_trials(spec.name)  # a registry that cannot be read is refused before the work, not after
    samples = load(spec)
    training = spec.training.model_dump()
    optimizer = {name: training.pop(name) for name in ("learning_rate", "weight_decay")}
    result = walk_forward(
        spec.model,
        samples,
        spec.splitter(),
        out=out,
        resume=resume,
        progress=progress,
        **optimizer,
        **training,
        **spec.hparams.get(spec.model, {}),
    )
    started = time.perf_counter()
    result.save_predictions(out)
    result.report(out)
    export_each(result, out / "model", missing=True)
    fold_seconds = [facts["seconds"] for facts in result.fold_facts]
    write_run_json(
        out,
        {
            "settings": result.settings,
            "complete": True,
            "seed": spec.training.seed,
            "versions": result.settings["versions"],
            "folds": len(result.fold_facts),
            "seconds": round(sum(fold_seconds) + time.perf_counter() - started, 3),
            "fold_seconds": fold_seconds,
            "finished": pd.Timestamp.now(tz="UTC").isoformat(timespec="seconds"),
        },
    )
    try:
        record_trial(_trial(result))
    except RunError as error:
        warnings.warn(str(error), stacklevel=2)
    return result


def _trial(result: Result) -> Trial:
    """Say what was tried, and what a strategy on it earned."""
    assert result.samples.spec is not None
    returns = get_evaluator(result.samples.task.kind).returns(result.evaluation, result.model)
    if returns is None:
        times = result.predictions[["symbol", "time"]].drop_duplicates()["time"]
        sharpe, rows, first, last = None, len(times), times.min(), times.max()
    else:
        sharpe = float(returns.mean() / returns.std()) if returns.std() > 0 else None
        rows, first, last = len(returns), returns.index[0], returns.index[-1]
    return Trial(
        study=result.samples.spec.name,
        task=result.samples.task.kind,
        model=result.model,
        settings_sha256=settings_hash(result.settings),
        data_sha256=result.settings["data_sha256"],
        sharpe=sharpe,
        rows=rows,
        first=pd.Timestamp(first).isoformat(),
        last=pd.Timestamp(last).isoformat(),
        finished=pd.Timestamp.now(tz="UTC").tz_localize(None).isoformat(timespec="seconds"),
        run=str(result.path.absolute()) if result.path is not None else "",
    )


def export_each(
    result: Result, folder: Path, *, symbol: str | None = None, missing: bool = False, **options: Any
) -> list[Path]:
    """Export the last fold's model; in a folder for each instrument where each of several has a scaler of its own.

    Parameters
    ----------
    result : Result
        A run.
    folder : Path
        The model's folder; those of instruments are `symbol=<symbol>` in it.
    symbol : str, optional
        Export for this instrument alone, into the folder itself.
    missing : bool, default False
        Leave out what has a version already.
    **options
        Of `export`.

    Returns
    -------
    list of Path
        The new versions.
    """
    by_symbol = result.scaler.scalers if isinstance(result.scaler, ScalerBySymbol) else {}
    several = len(by_symbol) > 1 and symbol is None
    serving = options.pop("serving", False)
    places = {
        each: folder / f"symbol={quote(str(each), safe='')}" if several else folder
        for each in (by_symbol if several else [symbol])
    }
    if serving:
        check_server_files(folder.absolute().parent, [place.absolute() for place in places.values()])
    made = [
        export(result, place, symbol=each, **options)
        for each, place in places.items()
        if not (missing and versions(place))
    ]
    if serving:
        write_server_files(folder.absolute().parent)
    return made


def load_run(path: str | os.PathLike[str], *, models: bool = True) -> Result:
    """Read a finished run from its folder, to report, predict or export again.

    Parameters
    ----------
    path : path
        A run folder that `tsdeep run` or `tsdeep.run` wrote.
    models : bool, default True
        Whether fitted models and scalers are read; without them a run can be reported on, but not exported.

    Returns
    -------
    Result

    Raises
    ------
    RunError
        If the folder is no run, the run is not finished, a file in it is damaged, or the data that its
        spec names is no longer the data it was made on.
    """
    path = Path(path)
    content = read_run_json(path)
    if not content["complete"]:
        raise RunError(f"{path}: the run is not finished; resume it first")
    samples = load(path / "spec.yaml")
    settings: dict[str, Any] = content["settings"]
    if samples.panel.fingerprint() != settings["data_sha256"]:
        raise RunError(f"{path}: the data that spec.yaml names has changed since the run was made")
    reader = FoldReader(path)
    records = [reader.read(number, models=models) for number in range(content["folds"])]
    assert samples.spec is not None
    return Result.of(
        records,
        model=settings["model"],
        samples=samples,
        cv=samples.spec.splitter(),
        settings=settings,
        seconds=content["seconds"],
        path=path,
    )
