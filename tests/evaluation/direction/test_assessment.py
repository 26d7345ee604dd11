from __future__ import annotations

import dataclasses
import time

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.conftest import make_predictions, make_prices
from tsdeep.evaluation import (
    Evidence,
    diebold_mariano,
    evaluate,
    figures,
    log_losses,
    pesaran_timmermann,
)


@pytest.fixture
def evidence(predictions, prices, references) -> Evidence:
    return Evidence("toy", "tcn", predictions, prices, references=references, draws=200)


def test_noise_is_called_nothing(evidence):
    result = evaluate(evidence)
    assert result.verdict.outcome in ("nothing", "lost")
    assert result.tests.index.tolist() == ["probabilities", "direction", "money", "accuracy"]
    assert result.tests["p_holm"].notna().tolist() == [True, True, True, False]


def test_a_model_that_knows_is_called_shown(evidence, prices):
    moves = prices["close"].pct_change().to_numpy()[1:]
    y = (moves > 0).astype("int8")
    knowing = evidence.predictions.assign(y=y, up=np.where(np.arange(400) % 3, np.where(y, 0.6, 0.4), 0.55))
    references = evidence.references.assign(y=np.tile(y, 2))
    result = evaluate(dataclasses.replace(evidence, predictions=knowing, references=references))
    assert result.verdict.outcome == "shown"
    assert "Not shown" not in result.verdict.headline


def test_the_verdict_compares_with_the_base_rate_in_time_order(evidence):
    shuffled = evidence.predictions.sample(frac=1, random_state=0)
    result = evaluate(dataclasses.replace(evidence, predictions=shuffled)).tests.loc["probabilities"]
    y, up = evidence.predictions["y"], evidence.predictions["up"]
    expected = diebold_mariano(log_losses(y, up), log_losses(y, np.full(400, 0.52)))
    assert result["statistic"] == pytest.approx(expected.statistic, rel=1e-12)


def test_strategies_hold_every_method_before_and_after_costs(evidence):
    table = evaluate(evidence).strategies
    methods = [(m, c) for m in ("tcn", "always_up", "base_rate") for c in ("before", "after")]
    assert table.index.tolist() == [*methods, ("buy_and_hold", "before")]
    assert table.loc[("always_up", "before"), "sharpe"] == pytest.approx(
        table.loc[("buy_and_hold", "before"), "sharpe"]
    )
    assert (
        table.xs("after", level="costs")["sharpe"] < table.xs("before", level="costs")["sharpe"][:3]
    ).all()


def test_seeds_are_scored_one_by_one(evidence):
    rng = np.random.default_rng(0)
    members = {f"up_seed{k}": rng.uniform(0.4, 0.6, 400) for k in range(3)}
    predictions = evidence.predictions.assign(**members, up=sum(members.values()) / 3)
    result = evaluate(dataclasses.replace(evidence, predictions=predictions))
    assert result.seeds is not None
    assert result.seeds.index.tolist() == ["seed0", "seed1", "seed2", "mean of seeds"]
    assert any("mean of 3 seeds" in caveat for caveat in result.caveats)


def test_a_constant_model_that_always_calls_up_is_called_a_constant(evidence):
    constant = dataclasses.replace(evidence, predictions=evidence.predictions.assign(up=0.53))
    result = evaluate(constant)
    assert np.isnan(result.tests.loc["direction", "p_value"])
    assert any("as a classifier it is a constant" in caveat for caveat in result.caveats)
    assert set(figures(constant, result)) >= {"calibration", "equity", "confusion", "rolling_accuracy"}


def test_without_references_opens_or_history_what_is_left_is_evaluated(predictions, prices):
    evidence = Evidence("toy", "tcn", predictions, prices.drop(columns="open"), draws=200)
    result = evaluate(evidence)
    assert result.executions.index.tolist() == ["close", "next_close"]
    assert "probabilities" not in result.tests.index
    assert "learning_curves" not in figures(evidence, result)


