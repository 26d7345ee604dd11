"""The rank-Gaussian scaler against ranks of scipy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import kstest, norm, rankdata

from tests.features.raw_rows import values_of
from tsdeep.errors import SpecError
from tsdeep.features import RankGaussianScaler

RANDOM = np.random.default_rng(0)


def scores_by_rank(column):
    """Normal score of the average rank, less a half, over the number of rows."""
    return norm.ppf((rankdata(column, method="average") - 0.5) / len(column))


def test_every_training_value_has_its_score_where_all_are_kept():
    x = np.c_[RANDOM.poisson(0.7, 500) - 1, RANDOM.integers(-60, 60, 500), RANDOM.normal(size=500).round(1)]
    values = values_of(RankGaussianScaler(clip=None).fit(x), x.astype("float32"))
    for channel in range(3):
        assert len(np.unique(x[:, channel])) <= 256
        np.testing.assert_allclose(values[:, channel], scores_by_rank(x[:, channel]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("knots", [256, 1000])
def test_scores_of_many_values_are_near_those_of_their_ranks(knots):
    draws = {
        "normal": RANDOM.normal(size=20_000),
        "heavy": RANDOM.standard_t(1.5, 20_000),
        "skewed": np.exp(2 * RANDOM.normal(size=20_000)),
        "mostly_0": RANDOM.normal(size=20_000) * (RANDOM.random(20_000) < 0.4),
        "two_heaps": np.r_[RANDOM.normal(-1e3, 1, 9_000), RANDOM.normal(1e3, 1, 11_000)],
    }
    x = np.stack(list(draws.values()), axis=1).astype("float32")
    scaler = RankGaussianScaler(knots=knots).fit(x)
    values = values_of(scaler, x)
    for channel, name in enumerate(draws):
        expected = np.clip(scores_by_rank(x[:, channel]), -3, 3)
        bound = 0.03 if knots == 256 else 0.01
        assert np.abs(values[:, channel] - expected).max() < bound, name
        if name != "mostly_0":
            assert kstest(values[:, channel], norm.cdf).statistic < 0.01, name


def test_between_kept_values_scores_are_interpolated_and_beyond_them_stay():
    scaler = RankGaussianScaler().fit(np.array([[0.0], [10.0], [10.0], [20.0]]))
    below, tie, above = norm.ppf([1 / 8, 1 / 2, 7 / 8])
    at = np.array([[-5.0], [0.0], [5.0], [10.0], [17.5], [20.0], [1e30]], "float32")
    expected = [below, below, (below + tie) / 2, tie, tie + 0.75 * (above - tie), above, above]
    np.testing.assert_allclose(values_of(scaler, at)[:, 0], expected, rtol=1e-6, atol=1e-7)


def test_fewer_distinct_values_than_knots_repeat_the_last():
    scaler = RankGaussianScaler(knots=5).fit(np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 1.0]]))
    np.testing.assert_array_equal(scaler.values.numpy().T, [[1, 2, 3, 3, 3], [0, 1, 1, 1, 1]])
    assert np.all(np.diff(scaler.scores.numpy(), axis=0) >= 0)


def test_works_on_any_leading_axes_and_has_a_gradient():
    scaler = RankGaussianScaler(knots=7).fit(RANDOM.normal(size=(50, 2)))
    x = tf.constant(RANDOM.normal(size=(3, 4, 2)), tf.float32)
    np.testing.assert_array_equal(values_of(scaler, x)[1, 2], values_of(scaler, x[1, 2][None])[0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        values = scaler(x)
    gradient = np.asarray(tape.gradient(values, x))
    assert np.isfinite(gradient).all()
    assert (gradient > 0).any()


def test_too_few_knots_are_refused():
    with pytest.raises(SpecError, match="knots is 1"):
        RankGaussianScaler(knots=1)
