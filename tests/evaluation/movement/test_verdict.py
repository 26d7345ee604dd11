from __future__ import annotations

import pandas as pd
import pytest
from scipy.stats import norm
from statsmodels.stats.multitest import multipletests

from tsdeep.evaluation import Verdict, judge_movement
from tsdeep.evaluation.movement.intervals import adjust_p_values


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
                     "ratio": ratio, "p_value": 2 * norm.sf(abs(ratio))}
                )  # fmt: skip
                scores[metric, reference] = scores[metric, "tlob"] - estimate
    columns = pd.MultiIndex.from_tuples(scores)
    table = pd.DataFrame([list(scores.values())] * len(horizons), index=list(horizons), columns=columns)
    return judge_movement("tlob", adjust_p_values(pd.DataFrame(rows)), table)


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
        ({"boosting": (-3.0, -1.0)}, "shown", "lost to none in MCC beyond chance"),
        # Beyond twice the error each, p = 0.036, which of two comparisons is 0.071.
        ({"boosting": (-2.1, 1.0)}, "shown", "beat every reference (boosting) in log-loss beyond chance"),
        (
            {"majority": (-2.1, 1.0), "boosting": (-2.1, 1.0)},
            "nothing",
            "cannot be told from majority and boosting in log-loss",
        ),
        ({"majority": (-5, -2.1), "boosting": (-5, -2.1)}, "shown", "lost to none in MCC"),
        ({"majority": (2.1, 1.0), "boosting": (2.1, 1.0)}, "nothing", "cannot be told from"),
    ],
)
def test_the_adjusted_p_values_decide(comparisons, outcome, words):
    said = verdict(comparisons)
    assert said.outcome == outcome
    assert words in said.headline


def test_a_sentence_a_reference_gives_both_scores_and_the_interval():
    said = verdict({"boosting": (-3.0, -1.0)}).sentences["boosting"]
    assert "log-loss 1.0400 against 1.0700, a difference of -0.0300 nats" in said
    assert "3.0 times its error; Holm p = 0.003): better" in said
    assert "MCC 0.160 against 0.180: lower, within chance, Holm p = 0.317" in said


def test_log_loss_and_mcc_are_adjusted_each_for_all_references_and_horizons():
    ratios = {"majority": (-2.4, 0.5), "rule": (-2.9, -2.5), "boosting": (-1.0, 1.7)}
    said = verdict(ratios, horizons=(10, 50))
    for number, metric in enumerate(("log_loss", "mcc")):
        p_values = [2 * norm.sf(abs(pair[number])) for _ in range(2) for pair in ratios.values()]
        found = [said.adjusted[f"{h}/{name}/{metric}"] for h in (10, 50) for name in ratios]
        assert found == pytest.approx(multipletests(p_values, method="holm")[1])
    assert len(said.adjusted) == 12


def test_a_difference_of_no_spread_has_no_p_value_and_decides_nothing():
    row = {"horizon": 10, "reference": "copy", "estimate": 0.0, "error": 0.0, "low": 0.0, "high": 0.0}
    rows = [
        row | {"metric": metric, "ratio": float("nan"), "p_value": float("nan")}
        for metric in ("log_loss", "mcc")
    ]
    table = pd.DataFrame({(m, k): [1.0] for m in ("log_loss", "mcc") for k in ("tlob", "copy")}, index=[10])
    said = judge_movement("tlob", adjust_p_values(pd.DataFrame(rows)), table)
    assert said.outcome == "nothing"
    assert said.adjusted == {}
    assert "nan" not in said.sentences["copy"]


def test_several_horizons_are_counted_and_told_one_by_one():
    said = verdict({"majority": (-9, 5), "boosting": (-1.0, 0.0)}, horizons=(10, 50))
    assert said.outcome == "mixed"
    assert "at 0 of 2 horizons; of 4 comparisons it won 2 and lost 0" in said.headline
    assert list(said.sentences) == ["10", "50"]
    assert said.sentences["50"].startswith("50 rows ahead, tlob beat majority in log-loss")
    assert len(said.adjusted) == 8


def test_without_references_nothing_was_compared():
    empty = pd.DataFrame(columns=["horizon", "reference", "metric", "estimate", "error", "p_holm"])
    said = judge_movement("tlob", empty, pd.DataFrame())
    assert said.outcome == "nothing"
    assert "stands beside no reference" in said.headline
