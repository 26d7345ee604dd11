from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from arch.bootstrap import MCS

from tests.evaluation.comparison.runs import make_runs
from tests.evaluation.movement.conftest import NAMES, TICK, make_movement, make_references, touch_of
from tests.evaluation.volatility.conftest import make_volatility
from tsdeep.errors import DataError
from tsdeep.evaluation import (
    Evidence,
    backtest,
    compare_evidence,
    diebold_mariano,
    log_losses,
    superiority,
)
from tsdeep.evaluation.movement.compared import loss_groups


def test_equal_runs_are_called_indistinguishable_and_the_base_rate_with_them():
    found = compare_evidence(make_runs(lstm=0.0, gru=0.0, tcn=0.0, mlp=0.0), draws=300)
    assert found.headline == (
        "By log-loss, lstm, gru, tcn and mlp are statistically indistinguishable: the 90% model confidence set holds "
        "all 4."
    )
    said = " ".join(found.sentences["log-loss"])
    assert "Of the 6 pairs, none differs beyond chance" in said
    assert "The reference base_rate is in the set too: no run was shown to be better than it." in said


def test_a_run_that_knows_more_is_alone_and_beats_every_other():
    found = compare_evidence(make_runs(lstm=0.0, tcn=0.1, mlp=0.0), draws=300)
    assert found.headline.startswith(
        "By log-loss, tcn is alone in the 90% model confidence set of these runs; lstm and"
    )
    said = " ".join(found.sentences["log-loss"])
    assert "Of the 3 pairs, 2 differ beyond chance" in said
    assert "tcn is better than lstm (p < 0.001) and tcn is better than mlp (p < 0.001)" in said
    assert "No reference is in the set." in said


def test_two_good_runs_stand_together_and_the_poor_one_is_left_out():
    said = compare_evidence(make_runs(lstm=0.1, tcn=0.1, mlp=0.0), draws=300).headline
    assert "lstm and tcn are statistically indistinguishable: the 90% model confidence set holds them" in said
    assert "mlp is left out" in said


def test_runs_that_are_worse_than_the_base_rate_are_told_so():
    said = compare_evidence(make_runs(lstm=-0.1, tcn=-0.1), draws=300).headline
    assert said.startswith("By log-loss, none of lstm and tcn is in the 90% model confidence set")


def test_pairs_and_set_equal_those_of_the_libraries():
    runs = make_runs(lstm=0.0, tcn=0.02, mlp=0.01)
    found = compare_evidence(runs, draws=300, seed=7)
    losses = {name: log_losses(run.predictions["y"], run.predictions["up"]) for name, run in runs.items()}
    for row in found.pairs.itertuples():
        expected = diebold_mariano(losses[row.first], losses[row.second])
        assert (row.estimate, row.p_value) == pytest.approx((expected.estimate, expected.p_value), rel=1e-12)
    losses["base_rate"] = np.full(400, np.log(2))
    table = pd.DataFrame(losses)[found.losses[0].values.columns]
    expected = MCS(table, size=0.1, reps=300, block_size=10, method="R", seed=7)
    expected.compute()
    own = found.confidence_set.set_index("method")["p_value"]
    assert own.to_dict() == pytest.approx(expected.pvalues["Pvalue"].to_dict())


def test_the_best_run_is_tested_as_the_best_of_so_many():
    runs = make_runs(lstm=0.0, gru=0.0, tcn=0.05, mlp=0.0)
    found = compare_evidence(runs, draws=300, seed=7)
    (row,) = found.best.to_dict("records")
    names = ["base_rate", *runs]
    expected = superiority(found.losses[0].values[names], "base_rate", block_rows=10, draws=300, seed=7)
    assert (row["loss"], row["reference"], row["best"], row["models"]) == ("log-loss", "base_rate", "tcn", 4)
    assert (row["reality_check"], row["spa"]) == (expected.reality_check, expected.spa)
    assert row["difference"] == expected.difference < 0
    assert row["p_holm"] == row["spa"] < 0.05
    said = " ".join(found.sentences["log-loss"])
    assert "Counted as the best of 4, tcn beats base_rate (test of superior predictive ability" in said


def test_the_luckiest_of_many_equal_runs_is_not_called_better():
    skills = {f"run{number}": 0.0 for number in range(12)}
    found = compare_evidence(make_runs(**skills), draws=300)
    (row,) = found.best.to_dict("records")
    alone = found.losses[0].values[["base_rate", row["best"]]]
    assert row["spa"] >= superiority(alone, "base_rate", block_rows=10, draws=300).spa
    said = " ".join(found.sentences["log-loss"])
    assert f"Counted as the best of 12, {row['best']} was not shown to beat base_rate" in said


def test_scores_and_equity_are_those_of_each_run():
    runs = make_runs(lstm=0.0, tcn=0.1)
    found = compare_evidence(runs, draws=200)
    assert found.scores.index.tolist() == ["lstm", "tcn", "base_rate", "always_up"]
    up, y = runs["tcn"].predictions["up"], runs["tcn"].predictions["y"]
    assert found.scores.loc["tcn", "accuracy"] == pytest.approx(((up > 0.5) == (y == 1)).mean())
    traded = backtest(runs["tcn"].predictions, runs["tcn"].prices)
    assert np.allclose(found.curves[0].values["tcn"], (1 + traded.net).cumprod())
    assert "buy and hold" in found.curves[0].values
    assert found.settings == {"units": {"lstm": 16, "tcn": 17}}


