"""Scores of volatility forecasts: by asset, their mean, all rows together; by fold or any class of days."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.evaluation.volatility.losses import INTERVALS, past_labels, row_losses, share_name
from tsdeep.evaluation.volatility.predictions import CONFORMAL, NOMINAL

POINT_METRICS = ("qlike", "rmse", "mae", "rmse_units", "mae_units", "r2")
_SHARES = tuple(share_name(share) for share in INTERVALS)
QUANTILE_METRICS = (
    "crps_quantiles",
    *(f"coverage_{share}" for share in _SHARES),
    "conformal_crps_quantiles",
    *(f"conformal_coverage_{share}" for share in _SHARES),
)
VOLATILITY_METRICS = (*POINT_METRICS, *QUANTILE_METRICS)
ASSET, MEAN, POOLED, BASKET = "asset", "mean", "pooled", "basket"


def volatility_metrics(frame: pd.DataFrame, past_mean: ArrayLike | None = None) -> dict[str, float]:
    """Score forecasts of volatility on rows taken together, such as those of one asset.

    Parameters
    ----------
    frame : pandas.DataFrame
        Predictions of one method, as `check_volatility` returns them.
    past_mean : array_like [rows], optional
        Column mean of `past_labels`; by default computed from the rows themselves.

    Returns
    -------
    dict of str to float
        The names of `VOLATILITY_METRICS`, NaN where a method states no such quantiles:

        - qlike: mean of `qlike_losses` of variance.
        - rmse, mae: of the square root of variance, in annualised percentage points.
        - rmse_units, mae_units: the RMSE of volatility (the mean, which a squared error asks for) and the MAE of
          median (which an absolute error asks for), so that no method wins by its unit.
        - r2: 1 less the squared errors of volatility over those of the mean of all realised volatilities of
          the asset that were known at the origin (labels of test rows that had ended); rows before the first one
          ended are left out.
        - crps_quantiles: twice the mean pinball loss over the levels stated, percentage points: what the
          continuous ranked probability score is to infinitely many levels; comparable among equal levels only.
        - coverage_80, coverage_95: share of rows within the central interval.
        - conformal_*: the same of the conformal quantiles.
    """
    past = past_labels(frame)["mean"] if past_mean is None else past_mean
    means = {name: values.mean() for name, values in row_losses(frame, past).items()}
    return {name: float(value) for name, value in _scores(means).items()}


def volatility_scores(methods: Mapping[str, pd.DataFrame], classes: ArrayLike | None = None) -> pd.DataFrame:
    """Score every method on each class of rows and on all, for each asset, on average and on all together.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions on the same rows, as `check_volatility` returns them.
    classes : array_like [rows], optional
        Of each row: by default its fold. A missing class (None or NaN) leaves the row out of all but `"pooled"`.

    Returns
    -------
    pandas.DataFrame
        Columns class (in order, then `"pooled"`: all rows), group, symbol, method, rows, volatility (mean
        of what came, percentage points) and `VOLATILITY_METRICS`. Groups: `"asset"`, one symbol each; `"mean"`, the
        mean over the assets of their figures, which gives each asset equal weight; `"pooled"`, one figure of all rows.
        The symbol of the latter two is empty.
    """
    frame = next(iter(methods.values()))
    codes, names = pd.factorize(np.asarray(frame["fold"] if classes is None else classes), sort=True)
    symbols = frame["symbol"].astype("category")
    symbol_codes = symbols.cat.codes.to_numpy(dtype=np.int64)
    assets = [str(name) for name in symbols.cat.categories]
    past = past_labels(frame)["mean"].to_numpy()
    y = 100 * frame["y"].to_numpy(dtype=np.float64)
    index = _cells([*(_plain(name) for name in names), "pooled"], assets)
    parts = []
    for method, rows in methods.items():
        losses = row_losses(rows, past) | {"y": y}
        counts, means = _means(losses, codes, symbol_codes, len(names), len(assets))
        scores = _scores(means)
        table = index.assign(method=method, rows=counts, volatility=means["y"])
        nothing = np.full(len(index), np.nan)
        table = table.assign(**{metric: scores.get(metric, nothing) for metric in VOLATILITY_METRICS})
        parts.append(_with_means(table))
    table = pd.concat(parts, ignore_index=True)
    return table[table["rows"] > 0].reset_index(drop=True)


def _plain(name: object) -> object:
    return name.item() if isinstance(name, np.generic) else name


def _cells(classes: list[object], assets: list[str]) -> pd.DataFrame:
    """Return class, group and symbol of the figures of one method: of each class its assets, then all rows."""
    groups = [(ASSET, asset) for asset in assets] + [(POOLED, "")]
    records = [(name, *group) for name in classes for group in groups]
    return pd.DataFrame(records, columns=["class", "group", "symbol"]).astype({"class": object})


def _means(
    losses: Mapping[str, np.ndarray], codes: np.ndarray, symbols: np.ndarray, classes: int, assets: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return rows and mean losses `[(classes + 1) * (assets + 1)]` of the cells; a class of -1 is none."""
    inside = codes >= 0
    width = assets + 1
    cells = (classes + 1) * width

    def total(values: np.ndarray) -> np.ndarray:
        summed = np.zeros((classes + 1, width))
        cell = codes[inside] * assets + symbols[inside]
        by = np.bincount(cell, values[inside], minlength=classes * assets)
        summed[:-1, :-1] = by.reshape(classes, assets)
        summed[-1, :-1] = np.bincount(symbols, values, minlength=assets)
        summed[:, -1] = summed[:, :-1].sum(axis=1)
        return summed.reshape(cells)

    counts = total(np.ones(len(codes)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts.astype(np.int64), {name: total(values) / counts for name, values in losses.items()}


def _scores(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn mean losses into scores; those of quantiles that are not stated are NaN."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scores = {
            "qlike": means["qlike"],
            "rmse": np.sqrt(means["squared"]),
            "mae": means["absolute"],
            "rmse_units": np.sqrt(means["squared_units"]),
            "mae_units": means["absolute_units"],
            "r2": np.where(
                means["squared_mean"] > 0, 1.0 - means["squared_known"] / means["squared_mean"], np.nan
            ),
        }
    nothing = np.full(np.shape(means["qlike"]), np.nan)
    for kind, before in ((NOMINAL, ""), (CONFORMAL, "conformal_")):
        scores[f"{before}crps_quantiles"] = means.get(f"crps_{kind}", nothing)
        for share in _SHARES:
            scores[f"{before}coverage_{share}"] = means.get(f"covered_{share}_{kind}", nothing)
    return {name: scores[name] for name in VOLATILITY_METRICS}


def _with_means(table: pd.DataFrame) -> pd.DataFrame:
    """Put, after the assets of each class, the mean of their figures; an asset without rows does not count."""
    of_assets = table[table["group"] == ASSET]
    figures = of_assets.groupby("class", sort=False)[["volatility", *VOLATILITY_METRICS]].mean()
    rows = of_assets.groupby("class", sort=False)["rows"].sum()
    means = figures.assign(rows=rows).reset_index()
    means = means.assign(group=MEAN, symbol="", method=table["method"].iloc[0])[list(table.columns)]
    order = {name: number for number, name in enumerate(dict.fromkeys(table["class"]))}
    joined = pd.concat([table, means], ignore_index=True)
    place = joined["class"].map(order).to_numpy() * 3 + joined["group"].map({ASSET: 0, MEAN: 1, POOLED: 2})
    return joined.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
