"""Mincer-Zarnowitz regressions: is a forecast, as it stands, the best guess it could be turned into."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import f as fisher
from statsmodels.regression.linear_model import OLS

from tsdeep.evaluation.significance import fixed_b_degrees, overlap_lags
from tsdeep.evaluation.volatility.losses import POINTS
from tsdeep.evaluation.volatility.scores import ASSET, BASKET, POOLED

_FIGURES = ("intercept", "intercept_error", "slope", "slope_error", "r2", "statistic", "p_value")


def mincer_zarnowitz(
    y: np.ndarray, forecast: np.ndarray, *, lags: int, time: np.ndarray | None = None
) -> dict[str, float]:
    """Regress what came on an intercept and its forecast, and test intercept 0 and slope 1 together.

    Parameters
    ----------
    y, forecast : ndarray of float64, [rows]
        In one unit; in time order where `time` is not given.
    lags : int
        Of the HAC errors (Bartlett weights).
    time : ndarray of int64, optional, [rows]
        Number of each row's day, where several assets have rows on one: errors are then robust to any dependence
        of assets on one day and on days up to `lags` apart (Driscoll and Kraay 1998).

    Returns
    -------
    dict of str to float
        intercept and slope with their errors, r2, statistic (the Wald statistic over 2) and p_value, by F(2,
        `fixed_b_degrees`). NaN where the forecast is constant or there are fewer than ten rows.

    References
    ----------
    Mincer, Zarnowitz (1969), The evaluation of economic forecasts, in Economic forecasts and expectations, NBER.
    """
    days = len(y) if time is None else len(np.unique(time))
    if days < 10 or np.ptp(forecast) == 0:
        return dict.fromkeys(_FIGURES, float("nan"))
    design = np.column_stack([np.ones(len(y)), forecast])
    keywords: dict[str, object] = {"maxlags": min(lags, days - 1), "use_correction": False}
    if time is None:
        fit = OLS(y, design).fit(cov_type="HAC", cov_kwds=keywords)
    else:
        order = np.argsort(time, kind="stable")
        keywords["time"] = np.unique(time[order], return_inverse=True)[1]
        fit = OLS(y[order], design[order]).fit(cov_type="hac-groupsum", cov_kwds=keywords)
    wald = float(np.squeeze(fit.wald_test((np.eye(2), [0.0, 1.0]), use_f=False, scalar=True).statistic))
    degrees = max(fixed_b_degrees(days, min(lags, days - 1)), 1.0)
    return {
        "intercept": float(fit.params[0]),
        "intercept_error": float(fit.bse[0]),
        "slope": float(fit.params[1]),
        "slope_error": float(fit.bse[1]),
        "r2": float(fit.rsquared),
        "statistic": wald / 2,
        "p_value": float(fisher.sf(wald / 2, 2, degrees)),
    }


def regressions(
    methods: Mapping[str, pd.DataFrame], basket: Mapping[str, pd.DataFrame], horizon_rows: int
) -> pd.DataFrame:
    """Regress realised volatility on every method's mean of volatility: by asset, all together, the basket.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions on the same rows, as `check_volatility` returns them.
    basket : mapping of str to pandas.DataFrame
        The same of the basket; may be empty.
    horizon_rows : int
        Rows ahead that labels look: see `overlap_lags`.

    Returns
    -------
    pandas.DataFrame
        Columns group (asset, pooled, basket), symbol, method, rows, and the figures of `mincer_zarnowitz`;
        intercept in annualised percentage points.
    """
    frame = next(iter(methods.values()))
    symbol = frame["symbol"].astype(str).to_numpy()
    days = np.unique(frame["time"].to_numpy(), return_inverse=True)[1]
    groups = [(ASSET, name, np.flatnonzero(symbol == name)) for name in dict.fromkeys(symbol)]
    records = []
    for method, table in methods.items():
        y, forecast = _points(table)
        for group, name, rows in groups:
            lags = overlap_lags(len(rows), horizon_rows)
            found = mincer_zarnowitz(y[rows], forecast[rows], lags=lags)
            records.append({"group": group, "symbol": name, "method": method, "rows": len(rows)} | found)
        if len(groups) > 1:
            lags = overlap_lags(int(days.max()) + 1, horizon_rows)
            found = mincer_zarnowitz(y, forecast, lags=lags, time=days)
            records.append({"group": POOLED, "symbol": "", "method": method, "rows": len(y)} | found)
    for method, table in basket.items():
        y, forecast = _points(table)
        found = mincer_zarnowitz(y, forecast, lags=overlap_lags(len(y), horizon_rows))
        records.append({"group": BASKET, "symbol": "", "method": method, "rows": len(y)} | found)
    return pd.DataFrame(records)


def _points(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    y = POINTS * table["y"].to_numpy(dtype=np.float64)
    return y, POINTS * table["volatility"].to_numpy(dtype=np.float64)