def test_runs_of_other_studies_are_refused_with_all_that_differs():
    runs = make_runs(lstm=0.0, tcn=0.0, mlp=0.0)
    fewer = dataclasses.replace(
        runs["tcn"],
        predictions=runs["tcn"].predictions.iloc[:300],
        cost_bps=10.0,
        provenance={"SHA-256 of the data": "cd" * 32},
    )
    flipped = runs["mlp"].predictions.assign(y=lambda t: np.where(t.index < 5, 1 - t["y"], t["y"]))
    with pytest.raises(DataError) as refused:
        compare_evidence(runs | {"tcn": fewer, "mlp": dataclasses.replace(runs["mlp"], predictions=flipped)})
    for words in (
        "cost_bps: lstm has 5.0, tcn 10.0",
        "data: lstm has abababababab..., tcn cdcdcdcdcdcd...",
        "test rows: lstm has 400 (2010-01-04 to 2011-07-15) and tcn has 300 (2010-01-04 to 2011-02-25), of which 300",
        "labels: those of lstm and mlp differ on 5 of 400 test rows",
    ):
        assert words in str(refused.value), words


def test_one_run_is_no_comparison():
    with pytest.raises(DataError, match="found 1 run, expected at least two"):
        compare_evidence(make_runs(tcn=0.0))


def test_references_that_differ_between_runs_stand_for_each():
    runs = make_runs(lstm=0.0, tcn=0.0)
    other = runs["tcn"].references.copy()
    other.loc[other["method"] == "base_rate", "up"] = 0.52
    runs["tcn"] = dataclasses.replace(runs["tcn"], references=other)
    assert compare_evidence(runs, draws=200).references == (
        "base_rate (lstm)",
        "base_rate (tcn)",
        "always_up",
    )


def test_too_few_rows_are_not_tested():
    found = compare_evidence(make_runs(rows=20, lstm=0.0, tcn=0.0), draws=200)
    assert found.pairs["p_value"].isna().all()
    assert found.best["spa"].isna().all()
    assert "lstm and tcn cannot be compared by log-loss" in found.headline


def test_movement_is_compared_a_horizon_each_with_and_without_a_book():
    frame = make_movement(horizons=(10, 20))
    rng = np.random.default_rng(3)
    noisy = np.log(frame[NAMES].to_numpy()) + 1.5 * rng.normal(size=(len(frame), 3))
    worse = frame.assign(
        **dict(zip(NAMES, (np.exp(noisy) / np.exp(noisy).sum(axis=1, keepdims=True)).T, strict=True))
    )
    about = {"task": "movement", "references": make_references(frame), "draws": 200}
    runs = {"tlob": Evidence("lob", "tlob", frame, **about), "mlp": Evidence("lob", "mlp", worse, **about)}
    found = compare_evidence(runs, draws=200)
    assert list(found.sentences) == ["log-loss 10 rows ahead", "log-loss 20 rows ahead"]
    assert "tlob is alone" in found.headline
    assert found.curves == ()
    for loss, horizon in zip(found.losses, (10, 20), strict=True):
        rows = frame[frame["horizon"] == horizon]
        expected = -np.log(rows[NAMES].to_numpy()[np.arange(len(rows)), rows["y"]]).mean()
        assert loss.values["tlob"].mean() == pytest.approx(expected)
        assert len(loss.values) == 2 * 600 / horizon
    traded = {name: dataclasses.replace(run, touch=touch_of(frame), tick=TICK) for name, run in runs.items()}
    curves = compare_evidence(traded, draws=200).curves
    assert [made.unit for made in curves] == ["ticks earned"] * 2
    assert curves[0].values["tlob"].iloc[-1] == pytest.approx(
        curves[0].figures.loc["tlob", "ticks, all trades"]
    )


def test_groups_of_losses_cross_no_segment():
    groups = loss_groups(np.array([0, 0, 0, 0, 0, 1, 1, 1]), 2)
    assert groups.tolist() == [0, 0, 1, 1, 2, 3, 3, 4]


def test_volatility_is_compared_by_both_losses_and_its_portfolio():
    predictions, references, prices = make_volatility(members=2)
    worse, _, _ = make_volatility(skill=0.8, members=2)
    about = {
        "references": references,
        "prices": prices,
        "task": "volatility",
        "horizon_rows": 5,
        "draws": 200,
    }
    runs = {
        "tcn": Evidence("etf", "tcn", predictions, **about),
        "mlp": Evidence("etf", "mlp", worse, **about),
    }
    found = compare_evidence(runs, draws=200)
    assert list(found.sentences) == ["QLIKE", "squared error"]
    assert "tcn is alone" in found.headline
    assert found.references == ("random_walk", "ewma", "log_har")
    assert {"tcn", "mlp", "log_har"} <= set(found.curves[0].values)
