"""The page of a comparison."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tsdeep.evaluation.comparison.pairwise import SET_SIZE
from tsdeep.evaluation.comparison.plots import plot_curves, plot_pairs
from tsdeep.evaluation.formatting import interval_text, number_text, p_cell, setting_text, text_table
from tsdeep.evaluation.prediction_tables import distinct_rows
from tsdeep.evaluation.report import embedded, figure_png, page_template, write_bytes_whole

if TYPE_CHECKING:
    from tsdeep.evaluation.comparison.compare import Comparison

_DESCRIBES = ("first", "last", "rows")
_ACRONYMS = ("mcc", "auc", "f1", "qlike", "rmse", "mae", "crps")
_PAIRS = "Left of zero the first of the two is better. An interval that holds zero shows no difference."
_SHARES = ("accuracy", "coverage", "share", "drawdown", "a year")


def write_comparison(comparison: Comparison, path: str | os.PathLike[str]) -> Path:
    """Write the page of a comparison, whole or not at all.

    Parameters
    ----------
    comparison : Comparison
        What is written.
    path : path
        Of the HTML file; its folder is made if it is not there.

    Returns
    -------
    Path
        The same.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_whole(path, render_comparison(comparison).encode())
    return path


def render_comparison(comparison: Comparison) -> str:
    """Return the page's HTML: it loads nothing, and every text from data or names is escaped."""
    evidence = comparison.evidence
    rows = distinct_rows(evidence.predictions)
    images, captions, curves = {}, {}, []
    for number, made in enumerate(comparison.curves):
        name = f"curves_{number}"
        images[name] = figure_png(plot_curves(made, comparison.models))
        captions[name] = f"{made.title[:1].upper()}{made.title[1:]}."
        curves.append((name, curve_table(made, comparison.models)))
    tests = []
    for number, loss in enumerate(comparison.losses):
        pairs = comparison.pairs[comparison.pairs["loss"] == loss.name]
        name = f"pairs_{number}"
        if np.isfinite(pairs["p_value"]).any():
            images[name] = figure_png(plot_pairs(pairs, loss=loss.name, unit=loss.unit))
            captions[name] = _PAIRS
        tests.append(
            {
                "loss": loss,
                "sentences": comparison.sentences[loss.name],
                "figure": name,
                "pairs": pair_rows(pairs),
                "best": best_rows(comparison.best[comparison.best["loss"] == loss.name]),
                "members": member_rows(
                    comparison.confidence_set[comparison.confidence_set["loss"] == loss.name]
                ),
            }
        )
    settings = [[key, *map(setting_text, values.values())] for key, values in comparison.settings.items()]
    return page_template("compare.html").render(
        comparison=comparison,
        evidence=evidence,
        test_rows=f"{len(rows):,}",
        period=f"{rows['time'].min():%Y-%m-%d} to {rows['time'].max():%Y-%m-%d}",
        scores=score_tables(comparison),
        tests=tests,
        curves=curves,
        settings=text_table(["setting", *comparison.models], settings) if settings else None,
        level=f"{1 - SET_SIZE:.0%}",
        size=f"{SET_SIZE:g}",
        images=embedded(images),
        captions=captions,
    )


def score_tables(comparison: Comparison) -> list[tuple[str, dict[str, Any]]]:
    """Return the scores as tables of text: one, or one a horizon, with its heading."""
    scores = comparison.scores
    if "horizon" not in scores.index.names:
        return [("", _scores(scores, comparison))]
    return [
        (f"{horizon} rows ahead", _scores(rows.droplevel("horizon"), comparison))
        for horizon, rows in scores.groupby(level="horizon")
    ]


def _scores(scores: pd.DataFrame, comparison: Comparison) -> dict[str, Any]:
    shown = [
        column
        for column in scores
        if column not in _DESCRIBES and not str(column).endswith("_share") and column != "volatility"
    ]
    shown = [column for column in shown if scores[column].notna().any()]
    rows = [
        [str(method), *(_figure(str(column), row[column]) for column in shown)]
        for method, row in scores.iterrows()
    ]
    made = text_table(["method", *(score_name(str(column)) for column in shown)], rows)
    return _mark(made, comparison.models)


def score_name(column: str) -> str:
    """Return how a score is called in a heading.

    Examples
    --------
    >>> score_name("log_loss"), score_name("prior_corrected_mcc"), score_name("macro_f1")
    ('log-loss', 'prior corrected MCC', 'macro F1')
    """
    words = column.replace("log_loss", "log-loss").split("_")
    named = {"brier": "Brier", "r2": "R²"}
    return " ".join(named.get(word, word.upper() if word in _ACRONYMS else word) for word in words)


def pair_rows(pairs: pd.DataFrame) -> dict[str, Any]:
    """Return the tests of every two runs as a table of text."""
    rows = [
        [
            f"{row['first']} minus {row['second']}",
            number_text(row["estimate"], "+.5f"),
            interval_text(row["low"], row["high"], "+.5f"),
            number_text(row["statistic"], "+.2f"),
            p_cell(row["p_value"]),
            p_cell(row["p_holm"]),
        ]
        for row in pairs.to_dict("records")
    ]
    return text_table(["pair", "difference", "95% interval", "t", "p", "p, Holm"], rows)


def member_rows(members: pd.DataFrame) -> dict[str, Any]:
    """Return a model confidence set as a table of text; runs are marked."""
    rows = [
        [
            row["method"],
            "reference" if row["reference"] else "run",
            number_text(row["mean"], ".5f"),
            p_cell(row["p_value"]),
            "—" if np.isnan(row["p_value"]) else "yes" if row["included"] else "no",
        ]
        for row in members.to_dict("records")
    ]
    made = text_table(["method", "", "mean loss", "p", "in the set"], rows)
    return _mark(made, [row["method"] for row in members.to_dict("records") if not row["reference"]])


def best_rows(best: pd.DataFrame) -> dict[str, Any]:
    """Return the tests of the best run against each reference as a table of text."""
    rows = [
        [
            row["reference"],
            row["best"] if isinstance(row["best"], str) else "—",
            number_text(row["difference"], "+.5f"),
            p_cell(row["reality_check"]),
            p_cell(row["spa"]),
            p_cell(row["p_holm"]),
        ]
        for row in best.to_dict("records")
    ]
    return text_table(
        ["reference", "best run", "difference", "p, reality check", "p, SPA", "SPA, Holm"], rows
    )


def curve_table(curves: Any, models: tuple[str, ...]) -> dict[str, Any]:
    """Return the figures of what was earned as a table of text."""
    rows = [
        [str(method), *(_figure(str(column), row[column]) for column in curves.figures)]
        for method, row in curves.figures.iterrows()
    ]
    return _mark(text_table(["method", *map(str, curves.figures.columns)], rows), models)


def _figure(name: str, value: Any) -> str:
    if name.startswith("Sharpe"):
        return number_text(value, ".2f")
    if name.startswith(("turnover", "trades", "ticks, all")):
        return number_text(value, ",.0f")
    return number_text(value, ".1%" if any(part in name for part in _SHARES) else ".4f")


def _mark(table: dict[str, Any], models: tuple[str, ...] | list[str]) -> dict[str, Any]:
    rows = [("model" if cells[0] in models else "", cells) for _, cells in table["rows"]]
    return table | {"rows": rows}
