from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import (
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
)

# Bailey, Lopez de Prado (2014), "A numerical example": annualised Sharpe ratio 2.5 over five years of 250 days,
# skewness -3, kurtosis 10; trials whose annualised ratios have a variance of one half.
FUND = {"sharpe": 2.5 / np.sqrt(250), "rows": 1250, "skewness": -3.0, "kurtosis": 10.0}


def test_deflated_sharpe_gives_the_numbers_of_the_paper():
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(**FUND, trials=100, variance=0.5 / 250) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(**FUND, trials=46, variance=0.5 / 250) == pytest.approx(0.9505, abs=5e-5)
    normal = FUND | {"skewness": 0.0, "kurtosis": 3.0}
    assert deflated_sharpe(**normal, trials=88, variance=0.5 / 250) == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_gives_the_numbers_of_the_paper():
    # Bailey, Lopez de Prado (2012): monthly ratio 0.458 over two years; 0.982 were returns normal, 0.913 with
    # their skewness and kurtosis, 0.953 after a third year.
    assert probabilistic_sharpe(0.458, 24) == pytest.approx(0.982, abs=5e-4)
    shape = {"skewness": -2.448, "kurtosis": 10.164}
    assert probabilistic_sharpe(0.458, 24, **shape) == pytest.approx(0.913, abs=5e-4)
    assert probabilistic_sharpe(0.458, 36, **shape) == pytest.approx(0.953, abs=1e-3)


@pytest.mark.parametrize(("year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_minimum_track_record_gives_the_years_of_the_paper(year, years):
    # Bailey, Lopez de Prado (2012): to show at 95% that a ratio of 2 a year is above 1, from daily, weekly and monthly
    # normal returns.
    rows = minimum_track_record(2 / np.sqrt(year), benchmark=1 / np.sqrt(year))
    assert rows / year == pytest.approx(years, abs=5e-3)


@settings(max_examples=50, deadline=None)
@given(
    sharpe=st.floats(0.01, 0.5),
    skewness=st.floats(-2, 2),
    above=st.floats(0.5, 8),
    level=st.floats(0.55, 0.999),
)
def test_after_the_minimum_track_record_the_probability_is_the_level(sharpe, skewness, above, level):
    shape = {"skewness": skewness, "kurtosis": 1 + skewness**2 + above}
    rows = minimum_track_record(sharpe, **shape, level=level)
    assert probabilistic_sharpe(sharpe, max(rows, 2), **shape) >= level - 1e-9
    if rows > 2:
        assert probabilistic_sharpe(sharpe, rows, **shape) == pytest.approx(level)
    assert minimum_track_record(sharpe, **shape, benchmark=sharpe) == np.inf


@pytest.mark.parametrize(("trials", "off"), [(2, 0.09), (10, 0.03), (100, 0.015), (1000, 0.012)])
def test_the_expected_maximum_is_near_the_exact_one_of_normal_trials(trials, off):
    exact, _ = quad(lambda z: z * trials * norm.pdf(z) * norm.cdf(z) ** (trials - 1), -8, 10)
    assert expected_maximum_sharpe(trials, 0.04) == pytest.approx(0.2 * exact, rel=off)


def test_one_trial_is_not_deflated_and_more_are_more():
    assert expected_maximum_sharpe(1, 0.3) == 0
    assert deflated_sharpe(**FUND, trials=1, variance=0.3) == probabilistic_sharpe(**FUND)
    falling = [deflated_sharpe(**FUND, trials=n, variance=0.5 / 250) for n in (1, 2, 3, 10, 100, 10**6)]
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) == 6


def test_moments_are_the_sample_s():
    values = np.random.default_rng(0).gamma(2.0, 0.01, 400) - 0.015
    centred = values - values.sum() / 400
    second = (centred**2).sum() / 400
    assert sharpe_moments(values) == pytest.approx(
        {
            "sharpe": values.sum() / 400 / np.sqrt(second * 400 / 399),
            "rows": 400,
            "skewness": (centred**3).sum() / 400 / second**1.5,
            "kurtosis": (centred**4).sum() / 400 / second**2,
        }
    )
    assert np.isnan(probabilistic_sharpe(**sharpe_moments(np.full(10, 0.01))))


def test_the_probability_is_right_as_often_as_it_says():
    # Of many records without skill, a share p has a probabilistic Sharpe ratio of at most p.
    rng = np.random.default_rng(1)
    found = [probabilistic_sharpe(**sharpe_moments(rng.gamma(3.0, 1.0, 250) - 3.0)) for _ in range(1500)]
    for level in (0.1, 0.5, 0.9):
        assert np.mean(np.array(found) <= level) == pytest.approx(level, abs=0.035)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: sharpe_moments([0.1]), DataError, "found 1 returns"),
        (lambda: sharpe_moments([0.1, np.nan]), DataError, "NaN or infinity"),
        (lambda: probabilistic_sharpe(0.1, 1), DataError, "found 1 rows"),
        (
            lambda: probabilistic_sharpe(1.0, 50, skewness=3.0, kurtosis=3.0),
            DataError,
            "no returns have these",
        ),
        (lambda: expected_maximum_sharpe(0, 0.1), SpecError, "trials is 0"),
        (lambda: expected_maximum_sharpe(2.5, 0.1), SpecError, "trials is 2.5"),
        (lambda: expected_maximum_sharpe(5, np.nan), SpecError, "variance is nan"),
        (lambda: minimum_track_record(0.1, level=95), SpecError, "level is 95"),
    ],
)
def test_bad_input_is_refused_with_what_was_found(call, error, said):
    with pytest.raises(error, match=said):
        call()
