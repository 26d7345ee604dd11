from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr
from scipy.stats import t as student
from statsmodels.regression.linear_model import OLS

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation import forward_returns, information_coefficient, quantile_spread


def make_panel(dates: int = 300, symbols: int = 12, *, skill: float = 0.3, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(dates, symbols)).round(1)  # with ties
    outcome = skill * score + rng.normal(size=(dates, symbols))
    index = pd.MultiIndex.from_product(
        [pd.bdate_range("2020-01-01", periods=dates), [f"S{k:02d}" for k in range(symbols)]],
        names=["time", "symbol"],
    )
    frame = pd.DataFrame({"score": score.ravel(), "came": outcome.ravel()}, index=index).reset_index()
    return frame.sample(frac=0.9, random_state=seed)  # some symbols are missing; in no order


def test_coefficients_are_those_of_scipy():
    frame = make_panel()
    made = information_coefficient(frame, score="score", outcome="came")
    expected = {
        time: spearmanr(rows["score"], rows["came"]).statistic for time, rows in frame.groupby("time")
    }
    np.testing.assert_allclose(made.by_date.to_numpy(), list(expected.values()), rtol=1e-12)
    assert made.by_date.index.tolist() == list(expected)
    assert made.undefined == 0
    assert made.positive == np.mean(np.array(list(expected.values())) > 0)


@pytest.mark.parametrize(("horizon_rows", "lags"), [(1, 5), (21, 63)])
def test_the_mean_has_newey_west_errors(horizon_rows, lags):
    frame = make_panel()
    made = information_coefficient(frame, score="score", outcome="came", horizon_rows=horizon_rows).mean
    values = np.array([spearmanr(rows["score"], rows["came"]).statistic for _, rows in frame.groupby("time")])
    fit = OLS(values, np.ones(len(values))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
    assert made.estimate == pytest.approx(values.mean())
    assert made.statistic == pytest.approx(fit.tvalues[0])
    # Over many lags the variance is uncertain: Student's t with 1.5 * 300 / 64 degrees of freedom.
    beyond = student.sf(fit.tvalues[0], 1.5 * 300 / 64) if horizon_rows > 1 else norm.sf(fit.tvalues[0])
    assert made.p_value == pytest.approx(2 * beyond)


def test_predictions_of_nothing_have_no_information():
    rejected = []
    for seed in range(60):
        frame = make_panel(150, skill=0.0, seed=seed)
        rejected.append(information_coefficient(frame, score="score", outcome="came").mean.p_value < 0.05)
    assert np.mean(rejected) < 0.15


def test_dates_that_say_nothing_are_counted_not_guessed():
    frame = pd.DataFrame(
        {
            "time": [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
            "symbol": list("ab" + "abc" * 3),
            "score": [0.1, 0.2, 0.5, 0.5, 0.5, 0.1, 0.2, 0.3, 0.1, 0.2, 0.3],
            "came": [1.0, 2.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 3.0, 1.0, 2.0],
        }
    )
    made = information_coefficient(frame, score="score", outcome="came")
    # Two symbols; one prediction for all; in order; the ranks 3, 1, 2 against 1, 2, 3.
    np.testing.assert_allclose(made.by_date, [np.nan, np.nan, 1.0, -0.5])
    assert (made.undefined, made.positive) == (2, 0.5)
    assert made.mean.estimate == pytest.approx(0.25)


def test_quantiles_of_a_hand_made_panel():
    frame = pd.DataFrame(
        {
            "time": np.repeat([1, 2, 3], [4, 5, 4]),
            "symbol": list("abcd" + "abcde" + "abcd"),
            "score": [4, 3, 2, 1, 1, 2, 3, 4, 5, 7, 7, 7, 9],
            "came": [0.04, 0.02, -0.01, -0.03, 0.00, 0.02, 0.03, 0.05, 0.01, 0.01, 0.02, 0.03, 0.10],
        }
    )
    made = quantile_spread(frame, score="score", outcome="came", quantiles=2)
    # Date 1: d, c below, b, a above. Date 2: ranks 1 and 2 below, 3 to 5 above. Date 3: three share rank 2.
    expected = [[-0.02, 0.03], [0.01, 0.03], [0.02, 0.10]]
    np.testing.assert_allclose(made.by_date, expected, atol=1e-15)
    assert made.spread.estimate == pytest.approx((0.05 + 0.02 + 0.08) / 3)
    assert made.table["mean"].tolist() == pytest.approx([0.01 / 3, 0.16 / 3])
    assert (made.positive, made.undefined) == (1.0, 0)
    more = quantile_spread(frame, score="score", outcome="came", quantiles=5)
    # Only date 2 has five symbols.
    assert more.undefined == 2
    assert more.table["dates"].tolist() == [1] * 5
    assert more.spread.estimate == pytest.approx(0.01)
    ties = quantile_spread(frame, score="score", outcome="came", quantiles=4)
    # On date 3 nothing is in the lowest of four quantiles.
    assert ties.undefined == 1
    assert np.isnan(ties.by_date.loc[3, 1])


def test_quantiles_equal_a_loop_over_dates():
    frame = make_panel(80, symbols=11, seed=4)
    made = quantile_spread(frame, score="score", outcome="came", quantiles=3)
    for time, rows in frame.groupby("time"):
        ranks = [
            (rows["score"] < one).sum() + ((rows["score"] == one).sum() + 1) / 2 for one in rows["score"]
        ]
        third = np.array([int((rank - 0.5) * 3 / len(rows)) for rank in ranks])
        for k in range(3):
            assert made.by_date.loc[time, k + 1] == pytest.approx(rows["came"].to_numpy()[third == k].mean())
    assert made.table["mean"].is_monotonic_increasing
    assert made.spread.low > 0


def test_forward_returns_look_ahead_in_the_rows_of_the_symbol():
    prices = pd.DataFrame(
        {"time": [1, 2, 3, 1, 3], "symbol": list("aaabb"), "close": [10.0, 11.0, 22.0, 5.0, 4.0]}
    ).sample(frac=1, random_state=0)
    made = forward_returns(prices)
    assert made["symbol"].tolist() == ["a", "a", "b"]
    assert made["time"].tolist() == [1, 2, 1]
    np.testing.assert_allclose(made["forward_return"], [0.1, 1.0, -0.2])
    np.testing.assert_allclose(forward_returns(prices, 2)["forward_return"], [1.2])
    with pytest.raises(DataError, match=r"close of a at 2 is -1\.0"):
        forward_returns(prices.replace(11.0, -1.0))


def test_what_cannot_be_ranked_is_refused():
    frame = make_panel(5)
    for bad, words in (
        (frame.drop(columns="came"), "no column 'came'"),
        (frame.iloc[:0], "no rows"),
        (pd.concat([frame, frame.iloc[:1]]), "given twice"),
        (frame.assign(score=np.nan), "score of S0. at .* is nan"),
    ):
        with pytest.raises(DataError, match=words):
            information_coefficient(bad, score="score", outcome="came")
    prices = pd.DataFrame({"time": [1, 2], "symbol": "a", "close": 1.0})
    for horizon in (0, -1, 1.5):
        with pytest.raises(SpecError, match=f"horizon_rows is {horizon}"):
            forward_returns(prices, horizon)
        with pytest.raises(SpecError, match=f"horizon_rows is {horizon}"):
            information_coefficient(frame, score="score", outcome="came", horizon_rows=horizon)
    with pytest.raises(DataError, match="no column 'close'; expected time, symbol, close"):
        forward_returns(frame)
    with pytest.raises(SpecError, match="quantiles is 1"):
        quantile_spread(frame, score="score", outcome="came", quantiles=1)
