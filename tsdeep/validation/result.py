"""Result: what a walk-forward run found, and what can be made of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.evaluation import (
    Evaluation,
    Evidence,
    InformationCoefficient,
    QuantileSpread,
    Replay,
    ReplayGrid,
    evaluate,
    forward_returns,
    information_coefficient,
    metrics_table,
    pooled_scores,
    quantile_spread,
    replay_movement,
    write_report,
)
from tsdeep.trials import other_trials
from tsdeep.validation.combinatorial import CombinatorialPurged
from tsdeep.validation.hand_over import HandOver

if TYPE_CHECKING:
    import keras

    from tsdeep.samples import Samples
    from tsdeep.validation.run_folder import FoldRecord


_NOT_SHOWN = frozenset({"spec", "data_sha256", "model_sha256", "features", "feature_settings", "versions"})

_STATED = (
    "sizing",
    "threshold",
    "short",
    "execution",
    "cost_bps",
)  # settings of a strategy that a report states


@dataclass(frozen=True, eq=False)
class Result(HandOver):
    """The predictions of a walk-forward run, the reference methods beside them, and the last fold's model.

    Parameters
    ----------
    model : str
        Name of the model.
    samples : Samples
        What it was fitted on.
    cv : WalkForward or CombinatorialPurged
        The folds.
    settings : dict
        Everything that decides the numbers.
    predictions : DataFrame
        A row a test row: fold, cutoff, time, symbol, what the task adds, y, and the probability of the last
        class or of every class (`up`); with several seeds also `up_seed<k>`. Cutoff is the time of the last
        row that anything of the fold was fitted or stopped on, label ends included.
    references : DataFrame
        The same for each reference method, named in `method`.
    history : DataFrame
        A row an epoch: fold, member, stage ("fit" or "refit"), epoch, loss, val_loss and metrics.
    fold_facts : list of dict
        fold, cutoff, best_epochs, seconds.
    models : list of keras.Model
        The last fold's fitted members.
    scaler : Scaler or ScalerBySymbol
        The last fold's.
    seconds : float
        Time of the run; of this part of it where it was resumed.
    path : Path, optional
        The run folder.
    """

    model: str
    samples: Samples
    cv: Any
    settings: dict[str, Any]
    predictions: pd.DataFrame
    references: pd.DataFrame
    history: pd.DataFrame
    fold_facts: list[dict[str, Any]]
    models: list[keras.Model] = field(repr=False)
    scaler: Any = field(repr=False)
    seconds: float = 0.0
    path: Path | None = None

    @classmethod
    def of(cls, records: Sequence[FoldRecord], **about: Any) -> Result:
        """Join the records of all folds; `about` holds the other arguments."""
        return cls(
            predictions=pd.concat([record.predictions for record in records], ignore_index=True),
            references=pd.concat([record.references for record in records], ignore_index=True),
            history=pd.concat([record.history for record in records], ignore_index=True),
            fold_facts=[record.facts for record in records],
            models=records[-1].models,
            scaler=records[-1].scaler,
            **about,
        )

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """A fold a row, then pooled; columns (metric, method), reference methods in the same table."""
        return metrics_table(self.predictions, self.references, name=self.model, task=self.samples.task.kind)

    @cached_property
    def folds(self) -> pd.DataFrame:
        """How the data was cut, a fold a row, with the cutoff of the model that each fold used."""
        table = self.cv.table(self.samples)
        if self.samples.assets is not None:  # those to train on only are neither validated nor tested
            folds = list(self.cv.split(self.samples))
            for name in ("valid", "test"):
                table[f"{name}_rows"] = [len(self.samples.scored(getattr(fold, name))) for fold in folds]
        table["cutoff"] = pd.to_datetime([facts["cutoff"] for facts in self.fold_facts]).astype(
            "datetime64[ns]"
        )
        if self.fold_facts[0].get("best_epochs"):
            best = [sorted(set(facts["best_epochs"])) for facts in self.fold_facts]
            table["best epoch"] = [
                f"{each[0]} to {each[-1]}" if len(each) > 1 else str(each[0]) for each in best
            ]
        table["refitted"] = [facts["refitted"] for facts in self.fold_facts]
        found = [facts.get("thresholds") for facts in self.fold_facts]
        if any(found):
            table["stationary up to"] = [_in_ticks(each, self.samples.panel.tick) for each in found]
        return table

    @cached_property
    def evaluation(self) -> Evaluation:
        """Scores, tests, strategies and the verdict in words."""
        return evaluate(self.evidence())

    def paths(self) -> list[Result]:
        """Return one result a backtest path of combinatorial folds, which predict a row several times.

        Raises
        ------
        SpecError
            If the folds are not combinatorial.
        """
        if not isinstance(self.cv, CombinatorialPurged):
            raise SpecError(f"paths are those of CombinatorialPurged folds, found {self.cv!r}")
        times = [self.samples.time[rows] for rows in self.cv.groups(self.samples)]
        found = []
        for path in self.cv.paths():
            tables = {}
            for name in ("predictions", "references"):
                table = getattr(self, name)
                parts = [
                    table[(table["fold"] == fold) & table["time"].isin(time)]
                    for fold, time in zip(path, times, strict=True)
                ]
                tables[name] = pd.concat(parts, ignore_index=True)
            found.append(replace(self, **tables))
        return found

    def evidence(self) -> Evidence:
        """Return what the report is made of, with the strategy that the spec asks for."""
        spec = self.samples.spec
        assets = self.samples.assets
        symbols = sorted(set(self.samples.panel.symbols)) if assets is None else list(assets.names)
        strategy = {} if spec is None else spec.backtest.model_dump()
        stated = {key: strategy.pop(key) for key in _STATED if key in strategy}
        return Evidence(
            name=spec.name if spec is not None else ", ".join(symbols),
            model=self.model,
            predictions=self.predictions,
            references=self.references,
            prices=self.samples.prices(),
            touch=self.samples.touch(),
            tick=self.samples.panel.tick,
            history=self.history,
            folds=self.folds,
            folds_figure=self.cv.plot(self.samples),
            question="" if spec is None else spec.description.strip(),
            settings={k: v for k, v in self.settings.items() if k not in _NOT_SHOWN}
            | {
                "features": ", ".join(self.samples.feature_names),
                "rows a prediction reads": self.samples.rows_needed,
            },
            provenance=self._provenance(symbols),
            horizon_rows=max(self.samples.task.horizons),
            task=self.samples.task.kind,
            row=self.samples.panel.row,
            notes=(*self.samples.panel.notes, *self._fit_notes()),
            variants=None if spec is None else spec.variants,
            trials=None if spec is None else other_trials(spec.name, self.settings),
            strategy=strategy,
            replay=ReplayGrid() if spec is None else spec.replay.grid(),
            **stated,
        )

    def replay(self, **settings: Any) -> Replay:
        """Trade the predictions of a movement over the book's own rows, filled at the touch.

        Parameters
        ----------
        **settings
            horizon, threshold, hold_rows, opposite, latency_rows, fee_ticks and fills, see
            `tsdeep.evaluation.replay_movement`.

        Returns
        -------
        Replay
            Its trades, the equity of every row, and figures.

        Raises
        ------
        SpecError
            If the task is another one, the data has no tick, or a setting makes no sense.
        """
        touch = self.samples.touch()
        if self.samples.task.kind != "movement" or touch is None:
            raise SpecError(
                f"replay: found task {self.samples.task.kind!r} and tick {self.samples.panel.tick!r}, expected "
                "predictions of movement on an order book with a tick"
            )
        return replay_movement(self.predictions, touch, tick=self.samples.panel.tick, **settings)

    def information(self, quantiles: int = 5) -> tuple[InformationCoefficient, QuantileSpread]:
        """Rank the predictions of several symbols by date beside what came.

        Of `direction`, P(up) beside the return over the horizon; of `volatility`, the forecast of the mean beside the
        realised volatility.

        Parameters
        ----------
        quantiles : int
            Into which the symbols of a date are sorted.

        Returns
        -------
        tuple of InformationCoefficient and QuantileSpread
            See `tsdeep.evaluation.information_coefficient` and `tsdeep.evaluation.quantile_spread`.

        Raises
        ------
        SpecError
            If the task is another one, or there are fewer than three symbols.
        """
        kind, symbols = self.samples.task.kind, self.predictions["symbol"].nunique()
        if kind not in ("direction", "volatility") or symbols < 3:
            raise SpecError(
                f"information: found task {kind!r} and {symbols} symbols, expected direction or volatility of 3 or more"
            )
        horizon = max(self.samples.task.horizons)
        table, score, outcome = self.predictions, "volatility", "y"
        if kind == "direction":
            prices = self.samples.prices()
            assert prices is not None
            score, outcome = "up", "forward_return"
            table = table.merge(
                forward_returns(prices, horizon), on=["time", "symbol"], how="left", validate="one_to_one"
            )
        asked: dict[str, Any] = {"score": score, "outcome": outcome, "horizon_rows": horizon}
        return information_coefficient(table, **asked), quantile_spread(table, quantiles=quantiles, **asked)

    def report(self, out: str | os.PathLike[str]) -> Path:
        """Write metrics.csv, figures and one self-contained HTML page into a folder.

        Parameters
        ----------
        out : path
            The folder; made if it is not there.

        Returns
        -------
        Path
            `out/report.html`.
        """
        return write_report(self.evidence(), Path(out), evaluation=self.evaluation)

    def last_models(self) -> tuple[list[keras.Model], Samples, Any]:
        """Return the last fold's members, its samples with what the task took from it, and its scaler."""
        facts = self.fold_facts[-1]
        taught_by = list(self.cv.split(self.samples))[facts["task_fold"]]
        samples = self.samples.fit_task(taught_by.train)
        samples = samples.with_task(samples.task.with_calibration(facts.get("calibration")))
        return self.models, samples, self.scaler

    def description(self) -> dict[str, Any]:
        """Return what an export says of the run that it comes from."""
        # Rows of combinatorial folds are judged path by path.
        metrics = None if isinstance(self.cv, CombinatorialPurged) else pooled_scores(self.metrics)
        return {
            "model": self.model,
            "hparams": self.settings["hparams"],
            "cutoff": str(self.predictions["cutoff"].iloc[-1]),
            "metrics": metrics,
        }

    def save_predictions(self, out: str | os.PathLike[str]) -> None:
        """Write predictions.parquet and references.parquet into a folder, each whole or not at all."""
        for name in ("predictions", "references"):
            with tempfile.TemporaryDirectory(dir=out, prefix=".writing-") as temporary:
                file = Path(temporary) / f"{name}.parquet"
                getattr(self, name).to_parquet(file)
                os.replace(file, Path(out) / file.name)

    def _fit_notes(self) -> tuple[str, ...]:
        """Say what readers should know of the fits: of networks that learnt nothing, and of references."""
        said = []
        none = [facts["fold"] for facts in self.fold_facts if not any(facts["best_epochs"])]
        if none:
            kept = (
                "keeps what it learnt in earlier folds" if self.settings.get("warm_start") else "adds nothing"
            )
            said.append(
                f"In {len(none)} of {len(self.fold_facts)} folds no epoch of training made the loss on the rows held "
                f"out lower than it was before the first (best epoch 0): there {self.model} is what its weights were "
                f"set to from training rows, and the network {kept}."
            )
        return (*said, *(note for facts in self.fold_facts for note in facts.get("notes", ())))

    def _provenance(self, symbols: list[str]) -> dict[str, Any]:
        panel, spec, assets = self.samples.panel, self.samples.spec, self.samples.assets
        more = {} if assets is None else {"learnt from too": ", ".join(assets.train_only) or "none"}
        if spec is not None and spec.join:
            more["joined"] = (
                ", ".join(f"{k}: {v.source.describe()}" for k, v in spec.join.items() if v.used) or "none"
            )
        return {
            "source": "given by the caller" if spec is None else spec.source.describe(),
            "symbols": ", ".join(symbols),
            **more,
            "first row": str(pd.Timestamp(panel.time.min())).removesuffix(" 00:00:00"),
            "last row": str(pd.Timestamp(panel.time.max())).removesuffix(" 00:00:00"),
            "times": "UTC" if "ask_price" in panel.fields else "session dates, or as the source gives them",
            "rows": panel.n_rows,
            "SHA-256 of the data": self.settings["data_sha256"],
        }


def _in_ticks(thresholds: dict[str, Sequence[float]] | None, tick: float | None) -> str:
    """Say what a fold took for stationary, by symbol and horizon."""
    unit = " ticks" if tick is not None else ""
    return "; ".join(
        f"{symbol}: {', '.join(f'{value / (tick or 1.0):.4g}' for value in values)}{unit}"
        for symbol, values in (thresholds or {}).items()
    )
