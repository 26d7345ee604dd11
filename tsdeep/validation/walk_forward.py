"""Walk-forward: fit on the past, predict what follows, fold after fold."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from tsdeep.baselines import Reference
from tsdeep.errors import DataError, SpecError
from tsdeep.models import build, initialiser_of, xla_on_cpu
from tsdeep.pipeline import windows
from tsdeep.samples import Samples
from tsdeep.validation.fitting import Refitter, Weights
from tsdeep.validation.fold import Fold
from tsdeep.validation.members import PREDICT_BATCH, FoldFit
from tsdeep.validation.progress import FoldProgress
from tsdeep.validation.result import Result
from tsdeep.validation.run_folder import FoldRecord, RunFolder, write_whole
from tsdeep.validation.settings import (
    FitSettings,
    check_build_arguments,
    check_calibration,
    check_in_memory,
    check_in_time_order,
    check_test_rows,
    cutoff_of,
    references_of,
    run_settings,
    scored_folds,
)


def walk_forward(
    model: str | Callable[..., Any],
    samples: Samples,
    cv: Any,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    stride: int = 1,
    mirror: bool = False,
    seed: int = 0,
    seeds: int = 1,
    patience: int | None = 3,
    refit: bool = True,
    warm_start: bool = False,
    retrain_every: int = 1,
    hold_out: Literal["valid", "years"] = "valid",
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    jit_compile: bool | str = "auto",
    **build_arguments: Any,
) -> Result:
    """Fit a model on each fold's past, and predict the fold's test rows, beside the reference methods.

    In each fold the scaler is fitted on the training rows, the model is fitted on them and stopped by the
    validation rows. With `refit` scaler and model are then fitted anew on training and validation rows
    together, for the number of epochs that was best. One compiled model serves all folds: its weights and
    its optimiser are reset, and nothing is traced twice.

    Parameters
    ----------
    model : str or callable
        A registered model or a body, as in `tsdeep.build`.
    samples : Samples
        Data, features and task.
    cv : WalkForward or CombinatorialPurged
        The folds.
    epochs : int, default 20
        At most this many in a fit.
    batch_size : int, default 64
        Windows of one optimiser step. The rows of an epoch, in random order, that do not fill a last batch
        are left out of that epoch.
    stride : int, default 1
        Learn from every stride-th training row only: labels that look many rows ahead are nearly equal from
        row to row. Validation and test rows are all used.
    mirror : bool, default False
        Of order books: give half of the training windows, drawn anew in every epoch, as they look from the
        other side of the book, bids for asks and ups for downs. Scalers are fitted on both sides.
    seed : int, default 0
        Of everything random. Equal seeds on one machine and equal library versions give equal results.
    seeds : int, default 1
        Members fitted from different seeds; their probabilities are averaged.
    patience : int or None, default 3
        Epochs without a lower validation loss after which a fit stops; None fits all epochs and keeps the
        best.
    refit : bool, default True
        Fit again including the validation rows.
    warm_start : bool, default False
        Start each fold from the weights that the fold before ended with.
    retrain_every : int, default 1
        Fit in every n-th fold only; the folds between use the last fitted model and its scaler.
    hold_out : {"valid", "years"}, default "valid"
        What a fit is stopped on. "valid": the fold's validation rows. "years": each of the `seeds` members holds
        out calendar years of its own among all the rows before the test rows, and all members stop at the epoch,
        0 included, at which the rows held out, of all members together, have the lowest loss; no row is given up
        and nothing is fitted again (`patience` and `refit` have no say). Labels that overlap those held out are
        purged. The scaler is of all rows before the test rows.
    out : path, optional
        A run folder: each fold is written there when it is done.
    resume : bool, default False
        Continue the run in `out`; finished folds are read, not fitted again.
    progress : bool, default True
        Show bars and a line a fold.
    jit_compile : bool or "auto", default "auto"
        Compile the training step with XLA. "auto" does so on a CPU, but for models that were found slower
        so (`register_model`); on a GPU it is Keras' choice, which leaves recurrent layers to cuDNN.
    **build_arguments
        Hyperparameters and other arguments of `tsdeep.build`.

    Returns
    -------
    Result
        Predictions, references, metrics, history; `report`, and what `tsdeep.export` needs.

    Raises
    ------
    SpecError
        For an unknown model or hyperparameter, or a setting out of its range.
    DataError
        For an empty fold or data that cannot be used.
    RunError
        If `out` belongs to another run, a file in it is damaged, or a loss is not finite.

    Notes
    -----
    One compiled model serves all folds. An LSTM-16, 20 epochs in each of 15 folds, on two cores without a GPU, by
    `pytest -n 0 -s -m benchmark tests/benchmarks/test_walk_forward.py`: 40 seconds; a model a fold on windows by Keras
    177, 4.4 times as long; a model a fold on windows as arrays in memory 85, 2.1 times as long.
    """
    check_in_memory(samples, "walk_forward")
    fit = FitSettings(
        epochs, batch_size, stride, mirror, seed, seeds, patience, refit, warm_start, retrain_every, hold_out
    )
    label = model if isinstance(model, str) else getattr(model, "__name__", type(model).__name__)
    if resume and out is None:
        raise SpecError("resume=True needs out=, the folder of the run")
    check_build_arguments(label, samples, build_arguments)
    folds = scored_folds(samples, cv)
    check_test_rows(cv, folds)
    check_calibration(samples, folds, fit)
    if fit.warm_start or fit.retrain_every > 1:
        check_in_time_order(samples, folds, fit.refit or fit.hold_out == "years")
    on_cpu = jit_compile == "auto" and not tf.config.list_physical_devices("GPU")
    xla = xla_on_cpu(model) if on_cpu else jit_compile
    refitter = Refitter(
        lambda compile: build(model, samples, compile=compile, jit_compile=xla, **build_arguments)
    )
    initialise = initialiser_of(model)
    settings = run_settings(label, samples, cv, fit, build_arguments, refitter.fingerprint())
    folder = None if out is None else RunFolder(out, settings, resume=resume)
    if folder is not None and samples.spec is not None:
        write_whole(folder.path / "spec.yaml", samples.spec.to_yaml())
    records: list[FoldRecord] = []
    started = time.perf_counter()
    try:
        with FoldProgress(len(folds), progress) as bars:
            for number in range(len(folds)):
                before = records[-1] if records else None
                if folder is not None and folder.has(number):
                    record, state = folder.read(number), "read"
                else:
                    record, state = (
                        _run_fold(refitter, samples, number, folds, before, fit, initialise, bars),
                        "done",
                    )
                    if folder is not None:
                        folder.write(number, record)
                records.append(record)
                bars.fold_done(_line(number, len(folds), record, state))
    finally:
        if folder is not None:
            folder.close()
    return Result.of(
        records,
        model=label,
        samples=samples,
        cv=cv,
        settings=settings,
        seconds=time.perf_counter() - started,
        path=None if out is None else Path(out),
    )


def _run_fold(
    refitter: Refitter,
    samples: Samples,
    number: int,
    folds: list[Fold],
    before: FoldRecord | None,
    fit: FitSettings,
    initialise: Callable[..., None] | None,
    bars: FoldProgress,
) -> FoldRecord:
    started = time.perf_counter()
    fold, n_folds = folds[number], len(folds)
    refitted = before is None or number % fit.retrain_every == 0
    # A model that is kept is asked what it was taught: by the thresholds of its own training rows.
    taught_by = number if before is None or refitted else before.facts["task_fold"]
    samples = samples.fit_task(folds[taught_by].train)
    _check_labels(samples, fold)
    if before is not None and not refitted:
        weights = [model.get_weights() for model in before.models]
        scaler = before.scaler
        facts = {**before.facts, "fold": number, "refitted": False}
        samples = samples.with_task(samples.task.with_calibration(facts.get("calibration")))
        history = before.history.iloc[:0]
    else:
        start = None
        if before is not None and fit.warm_start:
            start = [model.get_weights() for model in before.models]
        name = f"fold {number + 1}/{n_folds}"
        found = FoldFit(refitter, samples, fold, fit, start, initialise, bars, name).run()
        scaler, weights, history = found.scaler, found.weights, found.history
        if found.logits is not None:
            samples = samples.calibrate(found.held_out, found.logits)
        facts = {
            "fold": number,
            "cutoff": str(cutoff_of(samples, fold, fit.refit or fit.hold_out == "years")),
            "best_epochs": found.best_epochs,
            "refitted": True,
            "task_fold": number,
            "thresholds": getattr(samples.task, "thresholds", None),
            "calibration": samples.task.calibration,
        }
    predictions = _predict(refitter, samples, number, fold, scaler, weights, pd.Timestamp(facts["cutoff"]))
    references, notes = _references(samples, number, fold)
    facts["notes"] = notes
    facts["seconds"] = round(time.perf_counter() - started, 3)
    models = [refitter.build(member) for member in weights]
    return FoldRecord(predictions, references, history, models, scaler, facts)


def _predict(
    refitter: Refitter,
    samples: Samples,
    number: int,
    fold: Fold,
    scaler: Any,
    weights: list[Weights],
    cutoff: pd.Timestamp,
) -> pd.DataFrame:
    test = windows(samples, fold.test, scaler=scaler, batch_size=PREDICT_BATCH, labels=False)
    task = samples.task
    members = []
    for member in weights:
        named = task.outputs(keras.ops.convert_to_tensor(refitter.predict(member, test)))
        members.append({name: np.asarray(value, np.float64) for name, value in named.items()})
    outputs = {name: np.mean([member[name] for member in members], axis=0) for name in task.output_names}
    if len(members) > 1:
        outputs |= {f"{name}_seed{i}": member[name] for i, member in enumerate(members) for name in member}
    return _table(samples, number, fold, cutoff, outputs)


def _check_labels(samples: Samples, fold: Fold) -> None:
    """Refuse rows whose instrument has no training row to take thresholds from."""
    used = np.concatenate([fold.train, fold.valid, fold.refit, fold.test])
    unknown = used[np.isnan(samples.y[used].reshape(len(used), -1)).any(axis=1)]
    if len(unknown):
        raise DataError(
            f"fold {fold.number}, {samples.panel.place(int(unknown[0]))}: no label, because the symbol has no "
            "training row from which its thresholds could come"
        )
    if len(samples.task.classes) > 2:
        for number, horizon in enumerate(samples.task.horizons):
            found = np.unique(samples.y[fold.train].reshape(len(fold.train), -1)[:, number])
            if len(found) < 2:
                raise DataError(
                    f"fold {fold.number}: all {len(fold.train)} training labels {horizon} rows ahead are "
                    f"'{samples.task.classes[int(found[0])]}', expected two classes or more; is the threshold of "
                    f"{samples.task} too large?"
                )


def _references(samples: Samples, number: int, fold: Fold) -> tuple[pd.DataFrame, list[str]]:
    """Predict the test rows by the reference methods, fitted on all that the fold allows; with what they note."""
    cutoff = pd.Timestamp(samples.time[samples.label_end[fold.refit]].max())
    tables: list[pd.DataFrame] = []
    notes: list[str] = []
    for reference in references_of(samples):
        outputs = _answers(reference, samples, fold)
        table = _table(samples, number, fold, cutoff, outputs)
        table.insert(0, "method", reference.name)
        tables.append(table)
        notes += [f"Fold {number}: {note}" for note in getattr(reference, "notes", ())]
    return pd.concat(tables, ignore_index=True), notes


def _answers(reference: Reference, samples: Samples, fold: Fold) -> dict[str, np.ndarray]:
    """Return a reference's outputs on the test rows; it sees one asset at a time."""
    if samples.pooled is None:
        return reference.fit(samples, fold.refit).predict(samples, fold.test)
    fitted = reference.fit(samples.pooled, np.sort(samples.pooled_rows(fold.refit), axis=None))
    asked = samples.pooled_rows(fold.test)
    outputs = fitted.predict(samples.pooled, asked.reshape(-1))
    return {name: values.reshape(asked.shape) for name, values in outputs.items()}


