from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.errors import DataError
from tsdeep.evaluation import Evidence, backtest, evaluate, risk_figures, rows_a_year, write_report

WEEKS = pd.date_range("2010-01-08", periods=401, freq="W-FRI")


@pytest.fixture
def weekly() -> Evidence:
    predictions = make_predictions().assign(time=WEEKS[:400], cutoff=WEEKS[0] - pd.Timedelta("1D"))
    return Evidence("weeks", "tcn", predictions, make_prices().assign(time=WEEKS), draws=200)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (pd.bdate_range("2010-01-04", periods=300), 252),
        (pd.bdate_range("2010-01-04", periods=300, freq="C", weekmask="Sun Mon Tue Wed Thu"), 252),
        (pd.date_range("2010-01-04", periods=300), 365.25),
        (WEEKS, 365.25 / 7),
        (pd.date_range("2010-01-31", periods=121, freq="ME"), 12),
        (pd.date_range("2010-01-04", periods=24 * 60, freq="h"), 24 * 365.25),
        (WEEKS[:1], 252),
        (pd.RangeIndex(5), 252),
    ],
)
def test_rows_a_year_are_those_of_the_spacing(times, expected):
    assert rows_a_year(times) == pytest.approx(expected, rel=1e-3)


def test_the_sp500_has_252_rows_a_year(sp500, sp500_rows):
    assert backtest(sp500_rows, sp500).periods_per_year == 252


def test_weekly_returns_are_annualised_by_weeks(weekly):
    result = evaluate(weekly)
    traded = result.backtests["tcn"]
    year = 365.25 / 7
    ratios = [returns.mean() / returns.std() * np.sqrt(year) for returns in (traded.net, traded.benchmark)]
    figures = traded.figures()
    assert figures.loc["net", "sharpe"] == pytest.approx(ratios[0])
    assert figures.loc["net", "annual_volatility"] == pytest.approx(traded.net.std() * np.sqrt(year))
    assert figures.loc["net", "turnover"] == pytest.approx(traded.days["turnover"].mean() * year)
    growth = (1 + traded.net).prod() ** (year / len(traded.net)) - 1
    assert figures.loc["net", "annual_return"] == pytest.approx(growth)
    assert risk_figures(traded.net, traded.benchmark)["sharpe"] == pytest.approx(ratios[0])
    assert result.tests.loc["money", "estimate"] == pytest.approx(ratios[0] - ratios[1])


def test_the_report_states_the_rows_a_year_that_it_used(weekly, predictions, prices, tmp_path):
    assert "annualised with 52.2 rows a year" in write_report(weekly, tmp_path).read_text()
    daily = Evidence("days", "tcn", predictions, prices, draws=100)
    assert "annualised with 252 rows a year" in write_report(daily, tmp_path).read_text()


def test_other_rows_and_returns_that_are_no_numbers_are_refused():
    returns = pd.Series(np.linspace(-0.01, 0.02, 30), pd.bdate_range("2010-01-04", periods=30))
    for first, second, words in (
        (returns, returns.iloc[1:], "30 returns beside 29 of the benchmark, expected the same rows"),
        (returns, returns.shift(1, freq="D"), "expected the same rows"),
        (returns.where(returns > 0), returns, "hold NaN or infinity"),
        (returns.iloc[:0], returns.iloc[:0], "0 rows, expected at least 1"),
    ):
        with pytest.raises(DataError, match=words):
            risk_figures(first, second)
