"""Weights from training rows, by hand."""

import numpy as np
import pytest

import tsdeep
from tests.asset_bars import several
from tsdeep.assets import Assets, aligned
from tsdeep.errors import SpecError
from tsdeep.panel import Panel


def test_by_hand_the_linear_path_is_that_of_the_walk_forward_loop():
    assets = Assets(("A", "B"))
    panel = aligned(Panel.from_frame(several("A", "B", days=700)), assets)
    features = tsdeep.FeatureBank(
        [{"kind": "log_variance", "rows": [1, 5]}, {"kind": "asset", "symbols": ("A", "B")}]
    )
    samples = tsdeep.Samples(panel, features, tsdeep.get_task("volatility"), 1, assets=assets)
    cv = tsdeep.WalkForward(train=400, valid=100, test=60, max_folds=1)
    fold = next(cv.split(samples))
    scaler = samples.fit_scaler(fold.train)
    model = tsdeep.build("har_network", samples)
    assert not model.get_layer("har").get_weights()[0].any()
    tsdeep.initialise(model, samples, fold.train, scaler)
    run = tsdeep.walk_forward(
        "har_network",
        samples,
        cv,
        epochs=1,
        learning_rate=1e-12,
        refit=False,
        progress=False,
        jit_compile=False,
    )
    for ours, theirs in zip(model.get_weights(), run.models[0].get_weights(), strict=True):
        if ours.shape == (4, 1):
            np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(SpecError, match="mlp: takes no weights from training rows"):
        tsdeep.initialise(tsdeep.build("mlp", samples), samples, fold.train, scaler)
