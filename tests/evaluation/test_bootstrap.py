from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import (
    mean_block_rows,
    model_confidence_set,
    percentile_interval,
    risk_figures,
    risk_intervals,
    sharpe_odds,
    sharpe_ratio,
    stationary_draws,
    superiority,
)


def persistent(rows: int, seed: int, phi: float = 0.7) -> np.ndarray:
    """A first-order autoregression of variance one."""
    shocks = np.sqrt(1 - phi**2) * np.random.default_rng(seed).normal(size=rows + 100)
    values = np.zeros(rows + 100)
    for row in range(1, rows + 100):
        values[row] = phi * values[row - 1] + shocks[row]
    return values[100:]


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    market = 0.0003 + 0.01 * rng.normal(size=700)
    frame = pd.DataFrame({"strategy": 0.0004 + 0.5 * market + 0.005 * rng.normal(size=700), "market": market})
    return frame.set_index(pd.bdate_range("2012-01-02", periods=700))


def test_blocks_are_longer_where_rows_depend_on_those_before():
    assert mean_block_rows(np.random.default_rng(0).normal(size=1000)) < 5
    assert mean_block_rows(persistent(1000, 0)) > 8
    both = np.column_stack([np.random.default_rng(0).normal(size=1000), persistent(1000, 0)])
    assert mean_block_rows(both) == mean_block_rows(persistent(1000, 0))
    assert mean_block_rows(np.zeros(100)) == 1


def test_draws_are_blocks_of_rows_that_follow_each_other():
    rows = np.arange(200.0)
    samples = stationary_draws(rows, lambda sample: sample, block_rows=10, draws=100)
    assert samples.shape == (100, 200)
    follows = (np.diff(samples, axis=1) % 200 == 1).mean()
    assert follows == pytest.approx(1 - 1 / 10 + 1 / 10 / 200, abs=0.01)
    np.testing.assert_array_equal(
        samples, stationary_draws(rows, lambda sample: sample, block_rows=10, draws=100)
    )


def test_the_spread_of_the_draws_is_the_long_run_error_of_a_mean():
    # The variance of the mean of a first-order autoregression is (1 + phi) / (1 - phi) / rows.
    spread = [
        stationary_draws(persistent(1500, seed), np.mean, block_rows=30, draws=200, seed=seed).std()
        for seed in range(12)
    ]
    assert np.mean(spread) == pytest.approx(np.sqrt((1 + 0.7) / (1 - 0.7) / 1500), rel=0.12)
    naive = [
        stationary_draws(persistent(1500, s), np.mean, block_rows=1, draws=200, seed=s).std()
        for s in range(12)
    ]
    assert np.mean(naive) == pytest.approx(np.sqrt(1 / 1500), rel=0.12)


def test_sharpe_intervals_hold_the_true_ratio_as_often_as_they_say():
    held = 0
    for seed in range(100):
        returns = 0.05 + np.random.default_rng(seed).standard_t(5, 500) / np.sqrt(5 / 3)
        drawn = stationary_draws(returns, lambda s: sharpe_ratio(s, 1), block_rows=2, draws=300, seed=seed)
        low, high = percentile_interval(drawn)
        held += low <= 0.05 <= high
    assert 88 <= held <= 99


def test_intervals_of_all_figures_hold_their_estimates_and_equal_draws_made_one_by_one(days):
    table = risk_intervals(days["strategy"], days["market"], draws=150, seed=3, block_rows=5)
    measured = risk_figures(days["strategy"], days["market"])
    assert table["estimate"].to_dict() == pytest.approx(measured, rel=1e-12)
    assert ((table["low"] < table["estimate"]) & (table["estimate"] < table["high"])).all()
    samples = stationary_draws(days.to_numpy(), lambda sample: sample, block_rows=5, draws=150, seed=3)
    for name in ("beta", "max_drawdown", "annual_return"):
        drawn = [
            risk_figures(pd.Series(s[:, 0]), pd.Series(s[:, 1]), periods_per_year=252)[name] for s in samples
        ]
        assert table.loc[name, ["low", "high"]].tolist() == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    narrow = risk_intervals(
        days["strategy"], days["market"], figures=["sharpe"], draws=150, seed=3, block_rows=5, level=0.5
    )
    assert narrow.index.tolist() == ["sharpe"]
    assert table.loc["sharpe", "low"] < narrow.loc["sharpe", "low"]
    assert narrow.loc["sharpe", "high"] < table.loc["sharpe", "high"]


def test_a_figure_that_few_draws_define_has_no_interval(days):
    seldom = days["strategy"].where(np.arange(700) == 350, 0.0).abs()
    table = risk_intervals(seldom, days["market"], figures=["tail_ratio", "beta"], draws=100)
    assert table.loc["tail_ratio"].isna().all()
    assert table.loc["beta"].notna().all()
    assert np.isnan(percentile_interval(np.array([1.0, np.nan, np.nan]))).all()


def test_bad_input_is_refused_with_what_was_found(days):
    strategy, market = days["strategy"], days["market"]
    with pytest.raises(DataError, match="699 returns beside 700"):
        risk_intervals(strategy.iloc[1:], market)
    with pytest.raises(DataError, match="expected the same rows"):
        risk_intervals(strategy.shift(freq="D"), market)
    with pytest.raises(DataError, match="NaN or infinity"):
        risk_intervals(strategy.shift(1), market)
    with pytest.raises(SpecError, match="figure 'sharp', expected some of annual_return"):
        risk_intervals(strategy, market, figures=["sharp"])
    with pytest.raises(SpecError, match="level is 95"):
        percentile_interval(np.arange(5.0), level=95)


@pytest.mark.parametrize("rows", [3, 7, 8])
def test_a_few_rows_have_an_interval(rows):
    returns = pd.Series(np.random.default_rng(rows).normal(size=rows), pd.bdate_range("2020", periods=rows))
    assert mean_block_rows(returns) >= 1
    assert sharpe_odds(returns, draws=50).low <= sharpe_odds(returns, draws=50).high


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"block_rows": 0}, "block_rows is 0"),
        ({"block_rows": np.nan}, "block_rows is nan"),
        ({"draws": 0}, "draws is 0"),
    ],
)
def test_no_block_and_no_draws_are_refused(asked, words):
    losses = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["a", "b"])
    for call in (
        lambda **chosen: risk_intervals(losses["a"], losses["b"], **chosen),
        lambda **chosen: model_confidence_set(losses, **{"block_rows": 2, **chosen}),
        lambda **chosen: superiority(losses, "a", **{"block_rows": 2, **chosen}),
    ):
        with pytest.raises(SpecError, match=words):
            call(**asked)
