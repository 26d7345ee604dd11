from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import backtest_overfitting


def split_by_split(returns: np.ndarray, blocks: int) -> tuple[list[float], list[float], list[float]]:
    """Logits, and the chosen trial's Sharpe ratio on either half, with the rows joined anew for each split."""
    parts = np.array_split(returns, blocks)
    logits, inside, outside = [], [], []
    for chosen in combinations(range(blocks), blocks // 2):
        train = np.concatenate([parts[i] for i in chosen])
        test = np.concatenate([parts[i] for i in range(blocks) if i not in chosen])
        first = train.mean(axis=0) / train.std(axis=0, ddof=1)
        second = test.mean(axis=0) / test.std(axis=0, ddof=1)
        best = int(np.argmax(first))
        share = rankdata(second)[best] / (returns.shape[1] + 1)
        logits.append(np.log(share / (1 - share)))
        inside.append(first[best])
        outside.append(second[best])
    return logits, inside, outside


@pytest.mark.parametrize(("rows", "trials", "blocks"), [(240, 7, 6), (251, 12, 8), (64, 2, 2)])
def test_cscv_equals_a_brute_force_one(rows, trials, blocks):
    rng = np.random.default_rng(rows)
    returns = 0.01 * rng.normal(size=(rows, trials)) + 0.0005 * rng.normal(size=trials) + 0.002
    found = backtest_overfitting(returns, blocks=blocks)
    logits, inside, outside = split_by_split(returns, blocks)
    np.testing.assert_allclose(found.logits, logits, rtol=1e-12)
    np.testing.assert_allclose(found.in_sample, inside, rtol=1e-9)
    np.testing.assert_allclose(found.out_of_sample, outside, rtol=1e-9)
    assert found.probability == np.mean(np.array(logits) <= 0)
    assert found.probability_of_loss == np.mean(np.array(outside) < 0)
    if blocks > 2:
        slope, intercept = np.polyfit(inside, outside, 1)
        assert (found.slope, found.intercept) == (pytest.approx(slope), pytest.approx(intercept))
    assert (found.rows, found.trials, found.blocks) == (rows, trials, blocks)


def test_four_rows_by_hand():
    # Two blocks of two rows. On the first half b is better, on the second a: the choice is always the worse one.
    returns = [[0.01, 0.03], [0.02, 0.04], [0.03, 0.01], [0.04, 0.02]]
    found = backtest_overfitting(returns, blocks=2)
    assert found.probability == 1
    np.testing.assert_allclose(found.logits, np.log((1 / 3) / (2 / 3)))
    best, worse = 0.035 / np.std([0.03, 0.04], ddof=1), 0.015 / np.std([0.01, 0.02], ddof=1)
    np.testing.assert_allclose(found.in_sample, best)
    np.testing.assert_allclose(found.out_of_sample, worse)
    assert np.isnan(found.slope)


def test_equal_trials_share_their_ranks_and_one_that_holds_nothing_has_a_ratio_of_zero():
    rng = np.random.default_rng(0)
    one = rng.normal(0.001, 0.01, 80)
    found = backtest_overfitting(np.column_stack([one, one, one]), blocks=4)
    np.testing.assert_allclose(found.logits, 0.0, atol=1e-12)
    loss = -np.abs(one)
    idle = backtest_overfitting(pd.DataFrame({"loses": loss, "idle": 0.0}), blocks=4)
    assert (idle.probability, idle.probability_of_loss) == (0, 0)
    np.testing.assert_array_equal(idle.out_of_sample, 0.0)


def test_trials_that_fit_one_half_of_the_rows_are_overfitted():
    # Each trial earns on some blocks what it loses on the others: the best on one half is the worst on the other.
    rng = np.random.default_rng(2)
    signs = np.array([s for s in np.ndindex(2, 2, 2, 2, 2, 2) if sum(s) == 3]) * 2.0 - 1.0  # [trials, blocks]
    returns = 0.01 * rng.normal(size=(240, len(signs))) + 0.008 * np.repeat(signs.T, 40, axis=0)
    found = backtest_overfitting(returns, blocks=6)
    assert found.probability == 1
    assert found.probability_of_loss == 1


@pytest.mark.parametrize(
    ("returns", "blocks", "error", "said"),
    [
        (np.zeros((40, 3)), 5, SpecError, "blocks is 5, expected an even number"),
        (np.zeros((400, 3)), 22, SpecError, "blocks is 22"),
        (np.zeros((40, 1)), 4, DataError, r"shape \(40, 1\)"),
        (np.zeros(40), 4, DataError, r"shape \(40,\)"),
        (np.zeros((7, 3)), 4, DataError, "7 rows, expected at least two in each of 4"),
        (pd.DataFrame({"a": [0.0, np.nan] * 10, "b": 0.1}), 4, DataError, "trial a, row 1: found nan"),
        (pd.DataFrame({"a": [0.0, 0.1] * 10, "b": 0.1}), 4, DataError, "trial b earns the same"),
    ],
)
def test_bad_input_is_refused_with_what_was_found(returns, blocks, error, said):
    with pytest.raises(error, match=said):
        backtest_overfitting(returns, blocks=blocks)
