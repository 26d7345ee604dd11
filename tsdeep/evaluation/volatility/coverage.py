"""Do intervals hold what they promise? Shares of rows within them and below each quantile."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tsdeep.evaluation.significance import diebold_mariano, overlap_lags
from tsdeep.evaluation.volatility.losses import INTERVALS, POINTS
from tsdeep.evaluation.volatility.predictions import CONFORMAL, NOMINAL, interval_columns, quantile_columns


def interval_coverage(methods: Mapping[str, pd.DataFrame], horizon_rows: int) -> pd.DataFrame:
    """Return how often what came lay within the central intervals, by method, kind, share and class of rows.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions on the same rows, as `check_volatility` returns them.
    horizon_rows : int
        Rows ahead that labels look: see `overlap_lags`.

    Returns
    -------
    pandas.DataFrame
        Columns method, kind (nominal, conformal), share (0.8, 0.95), by (fold, symbol, all), value (the fold or the
        symbol), rows, coverage, below and above (shares of rows), width (mean, annualised percentage points), low and
        high (of all rows: 95% interval of the coverage, HAC on the days' means over assets; NaN elsewhere).
    """
    frame = next(iter(methods.values()))
    times, day = np.unique(frame["time"].to_numpy(), return_inverse=True)
    on_day = np.bincount(day)
    lags = overlap_lags(len(times), horizon_rows)
    y = frame["y"].to_numpy(dtype=np.float64)
    classes = [("fold", frame["fold"].to_numpy()), ("symbol", frame["symbol"].astype(str).to_numpy())]
    factors = [(by, *pd.factorize(values, sort=True)) for by, values in classes]
    parts = []
    for method, table in methods.items():
        for kind in (NOMINAL, CONFORMAL):
            for share in INTERVALS:
                bounds = interval_columns(table, share, kind)
                if bounds is None:
                    continue
                low, high = (table[name].to_numpy(dtype=np.float64) for name in bounds)
                figures = np.stack([(low <= y) & (y <= high), y < low, y > high, POINTS * (high - low)])
                about = {"method": method, "kind": kind, "share": share}
                for by, codes, names in factors:
                    rows = np.bincount(codes)
                    means = np.stack([np.bincount(codes, row) for row in figures]) / rows
                    parts.append(_frame(about | {"by": by, "value": list(names), "rows": rows}, means))
                whole = _frame(
                    about | {"by": "all", "value": [""], "rows": len(y)},
                    figures.mean(axis=1, keepdims=True),
                )
                daily = np.bincount(day, figures[0]) / on_day
                found = diebold_mariano(daily, np.zeros(len(daily)), lags=lags, fixed_b=True)
                limits = [np.clip(limit, 0.0, 1.0) for limit in (found.low, found.high)]
                parts.append(whole.assign(low=limits[0], high=limits[1]))
    columns = ["method", "kind", "share", "by", "value", "rows", "coverage", "below", "above", "width"]
    columns += ["low", "high"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def quantile_shares(methods: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the share of rows that lay at or below each quantile.

    Returns
    -------
    pandas.DataFrame
        Columns method, kind (nominal, conformal), level (in (0, 1)), observed.
    """
    records = []
    for method, table in methods.items():
        y = table["y"].to_numpy(dtype=np.float64)
        for kind in (NOMINAL, CONFORMAL):
            for column, level in quantile_columns(table, kind).items():
                observed = float((y <= table[column].to_numpy(dtype=np.float64)).mean())
                records.append({"method": method, "kind": kind, "level": level, "observed": observed})
    return pd.DataFrame(records, columns=["method", "kind", "level", "observed"])


def crossed_rows(frame: pd.DataFrame) -> int:
    """Count rows whose conformal quantiles cross: each bound is shifted by itself, so they may."""
    columns = list(quantile_columns(frame, CONFORMAL))
    values = frame[columns].to_numpy(dtype=np.float64)
    return int((np.diff(values, axis=1) < 0).any(axis=1).sum()) if len(columns) > 1 else 0


def _frame(about: Mapping[str, object], means: np.ndarray) -> pd.DataFrame:
    coverage, below, above, width = means
    figures = {"coverage": coverage, "below": below, "above": above, "width": width}
    return pd.DataFrame({**about, **figures, "low": np.nan, "high": np.nan})
