from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import labelled, make_predictions, make_prices
from tsdeep.evaluation import (
    Evidence,
    backtest,
    diebold_mariano,
    evaluate,
    exposure_figures,
    log_losses,
    sharpe_ratio,
    write_report,
)
from tsdeep.evaluation.direction.strategy_plots import plot_edge, plot_exposure, plot_stability


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    frame = make_predictions()
    moves = make_prices()["close"].pct_change().to_numpy()[1:]
    up = np.where(np.arange(400) % 5 < 2, 0.5 + np.sign(moves) * 0.04, frame["up"])
    frame = frame.assign(up=up, up_seed0=frame["up"], up_seed1=up)
    base = frame.assign(method="base_rate", up=0.52)
    return Evidence("toy", "tcn", frame, make_prices(), references=base, cost_bps=3.0, draws=200)


@pytest.fixture(scope="module")
def evaluation(evidence):
    return evaluate(evidence)


def test_sharpe_by_cost_and_delay_is_that_of_a_backtest_each(evidence, evaluation):
    edge = evaluation.edge
    assert edge.costs.index.tolist() == [0, 1, 2, 3, 5, 10, 20, 50]
    for cost, row in edge.costs.iterrows():
        traded = backtest(evidence.predictions, evidence.prices, cost_bps=cost)
        assert row["sharpe"] == pytest.approx(traded.figures().loc["net", "sharpe"])
    assert edge.delays.index.tolist() == [0, 1, 2, 3, 5, 10]
    for delay, row in edge.delays.iterrows():
        traded = backtest(evidence.predictions, evidence.prices, cost_bps=3.0, delay_rows=delay)
        assert row["sharpe"] == pytest.approx(traded.figures().loc["net", "sharpe"])
    assert edge.buy_and_hold == pytest.approx(traded.figures().loc["buy_and_hold", "sharpe"])


def test_at_the_break_even_cost_nothing_is_earned_and_at_the_other_as_much_as_by_holding(
    evidence, evaluation
):
    edge = evaluation.edge
    even = backtest(evidence.predictions, evidence.prices, cost_bps=edge.break_even_bps)
    assert even.net.mean() == pytest.approx(0, abs=1e-12)
    same = backtest(evidence.predictions, evidence.prices, cost_bps=edge.matches_bps)
    assert float(sharpe_ratio(same.net.to_numpy())) == pytest.approx(edge.buy_and_hold, abs=1e-8)


def test_what_loses_without_costs_has_no_break_even_cost(evidence):
    wrong = evidence.predictions.assign(up=1 - evidence.predictions["up"])
    edge = evaluate(Evidence("toy", "tcn", wrong, evidence.prices, draws=100)).edge
    assert np.isnan(edge.break_even_bps)
    assert np.isnan(edge.matches_bps)


def test_exposure_equals_a_count_by_hand():
    time = pd.bdate_range("2020-01-01", periods=9)
    up = pd.DataFrame({"time": time[:8], "symbol": "SPX", "up": [0.6, 0.6, 0.6, 0.4, 0.4, 0.5, 0.6, 0.4]})
    prices = pd.DataFrame({"time": time, "symbol": "SPX", "close": 10.0})
    found = exposure_figures(backtest(up, prices))
    assert found["net"] == pytest.approx((3 - 2 + 1 - 1) / 8)
    assert found["gross"] == pytest.approx(7 / 8)
    assert (found["long"], found["short"], found["flat"]) == pytest.approx((4 / 8, 3 / 8, 1 / 8))
    assert found["held_rows"] == pytest.approx((3 + 2 + 1 + 1) / 4)
    assert found["changes"] == pytest.approx(5 / 8 * 252)
    assert found["turnover"] == pytest.approx((1 + 2 + 1 + 1 + 2) / 8 * 252)


def test_each_fold_is_measured_by_itself(evidence, evaluation):
    table, frame = evaluation.stability, evidence.predictions
    assert table.index.tolist() == [0, 1, 2, 3]
    net = evaluation.backtests["tcn"].net.to_numpy()
    for fold, rows in frame.groupby("fold"):
        own, base = log_losses(rows["y"], rows["up"]), log_losses(rows["y"], np.full(len(rows), 0.52))
        expected = diebold_mariano(own, base)
        assert table.loc[fold, "loss_difference"] == pytest.approx(expected.estimate)
        assert table.loc[fold, "low"] == pytest.approx(expected.low)
        seed = (log_losses(rows["y"], rows["up_seed0"]) - base).mean()
        assert table.loc[fold, "loss_difference_seed0"] == pytest.approx(seed)
        # The position decided on row i earns on day i.
        assert table.loc[fold, "sharpe"] == pytest.approx(float(sharpe_ratio(net[rows.index])))


def test_figures_say_what_they_show(evaluation):
    traded = evaluation.backtests["tcn"]
    for figure in (
        plot_edge(evaluation.edge, traded),
        plot_exposure(traded),
        plot_stability(evaluation.stability),
        plot_stability(evaluation.stability[["first", "last", "rows", "sharpe", "buy_and_hold"]]),
    ):
        assert labelled(figure)


def test_a_cost_at_which_all_is_lost_leaves_the_other_figures():
    prices = make_prices(1601)
    flips = make_predictions(1600).assign(up=np.where(np.arange(1600) % 2, 0.4, 0.6))
    account = {"rebalance": "on_change", "min_fee": 100.0}
    made = evaluate(Evidence("toy", "tcn", flips, prices, cost_bps=0.0, draws=100, strategy=account))
    lost = made.edge.costs["sharpe"].isna()
    assert lost.iloc[-1]
    assert not lost.iloc[:4].any()
    assert np.isnan(made.edge.costs.loc[50.0, "annual_return"])
    assert labelled(plot_edge(made.edge, made.backtests["tcn"]))


@pytest.mark.parametrize("rebalance", ["free", "on_change"])
def test_a_strategy_that_loses_all_is_reported(tmp_path, rebalance):
    prices = make_prices(401)
    prices.loc[200:, "close"] *= 3
    down = make_predictions(400).assign(up=np.linspace(0.2, 0.4, 400))
    evidence = Evidence("toy", "tcn", down, prices, draws=100, strategy={"rebalance": rebalance})
    made = evaluate(evidence)
    said = f"lost all of its equity by {prices['time'][200]:%Y-%m-%d}, and traded no more"
    assert any(said in caveat for caveat in made.caveats)
    assert made.strategies.loc[("tcn", "after"), "max_drawdown"] == -1
    assert np.isnan([*made.edge.costs["sharpe"], made.edge.break_even_bps, made.edge.matches_bps]).all()
    assert said in write_report(evidence, tmp_path).read_text()
