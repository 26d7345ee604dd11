"""Runs of one made-up study."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.evaluation import Evidence

PROVENANCE = {"source": "random numbers", "SHA-256 of the data": "ab" * 32}


def make_runs(rows: int = 400, **skills: float) -> dict[str, Evidence]:
    """Directions of which a run of skill s states `0.5 ± s`, with noise of its own; a base rate beside them."""
    frame, prices = make_predictions(rows), make_prices(rows + 1)
    base = frame.assign(method="base_rate", up=0.5)
    always = frame.assign(method="always_up", up=1.0)
    runs = {}
    for number, (name, skill) in enumerate(skills.items()):
        rng = np.random.default_rng(100 + number)
        up = 0.5 + skill * (2 * frame["y"] - 1) + 0.02 * rng.normal(size=rows)
        runs[name] = Evidence(
            "toy",
            name,
            frame.assign(up=up.clip(0.01, 0.99), up_seed0=up.clip(0.01, 0.99)),
            prices,
            references=pd.concat([base, always]),
            settings={"model": name, "units": 16 + number, "lookback": 20},
            provenance=PROVENANCE,
            question="Is <b>tomorrow</b> up?",
            draws=200,
        )
    return runs
