"""A strategy on the predictions: positions, fills, costs, and what they earned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.errors import DataError, SpecError, unknown_name
from tsdeep.evaluation.risk import risk_figures, rows_a_year

SIZINGS = ("sign", "threshold", "probability")
EXECUTIONS = ("close", "next_open", "next_close")
_SAME_OPEN = 2e-5  # the rounding of a quoted index: two cents on a thousand


@dataclass(frozen=True)
class Backtest:
    """What a strategy held and earned, day by day.

    Parameters
    ----------
    positions : pandas.DataFrame
        Index: time of the close that ends the interval; a column a symbol: the position held at that close,
        as a fraction of the symbol's share of equity (1 long, -1 short).
    days : pandas.DataFrame
        The same index; gross, cost and net (simple returns of the interval that ends there),
        turnover (sum of |change of position|, as a fraction of equity), benchmark (buy and hold).
    sizing, threshold, short, execution, cost_bps, delay_rows
        As given to `backtest`.
    undecided : int
        Rows between the first and last prediction that have none, and on which the strategy is flat.
    """

    positions: pd.DataFrame
    days: pd.DataFrame
    sizing: str
    threshold: float | None
    short: bool
    execution: str
    cost_bps: float
    delay_rows: int
    undecided: int

    @property
    def gross(self) -> pd.Series:
        """Simple returns before costs."""
        return self.days["gross"]

    @property
    def net(self) -> pd.Series:
        """Simple returns after costs."""
        return self.days["net"]

    @property
    def benchmark(self) -> pd.Series:
        """Simple returns of buying every symbol at the first close and holding it."""
        return self.days["benchmark"]

    @property
    def periods_per_year(self) -> float:
        """Rows a year, with which figures are annualised: `rows_a_year` of the days."""
        return rows_a_year(self.days.index)

    def figures(self) -> pd.DataFrame:
        """Risk figures before and after costs, and of buy and hold: see `risk_figures`.

        Returns
        -------
        pandas.DataFrame
            Rows gross, net, buy_and_hold; columns of `risk_figures`, turnover (a year, in equities) and
            long, short (share of days).
        """
        year = self.periods_per_year
        series = {"gross": self.gross, "net": self.net, "buy_and_hold": self.benchmark}
        rows = {
            name: risk_figures(returns, self.benchmark, periods_per_year=year)
            for name, returns in series.items()
        }
        table = pd.DataFrame(rows).T
        traded = float(self.days["turnover"].mean() * year)
        table["turnover"] = [traded, traded, year / len(self.days)]
        table["long"] = [float((self.positions > 0).mean().mean())] * 2 + [1.0]
        table["short"] = [float((self.positions < 0).mean().mean())] * 2 + [0.0]
        return table


def position_sizes(
    up: ArrayLike, sizing: str = "sign", *, threshold: float | None = None, short: bool = True
) -> np.ndarray:
    """Turn probabilities into positions.

    Parameters
    ----------
    up : array_like [rows]
        P(up).
    sizing : str
        `"sign"`: 1 above one half, -1 below, 0 at one half. `"threshold"`: 1 above `threshold`, -1 below
        `1 - threshold`, 0 between. `"probability"`: `2 P(up) - 1`, the Kelly fraction of an even bet; with
        daily probabilities near one half it holds a few percent of equity.
    threshold : float, optional
        For `"threshold"` alone: in [0.5, 1).
    short : bool
        False: negative positions become 0 (long or flat).

    Returns
    -------
    numpy.ndarray [rows]
        Fractions of equity in [-1, 1].

    Raises
    ------
    SpecError
        On an unknown sizing, or a threshold that is missing, out of range, or given where it does nothing.

    Examples
    --------
    >>> position_sizes([0.6, 0.5, 0.4]), position_sizes([0.6, 0.4], "probability", short=False).round(3)
    (array([ 1.,  0., -1.]), array([0.2, 0. ]))
    """
    up = np.asarray(up, dtype=np.float64)
    if sizing not in SIZINGS:
        raise SpecError(unknown_name("sizing", sizing, SIZINGS))
    if sizing == "threshold":
        if threshold is None or not 0.5 <= threshold < 1:
            raise SpecError(f"sizing 'threshold': threshold is {threshold!r}, expected a number in [0.5, 1)")
        size = (up > threshold).astype(np.float64) - (up < 1 - threshold)
    else:
        if threshold is not None:
            raise SpecError(f"sizing {sizing!r}: threshold is {threshold!r}, but only 'threshold' uses it")
        size = np.sign(up - 0.5) if sizing == "sign" else 2 * up - 1
    return size if short else np.maximum(size, 0.0)


def backtest(
    predictions: pd.DataFrame,
    prices: pd.DataFrame,
    *,
    sizing: str = "sign",
    threshold: float | None = None,
    short: bool = True,
    execution: str = "close",
    cost_bps: float = 5.0,
    delay_rows: int = 0,
) -> Backtest:
    """Trade on predictions, each decided with the close of its row t.

    Executions, for the interval from the close of t to the close of t+1:

    - `"close"`: filled at that same close of t, so the position decided at t earns all of the interval.
    - `"next_open"`: filled at the open of t+1. The position decided at t-1 earns the overnight part,
      `(open[t+1] - close[t]) / close[t]`, the one decided at t the intraday part,
      `(close[t+1] - open[t+1]) / close[t]`; an unchanged position therefore earns close to close.
    - `"next_close"`: filled at the close of t+1, one row late: `"close"` with `delay_rows=1`.

    Positions are fractions of equity at the latest close up to the fill, set anew at each row; cash earns
    nothing. Costs are `cost_bps / 1e4 * |change of position|`, the first entry included, charged to the
    interval in which, or at whose start, the fill lies; the last position is marked, not closed. Several
    symbols each have an equal and constant share of equity; keeping positions and shares at their size as
    prices move is not charged. Rows without a prediction between the first and
    the last are held flat, and counted. The benchmark buys every symbol once and pays no cost.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Columns time, symbol, up; one row a (symbol, time).
    prices : pandas.DataFrame
        Columns time, symbol, close, and open for `"next_open"`; every row from the first prediction to one
        after the last.
    sizing, threshold, short
        See `position_sizes`.
    execution : {"close", "next_open", "next_close"}
        When an order is filled.
    cost_bps : float
        Basis points of turnover at each fill.
    delay_rows : int
        Rows by which every decision is carried out later than `execution` says.

    Returns
    -------
    Backtest
        The same days for every execution and delay: from the row after the first prediction to the one
        after the last.

    Raises
    ------
    DataError
        If predictions are given twice, have no price, or no price follows; if prices are unordered, NaN or
        not positive.
    SpecError
        On an unknown sizing or execution, or a negative cost or delay.
    """
    if execution not in EXECUTIONS:
        raise SpecError(unknown_name("execution", execution, EXECUTIONS))
    if not (np.isfinite(cost_bps) and cost_bps >= 0):
        raise SpecError(f"backtest: cost_bps is {cost_bps!r}, expected a finite number of at least 0")
    if delay_rows != int(delay_rows) or delay_rows < 0:
        raise SpecError(f"backtest: delay_rows is {delay_rows!r}, expected an integer of at least 0")
    if predictions.empty:
        raise DataError("backtest: no predictions, expected at least one")
    twice = predictions.duplicated(["symbol", "time"])
    if twice.any():
        row = predictions[twice].iloc[0]
        raise DataError(f"backtest: {row['symbol']} at {row['time']} is predicted twice, expected once")
    delay = int(delay_rows) + (execution == "next_close")
    parts: dict[str, pd.DataFrame] = {}
    undecided = 0
    for symbol, frame in predictions.groupby("symbol", sort=True):
        frame = frame.sort_values("time")
        bars = _bars(prices, str(symbol), frame, execution)
        decided = pd.Series(
            position_sizes(frame["up"].to_numpy(), sizing, threshold=threshold, short=short), frame["time"]
        ).reindex(bars["time"].iloc[:-1])
        undecided += int(decided.isna().sum())
        parts[str(symbol)] = _trade(decided.fillna(0.0).to_numpy(), bars, execution, delay)
    share = 1.0 / len(parts)
    wide = pd.concat(parts, axis=1).fillna(0.0).sort_index()
    totals = {key: wide.xs(key, axis=1, level=1).sum(axis=1) for key in ("gross", "turnover")}
    days = share * pd.DataFrame(totals)
    days["cost"] = days["turnover"] * cost_bps / 1e4
    days["net"] = days["gross"] - days["cost"]
    held = wide.xs("benchmark", axis=1, level=1)
    wealth = (1.0 + held).cumprod().mean(axis=1)
    days["benchmark"] = wealth / wealth.shift(1, fill_value=1.0) - 1.0
    days.index.name = "time"
    days = days[["gross", "cost", "net", "turnover", "benchmark"]]
    positions = wide.xs("position", axis=1, level=1)
    return Backtest(
        positions, days, sizing, threshold, short, execution, float(cost_bps), int(delay_rows), undecided
    )


def opens_equal_to_prior_close(prices: pd.DataFrame) -> pd.Series:
    """Return the share of opens that equal the prior close (to 2e-5), by calendar year.

    An index whose open is the prior close was not observed at the open: `next_open` then fills at the
    close it pretends to avoid.

    Parameters
    ----------
    prices : pandas.DataFrame
        Columns time, symbol, open, close.

    Returns
    -------
    pandas.Series
        Index: year; values in [0, 1].
    """
    ordered = prices.sort_values(["symbol", "time"])
    prior = ordered.groupby("symbol")["close"].shift(1)
    same = ((ordered["open"] / prior - 1.0).abs() <= _SAME_OPEN)[prior.notna()]
    return same.groupby(ordered["time"].dt.year[prior.notna()]).mean()


def open_warning(prices: pd.DataFrame, meaning: str = "a fill at next_open says little there") -> str:
    """Say which years' opens repeat the prior close, or return "" where opens can be trusted.

    Parameters
    ----------
    prices : pandas.DataFrame
        Columns time, symbol, close, and open (without it the answer says so).
    meaning : str
        What follows from an open that was not observed.

    Returns
    -------
    str
        A sentence or two for a report: years in which over 90% of the opens are repeated, then over 20%.
    """
    if "open" not in prices.columns or prices["open"].isna().all():
        return "The data has no opens, so next_open cannot be computed."
    shares = opens_equal_to_prior_close(prices)
    said = [
        f"In {_years(chosen)} {chosen.mean():.0%} of the opens equal the prior close"
        for chosen in (shares[shares > 0.9], shares[(shares > 0.2) & (shares <= 0.9)])
        if len(chosen)
    ]
    if not said:
        return ""
    return f"{'. '.join(said)}. Such an open was not observed, and {meaning}."


def _years(shares: pd.Series) -> str:
    """Write years as ranges: 1999 to 2005, 2008."""
    years = [int(year) for year in shares.index]
    starts = [year for year in years if year - 1 not in years]
    ends = [year for year in years if year + 1 not in years]
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))


def _bars(prices: pd.DataFrame, symbol: str, decided: pd.DataFrame, execution: str) -> pd.DataFrame:
    """Return a symbol's price rows from the first decision to one after the last, checked."""
    bars = prices[prices["symbol"] == symbol].reset_index(drop=True)
    if bars.empty:
        raise DataError(f"backtest: no prices of {symbol}, which has predictions")
    times = bars["time"]
    if not (times.is_monotonic_increasing and times.is_unique):
        raise DataError(f"backtest: prices of {symbol} are not in strictly increasing time order")
    absent = ~decided["time"].isin(times)
    if absent.any():
        at = decided["time"][absent].iloc[0]
        raise DataError(f"backtest: {symbol} is predicted at {at}, but has no price there")
    first = int(times.searchsorted(decided["time"].iloc[0]))
    last = int(times.searchsorted(decided["time"].iloc[-1]))
    if last + 1 >= len(bars):
        raise DataError(f"backtest: no price of {symbol} after its last prediction, {times.iloc[last]}")
    bars = bars.iloc[first : last + 2]
    if execution == "next_open" and "open" not in bars.columns:
        raise DataError(f"backtest: execution next_open needs column 'open', prices of {symbol} have none")
    for column in ("close", "open") if execution == "next_open" else ("close",):
        wrong = ~(np.isfinite(bars[column]) & (bars[column] > 0))
        if wrong.any():
            row = bars[wrong].iloc[0]
            raise DataError(
                f"backtest: {column} of {symbol} at {row['time']} is {row[column]}, expected a price"
            )
    return bars


def _trade(decided: np.ndarray, bars: pd.DataFrame, execution: str, delay: int) -> pd.DataFrame:
    """Return position, gross, turnover and benchmark of a symbol; `decided` has one row less than `bars`."""
    close = bars["close"].to_numpy(dtype=np.float64)
    earned = close[1:] / close[:-1] - 1.0
    new = np.concatenate([np.zeros(delay), decided])[: len(decided)]
    old = np.concatenate([[0.0], new[:-1]])
    if execution == "next_open":
        opened = bars["open"].to_numpy(dtype=np.float64)[1:]
        gross = old * (opened - close[:-1]) / close[:-1] + new * (close[1:] - opened) / close[:-1]
    else:
        gross = new * earned
    return pd.DataFrame(
        {"position": new, "gross": gross, "turnover": np.abs(new - old), "benchmark": earned},
        index=pd.Index(bars["time"].iloc[1:], name="time"),
    )
