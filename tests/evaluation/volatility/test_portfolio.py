from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.errors import SpecError
from tsdeep.evaluation import (
    check_volatility,
    check_volatility_references,
    make_basket,
    sharpe_difference,
    target_portfolio,
)
from tsdeep.evaluation.volatility.basket import Basket
from tsdeep.evaluation.volatility.portfolio import trade_all
from tsdeep.evaluation.volatility.portfolio_scores import portfolio_differences, portfolio_figures


@pytest.fixture(scope="module")
def methods(made) -> dict[str, pd.DataFrame]:
    predictions = check_volatility(made[0])
    return {"har_network": predictions, **check_volatility_references(made[1], predictions)}


@pytest.fixture(scope="module")
def basket(made, methods) -> Basket:
    return make_basket(methods, made[2])


def by_hand(basket, volatility, horizon, target, limit, cost_bps):
    """Hold each part by itself, asset by asset, in money: returns by day and part, and turnover."""
    close, first, last = basket.closes.close, basket.origin[0], basket.origin[-1]
    known = {day: k for k, day in enumerate(basket.origin)}
    earned: dict[int, list[tuple[float, float, float]]] = {}
    realised = {}
    for part in range(horizon):
        shares, money = np.zeros(close.shape[1]), 1.0
        for start in range(first + part, last + 1, horizon):
            k = known[max(day for day in known if day <= start)]
            whole = np.sqrt(basket.correlation[k].sum()) / close.shape[1]
            w = target / close.shape[1] / volatility[k] / whole
            w = w * min(1.0, limit / w.sum())
            held = shares * close[start] / money
            turnover = np.abs(w - held).sum()
            shares, cash = w * money / close[start], money * (1 - w.sum())
            squares = []
            for day in range(start + 1, start + horizon + 1):
                after = cash + (shares * close[day]).sum()
                gross = after / money - 1
                cost = turnover * cost_bps / 1e4 if day == start + 1 else 0.0
                traded = turnover if day == start + 1 else 0.0
                earned.setdefault(day, []).append((gross, cost, traded))
                squares.append(gross**2)
                money = after
            if start in known:
                realised[start] = np.sqrt(252 * np.mean(squares))
    days = [day for day in sorted(earned) if first + horizon <= day <= last + 1]
    assert all(len(earned[day]) == horizon for day in days)
    table = np.array([np.mean(earned[day], axis=0) for day in days])
    return days, table, [realised[day] for day in basket.origin]


@pytest.mark.parametrize("limit", [3.0, 1.2])
def test_the_portfolio_is_what_one_gets_who_holds_each_part_by_hand(basket, methods, limit):
    volatility = methods["ewma"]["volatility"].to_numpy()[basket.rows]
    found = target_portfolio(basket, volatility, 5, target=0.12, leverage_limit=limit, cost_bps=20)
    days, table, realised = by_hand(basket, volatility, 5, 0.12, limit, 20)
    assert list(found.days.index) == list(pd.DatetimeIndex(basket.closes.time[days]))
    assert found.days["gross"].to_numpy() == pytest.approx(table[:, 0], abs=1e-12)
    assert found.days["cost"].to_numpy() == pytest.approx(table[:, 1], abs=1e-12)
    assert found.days["turnover"].to_numpy() == pytest.approx(table[:, 2], abs=1e-12)
    assert found.days["net"].to_numpy() == pytest.approx(table[:, 0] - table[:, 1], abs=1e-12)
    assert found.risk["realised"].to_numpy() == pytest.approx(realised)
    assert found.risk["exposure"].max() <= limit * (1 + 1e-12)
    assert (found.risk["capped"] == np.isclose(found.risk["exposure"], limit)).all()


def test_a_day_without_forecasts_takes_the_latest(made, methods):
    chosen = methods["har_network"]["time"].isin(methods["har_network"]["time"].unique()[[60, 61, 200]])
    some = {name: frame[~chosen].reset_index(drop=True) for name, frame in methods.items()}
    basket = make_basket(some, made[2])
    volatility = some["ewma"]["volatility"].to_numpy()[basket.rows]
    found = target_portfolio(basket, volatility, 5)
    _, table, realised = by_hand(basket, volatility, 5, 0.1, 3.0, 5.0)
    assert found.days["gross"].to_numpy() == pytest.approx(table[:, 0], abs=1e-12)
    assert found.days["turnover"].to_numpy() == pytest.approx(table[:, 2], abs=1e-12)
    assert found.risk["realised"].to_numpy() == pytest.approx(realised)


