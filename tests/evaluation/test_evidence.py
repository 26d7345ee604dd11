from __future__ import annotations

import dataclasses

import pytest

from tsdeep.errors import SpecError
from tsdeep.evaluation import Evidence


def test_evidence_is_frozen_and_counts_seeds(predictions, prices):
    evidence = Evidence("toy", "tcn", predictions.assign(up_seed0=0.5, up_seed1=0.6), prices)
    assert evidence.seeds == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        evidence.model = "lstm"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"horizon_rows": 0}, "horizon_rows is 0"),
        ({"draws": 10}, "draws is 10"),
        ({"cost_bps": float("inf")}, "cost_bps is inf, expected a finite number of at least 0"),
        ({"cost_bps": float("nan")}, "cost_bps is nan"),
        ({"cost_bps": -0.1}, "cost_bps is -0.1"),
        ({"cost_bps": "5"}, "cost_bps is '5'"),
        ({"variants": 0}, "variants is 0"),
        ({"model": "base_rate"}, "as one of the references"),
    ],
)
def test_settings_that_mean_nothing_are_refused(predictions, prices, references, changed, message):
    settings = {"name": "toy", "model": "tcn", "predictions": predictions, "prices": prices, **changed}
    with pytest.raises(SpecError, match=message):
        Evidence(references=references, **settings)
