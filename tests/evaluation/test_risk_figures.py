from __future__ import annotations

import math

import empyrical
import numpy as np
import pandas as pd
import pytest

from tsdeep.evaluation import Evidence, evaluate, risk_figures

FIGURES = [
    *("annual_return", "annual_volatility", "sharpe", "sortino", "calmar", "max_drawdown"),
    *("alpha", "beta", "tail_ratio"),
]


def by_hand(returns: list[float], benchmark: list[float], year: float) -> dict[str, float]:
    """Every figure written out, a row at a time."""
    n = len(returns)
    mean = sum(returns) / n
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / (n - 1))
    below = math.sqrt(sum(min(r, 0.0) ** 2 for r in returns) / n)
    wealth, peak, drawdown = 1.0, 1.0, 0.0
    for r in returns:
        wealth *= 1.0 + r
        peak = max(peak, wealth)
        drawdown = min(drawdown, wealth / peak - 1.0)
    annual = wealth ** (year / n) - 1.0
    of_benchmark = sum(benchmark) / n
    covariance = sum((r - mean) * (b - of_benchmark) for r, b in zip(returns, benchmark, strict=True))
    beta = covariance / sum((b - of_benchmark) ** 2 for b in benchmark)
    ordered = sorted(returns)

    def percentile(share: float) -> float:
        place = share * (n - 1)
        lower = int(place)
        upper = min(lower + 1, n - 1)
        return ordered[lower] + (place - lower) * (ordered[upper] - ordered[lower])

    return {
        "annual_return": annual,
        "annual_volatility": deviation * math.sqrt(year),
        "sharpe": mean / deviation * math.sqrt(year),
        "sortino": mean / below * math.sqrt(year),
        "calmar": annual / -drawdown,
        "max_drawdown": drawdown,
        "alpha": (1.0 + mean - beta * of_benchmark) ** year - 1.0,
        "beta": beta,
        "tail_ratio": abs(percentile(0.95)) / abs(percentile(0.05)),
    }


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    market = 0.0004 + 0.01 * rng.standard_t(4, 900)
    frame = pd.DataFrame({"strategy": 0.0002 + 0.4 * market + 0.006 * rng.normal(size=900), "market": market})
    return frame.set_index(pd.bdate_range("2011-01-03", periods=900))


@pytest.mark.parametrize("year", [252.0, 365.25 / 7])
def test_every_figure_equals_one_written_out_by_hand(days, year):
    found = risk_figures(days["strategy"], days["market"], periods_per_year=year)
    assert list(found) == FIGURES
    expected = by_hand(days["strategy"].tolist(), days["market"].tolist(), year)
    assert found == pytest.approx(expected, rel=1e-9)
    held = risk_figures(days["market"], days["market"], periods_per_year=year)
    assert held == pytest.approx(by_hand(days["market"].tolist(), days["market"].tolist(), year), abs=1e-12)
    assert (held["alpha"], held["beta"]) == (pytest.approx(0), pytest.approx(1))


def test_every_figure_equals_empyrical_s(days):
    returns, market = days["strategy"], days["market"]
    assert risk_figures(returns, market) == {
        "annual_return": empyrical.annual_return(returns),
        "annual_volatility": empyrical.annual_volatility(returns),
        "sharpe": empyrical.sharpe_ratio(returns),
        "sortino": empyrical.sortino_ratio(returns),
        "calmar": empyrical.calmar_ratio(returns),
        "max_drawdown": empyrical.max_drawdown(returns),
        "alpha": empyrical.alpha(returns, market),
        "beta": empyrical.beta(returns, market),
        "tail_ratio": empyrical.tail_ratio(returns),
    }


def test_a_strategy_that_seldom_trades_has_no_tail_ratio_and_one_that_never_loses_no_calmar():
    index = pd.bdate_range("2011-01-03", periods=100)
    market = pd.Series(np.linspace(-0.01, 0.01, 100), index)
    seldom = pd.Series(np.where(np.arange(100) % 50 == 7, 0.01, 0.0), index)
    found = risk_figures(seldom, market)
    assert np.isnan(found["tail_ratio"])
    assert np.isnan(found["calmar"])
    assert found["max_drawdown"] == 0


def test_strategy_and_benchmark_have_all_figures_in_the_evaluation(predictions, prices, references):
    result = evaluate(Evidence("toy", "tcn", predictions, prices, references=references, draws=100))
    assert set(FIGURES) <= set(result.strategies.columns)
    traded = result.backtests["tcn"]
    expected = by_hand(traded.net.tolist(), traded.benchmark.tolist(), 252)
    assert result.strategies.loc[("tcn", "after"), FIGURES].to_dict() == pytest.approx(expected, rel=1e-9)
    held = by_hand(traded.benchmark.tolist(), traded.benchmark.tolist(), 252)
    found = result.strategies.loc[("buy_and_hold", "before"), FIGURES].to_dict()
    assert found == pytest.approx(held, rel=1e-9, abs=1e-12)
