"""Whether runs are of one study: the same question, data and test rows; refused with what differs otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from tsdeep.errors import DataError
from tsdeep.evaluation.evidence import Evidence

_DATA = "SHA-256 of the data"
_SETTINGS = (
    "task",
    "name",
    "horizon_rows",
    "sizing",
    "threshold",
    "short",
    "execution",
    "cost_bps",
    "strategy",
    "tick",
    "replay",
)
_CALLED = {"name": "study", "tick": "tick of the prices"}
_KEYS = ("symbol", "time", "row", "horizon")


def one_study(runs: Mapping[str, Evidence]) -> tuple[Evidence, list[str]]:
    """Put several runs into one evidence: the first is the model, the others stand among the references.

    Parameters
    ----------
    runs : mapping of str to Evidence
        By the name that each is to have.

    Returns
    -------
    tuple of Evidence and list of str
        The evidence, and the names of the methods in it that are references. A reference that states the same in every
        run is there once; one that does not is there for every run, as "method (run)".

    Raises
    ------
    DataError
        If there are fewer than two, or they differ in task, study, data, horizon, strategy or test rows; the message
        lists what differs.
    """
    if len(runs) < 2:
        raise DataError(f"compare: found {len(runs)} run, expected at least two")
    first, *others = runs
    differing = [line for other in others for line in _differences(runs, first, other)]
    if differing:
        lines = "\n".join(f"  {line}" for line in dict.fromkeys(differing))
        raise DataError(
            f"compare: the runs are not of one study, expected the same data and test rows:\n{lines}"
        )
    tables = [runs[name].predictions.assign(method=name) for name in others]
    references = _references(runs)
    clash = [name for name in references if name in runs]
    if clash:
        raise DataError(f"compare: {clash[0]} is the name of a run and of a reference, give the run another")
    tables = [_plain(table) for table in tables]
    joined = pd.concat(
        [*tables, *(table.assign(method=name) for name, table in references.items())], ignore_index=True
    )
    evidence = replace(
        runs[first],
        model=first,
        predictions=runs[first].predictions,
        references=joined,
        history=None,
        folds=None,
        folds_figure=None,
    )
    return evidence, list(references)


def _differences(runs: Mapping[str, Evidence], first: str, other: str) -> list[str]:
    one, two = runs[first], runs[other]
    said = []
    for key in _SETTINGS:
        found = getattr(one, key), getattr(two, key)
        if found[0] != found[1]:
            said.append(f"{_CALLED.get(key, key)}: {first} has {found[0]!r}, {other} {found[1]!r}")
    data = one.provenance.get(_DATA), two.provenance.get(_DATA)
    if None not in data and data[0] != data[1]:
        said.append(f"data: {first} has {str(data[0])[:12]}..., {other} {str(data[1])[:12]}... ({_DATA})")
    if one.task == two.task:
        said += _row_differences(one.predictions, two.predictions, first, other)
    return said


def _row_differences(one: pd.DataFrame, two: pd.DataFrame, first: str, other: str) -> list[str]:
    keys = [key for key in _KEYS if key in one and key in two]
    rows = [table.set_index(keys)[["y", "fold"]].sort_index() for table in (one, two)]
    common = rows[0].index.intersection(rows[1].index)
    if not (len(rows[0]) == len(rows[1]) == len(common)):
        told = [
            f"{name} has {len(table):,} ({table['time'].min():%Y-%m-%d} to {table['time'].max():%Y-%m-%d})"
            for name, table in ((first, one), (other, two))
        ]
        return [f"test rows: {' and '.join(told)}, of which {len(common):,} are in both"]
    said = []
    for column, called in (("y", "labels"), ("fold", "folds")):
        unequal = int((rows[0][column].to_numpy() != rows[1][column].to_numpy()).sum())
        if unequal:
            said.append(
                f"{called}: those of {first} and {other} differ on {unequal:,} of {len(common):,} test rows"
            )
    return said


def _references(runs: Mapping[str, Evidence]) -> dict[str, pd.DataFrame]:
    """Return the reference methods' tables: once where all runs have the same, else for each run."""
    by_method: dict[str, dict[str, pd.DataFrame]] = {}
    for name, evidence in runs.items():
        if evidence.references is not None and len(evidence.references):
            for method, table in evidence.references.groupby("method", sort=False):
                by_method.setdefault(str(method), {})[name] = table.drop(columns="method")
    found = {}
    for method, tables in by_method.items():
        values = [_stated(table) for table in tables.values()]
        if all(value.equals(values[0]) for value in values[1:]):
            found[method] = next(iter(tables.values()))
        else:
            found |= {f"{method} ({name})": table for name, table in tables.items()}
    return found


def _stated(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a table states, so that equal ones are equal whatever the order of their rows and columns."""
    keys = [key for key in _KEYS if key in table]
    shown = table.drop(columns=[c for c in table if c == "cutoff"]).dropna(axis=1, how="all")
    return shown.sort_values(keys, ignore_index=True).sort_index(axis=1)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Leave out what a run's predictions have besides its own forecasts: those of each seed, and class shares."""
    more = [c for c in table if "_seed" in str(c) or str(c).startswith("prior_")]
    return table.drop(columns=more)


def setting_differences(runs: Mapping[str, Evidence]) -> dict[str, dict[str, Any]]:
    """Return the settings in which runs differ, the model aside: by setting, each run's value."""
    keys = dict.fromkeys(key for evidence in runs.values() for key in evidence.settings if key != "model")
    found = {}
    for key in keys:
        values = {name: evidence.settings.get(key) for name, evidence in runs.items()}
        if len({str(value) for value in values.values()}) > 1:
            found[key] = values
    return found
