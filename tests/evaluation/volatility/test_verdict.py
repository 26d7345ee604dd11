from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsdeep.evaluation import Verdict, judge_volatility

COLUMNS = ["loss", "reference", "estimate", "low", "high", "statistic", "p_value", "p_holm"]


def verdict(
    outcomes: dict[str, tuple[tuple[float, float], tuple[float, float]]],
    *,
    inside: tuple[bool, bool] = (True, True),
    tested: bool = True,
    **more: object,
) -> Verdict:
    """Judge (estimate, Holm p) of QLIKE and of squared error, by reference; the best is the last one named."""
    rows, members = [], []
    for k, loss in enumerate(("qlike", "squared_error")):
        for reference, pairs in outcomes.items():
            estimate, p = pairs[k]
            rows.append(
                {"loss": loss, "reference": reference, "estimate": estimate, "low": estimate - 1,
                 "high": estimate + 1, "statistic": 2.5, "p_value": p, "p_holm": p if tested else np.nan}
            )  # fmt: skip
        for method in ("tcn", *outcomes):
            p = (0.5 if inside[k] else 0.02) if method == "tcn" else 0.3
            members.append({"loss": loss, "method": method, "mean": 1.0, "p_value": p, "included": p > 0.1})
    scores = {(metric, m): 0.2 for metric in ("qlike", "rmse_units") for m in ("tcn", *outcomes)}
    best = dict.fromkeys(("qlike", "squared_error"), list(outcomes)[-1]) if outcomes else {}
    table = pd.DataFrame(
        rows, columns=["loss", "reference", "estimate", "low", "high", "statistic", "p_value", "p_holm"]
    )
    return judge_volatility("tcn", table, pd.DataFrame(members), pd.Series(scores), best=best, **more)


WON, LOST, OPEN = (-0.01, 0.01), (0.01, 0.01), (-0.01, 0.2)


@pytest.mark.parametrize(
    ("outcomes", "outcome", "words"),
    [
        ({"garch": (WON, WON), "ridge": (WON, WON)}, "shown", "better than each of the 2 references on QLIKE and on"),
        ({"ridge": (WON, WON)}, "shown", "better than ridge on QLIKE and on squared error"),
        ({"garch": (WON, WON), "ridge": (WON, OPEN)}, "mixed", "better on QLIKE and not told apart on squared error"),
        ({"garch": (WON, OPEN), "ridge": (WON, WON)}, "mixed", "of 2 references it beat 1 on both"),
        ({"garch": (WON, WON), "ridge": (OPEN, OPEN)}, "nothing", "not told apart on both losses;"),
        ({"garch": (WON, WON), "ridge": (LOST, OPEN)}, "lost", "and lost to ridge on at least one"),
        ({"garch": (WON, WON), "log_har": (LOST, WON), "ridge": (OPEN, OPEN)}, "lost", "lost to log_har on"),
        ({"garch": (LOST, LOST), "ridge": (WON, LOST)}, "mixed", "lost to garch and ridge on at least one"),
    ],
)  # fmt: skip
def test_the_best_reference_decides(outcomes, outcome, words):
    said = verdict(outcomes)
    assert said.outcome == outcome
    assert words in said.headline
    assert len(said.adjusted) == 2 * len(outcomes)


def test_a_p_value_of_just_above_five_percent_shows_nothing():
    assert verdict({"ridge": ((-1, 0.0501), (-1, 0.0501))}).outcome == "nothing"
    assert verdict({"ridge": ((-1, 0.05), (-1, 0.05))}).outcome == "shown"


def test_the_sentence_of_a_loss_gives_both_scores_the_test_and_the_others():
    said = verdict({"garch": (WON, OPEN), "log_har": (OPEN, LOST), "ridge": (OPEN, WON)}).sentences
    assert "QLIKE (mean over assets) 0.2000 against 0.2000 of ridge" in said["qlike"]
    assert "Holm p = 0.200): not told apart." in said["qlike"]
    assert "it beat garch; it cannot be told from log_har" in said["qlike"]
    assert "differs by -0.010 squared points" in said["squared_error"]
    assert "it cannot be told from garch; it lost to log_har" in said["squared_error"]


def test_membership_of_the_set_is_told_and_not_oversold():
    said = verdict({"garch": (OPEN, OPEN), "ridge": (OPEN, OPEN)}, inside=(True, False)).sentences["set"]
    assert "on QLIKE all 3 methods, tcn among them (p = 0.500)" in said
    assert "on squared error 2 of 3 methods (garch and ridge), tcn not among them (p = 0.020)" in said
    assert "cannot be told from the best by this data" in said


def test_untested_comparisons_show_nothing():
    said = verdict({"ridge": (WON, WON)}, tested=False)
    assert said.outcome == "nothing"
    assert "too few to test" in said.headline
    assert said.adjusted == {}


def test_without_references_nothing_was_compared():
    said = verdict({})
    assert said.outcome == "nothing"
    assert "stands beside no reference" in said.headline


@pytest.mark.parametrize(
    ("risk", "sharpe", "words"),
    [
        ((-0.5, 0.01), (0.1, 0.9), ("nearer to the target (Holm p = 0.010)", "shown (Holm p = 0.900)")),
        ((0.5, 0.01), (0.1, 0.01), ("farther from the target", "0.80: higher (Holm p = 0.010)")),
        ((-0.5, 0.3), (-0.1, 0.01), ("no difference was shown (Holm p = 0.300)", "0.80: lower")),
        ((-0.5, np.nan), (-0.1, np.nan), ("2.50: not tested", "0.80: not tested")),
    ],
)  # fmt: skip
def test_the_portfolio_claims_no_more_than_its_tests(risk, sharpe, words):
    differences = pd.DataFrame(
        [
            {"measure": measure, "reference": "ridge", "estimate": estimate, "p_holm": p}
            for measure, (estimate, p) in (("risk", risk), ("sharpe", sharpe))
        ]
    )
    figures = pd.DataFrame({"risk_error": [2.4, 2.5], "sharpe": [0.9, 0.8]}, index=["tcn", "ridge"])
    said = verdict({"ridge": (OPEN, OPEN)}, portfolio=differences, figures=figures).sentences["portfolio"]
    assert "held at 10% volatility by tcn missed it by 2.40 points" in said
    for word in words:
        assert word in said
