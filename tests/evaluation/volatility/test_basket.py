from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.errors import DataError
from tsdeep.evaluation import check_volatility, check_volatility_references, make_basket
from tsdeep.evaluation.volatility.basket import CORRELATION_ROWS


@pytest.fixture(scope="module")
def methods(made) -> dict[str, pd.DataFrame]:
    predictions = check_volatility(made[0])
    return {"har_network": predictions, **check_volatility_references(made[1], predictions)}


def test_forecasts_and_what_came_follow_their_definitions_day_by_day(made, methods):
    prices = made[2]
    basket = make_basket(methods, prices)
    close = prices.pivot(index="time", columns="symbol", values="close")
    logs = np.log(close).diff()
    equal = np.log1p(close.pct_change().mean(axis=1))
    assert basket.annual_rows == pytest.approx(252, rel=1e-9)
    assert basket.left_out == 0
    for method in ("har_network", "ewma"):
        found = basket.predictions[method]
        assert len(found) == 500
        wide = methods[method].pivot(
            index="time", columns="symbol", values=["variance", "volatility", "median"]
        )
        for i in (0, 17, 250, 499):
            row = found.iloc[i]
            at = close.index.get_loc(row["time"])
            correlation = logs.iloc[at - CORRELATION_ROWS + 1 : at + 1].corr().to_numpy()
            w = np.full(3, 1 / 3)
            for name, value in (("variance", row["variance"]), ("volatility", row["volatility"] ** 2)):
                d = wide[name].loc[row["time"]].to_numpy()
                d = np.diag(np.sqrt(d) if name == "variance" else d)
                assert value == pytest.approx(w @ d @ correlation @ d @ w, rel=1e-10)
            d = np.diag(wide["median"].loc[row["time"]])
            assert row["median"] == pytest.approx(np.sqrt(w @ d @ correlation @ d @ w), rel=1e-10)
            ahead = equal.iloc[at + 1 : at + 6]
            assert row["end"] == close.index[at + 5]
            assert row["y"] == pytest.approx(np.sqrt(252 * np.mean(ahead**2)), rel=1e-9)


def test_the_basket_is_scored_as_an_asset_is(made, methods):
    from tsdeep.evaluation import volatility_metrics

    rows = make_basket(methods, made[2]).predictions["log_har"]
    ratio = rows["y"] ** 2 / rows["variance"]
    assert volatility_metrics(rows)["qlike"] == pytest.approx((ratio - np.log(ratio) - 1).mean())


def test_assets_without_predictions_are_passed_over(made, methods):
    other = made[2][made[2]["symbol"] == "AAA"].assign(symbol="ZZZ", close=1.0)
    basket = make_basket(methods, pd.concat([made[2], other]))
    assert basket.closes.symbols == ("AAA", "BBB", "CCC")


def test_days_without_all_assets_or_enough_returns_are_left_out(made, methods):
    chosen = methods["har_network"].index.difference([3, 700])
    some = {name: frame.loc[chosen].reset_index(drop=True) for name, frame in methods.items()}
    begin = made[2]["time"].unique()[20]
    basket = make_basket(some, made[2][made[2]["time"] >= begin])
    # Origins begin on day 60, with 40 returns since day 20: ten days are short of 50, one of them also of AAA.
    assert basket.left_out == 10 + 1
    assert len(basket.predictions["har_network"]) == 489


def test_one_asset_has_no_basket(made, methods):
    one = {name: frame[frame["symbol"] == "AAA"] for name, frame in methods.items()}
    assert make_basket(one, made[2]) is None


def test_labels_annualised_otherwise_give_a_basket_annualised_so(made, methods):
    other = {name: frame.assign(y=frame["y"] * np.sqrt(365 / 252)) for name, frame in methods.items()}
    assert make_basket(other, made[2]).annual_rows == pytest.approx(365, rel=1e-9)


def test_labels_on_common_days_are_those_of_assets_learnt_together():
    predictions, _, prices = make_volatility(80, ("AAA", "BBB"))
    extra = pd.DataFrame(
        {"time": [pd.Timestamp("2009-10-03")], "symbol": ["AAA"], "open": [90.0], "close": [90.0]}
    )
    basket = make_basket({"m": check_volatility(predictions)}, pd.concat([prices, extra], ignore_index=True))
    assert len(basket.predictions["m"]) == 80


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[p["symbol"] != "BBB"], "prices: none of BBB, which has predictions"),
        (lambda p: pd.concat([p, p.iloc[[700]]]), "prices: BBB at .* is given twice"),
        (lambda p: p.assign(close=p["close"].where(p.index != 700, -1.0)), "close of BBB at .* is -1.0"),
        (lambda p: p.drop(columns="close"), "prices: no column 'close'"),
        (
            lambda p: p.assign(close=p["close"].where(p.index != 700, p["close"] * 1.1)),
            "realised volatility of BBB from .* by the closes, and .* in the predictions",
        ),
        (lambda p: p.drop(p.index[[700]]), "prices: no moving closes of BBB from"),
    ],
)
def test_prices_that_do_not_fit_are_refused_with_their_place(made, methods, change, message):
    with pytest.raises(DataError, match=message):
        make_basket(methods, change(made[2]))
