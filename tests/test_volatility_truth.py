"""A whole walk-forward of volatility on a simulated panel whose conditional variance is known at every row."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tsdeep
from tests.baselines.test_volatility_truth import garch_means, garch_process
from tests.baselines.volatility_samples import series_panel
from tsdeep.assets import Assets, aligned

SYMBOLS = ("A", "B", "C")
HORIZON = 21
DAYS = 16 * 365 + 4 + HORIZON  # 2000 to 2015, and the last label
FEATURES = [
    {"kind": "log_variance", "rows": [1, 5, 22, 66]},
    {"kind": "log_variance", "rows": 22, "prefix": "market"},
    {"kind": "signed_return", "rows": [1, 5]},
    {"kind": "asset", "symbols": SYMBOLS},
]


def simulated():
    """GARCH assets with a noisy range a day, and the mean variance of the next rows as it is known on each row."""
    processes = [garch_process(DAYS, seed=seed) for seed in range(len(SYMBOLS))]
    returns, variance = (np.stack(part) for part in zip(*processes, strict=True))
    # Parkinson's estimate has a fifth of the sampling variance, 2, of a squared return.
    noise = np.random.default_rng(0).gamma(2.5, 1 / 2.5, variance.shape)
    assets = Assets(SYMBOLS, market="A")
    panel = series_panel(returns, variance * noise, symbols=SYMBOLS)
    panel = aligned(replace(panel, time=panel.time + np.timedelta64(36_525, "D")), assets)  # from 2000 on
    bank = tsdeep.FeatureBank(FEATURES)
    samples = tsdeep.Samples(
        panel, bank, tsdeep.get_task("volatility", horizon_rows=HORIZON), 1, assets=assets
    )
    known = [252 * garch_means(each, HORIZON) for each in variance]
    truth = pd.concat(
        pd.DataFrame({"time": panel.time[: len(each)], "symbol": symbol, "truth": each})
        for symbol, each in zip(SYMBOLS, known, strict=True)
    )
    return samples, truth


def qlike(realised, forecast):
    ratio = realised / forecast
    return float(np.mean(ratio - np.log(ratio) - 1))


@pytest.fixture(scope="module")
def scores():
    """QLIKE of the network, of the truth, and of each reference, on the test rows."""
    samples, truth = simulated()
    cv = tsdeep.WalkForward(train="8YE", test="4YE", mode="expanding")
    result = tsdeep.walk_forward(
        "har_network",
        samples,
        cv,
        epochs=3,
        batch_size=256,
        seeds=4,
        hold_out="years",
        warm_start=True,
        learning_rate=1e-3,
        progress=False,
    )
    asked = result.predictions.merge(truth, on=["time", "symbol"], validate="one_to_one")
    assert len(asked) == len(result.predictions) > 5_000
    found = {name: qlike(asked["y"] ** 2, asked[name]) for name in ("variance", "truth")}
    for method, rows in result.references.groupby("method"):
        found[method] = qlike(rows["y"] ** 2, rows["variance"])
    return found


@pytest.mark.slow
def test_the_network_that_starts_at_har_is_not_worse_than_har_by_one_percent(scores):
    assert scores["variance"] < 1.01 * scores["pooled_log_har"]
    assert scores["variance"] < 1.01 * scores["log_har_range"]


@pytest.mark.slow
def test_no_method_has_a_lower_qlike_than_the_true_variance(scores):
    for method, score in scores.items():
        assert method == "truth" or score > scores["truth"], method
    assert scores["random_walk"] > 1.2 * scores["truth"]
