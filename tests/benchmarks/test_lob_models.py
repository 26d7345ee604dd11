"""Order-book models against the references, on real days: log-loss and MCC with block-bootstrap errors.

Run with `pytest -m benchmark -s tests/benchmarks/test_lob_models.py`; it takes about an hour on two cores.
Settings were chosen before the test rows (`lob_study.py`), epochs are chosen on the validation rows, and
probabilities are means over seeds. Each test prints one table, a method a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

import tsdeep
from tests.benchmarks.lob_study import (
    FLOW,
    HORIZON,
    LABELS,
    PAPERS,
    POOLED,
    SEQUENCES,
    VARIANTS,
    ByDay,
    ByEvent,
    Study,
    comparison,
    figures,
    joined,
    lobster,
    pooled_task,
    shfe,
)
from tests.data_folder import needs_data

SEEDS = 5
FEW_SEEDS = 1
"""Of the models of the literature, which take up to five minutes a seed."""

pytestmark = [
    pytest.mark.benchmark,
    needs_data,
]


@pytest.fixture(scope="module")
def google() -> tsdeep.Panel:
    return lobster("GOOG")


@pytest.fixture(scope="module")
def google_and_amazon() -> tsdeep.Panel:
    return joined(lobster("GOOG", 5), lobster("AMZN", 5))


@pytest.fixture(scope="module")
def rebar() -> tsdeep.Panel:
    return shfe()


def scored(name: str, study: Study, panel: tsdeep.Panel, task: Mapping[str, Any], **run: Any) -> pd.DataFrame:
    return figures(study.run(panel, task, **{"cv": ByEvent(), "seeds": SEEDS} | run), name)


def show(title: str, tables: list[pd.DataFrame]) -> None:
    text = comparison(tables).to_string()
    print(f"\n{title}; {VARIANTS} variants tried before the test rows\n{text}", flush=True)


@pytest.mark.parametrize("label", LABELS)
def test_oflow_beats_boosting_on_google_by_twice_the_error_of_the_difference(
    google, google_and_amazon, label
):
    task = LABELS[label]
    alone = scored("oflow", FLOW, google, task)
    pooled = scored("oflow, AMZN pooled", POOLED, google_and_amazon, pooled_task(google_and_amazon, task))
    show(f"GOOG, {label}, {HORIZON} events", [alone, pooled])
    for table in (alone, pooled):
        assert table.loc["boosting", "lead_ratio"] < -2
        assert table.loc["boosting", "mcc_lead"] > -table.loc["boosting", "mcc_lead_error"]


def test_sequences_of_features_on_google(google):
    """What a TCN, an LSTM or attention over rows adds to the newest row."""
    tables = [scored(name, study, google, LABELS["raw"]) for name, study in SEQUENCES.items()]
    show(f"GOOG, raw, {HORIZON} events, networks over 50 rows", tables)


@pytest.mark.parametrize("name", PAPERS)
def test_models_of_the_literature_on_google(google, name):
    """The architectures as published, on z-scored levels; a table each, as the slow ones take long."""
    table = scored(name, PAPERS[name], google, LABELS["raw"], seeds=FEW_SEEDS)
    show(f"GOOG, raw, {HORIZON} events, raw levels, {FEW_SEEDS} seed, 2 epochs", [table])


@pytest.mark.parametrize("horizon", [20, 100])
def test_oflow_by_session_on_shfe(rebar, horizon):
    task = {"labels": "raw", "threshold_in": "balanced"}
    table = scored("oflow", FLOW, rebar, task, cv=ByDay(), horizon=horizon)
    show(f"SHFE rebar, raw, balanced, {horizon} snapshots", [table])
