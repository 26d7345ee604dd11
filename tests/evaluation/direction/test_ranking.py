from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from tests.evaluation.conftest import labelled, make_predictions, make_prices
from tests.evaluation.whole_page import shown
from tsdeep.evaluation import Evidence, check_predictions, evaluate, plot_ranking, rank_symbols

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")


def panel(skill: float = 0.0, rows: int = 120) -> Evidence:
    """Four symbols; P(up) follows the coming return by so much, the rest is noise."""
    frames, prices = [], []
    for number, symbol in enumerate(SYMBOLS):
        bars = make_prices(rows + 1, seed=20 + number, symbol=symbol)
        came = bars["close"].pct_change().to_numpy()[1:]
        frame = make_predictions(rows, seed=number, symbol=symbol)
        up = (frame["up"] + 5 * skill * came).clip(0.01, 0.99)
        frames.append(frame.assign(y=(came > 0).astype("int8"), up=up))
        prices.append(bars)
    return Evidence("toy", "tcn", pd.concat(frames), pd.concat(prices), draws=100)


def test_the_ranking_is_that_of_scipy_date_by_date():
    evidence = panel(skill=1.0)
    made = evaluate(evidence).ranking
    closes = evidence.prices.pivot(index="time", columns="symbol", values="close")
    returns = closes.pct_change().shift(-1).iloc[:-1]
    up = evidence.predictions.pivot(index="time", columns="symbol", values="up")
    expected = [spearmanr(up.loc[time], returns.loc[time]).statistic for time in up.index]
    np.testing.assert_allclose(made.coefficient.by_date, expected, atol=1e-12)
    top = [
        returns.loc[time, up.loc[time].idxmax()] - returns.loc[time, up.loc[time].idxmin()]
        for time in up.index
    ]
    assert made.spread.spread.estimate == pytest.approx(np.mean(top))
    assert made.spread.by_date.columns.tolist() == [1, 2, 3, 4]
    assert made.coefficient.mean.p_value < 0.001
    assert made.left_out == 0
    assert labelled(plot_ranking(made, name="tcn"))


def test_the_page_shows_the_ranking_of_a_panel_and_of_nothing_less(tmp_path):
    evidence = panel()
    text = shown(evidence, tmp_path / "panel")
    for words in (
        "Are the symbols ranked?",
        "rank correlation (information coefficient)",
        "quantile 4 minus 1",
    ):
        assert words in text, words
    assert "left out" not in text
    assert len(pd.read_csv(tmp_path / "panel" / "information.csv")) == 120
    two = evidence.predictions["symbol"].isin(SYMBOLS[:2])
    few = Evidence("toy", "tcn", evidence.predictions[two], evidence.prices, draws=100)
    assert "Are the symbols ranked?" not in shown(few, tmp_path / "two")
    assert not (tmp_path / "two" / "information.csv").exists()


def test_predictions_that_are_equal_on_every_date_rank_nothing(tmp_path):
    evidence = panel()
    up = evidence.predictions.groupby("time")["up"].transform("mean")
    same = Evidence("toy", "tcn", evidence.predictions.assign(up=up), evidence.prices, draws=100)
    made = rank_symbols(check_predictions(same.predictions), same.prices)
    assert made.coefficient.undefined == 120
    assert np.isnan(made.coefficient.mean.estimate)
    assert " nan" not in shown(same, tmp_path)


def test_predictions_without_a_later_price_are_counted():
    evidence = panel()
    prices = evidence.prices[
        (evidence.prices["symbol"] != "AAA") | (evidence.prices["time"] != evidence.prices["time"].max())
    ]
    made = rank_symbols(check_predictions(evidence.predictions), prices)
    assert made.left_out == 1
    assert made.spread.undefined == 1


def test_there_are_as_many_quantiles_as_most_dates_have_symbols():
    evidence = panel()
    fifth = make_predictions(120, seed=9, symbol="EEE").tail(20)
    predictions = pd.concat([evidence.predictions, fifth])
    prices = pd.concat([evidence.prices, make_prices(121, seed=30, symbol="EEE")])
    made = rank_symbols(check_predictions(predictions), prices)
    assert made.spread.by_date.columns.tolist() == [1, 2, 3, 4]
    assert made.spread.spread.rows == 120
