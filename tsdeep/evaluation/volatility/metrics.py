"""Scores of volatility forecasts: a fold a row, then pooled, model and references side by side."""

from __future__ import annotations

import pandas as pd

from tsdeep.evaluation.volatility.predictions import check_volatility, check_volatility_references
from tsdeep.evaluation.volatility.scores import MEAN, VOLATILITY_METRICS, volatility_scores

SUMMARY = ("qlike", "rmse_units")
_SUMMARY_REFERENCES = 4


def volatility_table(
    predictions: pd.DataFrame, references: pd.DataFrame | None = None, *, name: str = "model"
) -> pd.DataFrame:
    """Score the model and every reference method on each fold's test rows, then on all folds'.

    Every figure is the mean over the assets of each asset's own, so that a volatile asset does not decide it.

    Parameters
    ----------
    predictions : pandas.DataFrame
        See `check_volatility`.
    references : pandas.DataFrame, optional
        The same columns and `method`, on the same test rows.
    name : str
        How the model's columns are called.

    Returns
    -------
    pandas.DataFrame
        Index `fold`: the fold numbers, then `"pooled"` (of all test rows, not averaged over folds). Two-level
        columns (metric, method), the metrics of `VOLATILITY_METRICS`, see `volatility_metrics`;
        `table["test"]` describes the test rows: first, last (times), rows, symbols, and volatility (mean of
        what came, annualised percentage points).

    Raises
    ------
    DataError
        If predictions and references cannot be compared, see `check_volatility_references`.
    """
    predictions = check_volatility(predictions)
    methods = {name: predictions, **check_volatility_references(references, predictions)}
    return table_of(predictions, volatility_scores(methods))


def table_of(predictions: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Return `volatility_table` from checked predictions and their `volatility_scores` by fold."""
    means = scores[scores["group"] == MEAN]
    names = list(dict.fromkeys(means["class"]))
    index = pd.Index(names, name="fold", dtype=object)
    first = means.drop_duplicates("class").set_index("class").reindex(names)
    grouped = predictions.groupby("fold", sort=True)
    columns: dict[tuple[str, str], object] = {
        ("test", "first"): [*grouped["time"].min(), predictions["time"].min()],
        ("test", "last"): [*grouped["time"].max(), predictions["time"].max()],
        ("test", "rows"): first["rows"].astype(int).to_numpy(),
        ("test", "symbols"): [*grouped["symbol"].nunique(), predictions["symbol"].nunique()],
        ("test", "volatility"): first["volatility"].to_numpy(),
    }
    methods = list(dict.fromkeys(means["method"]))
    of_method = {method: rows.set_index("class").reindex(names) for method, rows in means.groupby("method")}
    for metric in VOLATILITY_METRICS:
        columns |= {(metric, method): of_method[method][metric].to_numpy() for method in methods}
    table = pd.DataFrame(columns, index=index)
    table.columns.names = ["metric", "method"]
    return table


def volatility_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Shorten `volatility_table`'s result to what fits a terminal: a fold a row, then pooled.

    Returns
    -------
    pandas.DataFrame
        Index: fold and its test period. Two-level columns (metric, method): QLIKE and unit-corrected RMSE (percentage
        points) of the model and of the four references that have the lowest on all test rows, and rows.
    """
    test = table["test"]
    kept = {("", "rows"): table["test", "rows"]}
    for metric in SUMMARY:
        model, *others = table[metric].columns
        pooled = table[metric].loc["pooled", others].astype(float)
        best = list(pooled.sort_values(kind="stable").index[:_SUMMARY_REFERENCES])
        kept |= {(metric, method): table[metric, method].astype(float) for method in [model, *best]}
    summary = pd.DataFrame(kept)
    ends = zip(test["first"], test["last"], strict=True)
    period = [f"{first:%Y-%m} .. {last:%Y-%m}" for first, last in ends]
    summary.index = pd.MultiIndex.from_arrays([table.index, period], names=["fold", "test"])
    summary.columns.names = ["metric", "method"]
    return summary
