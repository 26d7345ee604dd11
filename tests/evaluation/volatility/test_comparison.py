from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from tsdeep.evaluation import (
    check_volatility,
    check_volatility_references,
    compare_losses,
    confidence_sets,
    daily_losses,
    overlap_lags,
    qlike_losses,
)
from tsdeep.evaluation.volatility.comparison import best_references, compare_by_asset, compare_by_class
from tsdeep.evaluation.volatility.regimes import means_by_class

LOSSES = ("qlike", "squared_error")


@pytest.fixture(scope="module")
def methods(made) -> dict[str, pd.DataFrame]:
    predictions = check_volatility(made[0])
    return {"har_network": predictions, **check_volatility_references(made[1], predictions)}


@pytest.fixture(scope="module")
def losses(methods) -> dict[str, pd.DataFrame]:
    return {loss: daily_losses(methods, loss) for loss in LOSSES}


def newey_west(x: np.ndarray, lags: int) -> float:
    """Standard error of a mean, by the definition."""
    e, n = x - x.mean(), len(x)
    total = e @ e
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * (e[lag:] @ e[:-lag])
    return float(np.sqrt(total) / n)


def test_assets_of_a_day_are_averaged(methods, losses):
    frame = methods["ewma"]
    for day in frame["time"].unique()[[0, 100, 499]]:
        rows = frame[frame["time"] == day]
        assert losses["qlike"].loc[day, "ewma"] == pytest.approx(
            qlike_losses(rows["y"], rows["variance"]).mean()
        )
        squared = (100 * (rows["volatility"] - rows["y"])) ** 2
        assert losses["squared_error"].loc[day, "ewma"] == pytest.approx(squared.mean())


def test_differences_are_tested_by_hac_errors_of_their_days(losses):
    table = compare_losses(losses, "har_network", 5)
    assert len(table) == 6
    lags = overlap_lags(500, 5)
    for row in table.itertuples():
        difference = (losses[row.loss]["har_network"] - losses[row.loss][row.reference]).to_numpy()
        error = newey_west(difference, lags)
        assert row.estimate == pytest.approx(difference.mean())
        assert row.statistic == pytest.approx(difference.mean() / error, rel=1e-8)
        degrees = 1.5 * 500 / (lags + 1)
        assert row.p_value == pytest.approx(2 * student.sf(abs(row.statistic), degrees), rel=1e-8)
        assert row.statistic_overlap == pytest.approx(difference.mean() / newey_west(difference, 4), rel=1e-8)
        assert row.low < row.estimate < row.high


def test_p_values_are_adjusted_for_all_references_and_both_losses(losses):
    table = compare_losses(losses, "har_network", 5).sort_values("p_value")
    highest, expected = 0.0, []
    for k, p in enumerate(table["p_value"]):
        highest = max(highest, min(1.0, p * (6 - k)))
        expected.append(highest)
    assert table["p_holm"].to_numpy() == pytest.approx(expected)


def test_few_days_are_not_tested(losses):
    short = {loss: table.iloc[:49] for loss, table in losses.items()}
    table = compare_losses(short, "har_network", 5)
    assert table["estimate"].notna().all()
    assert table[["statistic", "p_value", "p_holm", "low"]].isna().all().all()
    members = confidence_sets(short, 5, draws=100, seed=0, block_rows=None)
    assert members["p_value"].isna().all()
    assert not members["included"].any()


def test_the_best_reference_is_that_of_the_lowest_mean_loss(losses):
    assert best_references(losses, "har_network") == {
        loss: table.drop(columns="har_network").mean().idxmin() for loss, table in losses.items()
    }
    alone = {"qlike": losses["qlike"][["har_network"]]}
    assert best_references(alone, "har_network") == {}


def test_blocks_of_the_confidence_set_hold_at_least_a_horizon(losses):
    for asked, rows in ((None, 15), (2, 5), (40, 40)):
        members = confidence_sets(losses, 5, draws=100, seed=0, block_rows=asked)
        assert (members["block_rows"] == rows).all()
    assert (members["included"] == (members["p_value"] > 0.1)).all()
    best = members.loc[members.groupby("loss")["mean"].idxmin()]
    assert (best["p_value"] == 1.0).all()


def test_means_by_class_are_those_of_a_regression_on_indicators():
    rng = np.random.default_rng(0)
    values = np.convolve(rng.normal(0.3, 1, 304), np.ones(5), "valid")
    classes = np.array(["calm", "crisis", None], dtype=object)[rng.integers(0, 3, 300)]
    found = means_by_class(values, classes, lags=9)
    for name in ("calm", "crisis"):
        inside = classes == name
        days = inside.sum()
        assert found.loc[name, "days"] == days
        assert found.loc[name, "estimate"] == pytest.approx(values[inside].mean())
        # The score of the class, zero on the days of others, and their place in time kept.
        score = np.where(inside, values - values[inside].mean(), 0.0)
        total = score @ score
        for lag in range(1, 10):
            total += 2 * (1 - lag / 10) * (score[lag:] @ score[:-lag])
        assert found.loc[name, "error"] == pytest.approx(np.sqrt(total) / days)


def test_differences_by_class_average_to_those_of_all_days(losses):
    classes = np.array(["calm", "crisis"], dtype=object)[np.arange(500) % 2]
    by_class = compare_by_class(losses, "har_network", classes, 5)
    whole = compare_losses(losses, "har_network", 5).set_index(["loss", "reference"])["estimate"]
    halves = by_class.groupby(["loss", "reference"])["estimate"].mean()
    assert halves.to_dict() == pytest.approx(whole.to_dict())
    nothing = compare_by_class(losses, "har_network", np.full(500, None, dtype=object), 5)
    assert nothing.empty


def test_differences_of_assets_average_to_that_of_their_days(methods, losses):
    table = compare_by_asset(methods, "har_network", {"qlike": "ewma"}, 5)
    assert list(table["symbol"]) == ["AAA", "BBB", "CCC"]
    whole = (losses["qlike"]["har_network"] - losses["qlike"]["ewma"]).mean()
    assert table["estimate"].mean() == pytest.approx(whole)