def test_caveats_name_what_makes_figures_too_good(evidence):
    early = evidence.predictions.assign(cutoff=pd.Timestamp("2030-01-01"))
    two = pd.concat([early, make_predictions(seed=3, symbol="NDX")])
    result = evaluate(
        dataclasses.replace(
            evidence,
            predictions=two,
            references=None,
            prices=pd.concat([evidence.prices, make_prices(seed=4, symbol="NDX")]),
            horizon_rows=5,
            variants=12,
        )
    )
    text = " ".join(result.caveats)
    for words in ("12 settings were tried", "not walk-forward", "5 rows ahead and overlap", "move together"):
        assert words in text
    assert "not recorded" in " ".join(evaluate(evidence).caveats)


def test_fifteen_years_of_days_are_evaluated_within_seconds(sp500, sp500_rows):
    rng = np.random.default_rng(0)
    predictions = sp500_rows.assign(up=rng.uniform(0.45, 0.6, len(sp500_rows)))
    base = sp500_rows.assign(method="base_rate", up=0.53)
    started = time.perf_counter()
    result = evaluate(Evidence("sp500", "tcn", predictions, sp500, references=base))
    assert time.perf_counter() - started < 15
    assert len(result.metrics) == 16


def random_walks(seed: int, symbols: int, horizon_rows: int) -> Evidence:
    """Correlated random walks, called by their own past move: nothing can be known of what comes."""
    rng, rows = np.random.default_rng(seed), 300
    moves = 0.01 * (rng.normal(size=(rows, 1)) + 0.5 * rng.normal(size=(rows, symbols)))
    walks = np.cumsum(moves, axis=0)
    frames, bars = [], []
    for symbol in range(symbols):
        walk = walks[:, symbol]
        origin = np.arange(horizon_rows, rows - horizon_rows)
        y = (walk[origin + horizon_rows] > walk[origin]).astype("int8")
        up = np.where(walk[origin] > walk[origin - horizon_rows], 0.6, 0.4)
        times = pd.bdate_range("2010-01-04", periods=rows)
        cutoff = pd.Timestamp("2009-12-31")
        frames.append(
            pd.DataFrame(
                {"fold": 0, "cutoff": cutoff, "time": times[origin], "symbol": f"S{symbol}", "y": y, "up": up}
            )
        )
        bars.append(pd.DataFrame({"time": times, "symbol": f"S{symbol}", "close": 100 * np.exp(walk)}))
    predictions = pd.concat(frames, ignore_index=True)
    references = predictions.assign(method="base_rate", up=0.5)
    return Evidence(
        "walk",
        "past",
        predictions,
        pd.concat(bars),
        references=references,
        horizon_rows=horizon_rows,
        draws=100,
    )


@pytest.mark.parametrize(
    ("symbols", "horizon_rows", "words"),
    [
        (1, 5, "labels of 5 rows overlap"),
        (3, 1, "3 symbols are pooled"),
        (2, 5, "labels of 5 rows overlap and 2 symbols are pooled"),
    ],
)
def test_calls_of_direction_are_not_tested_where_rows_are_not_independent(symbols, horizon_rows, words):
    evidence = random_walks(0, symbols, horizon_rows)
    result = evaluate(evidence)
    direction = result.tests.loc["direction"]
    assert direction[["low", "high", "statistic", "p_value", "p_holm"]].isna().all()
    assert words in direction["note"]
    assert np.isfinite(direction["estimate"])
    assert "direction" not in result.verdict.adjusted
    said = result.verdict.sentences["direction"]
    assert f"could not be tested (not defined: {words}, so the rows are not independent)" in said
    assert "interval" not in said
    assert "nan" not in said
    single = evaluate(random_walks(0, 1, 1))
    assert "95% interval" in single.verdict.sentences["direction"]
    assert single.tests.loc["direction", "p_holm"] > 0


@pytest.mark.parametrize(("symbols", "horizon_rows"), [(1, 20), (3, 1)])
def test_direction_is_never_shown_on_random_walks_whose_rows_depend_on_each_other(symbols, horizon_rows):
    naive = 0
    for seed in range(20):
        evidence = random_walks(seed, symbols, horizon_rows)
        predictions = evidence.predictions
        naive += pesaran_timmermann(predictions["y"], predictions["up"] > 0.5).p_value < 0.05
        headline = evaluate(evidence).verdict.headline
        assert "related to what happened" not in headline
        assert "wrong more often" not in headline
    assert naive >= 3  # of 20, at a nominal 5%: the test that is withheld would have misled