def _table(
    samples: Samples, number: int, fold: Fold, cutoff: pd.Timestamp, outputs: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Lay out outputs on the test rows, a row for each asset where samples hold several."""
    rows = fold.test
    base = pd.DataFrame(
        {"fold": number, "cutoff": cutoff, "time": samples.time[rows], "symbol": samples.symbol[rows]}
    )
    base = base.assign(**samples.task.context(samples.panel, rows))
    y = samples.y[rows]
    if samples.pooled is not None:
        assert samples.assets is not None
        names = samples.assets.names
        base = base.loc[base.index.repeat(len(names))].reset_index(drop=True)
        base["symbol"] = np.tile(np.array(names, object), len(rows))
        y, outputs = y.reshape(-1), {name: values.reshape(-1) for name, values in outputs.items()}
    return samples.task.table(base, y, outputs)


def _line(number: int, n_folds: int, record: FoldRecord, state: str) -> str:
    predictions = record.predictions
    first, last = predictions["time"].iloc[0], predictions["time"].iloc[-1]
    best = record.facts["best_epochs"]
    epochs = ", ".join(str(epoch) for epoch in (best if len(set(best)) > 1 else best[:1]))
    return (
        f"fold {number + 1:>2}/{n_folds} {state}: test {first:%Y-%m-%d} to {last:%Y-%m-%d}, {len(predictions)} rows, "
        f"best epoch {epochs}, {record.facts['seconds']:.1f} s"
    )
