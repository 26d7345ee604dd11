from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from tsdeep.evaluation import Significance, Verdict, judge
from tsdeep.evaluation.verdict import holm


def outcome(estimate: float, p_value: float) -> Significance:
    return Significance(estimate, estimate - 0.1, estimate + 0.1, 1.0, p_value, 1000, "a reason")


def verdict(probabilities=(0.0, 0.9), direction=(0.0, 0.9), money=(0.0, 0.9)) -> Verdict:
    tests = {"probabilities": probabilities, "direction": direction, "money": money}
    return judge(
        "tcn",
        {key: outcome(*value) for key, value in tests.items()},
        accuracy=(0.52, 0.5, 0.54),
        always_up=0.5445,
        called_up=0.8,
        sharpe=(0.6, 0.2, 0.4),
        cost_bps=5.0,
    )


def test_holm_equals_statsmodels():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p = rng.random(4) ** 3
        expected = multipletests(p, method="holm")[1]
        assert np.allclose(list(holm(dict(enumerate(p))).values()), expected)
    assert list(holm({"a": float("nan"), "b": 0.03})) == ["b"]


def test_nothing_is_said_to_be_shown_when_all_is_within_chance():
    said = verdict((-0.001, 0.04), (0.01, 0.2), (0.1, 0.5))
    assert said.outcome == "nothing"
    assert said.headline.startswith("Nothing was shown")
    assert "within chance" in said.sentences["probabilities"]


@pytest.mark.parametrize(
    ("tests", "expected", "words"),
    [
        ({"probabilities": (-0.01, 0.001)}, "shown", "probabilities are better"),
        ({"probabilities": (0.01, 0.001)}, "lost", "probabilities are worse"),
        ({"direction": (0.03, 0.001)}, "shown", "related to what happened"),
        ({"direction": (-0.03, 0.001)}, "lost", "wrong more often"),
        ({"money": (0.5, 0.001)}, "shown", "higher Sharpe ratio after costs"),
        ({"money": (-0.5, 0.001)}, "lost", "lower Sharpe ratio after costs"),
        ({"direction": (0.03, 0.001), "money": (-0.5, 0.001)}, "mixed", "but the strategy has a lower"),
    ],
)
def test_the_sign_of_what_is_beyond_chance_decides(tests, expected, words):
    said = verdict(**tests)
    assert said.outcome == expected
    assert words in said.headline


def test_what_was_not_shown_is_said_beside_what_was():
    said = verdict(direction=(0.03, 0.001))
    assert "Not shown: better probabilities than the base rate or a gain over buy and hold" in said.headline
    assert "below that of always calling up" in said.sentences["direction"]


def test_a_test_that_is_not_defined_is_said_so_and_counts_for_nothing():
    said = verdict(direction=(0.0, float("nan")), money=(0.3, 0.02))
    assert "could not be tested (a reason)" in said.sentences["direction"]
    assert "direction" not in said.adjusted
    assert said.adjusted["money"] == pytest.approx(0.04)
    assert said.outcome == "shown"


def test_the_interval_counts_only_the_tests_that_were_run():
    money = Significance(0.3, 0.01, 0.6, float("nan"), 0.04, 1000)
    tests = {"probabilities": outcome(0.0, 0.9), "direction": outcome(0.0, float("nan")), "money": money}
    said = judge(
        "tcn", tests, accuracy=(0.52, float("nan"), float("nan")), always_up=0.5, called_up=0.8,
        sharpe=(0.6, 0.2, 0.4), cost_bps=5.0,
    )  # fmt: skip
    assert "allowing for the 2 tests" in said.sentences["money"]
    assert said.sentences["direction"].startswith("52.0% of the calls were right; calling up")
