"""What was shown, in words: three questions, three tests, one headline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tsdeep.evaluation.significance import Significance
from tsdeep.evaluation.verdict import Verdict, holm, join_words, p_text

LEVEL = 0.05
QUESTIONS = {
    "probabilities": "Are the probabilities better than the base rate?",
    "direction": "Does the called direction carry information?",
    "money": "Does the strategy earn more, per unit of risk and after costs, than buy and hold?",
}


_GAINED = {
    "probabilities": "the probabilities are better than the training base rate",
    "direction": "the calls of direction are related to what happened",
    "money": "the strategy has a higher Sharpe ratio after costs than buy and hold",
}
_FAILED = {
    "probabilities": "the probabilities are worse than the training base rate",
    "direction": "the calls of direction are wrong more often than unrelated calls",
    "money": "the strategy has a lower Sharpe ratio after costs than buy and hold",
}
_UNSHOWN = {
    "probabilities": "better probabilities than the base rate",
    "direction": "a sense of direction",
    "money": "a gain over buy and hold after costs",
}


def judge(
    model: str,
    tests: Mapping[str, Significance],
    *,
    accuracy: tuple[float, float, float],
    always_up: float,
    called_up: float,
    sharpe: tuple[float, float, float],
    cost_bps: float,
) -> Verdict:
    """Put the outcome of the tests into words.

    The outcome is `"shown"` (some test in favour, none against), `"lost"` (some against, none in favour),
    `"mixed"`, or `"nothing"`.

    A test counts as in favour or against where its Holm-adjusted two-sided p-value is at most 5%; the sign of
    its estimate says which.

    Parameters
    ----------
    model : str
        The model's name.
    tests : mapping of str to Significance
        By the keys of `QUESTIONS`; a key may be absent. `probabilities`: model's loss minus the base
        rate's (nats); `direction`: accuracy minus that of unrelated calls; `money`: Sharpe difference after
        costs.
    accuracy : tuple of float
        The model's accuracy, and its 95% interval; NaN where the interval is not defined.
    always_up : float
        Accuracy of calling up on every row.
    called_up : float
        Share of rows on which the model calls up.
    sharpe : tuple of float
        Annualised Sharpe ratios: strategy before costs, after costs, buy and hold.
    cost_bps : float
        Basis points of turnover.

    Returns
    -------
    Verdict
        Outcome, headline and sentences.
    """
    adjusted = holm({key: test.p_value for key, test in tests.items()})
    clear = [key for key in tests if adjusted.get(key, 1.0) <= LEVEL]
    # In favour of the model is a lower loss, but a higher accuracy and Sharpe ratio.
    won = [key for key in clear if (tests[key].estimate < 0) == (key == "probabilities")]
    lost = [key for key in clear if key not in won]
    sentences = {}
    if "probabilities" in tests:
        sentences["probabilities"] = _probabilities(tests["probabilities"], _word("probabilities", won, lost))
    if "direction" in tests:
        word = _word("direction", won, lost)
        sentences["direction"] = _direction(tests["direction"], word, accuracy, always_up, called_up)
    if "money" in tests:
        sentences["money"] = _money(
            tests["money"], _word("money", won, lost), sharpe, cost_bps, len(adjusted)
        )
    outcome = {(0, 0): "nothing", (1, 0): "shown", (0, 1): "lost", (1, 1): "mixed"}[(bool(won), bool(lost))]
    return Verdict(outcome, _headline(model, outcome, won, lost, tests), sentences, adjusted)


def _word(key: str, won: list[str], lost: list[str]) -> str:
    return "won" if key in won else "lost" if key in lost else "open"


def _headline(
    model: str, outcome: str, won: list[str], lost: list[str], tests: Mapping[str, Significance]
) -> str:
    gained = join_words([_GAINED[key] for key in won])
    failed = join_words([_FAILED[key] for key in lost])
    rest = [_UNSHOWN[key] for key in tests if key not in won and key not in lost]
    not_shown = f" Not shown: {join_words(rest, 'or')}." if rest else ""
    if outcome == "nothing":
        return (
            f"Nothing was shown: on these test rows {model} cannot be told from knowing nothing.{not_shown}"
        )
    if outcome == "lost":
        return f"The model lost: for {model}, {failed}, beyond chance.{not_shown}"
    if outcome == "shown":
        return f"Something was shown: for {model}, {gained}, beyond chance.{not_shown}"
    return f"Mixed: for {model}, {gained}, but {failed}, both beyond chance.{not_shown}"


def _probabilities(test: Significance, word: str) -> str:
    if not test.defined:
        return f"Log-loss against the base rate could not be tested ({test.note})."
    side = "below" if test.estimate < 0 else "above"
    said = {
        "won": "The probabilities know more than how often prices rose before.",
        "lost": "The base rate, which looks at nothing, is the better forecaster.",
        "open": "That is within chance: no information beyond the base rate was shown.",
    }[word]
    return (
        f"Log-loss is {abs(test.estimate):.5f} nats {side} the base rate's (95% interval of the difference "
        f"{test.low:+.5f} to {test.high:+.5f}; Diebold-Mariano t = {test.statistic:+.2f}, "
        f"{p_text(test.p_value)}). {said}"
    )


def _direction(
    test: Significance, word: str, accuracy: tuple[float, float, float], always_up: float, called_up: float
) -> str:
    right, low, high = accuracy
    interval = f" (95% interval {low:.1%} to {high:.1%})" if np.isfinite([low, high]).all() else ""
    first = (
        f"{right:.1%} of the calls were right{interval}; "
        f"calling up every time was right on {always_up:.1%}. The model called up on {called_up:.0%} of the "
        "rows."
    )
    if not test.defined:
        return f"{first} Whether calls and outcomes are related could not be tested ({test.note})."
    said = {
        "won": "The calls are related to what happened.",
        "lost": "The calls are related to what happened, the wrong way round.",
        "open": "That is within chance: no sense of direction was shown.",
    }[word]
    below = " Even so, its accuracy is below that of always calling up." if right < always_up else ""
    return (
        f"{first} Given how often it calls up, unrelated calls would have been right on "
        f"{right - test.estimate:.1%} (Pesaran-Timmermann z = {test.statistic:+.2f}, "
        f"{p_text(test.p_value)}). {said}{below if word == 'won' else ''}"
    )


def _money(
    test: Significance, word: str, sharpe: tuple[float, float, float], cost_bps: float, tested: int
) -> str:
    before, after, held = sharpe
    first = (
        f"The strategy's Sharpe ratio is {before:.2f} before and {after:.2f} after costs of "
        f"{cost_bps:g} bps; buy and hold has {held:.2f}."
    )
    if not test.defined:
        return f"{first} The difference could not be tested ({test.note})."
    said = {
        "won": "The strategy beat buy and hold.",
        "lost": "The strategy lost to buy and hold.",
        "open": "The interval holds zero: no gain over buy and hold was shown.",
    }[word]
    if word == "open" and (test.low > 0 or test.high < 0):
        said = f"After allowing for the {tested} tests that were run, that is within chance."
    return (
        f"{first} Difference after costs {test.estimate:+.2f} (95% interval {test.low:+.2f} to "
        f"{test.high:+.2f}, {p_text(test.p_value)}). {said}"
    )
