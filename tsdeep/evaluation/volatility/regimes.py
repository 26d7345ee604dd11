"""Calm days and crises, told apart by what was known at the origin."""

from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.regression.linear_model import OLS

from tsdeep.evaluation.volatility.losses import past_labels

REGIMES = ("calm", "middle", "crisis")


def market_regimes(predictions: pd.DataFrame) -> np.ndarray:
    """Sort test days into calm, middle and crisis by the volatility that the market had just shown.

    A day's measure is the mean over its assets of the realised volatility of the label that had ended last, which is
    that of the latest horizon: no method's forecast, no VIX and nothing after the origin enters it. The
    lowest third of the days is calm, the highest crisis; where the thirds are cut is known only after the test,
    which no forecast sees.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As `check_volatility` returns them.

    Returns
    -------
    numpy.ndarray of object [rows]
        A name of `REGIMES`; None on the first days, before any label has ended, and throughout where fewer than
        three days are known.
    """
    last = past_labels(predictions)["last"]
    times = predictions["time"].to_numpy()
    days = last.groupby(times).mean().dropna()
    found = np.full(len(predictions), None, dtype=object)
    if len(days) < 3:
        return found
    low, high = np.quantile(days.to_numpy(), [1 / 3, 2 / 3])
    number = pd.Series(np.where(days <= low, 0, np.where(days <= high, 1, 2)), index=days.index)
    of_rows = number.reindex(times).to_numpy()
    known = np.isfinite(of_rows)
    found[known] = np.array(REGIMES, dtype=object)[of_rows[known].astype(np.int64)]
    return found


def means_by_class(values: np.ndarray, classes: np.ndarray, lags: int) -> pd.DataFrame:
    """Return the mean of each class of days and its HAC error.

    A regression on an indicator a class, over all days in order: days of one class that lie near each other are
    taken as dependent, wherever days of another class stand between them.

    Parameters
    ----------
    values : ndarray of float64, [days]
        In time order.
    classes : ndarray of object [days]
        None: of no class.
    lags : int
        Of the Bartlett weights.

    Returns
    -------
    pandas.DataFrame
        Index: class, in order of first appearance; columns days, estimate, error, statistic.
    """
    names = [name for name in dict.fromkeys(classes) if name is not None]
    indicators = np.stack([classes == name for name in names], axis=1).astype(np.float64)
    days = indicators.sum(axis=0)
    # Days of no class have no regressor: their values weigh nothing, and their place in time remains.
    fit = OLS(np.where(indicators.any(axis=1), values, 0.0), indicators).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.where(fit.bse > 0, fit.params / fit.bse, np.nan)
    return pd.DataFrame(
        {"days": days.astype(np.int64), "estimate": fit.params, "error": fit.bse, "statistic": statistic},
        index=pd.Index(names, name="class"),
    )
