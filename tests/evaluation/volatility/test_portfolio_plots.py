from __future__ import annotations

import empyrical
import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import labelled
from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.evaluation import (
    check_volatility,
    check_volatility_references,
    equal_weight_returns,
    make_basket,
    plot_target_portfolio,
)
from tsdeep.evaluation.significance import sharpe_ratio
from tsdeep.evaluation.volatility.portfolio import trade_all
from tsdeep.evaluation.volatility.portfolio_plots import plot_portfolio_costs, sharpe_by_cost


@pytest.fixture(scope="module")
def traded():
    predictions, references, prices = make_volatility()
    predictions = check_volatility(predictions)
    methods = {"model": predictions, **check_volatility_references(references, predictions)}
    return methods, make_basket(methods, prices), prices


def test_equal_weights_earn_the_mean_of_the_assets_returns(traded):
    _, basket, prices = traded
    closes = prices.pivot_table(index="time", columns="symbol", values="close").dropna()
    found = equal_weight_returns(basket)
    assert np.allclose(found, closes.pct_change().mean(axis=1).reindex(found.index))


def test_the_portfolio_is_drawn_beside_the_target_and_the_benchmark(traded):
    methods, basket, _ = traded
    made = trade_all(basket, methods, 5, cost_bps=5.0)
    equal = equal_weight_returns(basket)
    asked = {"methods": ["ewma", "model"], "model": "model", "target": 0.1, "horizon_rows": 5}
    figure = plot_target_portfolio(made, **asked, benchmark=equal)
    above, middle, below = figure.axes
    assert any(np.allclose(line.get_ydata(), 10) for line in above.lines)
    net = made["model"].days["net"]
    held = equal.reindex(net.index)
    for returns in (net, held):
        assert any(line.get_ydata()[-1] == pytest.approx((1 + returns).prod()) for line in middle.lines)
    # As empyrical has it, which also counts from the first unit of money.
    lowest = [np.min(line.get_ydata()) for line in below.lines]
    assert lowest == pytest.approx([empyrical.max_drawdown(pd.Series(each)) for each in (net, held)])
    assert min(lowest) < -0.01
    assert {text.get_text() for text in figure.legends[0].get_texts()} == {
        "ewma", "model", "target, 10%", "equal weights, no target",
    }  # fmt: skip
    assert labelled(figure)
    alone = plot_target_portfolio(made, **asked)
    assert [len(axis.lines) for axis in alone.axes] == [3, 3, 1]
    assert labelled(alone)


def test_sharpe_by_cost_is_that_of_a_portfolio_each(traded):
    methods, basket, _ = traded
    made = trade_all(basket, methods, 5, cost_bps=5.0)
    found = sharpe_by_cost(made["model"], 5.0, (0.0, 20.0))
    for sharpe, cost in zip(found, (0.0, 20.0), strict=True):
        net = trade_all(basket, methods, 5, cost_bps=cost)["model"].days["net"]
        assert sharpe == pytest.approx(float(sharpe_ratio(net.to_numpy())))
    assert labelled(plot_portfolio_costs(made, methods=list(made), model="model", cost_bps=5.0))
