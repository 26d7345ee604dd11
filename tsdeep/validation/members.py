"""The members of one fold: fitted from several seeds, stopped on rows that they were not fitted on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.pipeline import windows
from tsdeep.samples import Samples
from tsdeep.validation.fitting import Fitted, Refitter, Weights
from tsdeep.validation.fold import Fold
from tsdeep.validation.progress import FoldProgress
from tsdeep.validation.settings import FitSettings

PREDICT_BATCH = 1024
COLUMNS = ("fold", "member", "stage", "epoch", "loss", "val_loss", "accuracy", "val_accuracy")


@dataclass(frozen=True, eq=False)
class Members:
    """What the fits of a fold left.

    Parameters
    ----------
    scaler : Scaler or ScalerBySymbol
        That the members read through.
    weights : list of list of ndarray
        Of each member.
    best_epochs : list of int
        Epochs of training behind them.
    history : DataFrame
        A row an epoch.
    held_out : ndarray of int64, [rows]
        Rows that the logits beside them were not fitted on.
    logits : ndarray, [rows, ...]
        Answers on these; with several members of the same rows their mean.
    """

    scaler: Any
    weights: list[Weights]
    best_epochs: list[int]
    history: pd.DataFrame
    held_out: np.ndarray
    logits: np.ndarray | None


@dataclass(frozen=True, eq=False)
class FoldFit:
    """One fold about to be fitted.

    Parameters
    ----------
    refitter : Refitter
        The compiled model.
    samples : Samples
        With the task as fitted on the fold's training rows.
    fold : Fold
        Its rows.
    fit : FitSettings
        How.
    start : list of list of ndarray, optional
        Weights of each member to start from.
    initialise : callable, optional
        Sets weights by training rows, see `register_model`.
    bars : FoldProgress
        Progress.
    label : str
        What the bars call the fold.
    """

    refitter: Refitter
    samples: Samples
    fold: Fold
    fit: FitSettings
    start: list[Weights] | None
    initialise: Callable[..., None] | None
    bars: FoldProgress
    label: str

    def run(self) -> Members:
        """Fit all members."""
        return self._years() if self.fit.hold_out == "years" else self._validation()

    def _validation(self) -> Members:
        """Stop on the validation rows; then, where asked, fit on training and validation rows together."""
        fold, fit, samples = self.fold, self.fit, self.samples
        has_valid = len(fold.valid) > 0
        stages = [("fit", fold.train, fold.valid if has_valid else None)]
        if fit.refit and has_valid:
            stages.append(("refit", fold.refit, None))
        scalers = {stage: samples.fit_scaler(rows, mirror=fit.mirror) for stage, rows, _ in stages}
        members: list[Fitted] = []
        history: list[pd.DataFrame] = []
        logits = []
        for member in range(fit.seeds):
            fitted: Fitted | None = None
            for stage, rows, valid_rows in stages:
                epochs = fit.epochs if fitted is None else fitted.best_epoch
                self._announce(member, stage, epochs)
                fitted = self._fit(member, rows, valid_rows, scalers[stage], epochs)
                history.append(self._history(fitted, member, stage))
                if valid_rows is not None and not samples.task.calibrated:
                    logits.append(self._answers(fitted.weights, valid_rows, scalers[stage]))
            assert fitted is not None
            members.append(fitted)
        return Members(
            scalers[stages[-1][0]],
            [member.weights for member in members],
            [member.best_epoch for member in members],
            _joined(history),
            fold.valid,
            np.mean(logits, axis=0) if logits else None,
        )

    def _years(self) -> Members:
        """Let each member hold out calendar years of its own; all stop at the epoch that is best on these together.

        Member m holds out the years y with y mod members = m, in every fold, so that a member that goes on from
        the fold before has never learnt from what it is stopped on.
        """
        fit, samples = self.fit, self.samples
        rows = self.fold.refit
        scaler = samples.fit_scaler(rows, mirror=fit.mirror)
        parts = [held_out_years(samples, rows, member, fit.seeds) for member in range(fit.seeds)]
        if sum(len(out) > 0 for _, out in parts) < 2:
            raise SpecError(
                f"hold_out: years: fold {self.fold.number} has rows of too few years for two of {fit.seeds} members to "
                "hold one out; expected a longer first training block, or hold_out: valid"
            )
        fitted: list[Fitted] = []
        history: list[pd.DataFrame] = []
        for member, (train, out) in enumerate(parts):
            self._announce(member, "fit", fit.epochs)
            found = self._fit(member, train, out if len(out) else None, scaler, fit.epochs, every_epoch=True)
            history.append(self._history(found, member, "fit"))
            fitted.append(found)
        loss = np.zeros(fit.epochs + 1)
        for found, (_, out) in zip(fitted, parts, strict=True):
            if len(out):
                loss += len(out) * np.array([record["val_loss"] for record in found.history])
        best = int(np.argmin(loss))
        weights = [found.by_epoch[best] for found in fitted]
        answers = [
            self._answers(weights[member], out, scaler) for member, (_, out) in enumerate(parts) if len(out)
        ]
        held_out = np.concatenate([out for _, out in parts])
        order = np.argsort(held_out, kind="stable")
        return Members(
            scaler,
            weights,
            [best] * fit.seeds,
            _joined(history),
            held_out[order],
            np.concatenate(answers)[order],
        )

    def _fit(
        self,
        member: int,
        rows: np.ndarray,
        valid_rows: np.ndarray | None,
        scaler: Any,
        epochs: int,
        *,
        every_epoch: bool = False,
    ) -> Fitted:
        samples, fit = self.samples, self.fit
        # By time, not by number: a fold comes out the same whether all folds are run or the last few.
        start_of_test = (
            int(samples.time[self.fold.test[0]].astype(np.int64)) % 2**64
        )  # before 1970 it is negative
        seed = int(np.random.SeedSequence((fit.seed, member, start_of_test)).generate_state(1)[0])
        train = windows(
            samples,
            rows,
            scaler=scaler,
            stride=fit.stride,
            mirror=fit.mirror,
            batch_size=min(fit.batch_size, -(-len(rows) // fit.stride)),
            shuffle=True,
            seed=seed,
            drop_remainder=True,  # XLA compiles anew for a batch of another size
        )
        valid = None
        if valid_rows is not None:
            valid = windows(samples, valid_rows, scaler=scaler, batch_size=PREDICT_BATCH)
        initialise = None
        if self.initialise is not None:
            x, y = samples.scaled(scaler)[rows], samples.y[rows]
            function, task = self.initialise, samples.task

            def initialise(model: Any) -> None:
                function(model, x, y, task)

        return self.refitter.fit(
            train,
            valid,
            epochs=epochs,
            seed=seed,
            patience=fit.patience,
            start=None if self.start is None else self.start[member],
            initialise=initialise,
            every_epoch=every_epoch,
            on_epoch=self.bars.epoch,
        )

    def _answers(self, weights: Weights, rows: np.ndarray, scaler: Any) -> np.ndarray:
        """Return logits of rows."""
        asked = windows(self.samples, rows, scaler=scaler, batch_size=PREDICT_BATCH, labels=False)
        return self.refitter.predict(weights, asked)

    def _announce(self, member: int, stage: str, epochs: int) -> None:
        self.bars.start_fit(f"{self.label}, member {member + 1}/{self.fit.seeds}, {stage}", epochs)

    def _history(self, fitted: Fitted, member: int, stage: str) -> pd.DataFrame:
        return pd.DataFrame(fitted.history).assign(fold=self.fold.number, member=member, stage=stage)


def held_out_years(
    samples: Samples, rows: np.ndarray, member: int, members: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split rows into those that a member learns from and those that it is stopped on.

    Parameters
    ----------
    samples : Samples
        Times and label ends.
    rows : ndarray of int64, [rows]
        All rows that a fold may use.
    member, members : int
        Which of how many: it holds out the calendar years y with y mod members = member.

    Returns
    -------
    tuple of ndarray of int64
        Rows whose label, from its row to its end, has no day in common with that of any row held out; and the
        rows held out, of instruments that are tested.
    """
    time = samples.time[rows]
    end = samples.time[samples.label_end[rows]]
    year = time.astype("datetime64[Y]").astype(np.int64) + 1970
    out = year % members == member
    keep = ~out
    for each in np.unique(year[out]):
        block = year == each
        keep &= (end < time[block].min()) | (time > end[block].max())
    return rows[keep], samples.scored(rows[out])


def _joined(history: list[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(history, ignore_index=True)
    return table.reindex(columns=[*COLUMNS, *table.columns.difference(COLUMNS)])
