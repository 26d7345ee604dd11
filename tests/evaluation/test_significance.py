from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, norm
from scipy.stats import t as student

from tsdeep.errors import DataError
from tsdeep.evaluation import (
    diebold_mariano,
    fixed_b_degrees,
    model_confidence_set,
    newey_west_lags,
    overlap_lags,
    pesaran_timmermann,
    sharpe_difference,
    sharpe_ratio,
)


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(1, 400), min_size=4, max_size=4))
def test_pesaran_timmermann_is_the_chi_square_test_of_independence(counts):
    # z² (n - 1) / n is the Pearson chi-square of the 2 x 2 table: the variance simplifies algebraically.
    y = np.repeat([0, 0, 1, 1], counts)
    called = np.repeat([0, 1, 0, 1], counts)
    n = sum(counts)
    chi2 = chi2_contingency(np.reshape(counts, (2, 2)), correction=False).statistic
    z = pesaran_timmermann(y, called).statistic
    assert z**2 * (n - 1) / n == pytest.approx(chi2, rel=1e-8, abs=1e-9)
    assert np.sign(round(z, 9)) == np.sign(counts[0] * counts[3] - counts[1] * counts[2])


def test_pesaran_timmermann_by_hand():
    # 10 rows: 6 ups, 5 called up, 4 of them right; so P = .7, P* = .6 x .5 + .4 x .5 = .5.
    y = [1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    called = [1, 1, 1, 1, 0, 0, 1, 0, 0, 0]
    v = 0.5 * 0.5 / 10
    v_star = (0.2**2 * 0.25 + 0 + 4 * 0.6 * 0.5 * 0.4 * 0.5 / 10) / 10
    result = pesaran_timmermann(y, called)
    assert result.estimate == pytest.approx(0.2)
    assert result.statistic == pytest.approx(0.2 / np.sqrt(v - v_star), abs=1e-12)
    assert result.p_value == pytest.approx(2 * norm.sf(abs(result.statistic)))
    assert result.low < result.estimate < result.high


def test_pesaran_timmermann_has_its_size_under_independence():
    rng = np.random.default_rng(0)
    passed = [
        pesaran_timmermann(rng.random(300) < 0.55, rng.random(300) < 0.7).p_value < 0.05 for _ in range(1000)
    ]
    assert 0.03 < np.mean(passed) < 0.07


@pytest.mark.parametrize("called", [np.zeros(20), np.ones(20)])
def test_pesaran_timmermann_is_not_defined_for_a_constant_call(called):
    result = pesaran_timmermann(np.arange(20) % 2, called)
    assert not result.defined
    assert "every prediction" in result.note


@pytest.mark.parametrize("value", [0.7, np.nan, 2])
def test_pesaran_timmermann_is_of_directions(value):
    with pytest.raises(DataError, match=f"predicted of row 1 is {float(value)}, expected 0 or 1"):
        pesaran_timmermann([0, 1, 1], [0, value, 1])


def newey_west_t(d: np.ndarray, lags: int) -> float:
    """Mean over its Bartlett-weighted long-run standard error, a sum at a time."""
    n, e = len(d), d - d.mean()
    variance = np.sum(e * e) / n
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * np.sum(e[lag:] * e[:-lag]) / n
    return d.mean() / np.sqrt(variance / n)


@pytest.mark.parametrize("horizon", [1, 21])
def test_diebold_mariano_equals_newey_west_written_out(horizon):
    rng = np.random.default_rng(3)
    noise = np.convolve(rng.normal(size=620), np.ones(21) / 21, mode="valid")
    loss, other = 0.69 + 0.01 * noise, np.full(600, 0.69)
    result = diebold_mariano(loss, other, horizon_rows=horizon)
    lags = newey_west_lags(600, horizon)
    assert lags == {1: 5, 21: 20}[horizon]
    assert result.statistic == pytest.approx(newey_west_t(loss - other, lags), rel=1e-10)
    assert result.estimate == pytest.approx(np.mean(loss - other))
    assert diebold_mariano(other, loss, horizon_rows=horizon).statistic == pytest.approx(-result.statistic)


def test_diebold_mariano_is_not_defined_for_infinite_or_equal_losses():
    assert "not finite" in diebold_mariano([np.inf, 1.0, 2.0], [1.0, 1.0, 1.0]).note
    assert "constant" in diebold_mariano([1.0, 1.0], [1.0, 1.0]).note


def test_rows_of_different_number_are_refused():
    with pytest.raises(DataError, match="3 rows beside 2"):
        diebold_mariano([1, 2, 3], [1, 2])


def test_sharpe_interval_holds_the_known_difference_as_often_as_it_says():
    rng = np.random.default_rng(5)
    held = 0
    for seed in range(60):
        common = rng.normal(size=750)
        first = 0.0006 + 0.01 * (0.6 * common + 0.8 * rng.normal(size=750))
        second = 0.0002 + 0.01 * common
        result = sharpe_difference(first, second, draws=200, seed=seed, block_rows=5)
        held += result.low <= 0.04 * np.sqrt(252) <= result.high
    assert 50 <= held <= 60


def test_sharpe_difference_repeats_with_its_seed_and_pairs_days():
    rng = np.random.default_rng(6)
    base = rng.normal(0.0003, 0.01, 800)
    close = base + rng.normal(0.0001, 0.0005, 800)
    one = sharpe_difference(close, base, draws=300, seed=1)
    assert one == sharpe_difference(close, base, draws=300, seed=1)
    assert one != sharpe_difference(close, base, draws=300, seed=2)
    assert one.estimate == pytest.approx(
        (close.mean() / close.std(ddof=1) - base.mean() / base.std(ddof=1)) * np.sqrt(252)
    )
    # Apart, each Sharpe ratio of 800 days has a standard error of about .56; paired, most of it cancels.
    assert one.high - one.low < 0.3


def test_sharpe_difference_is_not_defined_for_the_benchmark_itself_or_no_trades():
    returns = np.random.default_rng(0).normal(0, 0.01, 300)
    same = sharpe_difference(returns, returns)
    assert not same.defined
    assert same.estimate == 0.0
    assert not sharpe_difference(np.zeros(300), returns).defined
    for value in (0.0, 0.01):  # the deviation of a hundred 0.01 is not quite zero
        assert np.isnan(sharpe_ratio(np.full(100, value)))


def overlapping(seed: int, rows: int = 2500, horizon: int = 21) -> np.ndarray:
    """Differences of losses on labels that overlap, of mean zero."""
    shocks = np.random.default_rng(seed).normal(size=rows + horizon - 1)
    return np.convolve(shocks, np.ones(horizon) / horizon, "valid")


def test_overlap_lags_hold_the_size_that_one_horizon_of_lags_does_not():
    wrong = np.zeros(2)
    trials = 400
    for seed in range(trials):
        loss = overlapping(seed)
        zero = np.zeros(len(loss))
        lags = overlap_lags(len(loss), 21)
        wrong += [
            diebold_mariano(loss, zero, lags=lags, fixed_b=True).p_value < 0.05,
            diebold_mariano(loss, zero, horizon_rows=21).p_value < 0.05,
        ]
    long, short = wrong / trials
    assert 0.03 < long < 0.10
    assert short > long


def test_overlap_lags_are_at_least_three_horizons_and_fewer_than_rows():
    assert overlap_lags(10_000, 21) == 130
    assert overlap_lags(400, 21) == 63
    assert overlap_lags(30, 21) == 29
    assert overlap_lags(1, 21) == 0


def test_student_s_t_widens_what_the_normal_distribution_gives():
    loss = overlapping(3, rows=300)
    plain = diebold_mariano(loss, np.zeros(300), lags=63)
    wide = diebold_mariano(loss, np.zeros(300), lags=63, fixed_b=True)
    assert wide.statistic == plain.statistic
    degrees = fixed_b_degrees(300, 63)
    assert degrees == pytest.approx(1.5 * 300 / 64)
    assert wide.p_value == pytest.approx(2 * student.sf(abs(wide.statistic), degrees))
    error = plain.estimate / plain.statistic
    assert wide.high - wide.estimate == pytest.approx(student.ppf(0.975, degrees) * error)


def test_the_confidence_set_keeps_the_best_and_drops_the_worse():
    kept, dropped = 0, 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        shared = np.convolve(rng.normal(size=604), np.ones(5), "valid")
        own = np.stack([np.convolve(rng.normal(size=604), np.ones(5) / 5, "valid") for _ in range(4)], 1)
        losses = pd.DataFrame(shared[:, None] + own + [0.0, 0.0, 0.02, 0.4], columns=list("abcd"))
        p_values = model_confidence_set(losses, block_rows=15, draws=200, seed=seed)
        kept += (p_values[["a", "b"]] > 0.1).all()
        dropped += p_values["d"] <= 0.1
    assert kept >= 32  # 90% of 40, less chance
    assert dropped >= 38


def test_equal_methods_share_a_p_value_and_infinite_losses_have_none():
    rng = np.random.default_rng(0)
    losses = pd.DataFrame(rng.normal([0, 0.5, 0], size=(300, 3)), columns=list("abc"))
    losses["again"], losses["infinite"] = losses["a"], np.inf
    p_values = model_confidence_set(losses, block_rows=5, draws=200)
    assert p_values["a"] == p_values["again"]
    assert np.isnan(p_values["infinite"])
    alone = model_confidence_set(losses[["a", "b", "c"]], block_rows=5, draws=200)
    assert p_values[["a", "b", "c"]].to_dict() == pytest.approx(alone.to_dict(), abs=0.02)
    assert model_confidence_set(losses[["a", "again"]], block_rows=5, draws=200).tolist() == [1.0, 1.0]