def test_forecasts_at_the_truth_keep_risk_nearer_the_target_than_a_constant():
    predictions, _, prices = make_volatility(2500, ("AAA", "BBB", "CCC"), horizon=21, skill=0.0)
    predictions = check_volatility(predictions)
    constant = predictions.groupby("symbol")["y"].transform("mean")
    methods = {"truth": predictions, "constant": predictions.assign(volatility=constant)}
    basket = make_basket(methods, prices)
    portfolios = trade_all(basket, methods, 21)
    figures = portfolio_figures(portfolios, basket)
    risk = portfolio_differences(portfolios, "truth", 21, draws=100).set_index("measure").loc["risk"]
    assert risk["high"] < 0
    gap = figures["risk_error"] ** 2
    assert risk["estimate"] == pytest.approx(gap["truth"] - gap["constant"])
    assert figures.loc["truth", "held_volatility"] == pytest.approx(10, abs=1.0)
    assert figures.loc["constant", "turnover"] < figures.loc["truth", "turnover"]


def test_what_is_ruined_stays_so(basket):
    close = basket.closes.close.copy()
    close[300:] *= 0.5
    closes = dataclasses.replace(basket.closes, close=close)
    fallen = dataclasses.replace(basket, closes=closes)
    found = target_portfolio(fallen, np.full(basket.rows.shape, 0.01), 5)
    assert np.isfinite(found.days.to_numpy()).all()
    assert found.days["gross"].min() == pytest.approx(-1.0)


def test_figures_follow_from_days_and_origins(basket, methods):
    portfolios = trade_all(basket, methods, 5, cost_bps=7)
    figures = portfolio_figures(portfolios, basket)
    for method, portfolio in portfolios.items():
        net, risk = portfolio.days["net"], portfolio.risk["realised"]
        row = figures.loc[method]
        assert row["volatility"] == pytest.approx(100 * net.std(ddof=1) * np.sqrt(252))
        assert row["sharpe"] == pytest.approx(net.mean() / net.std(ddof=1) * np.sqrt(252))
        assert row["risk_error"] == pytest.approx(100 * np.sqrt(((risk - 0.1) ** 2).mean()))
        assert row["annual_return"] == pytest.approx((1 + net).prod() ** (252 / len(net)) - 1)
        assert row["cost"] == pytest.approx(row["turnover"] * 7 / 1e4)


def test_differences_are_tested_by_reference_and_measure(basket, methods):
    portfolios = trade_all(basket, methods, 5)
    table = portfolio_differences(portfolios, "har_network", 5, draws=100).set_index(["measure", "reference"])
    away = {name: (100 * (p.risk["realised"] - 0.1)) ** 2 for name, p in portfolios.items()}
    assert table.loc[("risk", "ewma"), "estimate"] == pytest.approx(
        (away["har_network"] - away["ewma"]).mean()
    )
    one, two = (portfolios[name].days["net"] for name in ("har_network", "ewma"))
    expected = sharpe_difference(one, two, draws=100)
    assert table.loc[("sharpe", "ewma"), "estimate"] == pytest.approx(expected.estimate)
    assert table.loc[("sharpe", "ewma"), "p_value"] == expected.p_value
    assert (table["p_holm"] >= table["p_value"]).all()


def test_too_few_days_have_no_portfolio(basket, methods):
    assert trade_all(basket, methods, 251) == {}


@pytest.mark.parametrize("settings", [{"target": 0.0}, {"leverage_limit": float("nan")}])
def test_settings_that_are_not_positive_are_refused(basket, methods, settings):
    with pytest.raises(SpecError, match=f"{next(iter(settings))} is .* expected a positive number"):
        target_portfolio(basket, np.full(basket.rows.shape, 0.1), 5, **settings)
