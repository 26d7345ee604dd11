"""Ensembles over models: the mean of what several runs predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tsdeep.errors import SpecError
from tsdeep.validation.result import Result

_KEYS = ("fold", "time", "symbol", "horizon", "row", "y")


def average(results: Sequence[Result], name: str = "average") -> Result:
    """Average what several runs predict of the same test rows.

    Every named output is averaged by itself: probabilities, variances, volatilities, and quantiles level by
    level (Vincent's average, which keeps their order).

    Parameters
    ----------
    results : sequence of Result
        Two or more, on the same data, folds and task; models, features and settings may differ.
    name : str, default "average"
        What tables call the ensemble.

    Returns
    -------
    Result
        With the averaged predictions and those of each run as `<output>_seed<k>`, the references of the first, and
        the history of all, their members counted on. It reports; it holds no models, so it is not exported: export
        its parts and average their answers.

    Raises
    ------
    SpecError
        If there are fewer than two results, or their tasks or test rows differ.

    Examples
    --------
    >>> both = average([lstm_result, tcn_result], "lstm and tcn")  # doctest: +SKIP
    >>> both.metrics  # doctest: +SKIP
    """
    if len(results) < 2:
        raise SpecError(f"average: found {len(results)} results, expected two or more")
    first, *others = results
    keys = [key for key in _KEYS if key in first.predictions]
    for other in others:
        if repr(other.samples.task) != repr(first.samples.task):
            raise SpecError(
                f"average: found the tasks {first.samples.task} and {other.samples.task}, expected one"
            )
        same = len(other.predictions) == len(first.predictions) and other.predictions[keys].equals(
            first.predictions[keys]
        )
        if not same:
            raise SpecError(
                f"average: {other.model} and {first.model} have other test rows or labels; expected the same data and "
                "folds"
            )
    outputs = [column for column in first.predictions if column in _outputs(results)]
    table = first.predictions.drop(columns=[c for c in first.predictions if _is_of_a_seed(str(c))])
    for column in outputs:
        table[column] = sum(result.predictions[column] for result in results) / len(results)
        for number, result in enumerate(results):
            table[f"{column}_seed{number}"] = result.predictions[column].to_numpy()
    table["cutoff"] = pd.concat([result.predictions["cutoff"] for result in results], axis=1).max(axis=1)
    members = np.cumsum([0, *(result.history["member"].max() + 1 for result in results)])
    history = pd.concat(
        [
            r.history.assign(member=r.history["member"] + n)
            for r, n in zip(results, members[:-1], strict=True)
        ],
        ignore_index=True,
    )
    equal = {k: v for k, v in first.settings.items() if all(r.settings.get(k) == v for r in others)}
    settings = equal | {"model": name, "average of": [result.settings for result in results]}
    facts = [
        {**both[0], "cutoff": max(each["cutoff"] for each in both)}
        for both in zip(*(result.fold_facts for result in results), strict=True)
    ]
    return replace(
        first,
        model=name,
        predictions=table,
        history=history,
        settings=settings,
        fold_facts=facts,
        models=[],
        scaler=None,
        seconds=sum(result.seconds for result in results),
        path=None,
    )


def _outputs(results: Sequence[Result]) -> set[str]:
    """Return the columns of numbers that every result predicts."""
    keys = {
        *_KEYS,
        "cutoff",
        *results[0].samples.task.context(results[0].samples.panel, results[0].samples.rows[:1]),
    }
    common = set.intersection(*(set(result.predictions.columns) for result in results))
    return {str(c) for c in common - keys if not _is_of_a_seed(str(c))}


def _is_of_a_seed(column: str) -> bool:
    return "_seed" in column
