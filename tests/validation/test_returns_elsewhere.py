"""A result's returns in the libraries that take such a series: the same figures, and their tear sheets are drawn."""

from __future__ import annotations

import empyrical
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.validation.test_hand_over import result_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def returns():
    return result_of().returns()


@pytest.fixture(autouse=True)
def drawn_nowhere():
    with mpl.rc_context({"backend": "agg"}):
        yield
        plt.close("all")


def test_quantstats_has_the_figures_of_empyrical(returns, tmp_path):
    import quantstats

    stats = quantstats.stats
    assert stats.sharpe(returns) == pytest.approx(empyrical.sharpe_ratio(returns), rel=1e-9)
    assert stats.sortino(returns) == pytest.approx(empyrical.sortino_ratio(returns), rel=1e-9)
    assert stats.volatility(returns) == pytest.approx(empyrical.annual_volatility(returns), rel=1e-9)
    assert stats.max_drawdown(returns) == pytest.approx(empyrical.max_drawdown(returns), rel=1e-9)
    assert stats.comp(returns) == pytest.approx(empyrical.cum_returns_final(returns), rel=1e-9)
    table = quantstats.reports.metrics(returns, mode="basic", display=False)
    assert float(table.loc["Sharpe", "Strategy"]) == pytest.approx(empyrical.sharpe_ratio(returns), abs=0.005)
    page = tmp_path / "quantstats.html"
    quantstats.reports.html(returns, output=str(page), title="tcn")
    html = page.read_text()
    assert "Cumulative Returns" in html
    assert html.count("<svg") > 5


def test_pyfolio_has_the_figures_of_empyrical_and_draws_its_tear_sheet(returns):
    import pyfolio

    stats = pyfolio.timeseries.perf_stats(returns)
    for name, figure in {
        "Annual return": empyrical.annual_return,
        "Annual volatility": empyrical.annual_volatility,
        "Sharpe ratio": empyrical.sharpe_ratio,
        "Sortino ratio": empyrical.sortino_ratio,
        "Max drawdown": empyrical.max_drawdown,
    }.items():
        assert stats[name] == pytest.approx(figure(returns), rel=1e-9), name
    worst = pyfolio.timeseries.gen_drawdown_table(returns, top=1)
    assert worst["Net drawdown in %"].iloc[0] == pytest.approx(
        -100 * empyrical.max_drawdown(returns), rel=1e-9
    )
    sheet = pyfolio.create_returns_tear_sheet(returns, return_fig=True)
    titles = [axis.get_title() for axis in sheet.axes]
    assert any("Cumulative returns" in title for title in titles)
    assert np.isfinite(returns).all()
