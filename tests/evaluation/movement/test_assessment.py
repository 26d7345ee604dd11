from __future__ import annotations

import dataclasses
import time

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from tests.evaluation.movement.conftest import NAMES, constant, make_movement, make_references
from tests.evaluation.movement.test_bootstrap import rows_drawn
from tsdeep.evaluation import Evidence, draw_blocks, evaluate
from tsdeep.evaluation.movement.assessment import row_segments


def test_intervals_and_paired_differences_equal_a_loop_over_the_draws(evidence, frame):
    result = evaluate(dataclasses.replace(evidence, draws=100))
    blocks = draw_blocks(row_segments(frame), 50, draws=100, seed=0)
    references = evidence.references.set_index("method")
    scores = {}
    for method in ("tlob", "logistic"):
        p = (frame if method == "tlob" else references.loc[method])[NAMES].to_numpy()
        y = frame["y"].to_numpy()
        draws = [rows_drawn(blocks, draw) for draw in range(100)]
        scores[method] = {
            "log_loss": np.array([sk.log_loss(y[r], p[r], labels=[0, 1, 2]) for r in draws]),
            "mcc": np.array([sk.matthews_corrcoef(y[r], p[r].argmax(axis=1)) for r in draws]),
        }
    intervals = result.intervals.set_index(["method", "metric"])
    differences = result.differences.set_index(["reference", "metric"])
    for metric in ("log_loss", "mcc"):
        own, other = scores["tlob"][metric], scores["logistic"][metric]
        assert intervals.loc[("tlob", metric), "error"] == pytest.approx(own.std(ddof=1), rel=1e-9)
        assert intervals.loc[("tlob", metric), "low"] == pytest.approx(np.quantile(own, 0.025), rel=1e-9)
        row = differences.loc[("logistic", metric)]
        assert row["error"] == pytest.approx((own - other).std(ddof=1), rel=1e-9)
        assert row["high"] == pytest.approx(np.quantile(own - other, 0.975), rel=1e-9)
        gap = result.metrics.loc[("pooled", 10), (metric, "tlob")]
        gap -= result.metrics.loc[("pooled", 10), (metric, "logistic")]
        assert row["estimate"] == pytest.approx(gap)
        assert row["ratio"] == pytest.approx(gap / row["error"])


def test_segments_are_of_one_symbol_session_and_fold():
    frame = make_movement(30, sessions=2, symbols=("A", "B"), folds=1)
    frame.loc[10:29, "fold"] = 5
    numbers = row_segments(frame)
    assert np.bincount(numbers).tolist() == [10, 20, 30, 30, 30]


def test_segments_end_where_rows_are_missing_for_longer_than_the_label_looks():
    frame = make_movement(90, sessions=1)  # horizon 10
    assert row_segments(frame.drop(index=range(30, 39))).max() == 0
    assert np.bincount(row_segments(frame.drop(index=range(30, 41)))).tolist() == [30, 49]
    assert row_segments(frame.iloc[::20]).max() == 0


def test_order_of_the_rows_changes_nothing(evidence, frame):
    shuffled = dataclasses.replace(evidence, predictions=frame.sample(frac=1, random_state=0))
    pd.testing.assert_frame_equal(evaluate(shuffled).differences, evaluate(evidence).differences)


def test_a_model_equal_to_a_reference_differs_by_nothing_and_shows_nothing(evidence, frame):
    same = frame.assign(method="logistic")
    result = evaluate(dataclasses.replace(evidence, references=same))
    assert (result.differences["estimate"] == 0).all()
    assert result.verdict.outcome == "nothing"


def test_a_model_of_noise_is_not_shown_and_one_that_knows_is(frame):
    rng = np.random.default_rng(0)
    shown = 0
    for seed in range(10):
        rows = make_movement(400, seed=seed)
        p = rng.dirichlet([20, 20, 20], len(rows))
        noise = rows.assign(**dict(zip(NAMES, p.T, strict=True)))
        shares = np.bincount(rows["y"], minlength=3) / len(rows)
        references = constant(rows, "majority", tuple(shares))
        made = Evidence("toy", "noise", noise, references=references, task="movement", draws=100)
        shown += evaluate(made).verdict.outcome == "shown"
    assert shown == 0
    knowing = Evidence("toy", "tlob", frame, references=make_references(frame), task="movement", draws=100)
    assert evaluate(knowing).verdict.outcome == "shown"


def test_seeds_are_scored_one_by_one(evidence, frame):
    rng = np.random.default_rng(0)
    members = [rng.dirichlet([2, 2, 2], len(frame)) for _ in range(2)]
    with_seeds = frame.assign(
        **{f"{n}_seed{k}": p[:, i] for k, p in enumerate(members) for i, n in enumerate(NAMES)},
        **{n: (members[0] + members[1])[:, i] / 2 for i, n in enumerate(NAMES)},
    )
    several = dataclasses.replace(evidence, predictions=with_seeds)
    assert several.seeds == 2
    table = evaluate(several).seeds
    assert table.index.tolist() == [(10, "seed0"), (10, "seed1"), (10, "mean of seeds")]
    assert table.loc[(10, "seed1"), "log_loss"] == pytest.approx(sk.log_loss(frame["y"], members[1]))
    assert evaluate(evidence).seeds is None


