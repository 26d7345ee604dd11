"""The references on simulated processes whose conditional variance is known."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from tests.baselines.volatility_samples import samples_of, series_panel, split_at
from tsdeep.baselines.volatility_garch import Garch, GarchParameters
from tsdeep.baselines.volatility_har import HarRv, LogHarRange, LogHarRangeVix
from tsdeep.baselines.volatility_pooled import PooledLogHar
from tsdeep.baselines.volatility_references import volatility_references

OMEGA, ALPHA, BETA = 2e-6, 0.08, 0.90
LOG_OF_A_SQUARE = -1.2703628454614782  # mean of ln z² of a standard normal z
VARIANCE_OF_LOG = np.pi**2 / 2  # its variance


def garch_process(n, *, alpha=ALPHA, gamma=0.0, beta=BETA, seed=0):
    """Returns, and the variance of each that is known one row before."""
    shocks = np.random.default_rng(seed).normal(size=n)
    returns, variance = np.empty(n), np.empty(n)
    h = OMEGA / (1 - alpha - gamma / 2 - beta)
    for t in range(n):
        variance[t] = h
        returns[t] = np.sqrt(h) * shocks[t]
        h = OMEGA + (alpha + gamma * (returns[t] < 0)) * returns[t] ** 2 + beta * h
    return returns, variance


def garch_means(variance, rows):
    """Mean of the next rows' variance as known at each row, from that of the next row, by the recursion."""
    ahead, total = variance[1:], 0.0
    for _ in range(rows):
        total = total + ahead
        ahead = OMEGA + (ALPHA + BETA) * ahead
    return total / rows


@functools.cache
def garch_samples():
    returns, variance = garch_process(12_000, seed=1)
    return samples_of(series_panel(returns)), variance


def qlike(realised, forecast):
    ratio = realised / forecast
    return np.mean(ratio - np.log(ratio) - 1)


@pytest.mark.parametrize("gamma", [0.0, 0.10])
def test_garch_recovers_its_parameters_within_four_standard_errors(gamma):
    # Standard deviations of the estimates over 40 such simulations: alpha .0046, gamma .0072, beta .0070, level 3.5%.
    alpha = 0.08 if gamma == 0.0 else 0.03
    returns, _ = garch_process(20_000, alpha=alpha, gamma=gamma, beta=0.88)
    found = GarchParameters.estimate(returns, asymmetric=gamma > 0)
    assert found.alpha == pytest.approx(alpha, abs=4 * 0.0046)
    assert found.gamma == pytest.approx(gamma, abs=4 * 0.0072)
    assert found.beta == pytest.approx(0.88, abs=4 * 0.0070)
    level = found.omega / (1 - found.persistence)
    assert level == pytest.approx(OMEGA / (1 - alpha - gamma / 2 - 0.88), rel=4 * 0.035)


def test_garch_with_the_true_parameters_knows_the_true_mean_variance_of_the_next_21_rows():
    samples, variance = garch_samples()
    train, test = split_at(samples, 9_000)
    reference = Garch().fit(samples, train)
    reference.parameters["A"] = GarchParameters(0.0, OMEGA, ALPHA, 0.0, BETA, variance[0])
    rows = test[test < len(variance) - 1]
    np.testing.assert_allclose(
        reference.forecast(samples, rows).value, 252 * garch_means(variance, 21)[rows], rtol=1e-6
    )


def test_the_true_mean_variance_is_what_is_realised_on_average_and_minimises_qlike():
    samples, variance = garch_samples()
    rows = samples.rows
    realised = np.exp(samples.y[rows].astype(float))
    truth = 252 * garch_means(variance, 21)[rows]
    # Standard error of the mean ratio: labels of 21 rows overlap, 12,000 / 21 are apart.
    ratio = realised / truth
    assert ratio.mean() == pytest.approx(1.0, abs=4 * ratio.std() / np.sqrt(len(rows) / 21))
    best = qlike(realised, truth)
    for factor in (0.5, 0.8, 0.9, 1.1, 1.25, 2.0):
        assert qlike(realised, truth * factor) > best
    noise = np.exp(np.random.default_rng(0).normal(0.0, 0.2, len(rows)))
    assert qlike(realised, truth * noise) > best + 0.01


def test_no_reference_is_better_than_the_truth_and_garch_is_as_good():
    returns, variance = garch_process(42_000, seed=2)
    samples = samples_of(series_panel(returns))
    train, test = split_at(samples, 12_000)
    test = test[samples.label_end[test] >= 0]
    realised = np.exp(samples.y[test].astype(float))

    def losses(forecast):
        ratio = realised / forecast
        return ratio - np.log(ratio) - 1

    best = losses(252 * garch_means(variance, 21)[test])
    ahead = {}
    for reference in volatility_references(("close",)):
        if reference.name in ("ridge", "combination"):
            continue
        found = losses(reference.fit(samples, train).predict(samples, test)["variance"]) - best
        blocks = np.array([block.mean() for block in np.array_split(found, 100)])  # of 300 rows, 14 labels
        ahead[reference.name] = blocks.mean()
        assert blocks.mean() > -2 * blocks.std() / 10, reference.name
    assert ahead["garch"] < 0.01 * best.mean()
    for name in ("random_walk", "ewma", "har_rv", "har_vol", "log_har"):
        assert ahead[name] > ahead["garch"], name


