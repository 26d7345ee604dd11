"""What volatility forecasts showed, in words: both losses against each reference, and the set of the best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tsdeep.evaluation.verdict import Verdict, join_words, p_text
from tsdeep.evaluation.volatility.comparison import LEAST_WINDOWS, LOSSES, SET_SIZE

LEVEL = 0.05
_LOSS = {"qlike": "QLIKE", "squared_error": "squared error"}
_TOLD = {
    "won": "better",
    "lost": "worse",
    "open": "not told apart",
    "untested": "not tested",
}


def judge_volatility(
    model: str,
    comparisons: pd.DataFrame,
    members: pd.DataFrame,
    scores: pd.Series,
    *,
    best: Mapping[str, str],
    portfolio: pd.DataFrame | None = None,
    figures: pd.DataFrame | None = None,
    target: float = 0.1,
) -> Verdict:
    """Put the tests into words.

    Against a reference, on a loss, the model *won* where its mean loss is lower and the Diebold-Mariano p-value,
    adjusted for all references and both losses (Holm), is at most 0.05; *lost* where it is higher with such a p-value;
    and cannot be told apart otherwise. The outcome is `"shown"` where it won against every reference on both
    losses; `"mixed"` where it won against the best reference of at least one loss; otherwise `"lost"` where it lost to
    any reference on any loss, and `"nothing"` where it did not: to beat weak references alone shows nothing.

    Parameters
    ----------
    model : str
        The model's name.
    comparisons : pandas.DataFrame
        See `compare_losses`.
    members : pandas.DataFrame
        See `confidence_sets`.
    scores : pandas.Series
        `volatility_table`'s pooled row: index (metric, method).
    best : mapping of str to str
        By loss: the reference of the lowest mean loss.
    portfolio, figures : pandas.DataFrame, optional
        See `portfolio_differences` and `portfolio_figures`.
    target : float
        Volatility that the portfolios are held at, annualised fraction.

    Returns
    -------
    Verdict
        Sentences by loss, then set and portfolio; adjusted p-values by `"<loss>/<reference>"`.
    """
    words = {(str(row.loss), str(row.reference)): _word(row) for row in comparisons.itertuples()}
    adjusted = {
        f"{row.loss}/{row.reference}": float(row.p_holm)
        for row in comparisons.itertuples()
        if np.isfinite(row.p_holm)
    }
    if not words:
        return Verdict(
            "nothing", f"Nothing was compared: {model} stands beside no reference method.", {}, adjusted
        )
    sentences = {loss: _of_loss(loss, model, best[loss], comparisons, words, scores) for loss in LOSSES}
    sentences["set"] = _of_set(model, members)
    if portfolio is not None and figures is not None and len(portfolio):
        sentences["portfolio"] = _of_portfolio(model, best["qlike"], portfolio, figures, target)
    outcome = _outcome(words, best)
    return Verdict(outcome, _headline(outcome, model, words, best), sentences, adjusted)


def _word(row: object) -> str:
    if not np.isfinite(row.p_holm):  # type: ignore[attr-defined]
        return "open" if row.estimate == 0 else "untested"  # type: ignore[attr-defined]
    if row.p_holm > LEVEL:  # type: ignore[attr-defined]
        return "open"
    return "won" if row.estimate < 0 else "lost"  # type: ignore[attr-defined]


def _outcome(words: Mapping[tuple[str, str], str], best: Mapping[str, str]) -> str:
    if all(word == "won" for word in words.values()):
        return "shown"
    if any(words[loss, reference] == "won" for loss, reference in best.items()):
        return "mixed"
    return "lost" if "lost" in words.values() else "nothing"


def _headline(outcome: str, model: str, words: Mapping[tuple[str, str], str], best: Mapping[str, str]) -> str:
    opening = {
        "shown": "Something was shown",
        "lost": "The model lost",
        "mixed": "Mixed",
        "nothing": "Nothing was shown",
    }[outcome]
    references = list(dict.fromkeys(reference for _, reference in words))
    if all(word == "untested" for word in words.values()):
        return f"{opening}: the test rows hold fewer than {LEAST_WINDOWS} labels beside each other, too few to test."
    rule = f"(Holm-adjusted p at most {LEVEL:g})"
    if outcome == "shown":
        every = f"each of the {len(references)} references" if len(references) > 1 else references[0]
        return f"{opening}: {model} forecast better than {every} on QLIKE and on squared error {rule}."
    of_best = {loss: _TOLD[words[loss, reference]] for loss, reference in best.items()}
    if len(set(best.values())) == 1:
        name = best[LOSSES[0]]
        told = (
            f"{of_best[LOSSES[0]]} on both losses"
            if len(set(of_best.values())) == 1
            else f"{of_best['qlike']} on QLIKE and {of_best['squared_error']} on squared error"
        )
        first = f"{model} against {name}, the best reference: {told}"
    else:
        first = (
            f"{model} against the best reference of each loss: {of_best['qlike']} on QLIKE ({best['qlike']}), "
            f"{of_best['squared_error']} on squared error ({best['squared_error']})"
        )
    both = sum(all(words[loss, reference] == "won" for loss in LOSSES) for reference in references)
    lost = [r for r in references if any(words[loss, r] == "lost" for loss in LOSSES)]
    second = f"of {len(references)} references it beat {both} on both losses"
    second += f" and lost to {join_words(lost)} on at least one" if lost else " and lost to none"
    return f"{opening}: {first}; {second} {rule}."


def _of_loss(
    loss: str,
    model: str,
    best: str,
    comparisons: pd.DataFrame,
    words: Mapping[tuple[str, str], str],
    scores: pd.Series,
) -> str:
    rows = comparisons[comparisons["loss"] == loss].set_index("reference")
    row = rows.loc[best]
    metric, unit, form = {
        "qlike": ("qlike", "", ".4f"),
        "squared_error": ("rmse_units", " squared points", ".3f"),
    }[loss]
    name = {"qlike": "QLIKE", "squared_error": "Unit-corrected RMSE"}[loss]
    first = (
        f"{name} (mean over assets) {scores[metric, model]:{form}} against {scores[metric, best]:{form}} of {best}, "
        f"the reference with the lowest {_LOSS[loss]}: the model's {_LOSS[loss]} differs by "
        f"{row['estimate']:+{form}}{unit}"
    )
    if np.isfinite(row["p_value"]):
        first += (
            f" (95% interval {row['low']:+{form}} to {row['high']:+{form}}; t {row['statistic']:+.1f}, Holm "
            f"{p_text(row['p_holm'])})"
        )
    first += f": {_TOLD[words[loss, best]]}."
    others = [reference for reference in rows.index if reference != best]
    parts = []
    for word, said in (("won", "it beat"), ("open", "it cannot be told from"), ("lost", "it lost to")):
        names = [reference for reference in others if words[loss, reference] == word]
        if names:
            parts.append(f"{said} {join_words(names)}")
    if not parts:
        return first
    joined = "; ".join(parts)
    return f"{first} Of the others, {joined}."


def _of_set(model: str, members: pd.DataFrame) -> str:
    parts = []
    for loss in LOSSES:
        rows = members[members["loss"] == loss].set_index("method")
        if not np.isfinite(rows.loc[model, "p_value"]):
            return "The model confidence set was not computed: there are too few days."
        inside = [str(method) for method in rows.index[rows["included"]]]
        where = "among them" if rows.loc[model, "included"] else "not among them"
        every = len(inside) == len(rows)
        held = (
            f"all {len(rows)} methods"
            if every
            else f"{len(inside)} of {len(rows)} methods ({join_words(inside)})"
        )
        parts.append(f"on {_LOSS[loss]} {held}, {model} {where} ({p_text(rows.loc[model, 'p_value'])})")
    return (
        f"The {1 - SET_SIZE:.0%} model confidence set holds {'; '.join(parts)}. Its members cannot be told from the "
        "best by this data."
    )


def _of_portfolio(
    model: str, best: str, differences: pd.DataFrame, figures: pd.DataFrame, target: float
) -> str:
    risk, sharpe = (
        differences[(differences["measure"] == measure) & (differences["reference"] == best)].iloc[0]
        for measure in ("risk", "sharpe")
    )
    ours, theirs = figures.loc[model], figures.loc[best]
    told = _shown(risk, "nearer to the target", "farther from the target")
    earned = _shown(sharpe, "lower", "higher")
    return (
        f"A portfolio held at {target:.0%} volatility by {model} missed it by {ours['risk_error']:.2f} points (root "
        f"mean square), by {best} {theirs['risk_error']:.2f}: {told}. Sharpe ratio after costs {ours['sharpe']:.2f} "
        f"against {theirs['sharpe']:.2f}: {earned}."
    )


def _shown(row: pd.Series, below: str, above: str) -> str:
    """Say what a difference amounts to."""
    if not np.isfinite(row["p_holm"]):
        return "not tested"
    if row["p_holm"] > LEVEL:
        return f"no difference was shown (Holm {p_text(row['p_holm'])})"
    return f"{below if row['estimate'] < 0 else above} (Holm {p_text(row['p_holm'])})"
