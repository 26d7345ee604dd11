from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.errors import SpecError
from tsdeep.evaluation import (
    Evidence,
    deflated_sharpe,
    evaluate,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
    sharpe_odds,
    sharpe_ratio,
    trial_number,
    write_report,
)


@pytest.fixture(scope="module")
def returns() -> pd.Series:
    values = 0.0012 + 0.01 * np.random.default_rng(0).standard_t(5, 800)
    return pd.Series(values, pd.bdate_range("2010-01-05", periods=800))


def registered(returns: pd.Series, sharpes: list[float]) -> pd.DataFrame:
    about = {"rows": len(returns), "first": returns.index[0], "last": returns.index[-1]}
    return pd.DataFrame({"sharpe": np.array(sharpes, dtype=np.float64), **about})


def test_figures_are_those_of_the_moments_annualised(returns):
    odds = sharpe_odds(returns, variants=24, draws=200)
    moments = sharpe_moments(returns)
    shape = {name: moments[name] for name in ("skewness", "kurtosis")}
    assert odds.sharpe == pytest.approx(float(sharpe_ratio(returns.to_numpy())))
    assert odds.low < odds.sharpe < odds.high
    assert odds.probabilistic == probabilistic_sharpe(**moments)
    assert odds.track_record_rows == minimum_track_record(moments["sharpe"], **shape)
    assert odds.deflated == deflated_sharpe(**moments, trials=24, variance=1 / 799)
    assert odds.trials_error == pytest.approx(np.sqrt(252 / 799))
    assert odds == sharpe_odds(returns, variants=24, draws=200)


def test_ten_trials_on_the_same_rows_say_how_much_trials_vary(returns):
    own = sharpe_moments(returns)["sharpe"]
    others = list(np.linspace(-0.02, 0.05, 9))
    odds = sharpe_odds(returns, trials=registered(returns, others), draws=100)
    variance = np.var([*others, own], ddof=1)
    assert odds.trials == 10
    assert odds.trials_error == pytest.approx(np.sqrt(252 * variance))
    assert odds.deflated == deflated_sharpe(**sharpe_moments(returns), trials=10, variance=variance)
    assert "Sharpe ratios of the 10 that are registered on these very rows" in odds.words
    # Of nine, one ran on fewer rows, and one trades nothing: seven are left.
    few = registered(returns, [*others[:7], np.nan, 0.1])
    few.loc[8, "rows"] = 252
    odds = sharpe_odds(returns, trials=few, draws=100)
    assert odds.trials == 10
    assert odds.trials_error == pytest.approx(np.sqrt(252 / 799))
    assert "Fewer than 10 are registered" in odds.words


@pytest.mark.parametrize(
    ("variants", "others", "number", "said"),
    [
        (None, None, None, "How many settings were tried is not known"),
        (24, None, 24, "Number of settings tried: 24 are stated. Fewer"),
        (
            24,
            3,
            24,
            "24 are stated and the registry of trials has 4 of this study, this one included; the larger",
        ),
        (2, 5, 6, "2 are stated and the registry of trials has 6"),
        (None, 0, 1, "has 1 of this study, this one included. So nothing is deflated"),
        (1, None, 1, "1 is stated. So nothing is deflated"),
    ],
)
def test_the_number_of_trials_is_the_larger_and_said_in_words(returns, variants, others, number, said):
    trials = None if others is None else registered(returns, [0.01] * others)
    assert trial_number(variants, trials) == number
    odds = sharpe_odds(returns, variants=variants, trials=trials, draws=100)
    assert odds.trials == number
    assert said in odds.words
    if number is None:
        assert np.isnan(odds.deflated)
        assert np.isnan(odds.expected_maximum)
    elif number == 1:
        assert odds.deflated == odds.probabilistic
    else:
        assert odds.deflated < odds.probabilistic


def test_the_words_say_what_the_deflated_ratio_means(returns):
    assert "more than the luck" in sharpe_odds(returns + 0.003, variants=100, draws=100).words
    assert "it may well be the luck" in sharpe_odds(returns, variants=20, draws=100).words
    assert "no more than luck alone would show" in sharpe_odds(-returns, variants=20, draws=100).words


def test_constant_returns_and_few_have_no_ratio(returns):
    for series in (returns * 0.0, returns.iloc[:2]):
        odds = sharpe_odds(series, variants=5)
        assert np.isnan([odds.sharpe, odds.low, odds.probabilistic, odds.deflated]).all()
        assert "not defined" in odds.words
        assert odds.trials == 5


@pytest.fixture
def evidence() -> Evidence:
    return Evidence("toy", "tcn", make_predictions(), make_prices(), draws=100)


def plain_cells(page):
    return re.sub("<td [^>]*>", "<td>", page)


def test_the_evaluation_has_the_odds_of_its_own_strategy_and_says_so(evidence, tmp_path):
    before = evaluate(evidence)
    prices = make_prices()
    trials = pd.DataFrame(
        {"sharpe": [0.01] * 3, "rows": 400, "first": prices["time"].iloc[1], "last": prices["time"].iloc[-1]}
    )
    known = dataclasses.replace(evidence, trials=trials)
    after = evaluate(known)
    net = after.backtests["tcn"].net
    assert after.sharpe_odds.sharpe == pytest.approx(after.strategies.loc[("tcn", "after"), "sharpe"])
    assert after.sharpe_odds.probabilistic == probabilistic_sharpe(**sharpe_moments(net))
    assert after.sharpe_odds.words in after.caveats
    assert "4 settings were tried" in " ".join(after.caveats)
    assert "not recorded" not in " ".join(after.caveats)
    assert "How many settings were tried is not known" in " ".join(before.caveats)
    pd.testing.assert_frame_equal(before.tests, after.tests)
    pd.testing.assert_frame_equal(before.strategies, after.strategies)
    page = plain_cells(write_report(known, tmp_path, evaluation=after).read_text())
    assert "<td>settings tried, as far as known</td><td>4</td>" in page
    assert f"P(true ratio above that)</td><td>{after.sharpe_odds.deflated:.3f}</td>" in page
    assert "the registry of trials has 4 of this study" in page
    unknown = plain_cells(write_report(evidence, tmp_path / "unknown").read_text())
    assert "<td>settings tried, as far as known</td><td>not known</td>" in unknown


def test_a_strategy_that_never_trades_makes_a_page_too(evidence, tmp_path):
    flat = dataclasses.replace(evidence, predictions=evidence.predictions.assign(up=0.5))
    page = write_report(flat, tmp_path).read_text()
    assert "Sharpe ratio is not defined" in page


def test_a_registry_without_its_columns_is_refused(evidence):
    with pytest.raises(SpecError, match="trials has the columns sharpe, expected sharpe, rows, first, last"):
        dataclasses.replace(evidence, trials=pd.DataFrame({"sharpe": [0.1]}))
