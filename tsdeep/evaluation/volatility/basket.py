"""The equal-weight basket: closes of all assets, its realised volatility, and every method's forecast of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.errors import DataError

CORRELATION_ROWS = 50
BASKET_NAME = "basket"
_AGREE = 1e-3  # relative: labels may be stored in float32


@dataclass(frozen=True, eq=False)
class Closes:
    """Closes of several assets on the days that all of them have.

    Parameters
    ----------
    time : ndarray of datetime64, [days]
        Rising.
    symbols : tuple of str
        The assets.
    close : ndarray of float64, [days, assets]
        Above zero.
    """

    time: np.ndarray
    symbols: tuple[str, ...]
    close: np.ndarray


@dataclass(frozen=True, eq=False)
class Basket:
    """The basket's days, and forecasts of its volatility.

    Parameters
    ----------
    closes : Closes
        Of its assets.
    annual_rows : float
        Rows a year with which the labels are annualised, as prices and labels show it.
    origin, end : ndarray of int64, [days]
        Numbers of the days in `closes` of each forecast's origin and label end.
    rows : ndarray of int64, [days, assets]
        Rows of the predictions that belong to an origin.
    correlation : ndarray of float64, [days, assets, assets]
        Sample correlation of the 50 daily log returns up to the origin.
    predictions : mapping of str to pandas.DataFrame
        By method: fold, cutoff, time, symbol (`"basket"`), end, y, variance, volatility, median.
    left_out : int
        Origins that have a forecast of some asset, but no basket: not all assets were predicted, their labels end
        on different days, fewer than 50 returns lie before, or a price stood still throughout these.
    """

    closes: Closes
    annual_rows: float
    origin: np.ndarray
    end: np.ndarray
    rows: np.ndarray
    correlation: np.ndarray
    predictions: Mapping[str, pd.DataFrame]
    left_out: int


def make_basket(methods: Mapping[str, pd.DataFrame], prices: pd.DataFrame) -> Basket | None:
    """Forecast the volatility of the equal-weight basket of all assets, rebalanced every day.

    A method's forecast of its variance is `w' D R D w`, with w = 1 / assets, D the method's own
    forecasts of volatility on the diagonal and R the 50-day correlation, the same for all methods: `variance` with
    the square roots of its variances, `volatility` and `median` with those. What came is the
    realised volatility of the mean of the assets' simple returns, from squared log returns as labels are.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions on the same rows, as `check_volatility` returns them.
    prices : pandas.DataFrame
        Columns time, symbol, close: from 50 rows before the first prediction to the last label's end. Symbols
        without predictions are passed over.

    Returns
    -------
    Basket or None
        None where there is one asset, or no day with a forecast of all.

    Raises
    ------
    DataError
        If an asset has no prices, one twice or not positive, or prices give another realised volatility than
        the predictions say.
    """
    frame = next(iter(methods.values()))
    symbols = [str(symbol) for symbol in frame["symbol"].unique()]
    closes = common_closes(prices, symbols)
    annual_rows = _annual_rows(frame, prices, closes)
    if len(symbols) < 2:
        return None
    times, day = np.unique(frame["time"].to_numpy(), return_inverse=True)
    asset = pd.Index(symbols).get_indexer(frame["symbol"].astype(str))
    rows = np.full((len(times), len(symbols)), -1, dtype=np.int64)
    rows[day, asset] = np.arange(len(frame))
    ends = frame["end"].to_numpy()
    whole = (rows >= 0).all(axis=1) & (ends[rows] == ends[rows[:, :1]]).all(axis=1)
    origin, begins = _places(closes.time, times)
    end, ended = _places(closes.time, ends[rows[:, 0]])
    whole &= begins & ended & (origin >= CORRELATION_ROWS)
    returns = np.diff(np.log(closes.close), axis=0)  # [days - 1, assets]
    if not whole.any():
        return None
    windows = np.lib.stride_tricks.sliding_window_view(returns, CORRELATION_ROWS, axis=0)
    moving = (np.ptp(windows, axis=2) > 0).all(axis=1)  # a window that ends with the return of day k: k - 50
    whole[whole] = moving[origin[whole] - CORRELATION_ROWS]
    if not whole.any():
        return None
    rows, origin, end = rows[whole], origin[whole], end[whole]
    correlation = correlations(returns, origin)
    weights = np.full(len(symbols), 1.0 / len(symbols))
    simple = np.expm1(returns) @ weights
    squares = np.concatenate([[0.0], np.cumsum(np.square(np.log1p(simple)))])
    y = np.sqrt(annual_rows * (squares[end] - squares[origin]) / (end - origin))
    base = frame.iloc[rows[:, 0]][["fold", "cutoff", "time", "end"]].reset_index(drop=True)
    base = base.assign(symbol=BASKET_NAME, y=y)
    predictions = {}
    for method, of_method in methods.items():
        forecasts = of_method[["variance", "volatility", "median"]].to_numpy(dtype=np.float64)[
            rows
        ]  # [d, a, 3]
        forecasts[:, :, 0] = np.sqrt(forecasts[:, :, 0])
        part = forecasts * weights[:, None]
        variance = np.einsum("daf,dab,dbf->df", part, correlation, part, optimize=True)
        root = np.sqrt(variance)
        predictions[method] = base.assign(variance=variance[:, 0], volatility=root[:, 1], median=root[:, 2])
    left_out = int((~whole).sum())
    return Basket(closes, annual_rows, origin, end, rows, correlation, predictions, left_out)


def common_closes(prices: pd.DataFrame, symbols: Sequence[str]) -> Closes:
    """Return the closes of some assets on the days that all of them have.

    Raises
    ------
    DataError
        If a column or an asset is missing, a day is given twice, or a close is not positive.
    """
    for column in ("time", "symbol", "close"):
        if column not in prices:
            raise DataError(f"prices: no column {column!r}; expected time, symbol, close")
    chosen = prices[prices["symbol"].isin(list(symbols))]
    chosen = chosen[chosen["close"].notna()]
    missing = sorted(set(symbols) - set(chosen["symbol"].astype(str)))
    if missing:
        raise DataError(f"prices: none of {missing[0]}, which has predictions")
    twice = chosen.duplicated(["symbol", "time"])
    if twice.any():
        row = chosen[twice].iloc[0]
        raise DataError(f"prices: {row['symbol']} at {row['time']} is given twice, expected once")
    wrong = ~(np.isfinite(chosen["close"]) & (chosen["close"] > 0))
    if wrong.any():
        row = chosen[wrong].iloc[0]
        raise DataError(
            f"prices: close of {row['symbol']} at {row['time']} is {row['close']}, expected a price"
        )
    wide = chosen.pivot(index="time", columns="symbol", values="close")[list(symbols)].dropna().sort_index()
    return Closes(wide.index.to_numpy(), tuple(symbols), wide.to_numpy(dtype=np.float64))


def correlations(returns: np.ndarray, days: np.ndarray, rows: int = CORRELATION_ROWS) -> np.ndarray:
    """Return sample correlations of the latest `rows` returns up to each day.

    Parameters
    ----------
    returns : ndarray of float64, [days - 1, assets]
        Return k leads from day k to day k + 1.
    days : ndarray of int64, [n]
        Numbers of days, of at least `rows`.
    rows : int
        Returns to look back.

    Returns
    -------
    ndarray of float64, [n, assets, assets]
        Ones on the diagonal.
    """
    windows = np.lib.stride_tricks.sliding_window_view(returns, rows, axis=0)[
        days - rows
    ]  # [n, assets, rows]
    centred = windows - windows.mean(axis=2, keepdims=True)
    unit = centred / np.sqrt(np.square(centred).sum(axis=2, keepdims=True))
    return np.einsum("nak,nbk->nab", unit, unit, optimize=True)


def _places(times: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where times stand in rising ones, and whether they do."""
    place = np.minimum(np.searchsorted(times, wanted), max(len(times) - 1, 0))
    return place, (times[place] == wanted) if len(times) else np.zeros(len(wanted), dtype=bool)


def _annual_rows(frame: pd.DataFrame, prices: pd.DataFrame, closes: Closes) -> float:
    """Return the rows a year that turn squared log returns into the labels, or refuse prices that do not.

    Labels are of an asset's own rows, or of the days that all assets have, where these were learnt together.
    """
    own = _implied_rows(frame, {symbol: common_closes(prices, [symbol]) for symbol in closes.symbols})
    common = own if _agree(own) else _implied_rows(frame, dict.fromkeys(closes.symbols, closes))
    if _agree(common):
        return float(np.median(common))
    wrong = np.flatnonzero(~_near(own))[0]
    row = frame.iloc[wrong]
    if not np.isfinite(own[wrong]):
        raise DataError(
            f"prices: no moving closes of {row['symbol']} from {row['time']} to {row['end']}, where it is predicted"
        )
    rows = np.nanmedian(own)
    found = row["y"] * np.sqrt(rows / own[wrong])
    raise DataError(
        f"prices: the realised volatility of {row['symbol']} from {row['time']} to {row['end']} is {found:.6g} (at "
        f"{rows:.4g} rows a year) by the closes, and {row['y']:.6g} in the predictions, expected the same"
    )


def _implied_rows(frame: pd.DataFrame, closes: Mapping[str, Closes]) -> np.ndarray:
    implied = np.full(len(frame), np.nan)
    symbol = frame["symbol"].astype(str).to_numpy()
    for name, known in closes.items():
        rows = np.flatnonzero(symbol == name)
        close = known.close[:, known.symbols.index(name)]
        squares = np.concatenate([[0.0], np.cumsum(np.square(np.diff(np.log(close))))])
        first, begins = _places(known.time, frame["time"].to_numpy()[rows])
        last, ends = _places(known.time, frame["end"].to_numpy()[rows])
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (squares[last] - squares[first]) / (last - first)
            found = np.square(frame["y"].to_numpy(dtype=np.float64)[rows]) / mean
        implied[rows] = np.where(begins & ends, found, np.nan)
    return implied


def _near(implied: np.ndarray) -> np.ndarray:
    known = implied[np.isfinite(implied)]
    usual = np.median(known) if len(known) else np.nan
    with np.errstate(invalid="ignore"):
        return np.abs(implied / usual - 1.0) <= _AGREE


def _agree(implied: np.ndarray) -> bool:
    return bool(_near(implied).all())
