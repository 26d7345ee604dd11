"""Deep models of 21-day volatility on ten ETFs, 2010 to 2019, beside every reference on the same rows.

Run with `pytest -m benchmark -s tests/benchmarks/test_volatility_models.py`; it takes about half an hour on one core.
The references are fitted once, on all rows that the default may learn from. Networks over windows have fewer members
and learn from fewer rows, as the table says. What was chosen how, and what had been seen of the test years, stands in
`volatility_study.py`; nothing is chosen here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.benchmarks.volatility_study import (
    DEFAULT,
    HORIZON,
    MODELS,
    VARIANTS,
    figures,
    leads,
    mean_scores,
    methods_of,
    random_walk_alone,
)
from tests.data_folder import needs_data
from tsdeep.evaluation.volatility import interval_coverage

pytestmark = [
    pytest.mark.benchmark,
    needs_data,
]

MEAN = "mean of mlp and tcn"
PATHS = ("path alone, plain", "path alone, shrunk")
# QLIKE and unit-corrected RMSE of references that are fitted on rows since 1993 of nineteen ETFs. On the ten since
# 2004 (`test_volatility_references.py`) some are others: HAR on volatilities .268, ridge .204.
REFERENCES = {
    "random_walk": (0.3307, 5.516),
    "ewma": (0.2622, 5.137),
    "har_rv": (0.2797, 5.660),
    "har_vol": (0.2605, 5.202),
    "log_har": (0.2243, 5.035),
    "log_har_range": (0.2128, 4.807),
    "log_har_garman_klass": (0.2152, 4.997),
    "log_har_range_vix": (0.2079, 4.811),
    "pooled_log_har": (0.2057, 4.749),
    "garch": (0.2261, 5.061),
    "gjr_garch": (0.2253, 5.028),
    "combination": (0.2019, 4.714),
    "ridge": (0.2014, 4.691),
    "fifty_days": (0.2167, 4.864),
}


@dataclass(frozen=True)
class Found:
    """What all runs left: predictions by method, the names of the models, prices, and what each cost."""

    methods: dict[str, pd.DataFrame]
    models: tuple[str, ...]
    prices: pd.DataFrame
    effort: pd.DataFrame


@pytest.fixture(scope="module")
def found() -> Found:
    results, seconds = {}, {}
    started = time.perf_counter()
    default = DEFAULT.run()
    seconds["har_network"] = time.perf_counter() - started
    with random_walk_alone():
        for name, study in MODELS.items():
            started = time.perf_counter()
            results[name] = study.run()
            seconds[name] = time.perf_counter() - started
            print(f"{name}: {seconds[name]:.0f} s", flush=True)
    predictions = {name: result.predictions for name, result in results.items()}
    predictions[MEAN] = tsdeep.average([default, results["har_network, tcn"]], MEAN).predictions
    prices = default.samples.prices()
    assert prices is not None
    effort = {"har_network": DEFAULT.effort(), **{name: study.effort() for name, study in MODELS.items()}}
    return Found(
        methods_of(default.predictions, predictions, default.references),
        ("har_network", *predictions),
        prices,
        pd.DataFrame({"effort": effort, "seconds": seconds}),
    )


def test_models_beside_every_reference(found, capsys):
    with capsys.disabled():
        print(
            f"\nTen ETFs, 2010 to 2019; {VARIANTS} variants tried before\n{found.effort.round(0).to_string()}\n"
        )
        print(figures(found.methods, found.prices).round(4).to_string(na_rep=""))
        print("\nHAC t, below zero: the model is better")
        print(leads(found.methods, [*found.models, "ridge"]).round(2).to_string(na_rep=""))
        print("\nThe same against the linear paths alone: what is the network's own")
        print(leads(found.methods, [*found.models, "ridge"], PATHS).round(2).to_string(na_rep=""))


def test_references_are_those_on_record(found):
    scores = mean_scores(found.methods)[["qlike", "rmse_units"]].drop(list(found.models))
    recorded = pd.DataFrame(REFERENCES, ["qlike", "rmse_units"]).T
    assert sorted(scores.index) == sorted(recorded.index)
    assert (scores / recorded - 1).abs().max(axis=None) < 0.005


def test_every_forecast_is_positive_and_quantiles_are_in_order(found):
    for name, frame in found.methods.items():
        quantiles = [column for column in frame if str(column).startswith("q") and str(column)[1:].isdigit()]
        assert (frame[["variance", "volatility", "median", *quantiles]] > 0).to_numpy().all(), name
        assert (np.diff(frame[quantiles].to_numpy(), axis=1) >= 0).all(), name


def test_no_model_was_fitted_on_what_it_is_tested_on(found):
    for name in found.models:
        frame = found.methods[name]
        first = frame.groupby("fold")["time"].transform("min")
        assert (frame["cutoff"] < first).all(), name


def test_the_default_beats_garch_on_both_losses(found):
    against = leads(found.methods, ["har_network"]).loc["har_network"]
    assert against["qlike", "garch", "own"] < -2
    assert against["squared_error", "garch", "own"] < -2


def test_intervals_of_the_default_cover_what_they_say(found):
    coverage = interval_coverage({"har_network": found.methods["har_network"]}, HORIZON)
    whole = coverage[coverage["by"] == "all"].set_index(["kind", "share"])["coverage"]
    for share in (0.8, 0.95):
        assert whole["nominal", share] == pytest.approx(share, abs=0.03)
        assert whole["conformal", share] == pytest.approx(share, abs=0.02)


def test_the_network_does_not_cost_what_its_path_gains(found):
    scores = mean_scores(found.methods)
    for network, path in (
        ("har_network", "path alone, shrunk"),
        ("har_network, plain path", "path alone, plain"),
    ):
        assert scores.loc[network, "qlike"] < 1.01 * scores.loc[path, "qlike"]
        assert scores.loc[network, "rmse_units"] < 1.01 * scores.loc[path, "rmse_units"]
