"""Which runs cannot be told apart, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tsdeep.evaluation.comparison.pairwise import SET_SIZE
from tsdeep.evaluation.verdict import join_words, p_text

LEVEL = 0.05


def loss_sentences(
    loss: str, pairs: pd.DataFrame, members: pd.DataFrame, best: pd.DataFrame, models: Sequence[str]
) -> list[str]:
    """Say of one loss which models are statistically indistinguishable, and how they stand to the references.

    Parameters
    ----------
    loss : str
        Its name.
    pairs, members, best : pandas.DataFrame
        See `pair_table`, `set_table` and `best_table`, of this loss.
    models : sequence of str
        The runs.

    Returns
    -------
    list of str
        Sentences; the first names the models.
    """
    own = members[~members["reference"]].set_index("method")
    silent = [model for model in models if model not in own.index]
    undefined = [model for model in own.index if not np.isfinite(own.loc[model, "p_value"])]
    said = (
        [f"{join_words(silent)} cannot be compared by {loss}: no probabilities are stated."] if silent else []
    )
    tested = [model for model in models if model in own.index and model not in undefined]
    if undefined:
        why = "the loss is not finite, or there are too few rows"
        said.append(f"{join_words(undefined)} cannot be compared by {loss}: {why}.")
    if len(tested) < 2:
        return said
    inside = [model for model in tested if own.loc[model, "included"]]
    outside = [model for model in tested if model not in inside]
    return [
        _set_sentence(loss, inside, outside),
        *said,
        _pair_sentence(pairs),
        *_reference_sentences(members, inside),
        *_best_sentences(best),
    ]


def _set_sentence(loss: str, inside: list[str], outside: list[str]) -> str:
    level = f"{1 - SET_SIZE:.0%} model confidence set"
    if not inside:
        return f"By {loss}, none of {join_words(outside)} is in the {level}: references are better beyond chance."
    if not outside:
        both = "both" if len(inside) == 2 else f"all {len(inside)}"
        return (
            f"By {loss}, {join_words(inside)} are statistically indistinguishable: the {level} holds {both}."
        )
    left = f"{join_words(outside)} {'is' if len(outside) == 1 else 'are'} left out, worse beyond chance"
    if len(inside) == 1:
        return f"By {loss}, {inside[0]} is alone in the {level} of these runs; {left}."
    return f"By {loss}, {join_words(inside)} are statistically indistinguishable: the {level} holds them; {left}."


def _pair_sentence(pairs: pd.DataFrame) -> str:
    tested = pairs[np.isfinite(pairs["p_holm"])]
    if tested.empty:
        return "No pair could be tested: losses do not differ, or are not finite."
    clear = tested[tested["p_holm"] <= LEVEL]
    number = "The pair" if len(tested) == 1 else f"Of the {len(tested)} pairs"
    if clear.empty:
        least = p_text(float(tested["p_holm"].min()))
        if len(tested) == 1:
            return f"{number} does not differ beyond chance (Diebold-Mariano, {least})."
        return (
            f"{number}, none differs beyond chance (Diebold-Mariano, adjusted by Holm: the smallest {least})."
        )
    parts = []
    for row in clear.itertuples():
        better, worse = (row.first, row.second) if row.estimate < 0 else (row.second, row.first)
        parts.append(f"{better} is better than {worse} ({p_text(row.p_holm)})")
    differ = "differs" if len(clear) == 1 else "differ"
    start = number if len(tested) == 1 else f"{number}, {len(clear)}"
    return f"{start} {differ} beyond chance (Diebold-Mariano, adjusted by Holm): {join_words(parts)}."


def _reference_sentences(members: pd.DataFrame, inside: list[str]) -> list[str]:
    references = members[members["reference"]]
    kept = references.loc[references["included"], "method"].tolist()
    if not inside or references.empty:
        return []
    if kept:
        one = len(kept) == 1
        start = f"The reference {kept[0]} is" if one else f"The references {join_words(kept)} are"
        return [
            f"{start} in the set too: no run was shown to be better than {'it' if one else 'any of them'}."
        ]
    if references["p_value"].notna().any():
        return ["No reference is in the set."]
    return []


def _best_sentences(best: pd.DataFrame) -> list[str]:
    """Say whether the best run is better than references, allowing for its having been chosen."""
    tested = best[np.isfinite(best["p_holm"])]
    if tested.empty:
        return []
    run, number = str(tested["best"].iloc[0]), int(tested["models"].iloc[0])
    clear = (tested["p_holm"] <= LEVEL) & (tested["difference"] < 0)
    parts = []
    if clear.any():
        parts.append(f"beats {join_words(tested.loc[clear, 'reference'].tolist())}")
    if not clear.all():
        parts.append(f"was not shown to beat {join_words(tested.loc[~clear, 'reference'].tolist(), 'or')}")
    how = f"test of superior predictive ability, the smallest {p_text(float(tested['p_holm'].min()))}"
    return [f"Counted as the best of {number}, {run} {' but '.join(parts)} ({how})."]
