"""What predictions of several symbols say of each other: information coefficients and quantile spreads by date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation.significance import Significance, diebold_mariano, overlap_lags

LEAST_SYMBOLS = 3


@dataclass(frozen=True, eq=False)
class InformationCoefficient:
    """Rank correlations of predictions and outcomes over the symbols of a date.

    Parameters
    ----------
    by_date : pandas.Series
        Index time; Spearman's correlation, NaN where it is not defined.
    mean : Significance
        Of the dates where it is: estimate, 95% interval, t (`statistic`) and p-value with HAC errors.
    positive : float
        Share of these dates above zero; NaN without any.
    undefined : int
        Dates with fewer than three symbols, or with one prediction or one outcome for all of them.
    """

    by_date: pd.Series
    mean: Significance
    positive: float
    undefined: int


@dataclass(frozen=True, eq=False)
class QuantileSpread:
    """Outcomes by quantile of the predictions of a date.

    Parameters
    ----------
    by_date : pandas.DataFrame
        Index time; a column a quantile, 1 the lowest predictions: mean outcome of its symbols, NaN where it has none.
    table : pandas.DataFrame
        Index quantile: mean, low and high (95%) over the dates, and dates.
    spread : Significance
        Of the highest minus the lowest quantile, over the dates that have both: estimate, interval, t and p-value with
        HAC errors. Before costs.
    positive : float
        Share of these dates above zero; NaN without any.
    undefined : int
        Dates without a spread: fewer symbols than quantiles, or ties that leave the lowest or highest empty.
    """

    by_date: pd.DataFrame
    table: pd.DataFrame
    spread: Significance
    positive: float
    undefined: int


def information_coefficient(
    frame: pd.DataFrame, *, score: str, outcome: str, horizon_rows: int = 1
) -> InformationCoefficient:
    """Correlate the ranks of predictions and outcomes over the symbols of each date.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns time, symbol, and those that `score` and `outcome` name; one row a (symbol, time).
    score : str
        The prediction: the higher, the higher the outcome is to be.
    outcome : str
        What came, such as the return over the next `horizon_rows` rows; see `forward_returns`.
    horizon_rows : int
        Dates that an outcome spans: over more than one outcomes overlap, and errors have the lags of `overlap_lags`
        and Student's t, see `diebold_mariano`.

    Returns
    -------
    InformationCoefficient

    Raises
    ------
    DataError
        On a missing column, no rows, a (symbol, time) given twice, or a value that is not finite.
    SpecError
        If the horizon is not a whole number of at least 1.

    References
    ----------
    Grinold, Kahn (2000), Active portfolio management, chapter 6; ranks after Spearman, equal values sharing theirs.

    Examples
    --------
    >>> frame = pd.DataFrame({"time": [1, 1, 1], "symbol": list("abc"), "up": [0.1, 0.2, 0.3], "r": [1, 3, 2]})
    >>> float(information_coefficient(frame, score="up", outcome="r").by_date[1])
    0.5
    """
    table = _checked(frame, score, outcome)
    pair = table[[score, outcome]]
    ranks = pair.groupby(table["time"]).rank()
    centred = ranks - ranks.groupby(table["time"]).transform("mean")
    products = pd.DataFrame(
        {
            "both": centred[score] * centred[outcome],
            "first": centred[score] ** 2,
            "second": centred[outcome] ** 2,
        }
    )
    sums = products.groupby(table["time"]).sum()
    several = pair.groupby(table["time"]).nunique().gt(1).all(axis=1)
    defined = several & (table.groupby("time").size() >= LEAST_SYMBOLS)
    by_date = (sums["both"] / np.sqrt(sums["first"] * sums["second"])).where(defined).rename("rank_ic")
    known = by_date.dropna()
    return InformationCoefficient(
        by_date, _mean(known, horizon_rows), _share_positive(known), int((~defined).sum())
    )


def quantile_spread(
    frame: pd.DataFrame, *, score: str, outcome: str, quantiles: int = 5, horizon_rows: int = 1
) -> QuantileSpread:
    """Sort the symbols of each date by prediction into quantiles, and compare their outcomes.

    Of n symbols, the one of rank r from below is in quantile `1 + floor((r - 1/2) quantiles / n)`: quantiles of about
    equally many symbols. Equal predictions share their mean rank, and so their quantile.

    Parameters
    ----------
    frame, score, outcome, horizon_rows
        As of `information_coefficient`.
    quantiles : int
        How many, 2 or more.

    Returns
    -------
    QuantileSpread

    Raises
    ------
    DataError
        As `information_coefficient` does.
    SpecError
        If `quantiles` or the horizon is out of range.
    """
    if quantiles != int(quantiles) or quantiles < 2:
        raise SpecError(f"quantile spread: quantiles is {quantiles!r}, expected a whole number of at least 2")
    table = _checked(frame, score, outcome)
    by_time = table.groupby("time")[score]
    rank, symbols = by_time.rank(), by_time.transform("size")
    number = 1 + np.floor((rank - 0.5) * quantiles / symbols).astype(np.int64)
    by_date = table.groupby(["time", number.rename("quantile")])[outcome].mean().unstack("quantile")
    by_date = by_date.reindex(columns=pd.RangeIndex(1, quantiles + 1, name="quantile"))
    by_date = by_date.where(table.groupby("time").size() >= quantiles)
    spread = by_date[quantiles] - by_date[1]
    known = spread.dropna()
    rows = []
    for quantile in by_date:
        values = by_date[quantile].dropna()
        found = _mean(values, horizon_rows)
        rows.append({"mean": found.estimate, "low": found.low, "high": found.high, "dates": len(values)})
    return QuantileSpread(
        by_date,
        pd.DataFrame(rows, index=by_date.columns),
        _mean(known, horizon_rows),
        _share_positive(known),
        int(spread.isna().sum()),
    )


def forward_returns(prices: pd.DataFrame, horizon_rows: int = 1) -> pd.DataFrame:
    """Return the simple return of each symbol over its next rows.

    Parameters
    ----------
    prices : pandas.DataFrame
        Columns time, symbol, close, in any order.
    horizon_rows : int
        Rows of the symbol ahead.

    Returns
    -------
    pandas.DataFrame
        Columns time, symbol, forward_return (`close[t+h] / close[t] - 1`), without the last rows of each symbol, which
        have none yet.

    Raises
    ------
    DataError
        On a missing column, a (symbol, time) given twice, or a close that is not a positive number.
    SpecError
        If the horizon is not a whole number of at least 1: fewer rows would look back.
    """
    _check_horizon(horizon_rows)
    _require(prices, ("time", "symbol", "close"))
    ordered = prices.sort_values(["symbol", "time"], ignore_index=True)
    _refuse_twice(ordered)
    wrong = ~(np.isfinite(ordered["close"]) & (ordered["close"] > 0))
    if wrong.any():
        row = ordered[wrong].iloc[0]
        raise DataError(
            f"forward returns: close of {row['symbol']} at {row['time']} is {row['close']}, expected a price"
        )
    ahead = ordered.groupby("symbol")["close"].shift(-int(horizon_rows))
    ordered["forward_return"] = ahead / ordered["close"] - 1.0
    return ordered.loc[ahead.notna(), ["time", "symbol", "forward_return"]].reset_index(drop=True)


def _checked(frame: pd.DataFrame, score: str, outcome: str) -> pd.DataFrame:
    _require(frame, ("time", "symbol", score, outcome))
    if frame.empty:
        raise DataError("information: no rows, expected predictions of several symbols")
    table = frame[["time", "symbol", score, outcome]].sort_values(["time", "symbol"], ignore_index=True)
    _refuse_twice(table)
    for column in (score, outcome):
        wrong = ~np.isfinite(table[column].to_numpy(dtype=np.float64))
        if wrong.any():
            row = table[wrong].iloc[0]
            raise DataError(
                f"information: {column} of {row['symbol']} at {row['time']} is {row[column]}, expected a number"
            )
    return table


def _require(table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise DataError(f"information: no column {missing[0]!r}; expected {', '.join(columns)}")


def _check_horizon(horizon_rows: int) -> None:
    if horizon_rows != int(horizon_rows) or horizon_rows < 1:
        raise SpecError(
            f"information: horizon_rows is {horizon_rows!r}, expected a whole number of at least 1"
        )


def _refuse_twice(table: pd.DataFrame) -> None:
    twice = table.duplicated(["symbol", "time"])
    if twice.any():
        row = table[twice].iloc[0]
        raise DataError(f"information: {row['symbol']} at {row['time']} is given twice, expected once")


def _mean(values: pd.Series, horizon_rows: int) -> Significance:
    """Test whether the mean of values in time order is zero, with HAC errors."""
    _check_horizon(horizon_rows)
    if horizon_rows == 1:
        return diebold_mariano(values, np.zeros(len(values)))
    lags = overlap_lags(len(values), horizon_rows)
    return diebold_mariano(values, np.zeros(len(values)), lags=lags, fixed_b=True)


def _share_positive(values: pd.Series) -> float:
    return float((values > 0).mean()) if len(values) else float("nan")
