from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import Strategy, backtest, position_sizes
from tsdeep.evaluation.positions import limit_holding, limit_leverage, limit_turnover, past_volatility

ROWS = 60
BEFORE = 30
SIZES = (
    {},
    {"sizing": "threshold", "threshold": 0.53},
    {"sizing": "probability"},
    {"sizing": "volatility_target", "target_volatility": 0.1, "max_leverage": 2.0},
    {"sizing": "volatility_target", "target_volatility": 0.1, "threshold": 0.52},
    {"sizing": "equal_risk", "volatility_halflife_rows": 10},
    {"sizing": "equal_risk", "short": False},
)
LIMITS = (
    {},
    {"max_leverage": 0.4},
    {"min_holding_rows": 3},
    {"max_holding_rows": 4},
    {"min_holding_rows": 2, "max_holding_rows": 5, "max_turnover": 0.3},
    {"max_turnover": 0.1},
)
ACCOUNTS = (
    {},
    {"rebalance": "on_change"},
    {"rebalance": "every_row", "fee_per_share": 0.01, "borrow_bps": 100.0},
)


def two_symbols() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of two symbols from row 30 of their prices on."""
    prices, predictions = [], []
    for seed, symbol in enumerate("AB"):
        bars = make_prices(rows=BEFORE + ROWS + 1, seed=seed, symbol=symbol)
        rows = make_predictions(rows=ROWS, seed=seed + 10, symbol=symbol)
        prices.append(bars)
        predictions.append(rows.assign(time=bars["time"].to_numpy()[BEFORE : BEFORE + ROWS]))
    return pd.concat(predictions, ignore_index=True), pd.concat(prices, ignore_index=True)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("limit", LIMITS, ids=str)
@settings(max_examples=3, deadline=None)
@given(
    account=st.sampled_from(ACCOUNTS),
    execution=st.sampled_from(["close", "next_open", "next_close"]),
    row=st.integers(0, ROWS - 2),
    seed=st.integers(0, 2**16),
)
def test_no_position_decided_up_to_t_depends_on_prices_or_predictions_after_t(
    size, limit, account, execution, row, seed
):
    predictions, prices = two_symbols()
    chosen = {**size, **limit, **account, "execution": execution}
    at = prices["time"].iloc[BEFORE + row]
    rng = np.random.default_rng(seed)
    later, after = predictions["time"] > at, prices["time"] > at
    changed, moved = predictions.copy(), prices.copy()
    changed.loc[later, "up"] = rng.uniform(0, 1, int(later.sum()))
    moved.loc[after, ["open", "close"]] *= rng.uniform(0.95, 1.05, (int(after.sum()), 2))
    first, second = backtest(predictions, prices, **chosen), backtest(changed, moved, **chosen)
    pd.testing.assert_frame_equal(first.targets.loc[:at], second.targets.loc[:at], check_exact=True)
    pd.testing.assert_frame_equal(first.days.loc[:at], second.days.loc[:at], check_exact=True)
    orders = [
        result.fills[result.fills["ordered"] <= at][["ordered", "symbol", "side"]]
        for result in (first, second)
    ]
    pd.testing.assert_frame_equal(*orders)


def test_past_volatility_is_the_weighted_root_mean_square_up_to_each_row():
    closes = make_prices(rows=50)
    closes = closes.set_index("time")["close"]
    decided = closes.index[20:]
    made = past_volatility(closes, decided, 10.0, "SPX")
    squares = (closes.to_numpy()[1:] / closes.to_numpy()[:-1] - 1) ** 2
    for row in (20, 35, 49):
        ages = np.arange(row)[::-1]
        weights = 0.5 ** (ages / 10.0)
        expected = np.sqrt(252 * np.sum(weights * squares[:row]) / np.sum(weights))
        assert made[closes.index[row]] == pytest.approx(expected, rel=1e-12)


def test_volatility_target_holds_the_target_over_the_estimate_up_to_the_limit():
    predictions, prices = two_symbols()
    one, bars = predictions[predictions["symbol"] == "A"], prices[prices["symbol"] == "A"]
    made = backtest(one, bars, sizing="volatility_target", target_volatility=0.12, max_leverage=0.9)
    closes = bars.set_index("time")["close"]
    estimate = past_volatility(closes, made.targets.index, 21.0, "A").to_numpy()
    expected = position_sizes(one["up"]) * np.minimum(0.12 / estimate, 0.9)
    assert np.allclose(made.targets["A"], expected, atol=1e-12)
    assert 0 < (np.abs(expected) < 0.9).mean() < 1


def test_equal_risk_gives_each_symbol_the_same_weight_times_volatility():
    predictions, prices = two_symbols()
    prices.loc[prices["symbol"] == "B", "close"] = 100 * (prices["close"][prices["symbol"] == "B"] / 100) ** 3
    made = backtest(predictions, prices, sizing="equal_risk")
    weights = made.targets.abs() / 2
    assert np.allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    volatility = pd.DataFrame(
        {
            symbol: past_volatility(
                prices[prices["symbol"] == symbol].set_index("time")["close"],
                made.targets.index,
                21.0,
                symbol,
            )
            for symbol in "AB"
        }
    )
    risk = weights * volatility
    assert np.allclose(risk["A"], risk["B"], rtol=1e-12)
    assert (weights["B"] < 0.4).all()


def test_equal_risk_divides_equity_among_the_symbols_predicted_at_the_row():
    predictions, prices = two_symbols()
    gone = predictions[(predictions["symbol"] == "A") | (predictions.index % 2 == 0)]
    made = backtest(gone, prices, sizing="equal_risk")
    absent = made.targets.index.difference(gone[gone["symbol"] == "B"]["time"])
    assert (made.targets.loc[absent, "B"] == 0).all()
    assert np.allclose(made.targets.loc[absent, "A"].abs(), 2.0)


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(0, 4),
)
def test_no_position_is_shorter_or_longer_than_its_limits(wanted, least, more):
    most = least + more
    kept = np.sign(limit_holding(np.array(wanted), least, most))
    starts = np.flatnonzero(np.diff(np.concatenate([[np.nan], kept])) != 0)
    ends = np.append(starts[1:], len(kept))
    for start, end in zip(starts, ends, strict=True):
        if kept[start]:
            assert end - start <= most
            assert end - start >= least or end == len(kept)


def test_a_position_that_was_closed_by_its_limit_waits_for_another_call():
    wanted = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0, -1.0])
    assert limit_holding(wanted, 1, 2).tolist() == [1, 1, 0, 0, 0, 1, -1]


def test_a_position_that_is_kept_takes_new_sizes_of_its_own_direction_only():
    wanted = np.array([1.0, 0.5, -1.0, -0.5])
    assert limit_holding(wanted, 3, None).tolist() == [1, 0.5, 0.5, -0.5]


@given(
    st.lists(st.tuples(*[st.floats(-3, 3)] * 3), min_size=1, max_size=20),
    st.floats(0.1, 2),
    st.floats(0.05, 2),
)
def test_leverage_and_turnover_stay_within_their_limits(wanted, leverage, turnover):
    capped = limit_leverage(np.array(wanted), leverage)
    assert (np.abs(capped).mean(axis=1) <= leverage * (1 + 1e-8)).all()
    assert (np.sign(capped) == np.sign(wanted)).all() or np.abs(wanted).min() < 1e-300
    slow = limit_turnover(capped, turnover)
    changes = np.abs(np.diff(slow, axis=0, prepend=0)).mean(axis=1)
    assert (changes <= turnover * (1 + 1e-8)).all()
    assert (np.abs(slow).mean(axis=1) <= leverage * (1 + 1e-8)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizing": "volatility_target"}, "target_volatility is None"),
        ({"target_volatility": 0.1}, "target_volatility is 0.1, but 'volatility_target'"),
        ({"sizing": "volatility_target", "target_volatility": 0.0}, "target_volatility is 0.0, expected"),
        ({"volatility_halflife_rows": 5.0}, "volatility_halflife_rows is 5.0, but only"),
        ({"sizing": "equal_risk", "threshold": 0.2}, "threshold is 0.2"),
        ({"max_leverage": 0.0}, "max_leverage is 0.0"),
        ({"min_holding_rows": 0}, "min_holding_rows is 0"),
        ({"max_holding_rows": 2.5}, "max_holding_rows is 2.5"),
        ({"min_holding_rows": 5, "max_holding_rows": 4}, "expected at least min_holding_rows, 5"),
        ({"max_turnover": float("nan")}, "max_turnover is nan"),
        ({"borrow_bps": -1.0}, "borrow_bps is -1.0"),
        ({"rebalance": "on_chnge"}, "did you mean 'on_change'"),
        ({"min_fee": 1.0}, "rebalance 'free' counts no shares"),
        ({"capital": 1e6}, "rebalance 'free' counts no shares"),
    ],
)
def test_settings_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(SpecError, match=message):
        Strategy(**arguments)


def test_a_volatility_that_cannot_be_known_is_refused():
    predictions, prices = two_symbols()
    late = prices[prices["time"] >= prices["time"].iloc[BEFORE - 5]]
    with pytest.raises(DataError, match=r"5 returns of A up to its first prediction.*at least 21"):
        backtest(predictions, late, sizing="equal_risk")
    flat = prices.assign(close=prices["close"].where(prices["symbol"] == "A", 50.0))
    with pytest.raises(DataError, match=r"volatility of B at .* is 0\.0"):
        backtest(predictions, flat, sizing="equal_risk")
    holed = prices.copy()
    holed.loc[7, "close"] = np.nan
    with pytest.raises(DataError, match=r"close of A at 2010-01-13.*is nan"):
        backtest(predictions, holed, sizing="equal_risk")


def test_symbols_that_depend_on_each_other_need_the_same_rows():
    predictions, prices = two_symbols()
    at = predictions["time"].iloc[20]
    gone = [table[~((table["symbol"] == "B") & (table["time"] == at))] for table in (predictions, prices)]
    assert backtest(*gone).undecided == 0
    for chosen in ({"sizing": "equal_risk"}, {"rebalance": "on_change"}, {"max_turnover": 0.5}):
        with pytest.raises(DataError, match=f"B has no row at {at}"):
            backtest(*gone, **chosen)
