"""A verdict in words, and the words that verdicts share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """What the tests showed together.

    Parameters
    ----------
    outcome : str
        `"shown"`, `"lost"`, `"mixed"`, or `"nothing"`: what counts as which is the task's to say.
    headline : str
        One or two sentences.
    sentences : mapping of str to str
        A sentence or two a question.
    adjusted : mapping of str to float
        Holm-adjusted p-value of each defined test.
    """

    outcome: str
    headline: str
    sentences: Mapping[str, str]
    adjusted: Mapping[str, float]


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust p-values for having run several tests (Holm 1979); NaN ones are left out.

    Examples
    --------
    >>> {key: round(p, 3) for key, p in holm({"a": 0.01, "b": 0.04, "c": 0.5}).items()}
    {'a': 0.03, 'b': 0.08, 'c': 0.5}
    """
    defined = sorted((p, key) for key, p in p_values.items() if np.isfinite(p))
    adjusted: dict[str, float] = {}
    highest = 0.0
    for i, (p, key) in enumerate(defined):
        highest = max(highest, min(1.0, p * (len(defined) - i)))
        adjusted[key] = highest
    return {key: adjusted[key] for key in p_values if key in adjusted}


def p_text(p_value: float) -> str:
    """Write a p-value: `p = 0.034`, or `p < 0.001`."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def join_words(parts: Sequence[str], word: str = "and") -> str:
    """Join parts as a sentence lists them: `a, b and c`."""
    return "".join(parts) if len(parts) < 2 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"
