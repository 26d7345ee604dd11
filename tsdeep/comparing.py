"""Finished runs of one study on one page: results or run folders in, a comparison out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tsdeep.errors import SpecError
from tsdeep.evaluation.comparison import Comparison, compare_evidence
from tsdeep.runs import load_run
from tsdeep.validation.result import Result


def compare(
    runs: Iterable[Result | str | os.PathLike[str]], *, draws: int = 1000, seed: int = 0
) -> Comparison:
    """Put several finished runs of one study side by side.

    Parameters
    ----------
    runs : iterable of Result or path
        Results, or folders of finished runs. They must be of the same data and test rows. A run has the name of its
        model; where several have the same, that of its folder stands behind it, or its number.
    draws, seed : int
        Of the bootstrap of the model confidence set.

    Returns
    -------
    Comparison
        scores, pairs (tests of the loss differences), confidence_set, curves and sentences; `report(path)` writes them
        as a page.

    Raises
    ------
    DataError
        If there are fewer than two runs, or they are not of one study; the message lists what differs.
    RunError
        If a folder holds no finished run, see `load_run`.
    SpecError
        If a path is given instead of several.
    """
    if isinstance(runs, str | os.PathLike | Result):
        raise SpecError(f"compare: runs is {runs!r}, expected a list of results or run folders")
    results = [run if isinstance(run, Result) else load_run(run, models=False) for run in runs]
    names = run_names(results)
    return compare_evidence(
        {name: result.evidence() for name, result in zip(names, results, strict=True)}, draws=draws, seed=seed
    )


def run_names(results: list[Result]) -> list[str]:
    """Return a name a run: its model's, with the folder or the number where several have the same model."""
    counts = Counter(result.model for result in results)
    folders = [Path(result.path).resolve().name if result.path else "" for result in results]
    names = [
        result.model if counts[result.model] == 1 else f"{result.model} ({folder or number})"
        for number, (result, folder) in enumerate(zip(results, folders, strict=True), start=1)
    ]
    taken = Counter(names)
    return [
        name if taken[name] == 1 else f"{result.model} ({number})"
        for number, (name, result) in enumerate(zip(names, results, strict=True), start=1)
    ]