def test_few_blocks_give_no_errors_and_no_verdict(evidence):
    result = evaluate(dataclasses.replace(evidence, block_rows=400))
    assert result.differences["error"].isna().all()
    assert result.verdict.outcome == "nothing"
    assert "fewer than 10 blocks" in " ".join(result.verdict.sentences.values())
    assert any("no error can be given" in caveat for caveat in result.caveats)


def test_methods_that_state_classes_or_infinite_losses_are_compared_by_their_calls(evidence, frame):
    pure = frame.assign(method="rule", **dict(zip(NAMES, np.eye(3)[frame["y"]].T, strict=True)))
    wrong = constant(frame, "wrong", (1.0, 0.0, 0.0))
    wrong.loc[0, NAMES] = [0.5, 0.5, 0.0]
    result = evaluate(dataclasses.replace(evidence, references=pd.concat([pure, wrong])))
    rows = result.differences.set_index(["reference", "metric"])
    assert np.isnan(rows.loc[("rule", "log_loss"), "error"])
    assert np.isnan(rows.loc[("wrong", "log_loss"), "error"])
    assert rows.loc[("rule", "mcc"), "error"] > 0
    assert result.verdict.outcome == "lost"
    assert "states no finite log-loss" in result.verdict.sentences["rule"]
    assert not any("nan" in sentence for sentence in result.verdict.sentences.values())


def test_a_method_s_own_calls_count_wherever_calls_do_and_its_probabilities_elsewhere(evidence, frame):
    random = np.random.default_rng(0)
    calls = np.where(random.uniform(size=len(frame)) < 0.5, frame["y"], random.integers(0, 3, len(frame)))
    references = pd.concat(
        [
            make_references(frame),
            constant(frame, "caller", (0.3, 0.4, 0.3)).assign(call=calls.astype(np.int8)),
        ]
    )
    result = evaluate(dataclasses.replace(evidence, references=references, draws=100))
    assert result.stated_calls == ("caller",)
    y, mcc = frame["y"].to_numpy(), sk.matthews_corrcoef(frame["y"], calls)
    assert result.metrics.loc[("pooled", 10), ("mcc", "caller")] == pytest.approx(mcc)
    first = frame["fold"].to_numpy() == 0
    scores = result.metrics.loc[(0, 10)]
    assert scores["accuracy", "caller"] == pytest.approx(np.mean(calls[first] == y[first]))
    assert scores["log_loss", "caller"] == pytest.approx(-np.log([0.3, 0.4, 0.3])[y[first]].mean())
    np.testing.assert_array_equal(result.confusions[10, "caller"], sk.confusion_matrix(y, calls))
    assert result.corrected_confusions[10, "caller"].any(axis=0).sum() == 1  # argmax of a constant
    blocks = draw_blocks(row_segments(frame), 50, draws=100, seed=0)
    drawn = [sk.matthews_corrcoef(y[r], calls[r]) for r in (rows_drawn(blocks, k) for k in range(100))]
    intervals = result.intervals.set_index(["method", "metric"])
    assert intervals.loc[("caller", "mcc"), "estimate"] == pytest.approx(mcc)
    assert intervals.loc[("caller", "mcc"), "error"] == pytest.approx(np.std(drawn, ddof=1), rel=1e-9)
    coverage = result.coverage[result.coverage["method"] == "caller"]
    assert coverage["mcc"].iloc[0] == pytest.approx(mcc)
    sessions = result.breakdowns[10]["session"]
    day = (frame["session"] == frame["session"].iloc[0]).to_numpy()
    assert sessions["mcc", "caller"].iloc[0] == pytest.approx(sk.matthews_corrcoef(y[day], calls[day]))
    assert result.verdict.sentences["caller"].count(f"against {mcc:.3f}") == 1


def test_caveats_say_what_qualifies_the_figures(evidence, frame):
    text = " ".join(evaluate(evidence).caveats)
    for words in (
        "10 rows ahead and overlap: 1,200 rows hold about 120 labels", "2 sessions", "no one trades at the mid",
        "not recorded", "One seed",
    ):  # fmt: skip
        assert words in text, words
    assert "simulated" not in text
    other = make_movement(100, symbols=("A", "B")).assign(cutoff=pd.Timestamp("2030-01-01"))
    odd = dataclasses.replace(
        evidence,
        predictions=constant(other, "x", (0.2, 0.5, 0.3)).drop(columns="method"),
        references=None,
        notes=("Made by a Simulator.",),
        variants=7,
    )
    text = " ".join(evaluate(odd).caveats)
    for words in (
        "data is simulated", "Symbols move together", "7 settings were tried", "400 of 400 rows",
        "calls stationary on every row",
    ):  # fmt: skip
        assert words in text, words


def test_thirty_thousand_rows_of_six_methods_are_evaluated_within_seconds():
    frame = make_movement(30000, sessions=1, horizons=(100,), folds=1)
    references = pd.concat([frame.assign(method=f"reference {k}") for k in range(5)])
    started = time.perf_counter()
    evaluate(Evidence("toy", "tlob", frame, references=references, task="movement"))
    assert time.perf_counter() - started < 10
