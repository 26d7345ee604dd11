"""From several runs of one study to a comparison."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tsdeep.evaluation.assessment import metrics_table, tidy_metrics
from tsdeep.evaluation.comparison.material import Curves, MethodLosses
from tsdeep.evaluation.comparison.pairwise import best_table, pair_table, set_table
from tsdeep.evaluation.comparison.study import one_study, setting_differences
from tsdeep.evaluation.comparison.words import loss_sentences
from tsdeep.evaluation.evaluator import get_evaluator
from tsdeep.evaluation.evidence import Evidence


@dataclass(frozen=True, eq=False)
class Comparison:
    """What several runs of one study show side by side.

    Parameters
    ----------
    models, references : tuple of str
        Names of the runs, and of the reference methods that they were shown against.
    scores : pandas.DataFrame
        A row a method (of `movement`, a horizon and method): its scores on all test rows, the columns of `metrics.csv`.
    pairs : pandas.DataFrame
        Tests of the loss differences of every two runs, see `pair_table`.
    confidence_set : pandas.DataFrame
        Of runs and references, see `set_table`.
    best : pandas.DataFrame
        Whether the best of the runs is better than each reference, see `best_table`.
    curves : tuple of Curves
        What trading on each run's predictions earned; empty where the task trades nothing.
    sentences : mapping of str to tuple of str
        By loss, which runs are statistically indistinguishable, in words.
    losses : tuple of MethodLosses
        What was compared.
    settings : mapping of str to mapping of str to any
        The settings in which the runs differ: by setting, each run's.
    evidence : Evidence
        All runs in one, the first as the model.
    """

    models: tuple[str, ...]
    references: tuple[str, ...]
    scores: pd.DataFrame
    pairs: pd.DataFrame
    confidence_set: pd.DataFrame
    best: pd.DataFrame
    curves: tuple[Curves, ...]
    sentences: Mapping[str, tuple[str, ...]]
    losses: tuple[MethodLosses, ...]
    settings: Mapping[str, Mapping[str, Any]]
    evidence: Evidence

    @property
    def headline(self) -> str:
        """The sentence that says which runs are statistically indistinguishable, by each loss."""
        return " ".join(said[0] for said in self.sentences.values() if said)

    def report(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained HTML page.

        Parameters
        ----------
        path : path
            Of the file; its folder is made if it is not there.

        Returns
        -------
        Path
            The same.
        """
        from tsdeep.evaluation.comparison.report import write_comparison

        return write_comparison(self, path)


def compare_evidence(runs: Mapping[str, Evidence], *, draws: int = 1000, seed: int = 0) -> Comparison:
    """Compare several runs of one study.

    Parameters
    ----------
    runs : mapping of str to Evidence
        By the names that they are to have.
    draws, seed : int
        Of the bootstrap of the model confidence set and of the tests of the best run.

    Returns
    -------
    Comparison
        By the losses that the task has: log-loss of direction and, a horizon each, of movement; QLIKE and squared error
        of volatility.

    Raises
    ------
    DataError
        If there are fewer than two, or they are not of the same data and test rows: see `one_study`.
    """
    evidence, references = one_study(runs)
    evaluator = get_evaluator(evidence.task)
    losses = evaluator.losses(evidence)
    models = tuple(runs)
    pairs = pair_table(losses, models)
    members = set_table(losses, references, draws=draws, seed=seed)
    best = best_table(losses, models, references, draws=draws, seed=seed)
    sentences = {
        loss.name: tuple(
            loss_sentences(
                loss.name,
                pairs[pairs["loss"] == loss.name],
                members[members["loss"] == loss.name],
                best[best["loss"] == loss.name],
                models,
            )
        )
        for loss in losses
    }
    table = tidy_metrics(
        metrics_table(evidence.predictions, evidence.references, name=evidence.model, task=evidence.task)
    )
    scores = table[table["fold"] == "pooled"].drop(columns="fold")
    index = ["horizon", "method"] if "horizon" in scores else ["method"]
    return Comparison(
        models=models,
        references=tuple(references),
        scores=scores.set_index(index),
        pairs=pairs,
        confidence_set=members,
        best=best,
        curves=evaluator.curves(evidence),
        sentences=sentences,
        losses=losses,
        settings=setting_differences(runs),
        evidence=evidence,
    )