def test_har_on_variance_recovers_a_har_process():
    # The variance of the next return is linear in the last squared returns: Corsi's model of daily squares.
    constant, slopes = 2e-5, np.array([0.10, 0.25, 0.35])
    n, random = 60_000, np.random.default_rng(0)
    squares, returns = np.full(n, constant / (1 - slopes.sum())), np.zeros(n)
    shocks = random.normal(size=n)
    for t in range(22, n):
        h = constant + slopes @ [squares[t - k : t].mean() for k in (1, 5, 22)]
        returns[t] = np.sqrt(h) * shocks[t]
        squares[t] = returns[t] ** 2
    samples = samples_of(series_panel(returns[22:]), horizon_rows=1, target="variance", point_loss="mse")
    train, _ = split_at(samples, n - 1_000)
    line = HarRv().fit(samples, train).lines["A"]
    # Standard deviations over 20 such simulations.
    np.testing.assert_array_less(np.abs(line.slopes - slopes), 4 * np.array([0.012, 0.023, 0.032]))
    assert line.constant / 252 == pytest.approx(constant, abs=4 * 1.5e-6)


def log_har_process(n, intercepts, slopes, vix_slope=0.0, market_slope=0.0, seed=0):
    """A panel of assets whose log variance is linear in logs of mean range variances, of VIX and of the market's.

    Ranges come from a process of their own, so that all that is known is in the regressors.
    """
    random = np.random.default_rng(seed)
    log_range = np.empty((len(intercepts), n))
    level = random.normal(0.0, 0.5, len(intercepts))
    for t in range(n):
        level = 0.97 * level + random.normal(0.0, 0.15, len(intercepts))
        log_range[:, t] = np.log(1e-4) + level + random.normal(0.0, 0.5, len(intercepts))
    ranges = np.exp(log_range)
    vix = 20 * np.exp(random.normal(0.0, 0.3, n))

    def mean(values, rows):
        padded = np.cumsum(np.insert(values, 0, 0.0, axis=-1), axis=-1)
        found = np.full(values.shape, np.nan)
        found[..., rows - 1 :] = (padded[..., rows:] - padded[..., :-rows]) / rows
        return found

    annual = [np.log(252 * mean(ranges, rows)) for rows in (1, 5, 22, 66)]
    log_variance = np.array(intercepts)[:, None] + np.tensordot(slopes, annual, 1)
    log_variance = log_variance + vix_slope * np.log(vix) + market_slope * np.log(mean(ranges[0], 22))
    returns = random.normal(size=ranges.shape)
    returns[:, 1:] *= np.sqrt(np.exp(np.nan_to_num(log_variance[:, :-1], nan=-4.0)) / 252)
    returns[:, 0] = 0.01
    symbols = tuple("ABCD"[: len(intercepts)])
    panel = series_panel(returns, ranges, symbols=symbols)
    market = {f"market_{name}": np.tile(panel.fields[name][:n], len(symbols)) for name in ("high", "low")}
    return panel.replace(vix=np.tile(vix, len(symbols)), **market), log_variance.reshape(-1)


SLOPES = np.array([0.15, 0.25, 0.35, 0.10])


def test_log_har_on_ranges_with_vix_recovers_its_coefficients_and_residual_variance():
    panel, truth = log_har_process(20_000, [-0.6], SLOPES, vix_slope=0.3)
    samples = samples_of(panel, horizon_rows=1)
    train, test = split_at(samples, 19_000)
    reference = LogHarRangeVix().fit(samples, train)
    line = reference.lines["A"]
    # Standard deviations over 20 such simulations.
    errors = np.array([0.031, 0.039, 0.054, 0.051, 0.054])
    np.testing.assert_array_less(np.abs(line.slopes - [*SLOPES, 0.3]), 4 * errors)
    # One squared return is the variance times the square of a standard normal.
    assert line.residual_variance == pytest.approx(VARIANCE_OF_LOG, abs=4 * 0.07)
    value = reference.forecast(samples, test).value
    error = value - (truth[test] + LOG_OF_A_SQUARE)
    assert np.sqrt(np.mean(error**2)) < 0.1
    assert (
        np.sqrt(np.mean((LogHarRange().fit(samples, train).forecast(samples, test).value - value) ** 2))
        > 0.05
    )


def test_pooled_log_har_recovers_slopes_that_assets_share_and_intercepts_that_they_do_not():
    intercepts = [-0.8, -0.2, 0.3]
    panel, truth = log_har_process(10_000, intercepts, SLOPES, vix_slope=0.3, market_slope=0.2)
    samples = samples_of(panel, horizon_rows=1)
    train, test = split_at(samples, 9_000)
    reference = PooledLogHar().fit(samples, train)
    # Standard deviations over 20 such simulations.
    errors = np.array([0.029, 0.046, 0.033, 0.047, 0.033, 0.026])
    np.testing.assert_array_less(np.abs(reference.slopes - [*SLOPES, 0.3, 0.2]), 4 * errors)
    found = [reference.intercepts[name] for name in "ABC"]
    np.testing.assert_allclose(np.diff(found), np.diff(intercepts), atol=4 * 0.031)
    assert reference.residual_variance == pytest.approx(VARIANCE_OF_LOG, abs=4 * 0.074)
    error = reference.forecast(samples, test).value - (truth[test] + LOG_OF_A_SQUARE)
    assert np.sqrt(np.mean(error**2)) < 0.1
