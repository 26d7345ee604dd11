"""What movement predictions showed, in words: log-loss and MCC against each reference, by their Holm p-values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tsdeep.evaluation.movement.bootstrap import LEAST_BLOCKS
from tsdeep.evaluation.verdict import Verdict, join_words, p_text

LEVEL = 0.05
_RULE = "beyond chance (paired block bootstrap, Holm p at most 0.05)"


def judge_movement(model: str, differences: pd.DataFrame, scores: pd.DataFrame) -> Verdict:
    """Put the differences from the references into words.

    Against a reference, at a horizon, the model *won* in log-loss where it is lower, and *lost* where it is higher,
    with a Holm-adjusted two-sided p-value of at most 5%, and nothing was shown otherwise; it lost in MCC where that is
    lower with such a p-value. Log-loss and MCC are adjusted each for its own comparisons, with all references at all
    horizons, so that a win anywhere by chance alone has a probability of at most 5%. The outcome is `"shown"` where
    every reference was beaten in log-loss at every horizon and nothing was lost; `"lost"` where something was lost and
    nothing won; `"nothing"` where nothing was either; and `"mixed"` otherwise.

    Parameters
    ----------
    model : str
        The model's name.
    differences : pandas.DataFrame
        Columns horizon, reference, metric, estimate (model minus reference), error, low, high, ratio, p_holm (of
        log_loss and mcc), as `adjust_p_values` returns them.
    scores : pandas.DataFrame
        `movement_table`'s pooled rows: index horizon, columns (metric, method).

    Returns
    -------
    Verdict
        Sentences by reference where there is one horizon, by horizon where there are several; adjusted p-values by
        `horizon/reference/metric`.
    """
    losses = _words(differences, "log_loss", better=-1)
    calls = _words(differences, "mcc", better=1)
    adjusted = {
        f"{row.horizon}/{row.reference}/{row.metric}": float(row.p_holm)
        for row in differences.itertuples()
        if np.isfinite(row.p_holm)
    }
    if not losses:
        return Verdict(
            "nothing", f"Nothing was compared: {model} stands beside no reference method.", {}, adjusted
        )
    horizons = list(dict.fromkeys(horizon for horizon, _ in losses))
    won = [key for key, word in losses.items() if word == "won"]
    lost = [key for key, word in losses.items() if word == "lost"]
    worse = [key for key, word in calls.items() if word == "lost"]
    if not won:
        outcome = "lost" if lost or worse else "nothing"
    else:
        outcome = "shown" if len(won) == len(losses) and not worse else "mixed"
    opening = {
        "shown": "Something was shown",
        "lost": "The model lost",
        "mixed": "Mixed",
        "nothing": "Nothing was shown",
    }[outcome]
    parts = [_at_horizon(horizon, losses, calls) for horizon in horizons]
    if len(horizons) == 1:
        sentences = {
            reference: _against(reference, differences, scores.loc[horizons[0]], model, word)
            for (_, reference), word in losses.items()
        }
        return Verdict(outcome, f"{opening}: {model} {parts[0]}.", sentences, adjusted)
    everywhere = sum(all(losses[k] == "won" for k in losses if k[0] == horizon) for horizon in horizons)
    headline = (
        f"{opening}: {model} beat every reference in log-loss {_RULE} at {everywhere} of {len(horizons)} "
        f"horizons; of {len(losses)} comparisons it won {len(won)} and lost {len(lost)}, and it lost "
        f"{len(worse)} in MCC."
    )
    sentences = {
        str(horizon): f"{horizon} rows ahead, {model} {part}."
        for horizon, part in zip(horizons, parts, strict=True)
    }
    return Verdict(outcome, headline, sentences, adjusted)


def _words(differences: pd.DataFrame, metric: str, better: int) -> dict[tuple[int, str], str]:
    """Return won, lost, open or untested by (horizon, reference); a lower loss and a higher MCC are better."""
    words = {}
    for row in differences[differences["metric"] == metric].itertuples():
        if not np.isfinite(row.error):
            word = "untested"
        elif _clear(row.p_holm):
            word = "won" if better * row.estimate > 0 else "lost"
        else:
            word = "open"
        words[int(row.horizon), str(row.reference)] = word
    return words


def _clear(p_holm: float) -> bool:
    """Whether a difference is beyond chance; one without a p-value, as of two methods that never differ, is not."""
    return bool(p_holm <= LEVEL)


def _at_horizon(horizon: int, losses: dict[tuple[int, str], str], calls: dict[tuple[int, str], str]) -> str:
    """Say what happened against all references at one horizon."""
    by: dict[str, list[str]] = {"won": [], "lost": [], "open": [], "untested": []}
    for (at, reference), word in losses.items():
        if at == horizon:
            by[word].append(reference)
    parts = []
    if by["won"]:
        beaten = join_words(by["won"])
        every = f"every reference ({beaten})" if not (by["lost"] or by["open"] or by["untested"]) else beaten
        parts.append(f"beat {every} in log-loss {_RULE}")
    if by["lost"]:
        rule = "as clearly" if by["won"] else _RULE
        parts.append(f"lost to {join_words(by['lost'])} in log-loss {rule}")
    if by["open"]:
        parts.append(f"cannot be told from {join_words(by['open'])} in log-loss")
    if by["untested"]:
        parts.append(f"was not tested against {join_words(by['untested'])} in log-loss")
    worse = [reference for (at, reference), word in calls.items() if at == horizon and word == "lost"]
    tested = [word for (at, _), word in calls.items() if at == horizon and word != "untested"]
    if worse:
        parts.append(f"lost to {join_words(worse)} in MCC beyond chance")
    elif tested:
        parts.append("lost to none in MCC beyond chance")
    return join_words(parts)


def _against(reference: str, differences: pd.DataFrame, scores: pd.Series, model: str, word: str) -> str:
    """Say how the model stands beside one reference."""
    rows = differences[differences["reference"] == reference].set_index("metric")
    loss, mcc = rows.loc["log_loss"], rows.loc["mcc"]
    ours, theirs = scores["mcc", model], scores["mcc", reference]
    second = f"MCC {ours:.3f} against {theirs:.3f}"
    if np.isfinite(mcc["error"]):
        side = "higher" if mcc["estimate"] > 0 else "lower" if mcc["estimate"] < 0 else "equal"
        beyond = "beyond" if _clear(mcc["p_holm"]) else "within"
        second += f": {side}, {beyond} chance{_p(mcc['p_holm'])}"
    if not np.isfinite(loss["estimate"]):
        return f"Against {reference}: it states no finite log-loss. {second}."
    first = f"log-loss {scores['log_loss', model]:.4f} against {scores['log_loss', reference]:.4f}"
    if word == "untested":
        why = f"not tested, since there are fewer than {LEAST_BLOCKS} blocks of rows"
        return f"Against {reference}: {first}, {why}. {second}."
    told = {"won": "better", "lost": "worse", "open": "not told apart"}[word]
    beyond = f"{_times(loss['ratio'])}{_p(loss['p_holm'], '; ')}"
    return (
        f"Against {reference}: {first}, a difference of {loss['estimate']:+.4f} nats (95% interval "
        f"{loss['low']:+.4f} to {loss['high']:+.4f}{beyond}): {told}. {second}."
    )


def _times(ratio: float) -> str:
    return f"; {abs(ratio):.1f} times its error" if np.isfinite(ratio) else ""


def _p(p_holm: float, before: str = ", ") -> str:
    return f"{before}Holm {p_text(p_holm)}" if np.isfinite(p_holm) else ""
