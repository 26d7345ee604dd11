from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_pinball_loss

from tests.evaluation.volatility.conftest import LEVELS
from tsdeep.evaluation import check_volatility, past_labels, pinball_losses, qlike_losses
from tsdeep.evaluation.volatility.losses import row_losses


def test_qlike_is_smallest_at_the_true_mean_of_variance():
    rng = np.random.default_rng(0)
    true = 0.04
    y = np.sqrt(true * rng.chisquare(5, 200_000) / 5)
    scales = np.array([0.8, 0.9, 0.97, 1.0, 1.03, 1.1, 1.25])
    means = [qlike_losses(y, np.full(len(y), true * scale)).mean() for scale in scales]
    assert scales[int(np.argmin(means))] == 1.0
    assert means[0] > means[-1]  # too low costs more than as much too high
    assert qlike_losses([0.3], [0.09])[0] == pytest.approx(0.0, abs=1e-15)


def test_pinball_losses_are_those_of_scikit_learn(made):
    rows = made[0]
    quantiles = rows[[f"q{round(1000 * p):03d}" for p in LEVELS]].to_numpy()
    found = pinball_losses(rows["y"], quantiles, LEVELS).mean(axis=0)
    expected = [mean_pinball_loss(rows["y"], quantiles[:, k], alpha=p) for k, p in enumerate(LEVELS)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_past_labels_are_those_that_had_ended_at_the_origin(made):
    rng = np.random.default_rng(2)
    frame = check_volatility(made[0].sample(400, random_state=1))
    found = past_labels(frame)
    for i in rng.choice(len(frame), 60, replace=False):
        row = frame.iloc[i]
        own = frame[(frame["symbol"] == row["symbol"]) & (frame["end"] <= row["time"])]
        if own.empty:
            assert found.iloc[i].isna().all()
        else:
            assert found["mean"].iloc[i] == pytest.approx(own["y"].mean(), rel=1e-12)
            assert found["last"].iloc[i] == own.sort_values("end")["y"].iloc[-1]


def test_past_labels_ignore_what_ends_later(made):
    frame = check_volatility(made[0])
    cut = frame["time"].quantile(0.6)
    changed = frame.assign(y=frame["y"].where(frame["end"] <= cut, frame["y"] * 7))
    before = (frame["time"] <= cut).to_numpy()
    pd.testing.assert_frame_equal(past_labels(frame)[before], past_labels(changed)[before])


def test_row_losses_follow_their_definitions(made):
    frame = check_volatility(made[0])
    past = past_labels(frame)["mean"]
    losses = row_losses(frame, past)
    for i in (0, 3, 200, 731, 1499):
        row = frame.iloc[i]
        y, h = row["y"], row["variance"]
        assert losses["qlike"][i] == pytest.approx(y**2 / h - np.log(y**2 / h) - 1)
        assert losses["squared"][i] == pytest.approx((100 * (np.sqrt(h) - y)) ** 2)
        assert losses["absolute"][i] == pytest.approx(abs(100 * (np.sqrt(h) - y)))
        assert losses["squared_units"][i] == pytest.approx((100 * (row["volatility"] - y)) ** 2)
        assert losses["absolute_units"][i] == pytest.approx(abs(100 * (row["median"] - y)))
        known = np.isfinite(past[i])
        assert losses["squared_mean"][i] == pytest.approx((100 * (past[i] - y)) ** 2 if known else 0.0)
        assert losses["squared_known"][i] == (losses["squared_units"][i] if known else 0.0)
        for kind, prefix in (("nominal", "q"), ("conformal", "conformal_q")):
            pinball = [
                max(p * (y - q), (p - 1) * (y - q))
                for p, q in ((p, row[f"{prefix}{round(1000 * p):03d}"]) for p in LEVELS)
            ]
            assert losses[f"crps_{kind}"][i] == pytest.approx(200 * np.mean(pinball))
            inside = row[f"{prefix}100"] <= y <= row[f"{prefix}900"]
            assert losses[f"covered_80_{kind}"][i] == float(inside)
            width = 100 * (row[f"{prefix}975"] - row[f"{prefix}025"])
            assert losses[f"width_95_{kind}"][i] == pytest.approx(width)


def test_twice_the_mean_pinball_loss_nears_the_crps_as_levels_fill_the_line():
    y = np.array([0.3])
    levels = (np.arange(2000) + 0.5) / 2000
    sample = np.sort(np.random.default_rng(0).gamma(4, 0.05, 2000))
    crps = np.abs(sample - y).mean() - np.abs(sample[:, None] - sample).mean() / 2
    assert 2 * pinball_losses(y, sample[None, :], levels).mean() == pytest.approx(crps, rel=2e-3)
