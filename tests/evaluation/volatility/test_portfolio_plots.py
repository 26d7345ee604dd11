from __future__ import annotations

import pytest

from tests.evaluation.conftest import labelled
from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.evaluation import check_volatility, check_volatility_references, make_basket
from tsdeep.evaluation.significance import sharpe_ratio
from tsdeep.evaluation.volatility.portfolio import trade_all
from tsdeep.evaluation.volatility.portfolio_plots import plot_portfolio_costs, sharpe_by_cost


def test_sharpe_by_cost_is_that_of_a_portfolio_each():
    predictions, references, prices = make_volatility()
    predictions = check_volatility(predictions)
    methods = {"model": predictions, **check_volatility_references(references, predictions)}
    basket = make_basket(methods, prices)
    made = trade_all(basket, methods, 5, cost_bps=5.0)
    found = sharpe_by_cost(made["model"], 5.0, (0.0, 20.0))
    for sharpe, cost in zip(found, (0.0, 20.0), strict=True):
        net = trade_all(basket, methods, 5, cost_bps=cost)["model"].days["net"]
        assert sharpe == pytest.approx(float(sharpe_ratio(net.to_numpy())))
    assert labelled(plot_portfolio_costs(made, methods=list(made), model="model", cost_bps=5.0))
