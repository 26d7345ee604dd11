"""The best of 200 strategies without skill looks good by itself, and is called luck; one with skill is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.evaluation import (
    Evidence,
    backtest,
    backtest_overfitting,
    deflated_sharpe,
    evaluate,
    probabilistic_sharpe,
    sharpe_moments,
    superiority,
)

TRIALS, ROWS = 200, 1250


def noise(seed: int) -> np.ndarray:
    """Daily returns `[rows, trials]` of strategies that know nothing, five years of them."""
    return 0.01 * np.random.default_rng(seed).standard_t(5, size=(ROWS, TRIALS))


def best_of(returns: np.ndarray) -> tuple[dict[str, float], float]:
    """Moments of the trial with the highest Sharpe ratio, and the variance of all trials' ratios."""
    ratios = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    return sharpe_moments(returns[:, ratios.argmax()]), float(ratios.var(ddof=1))


@pytest.mark.parametrize("seed", range(10))
def test_noise_looks_good_by_itself_and_is_luck_to_the_deflated_sharpe_ratio(seed):
    moments, variance = best_of(noise(seed))
    assert moments["sharpe"] * np.sqrt(252) > 0.9
    assert probabilistic_sharpe(**moments) > 0.95
    assert deflated_sharpe(**moments, trials=TRIALS, variance=variance) < 0.9


def test_choosing_among_noise_is_worth_nothing_to_the_probability_of_overfitting():
    found = [backtest_overfitting(noise(seed), blocks=10) for seed in range(16)]
    probabilities = np.array([each.probability for each in found])
    # Single data sets vary by about 0.14, so their mean by 0.035.
    assert probabilities.mean() == pytest.approx(0.5, abs=0.11)
    assert probabilities.min() > 0.1
    assert np.mean([each.in_sample.mean() for each in found]) * np.sqrt(252) > 1
    assert abs(np.mean([each.out_of_sample.mean() for each in found])) * np.sqrt(252) < 0.25


@pytest.mark.parametrize("seed", range(5))
def test_one_strategy_with_skill_among_them_is_not_called_luck(seed):
    returns = noise(seed)
    returns[:, 17] += 0.0030
    moments, variance = best_of(returns)
    assert deflated_sharpe(**moments, trials=TRIALS, variance=variance) > 0.95
    found = backtest_overfitting(returns, blocks=10)
    assert found.probability < 0.05
    assert found.probability_of_loss < 0.05


def test_the_reality_check_agrees():
    returns = pd.DataFrame(noise(3)[:, :40]).add_prefix("trial")
    returns["cash"] = 0.0
    assert superiority(-returns, "cash", block_rows=2, draws=200).reality_check > 0.1
    returns["trial7"] += 0.0030
    found = superiority(-returns, "cash", block_rows=2, draws=200)
    assert found.best == "trial7"
    assert max(found.reality_check, found.spa) < 0.02


def test_the_evaluation_of_the_best_of_200_runs_calls_it_luck():
    # Coin tosses traded on one market: what a search over seeds finds.
    prices = make_prices(ROWS + 1)
    sharpes, kept = [], None
    for seed in range(TRIALS):
        tossed = make_predictions(ROWS, seed=seed)
        net = backtest(tossed, prices, cost_bps=0.0).net
        sharpes.append(float(net.mean() / net.std()))
        if sharpes[-1] == max(sharpes):
            kept = tossed
    others = pd.DataFrame(
        {
            "sharpe": sorted(sharpes)[:-1],
            "rows": ROWS,
            "first": prices["time"].iloc[1],
            "last": prices["time"].iloc[-1],
        }
    )
    best = evaluate(Evidence("toy", "coin", kept, prices, cost_bps=0.0, draws=200, trials=others))
    odds = best.sharpe_odds
    assert odds.probabilistic > 0.95
    assert odds.trials == TRIALS
    assert odds.deflated < 0.95
    assert any("the registry of trials has 200 of this study" in caveat for caveat in best.caveats)
    alone = evaluate(Evidence("toy", "coin", kept, prices, cost_bps=0.0, draws=200, trials=others.iloc[:0]))
    assert alone.sharpe_odds.deflated == alone.sharpe_odds.probabilistic
