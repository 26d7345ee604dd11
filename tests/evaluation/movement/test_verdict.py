from __future__ import annotations

import pandas as pd
import pytest

from tsdeep.evaluation import Verdict, judge_movement


def verdict(comparisons: dict[str, tuple[float, float]], horizons: tuple[int, ...] = (100,)) -> Verdict:
    """Judge differences in log-loss and MCC, in units of their errors, by reference."""
    rows, scores = [], {("log_loss", "tlob"): 1.04, ("mcc", "tlob"): 0.16}
    for horizon in horizons:
        for reference, ratios in comparisons.items():
            for metric, error, ratio in zip(("log_loss", "mcc"), (0.01, 0.02), ratios, strict=True):
                estimate = error * ratio
                rows.append(
                    {"horizon": horizon, "reference": reference, "metric": metric, "estimate": estimate,
                     "error": error, "low": estimate - 2 * error, "high": estimate + 2 * error,
                     "ratio": ratio, "p_holm": 0.01}
                )  # fmt: skip
                scores[metric, reference] = scores[metric, "tlob"] - estimate
    columns = pd.MultiIndex.from_tuples(scores)
    table = pd.DataFrame([list(scores.values())] * len(horizons), index=list(horizons), columns=columns)
    return judge_movement("tlob", pd.DataFrame(rows), table)


@pytest.mark.parametrize(
    ("comparisons", "outcome", "words"),
    [
        (
            {"majority": (-9, 5), "boosting": (-2.1, 0.2)},
            "shown",
            "beat every reference (majority and boosting)",
        ),
        ({"majority": (-9, 5), "boosting": (-1.9, 0.2)}, "mixed", "cannot be told from boosting"),
        ({"majority": (-9, 5), "boosting": (2.1, 0.2)}, "mixed", "lost to boosting in log-loss"),
        ({"majority": (-9, 5), "boosting": (-5, -2.1)}, "mixed", "lost to boosting in MCC"),
        (
            {"majority": (1.0, 1), "boosting": (-1.0, 0.2)},
            "nothing",
            "cannot be told from majority and boosting",
        ),
        ({"majority": (2.5, 1), "boosting": (-1.0, 0.2)}, "lost", "lost to majority in log-loss"),
        ({"boosting": (-1.0, -3.0)}, "lost", "lost to boosting in MCC"),
        ({"boosting": (-3.0, -1.0)}, "shown", "lost to none in MCC beyond twice its error"),
    ],
)
def test_twice_the_error_decides(comparisons, outcome, words):
    said = verdict(comparisons)
    assert said.outcome == outcome
    assert words in said.headline


def test_a_sentence_a_reference_gives_both_scores_and_the_interval():
    said = verdict({"boosting": (-3.0, -1.0)}).sentences["boosting"]
    assert "log-loss 1.0400 against 1.0700, a difference of -0.0300 nats" in said
    assert "3.0 times its error): better" in said
    assert "MCC 0.160 against 0.180: lower, within twice its error (0.020)" in said


def test_several_horizons_are_counted_and_told_one_by_one():
    said = verdict({"majority": (-9, 5), "boosting": (-1.0, 0.0)}, horizons=(10, 50))
    assert said.outcome == "mixed"
    assert "at 0 of 2 horizons; of 4 comparisons it won 2 and lost 0" in said.headline
    assert list(said.sentences) == ["10", "50"]
    assert said.sentences["50"].startswith("50 rows ahead, tlob beat majority in log-loss")
    assert len(said.adjusted) == 4


def test_without_references_nothing_was_compared():
    empty = pd.DataFrame(columns=["horizon", "reference", "metric", "estimate", "error", "p_holm"])
    said = judge_movement("tlob", empty, pd.DataFrame())
    assert said.outcome == "nothing"
    assert "stands beside no reference" in said.headline
