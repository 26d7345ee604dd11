"""The model against each reference on the days' losses, and the set of methods that holds the best."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

from tsdeep.evaluation.significance import (
    Significance,
    diebold_mariano,
    fixed_b_degrees,
    model_confidence_set,
    overlap_lags,
)
from tsdeep.evaluation.verdict import holm
from tsdeep.evaluation.volatility.losses import POINTS, qlike_losses
from tsdeep.evaluation.volatility.regimes import means_by_class

LOSSES = ("qlike", "squared_error")
SET_SIZE = 0.1
BLOCK_HORIZONS = 3
LEAST_WINDOWS = 10


def compared_losses(frame: pd.DataFrame, loss: str) -> np.ndarray:
    """Return the losses `[rows]` on which methods are compared.

    `"qlike"` is that of variance; `"squared_error"` is that of volatility (its mean, which this loss asks for), in
    squared annualised percentage points.
    """
    if loss == "qlike":
        return qlike_losses(frame["y"], frame["variance"])
    return np.square(POINTS * (frame["volatility"] - frame["y"]).to_numpy(dtype=np.float64))


def daily_losses(methods: Mapping[str, pd.DataFrame], loss: str) -> pd.DataFrame:
    """Average losses over the assets of each day: assets move together, and are not independent observations.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions on the same rows, as `check_volatility` returns them.
    loss : {"qlike", "squared_error"}
        See `compared_losses`.

    Returns
    -------
    pandas.DataFrame
        Index: time, rising; a column a method.
    """
    times, day = np.unique(next(iter(methods.values()))["time"].to_numpy(), return_inverse=True)
    rows = np.bincount(day)
    values = {
        method: np.bincount(day, compared_losses(frame, loss)) / rows for method, frame in methods.items()
    }
    return pd.DataFrame(values, index=pd.DatetimeIndex(times, name="time"))


def compare_losses(losses: Mapping[str, pd.DataFrame], model: str, horizon_rows: int) -> pd.DataFrame:
    """Test the model against each reference on each loss (Diebold and Mariano 1995, HAC).

    Parameters
    ----------
    losses : mapping of str to pandas.DataFrame [days, methods]
        By name of `LOSSES`, see `daily_losses`.
    model : str
        Its column; the others are references.
    horizon_rows : int
        Rows ahead that labels look: see `overlap_lags`.

    Returns
    -------
    pandas.DataFrame
        Columns loss, reference, estimate (mean loss of the model minus the reference's: negative where the
        model is better), low, high (95%), statistic, p_value, p_holm (adjusted for all comparisons of the
        table), statistic_overlap (with `horizon_rows - 1` lags, as the literature often gives it), lags, rows.
        With fewer days than ten labels beside each other there is no test.
    """
    records = []
    for loss, table in losses.items():
        days = len(table)
        lags, short = overlap_lags(days, horizon_rows), max(horizon_rows - 1, 0)
        for reference in table.columns.drop(model):
            found = diebold_mariano(table[model], table[reference], lags=lags, fixed_b=True)
            record = {"loss": loss, "reference": reference, "estimate": found.estimate}
            if days >= LEAST_WINDOWS * horizon_rows:
                usual = diebold_mariano(table[model], table[reference], lags=min(short, days - 1))
                record |= {
                    "low": found.low,
                    "high": found.high,
                    "statistic": found.statistic,
                    "p_value": found.p_value,
                    "statistic_overlap": usual.statistic,
                }
            records.append(record | {"lags": lags, "rows": days})
    columns = ["loss", "reference", "estimate", "low", "high", "statistic", "p_value", "p_holm"]
    columns += ["statistic_overlap", "lags", "rows"]
    table = pd.DataFrame(records).reindex(columns=columns)
    adjusted = holm({str(key): float(p) for key, p in table["p_value"].items()})
    table["p_holm"] = [adjusted.get(str(key), float("nan")) for key in table.index]
    return table


def confidence_sets(
    losses: Mapping[str, pd.DataFrame], horizon_rows: int, *, draws: int, seed: int, block_rows: int | None
) -> pd.DataFrame:
    """Return, by method and loss, the mean loss and the p-value of belonging to the model confidence set.

    Parameters
    ----------
    losses : mapping of str to pandas.DataFrame [days, methods]
        By name of `LOSSES`, see `daily_losses`.
    horizon_rows : int
        Rows ahead that labels look.
    draws, seed : int
        Of the bootstrap.
    block_rows : int or None
        Mean block, at least a horizon; by default three.

    Returns
    -------
    pandas.DataFrame
        Columns loss, method, mean, p_value, included (p_value above `SET_SIZE`: the 90% set), block_rows.
        NaN and not included with fewer days than ten labels beside each other.
    """
    rows = max(block_rows or BLOCK_HORIZONS * horizon_rows, horizon_rows)
    parts = []
    for loss, table in losses.items():
        means = table.mean()
        p_values = pd.Series(np.nan, index=table.columns)
        if len(table) >= LEAST_WINDOWS * horizon_rows:
            p_values = model_confidence_set(table, block_rows=rows, draws=draws, seed=seed)
        part = pd.DataFrame({"loss": loss, "method": table.columns, "mean": means.to_numpy()})
        part = part.assign(p_value=p_values.to_numpy(), block_rows=rows)
        parts.append(part.assign(included=part["p_value"] > SET_SIZE))
    return pd.concat(parts, ignore_index=True)


def compare_by_class(
    losses: Mapping[str, pd.DataFrame], model: str, classes: np.ndarray, horizon_rows: int
) -> pd.DataFrame:
    """Compare the model with each reference on each class of days, such as calm ones and crises.

    Parameters
    ----------
    losses : mapping of str to pandas.DataFrame [days, methods]
        By name of `LOSSES`, see `daily_losses`.
    model : str
        Its column; the others are references.
    classes : ndarray of object [days]
        None: of no class.
    horizon_rows : int
        Rows ahead that labels look.

    Returns
    -------
    pandas.DataFrame
        Columns loss, reference, class, days, estimate (model minus reference), error, statistic, p_value: not
        adjusted for the number of comparisons. Empty where no day has a class; no test of a class with fewer days
        than ten labels beside each other.
    """
    columns = ["loss", "reference", "class", "days", "estimate", "error", "statistic", "p_value"]
    parts = []
    for loss, table in losses.items():
        lags = overlap_lags(len(table), horizon_rows)
        for reference in table.columns.drop(model):
            difference = (table[model] - table[reference]).to_numpy()
            if all(name is None for name in classes) or not np.isfinite(difference).all():
                continue
            found = means_by_class(difference, classes, lags).reset_index()
            found["p_value"] = two_sided(found["statistic"].to_numpy(), found["days"].to_numpy(), lags)
            few = found["days"] < LEAST_WINDOWS * horizon_rows
            found.loc[few, ["error", "statistic", "p_value"]] = np.nan
            parts.append(found.assign(loss=loss, reference=reference))
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def compare_by_asset(
    methods: Mapping[str, pd.DataFrame], model: str, references: Mapping[str, str], horizon_rows: int
) -> pd.DataFrame:
    """Compare the model with one reference a loss on each asset by itself.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions on the same rows, as `check_volatility` returns them.
    model : str
        Its key.
    references : mapping of str to str
        By loss: the reference to compare with.
    horizon_rows : int
        Rows ahead that labels look.

    Returns
    -------
    pandas.DataFrame
        Columns symbol, loss, reference, estimate (model minus reference), low, high, statistic, p_value: not
        adjusted for the number of comparisons.
    """
    records = []
    symbol = methods[model]["symbol"].astype(str).to_numpy()
    for loss, reference in references.items():
        ours, theirs = (compared_losses(methods[name], loss) for name in (model, reference))
        for name in dict.fromkeys(symbol):
            rows = symbol == name
            lags = overlap_lags(int(rows.sum()), horizon_rows)
            found = diebold_mariano(ours[rows], theirs[rows], lags=lags, fixed_b=True)
            if rows.sum() < LEAST_WINDOWS * horizon_rows:
                nan = float("nan")
                found = Significance(found.estimate, nan, nan, nan, nan, found.rows)
            records.append(
                {
                    "symbol": name,
                    "loss": loss,
                    "reference": reference,
                    "estimate": found.estimate,
                    "low": found.low,
                    "high": found.high,
                    "statistic": found.statistic,
                    "p_value": found.p_value,
                }
            )
    return pd.DataFrame(records)


def best_references(losses: Mapping[str, pd.DataFrame], model: str) -> dict[str, str]:
    """Return, by loss, the reference of the lowest mean loss; no entry where there is none."""
    found = {}
    for loss, table in losses.items():
        means = table.drop(columns=model).mean().dropna()
        if len(means):
            found[loss] = str(means.idxmin())
    return found


def two_sided(statistic: np.ndarray, rows: np.ndarray, lags: int) -> np.ndarray:
    """Return p-values of statistics with HAC errors, by Student's t with `fixed_b_degrees`."""
    degrees = np.array([fixed_b_degrees(int(n), lags) for n in rows])
    return 2 * student.sf(np.abs(statistic), np.maximum(degrees, 1.0))
