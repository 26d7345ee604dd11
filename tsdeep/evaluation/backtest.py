"""A strategy on the predictions: positions, fills, costs, and what they earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.evaluation.account import trade_shares
from tsdeep.evaluation.fractions import trade_fractions
from tsdeep.evaluation.positions import VOLATILITY_SIZINGS, decide, delayed, past_volatility, position_sizes
from tsdeep.evaluation.risk import risk_figures, rows_a_year
from tsdeep.evaluation.strategy import Strategy


@dataclass(frozen=True)
class Backtest:
    """What a strategy held and earned, day by day.

    Parameters
    ----------
    positions : pandas.DataFrame
        Index: time of the close that ends the interval; a column a symbol: the position held at that close,
        as a fraction of the symbol's equal share of equity (1 long, -1 short).
    days : pandas.DataFrame
        The same index; gross, cost, borrow and net (simple returns of the interval that ends there),
        turnover (sum of what is traded, as a fraction of equity), benchmark (buy and hold).
    targets : pandas.DataFrame
        Index: time of the close that decides; a column a symbol: the position decided, before any delay.
    fills : pandas.DataFrame
        A fill a row: ordered (time of the close at which the order is sent), time (of the bar that it fills in),
        symbol, side (1 bought, -1 sold), price, fraction (signed value traded, of equity); of an account also
        shares (signed) and fee (money).
    strategy : Strategy
        The settings.
    undecided : int
        Rows between the first and last prediction that have none, and decide for being flat.
    """

    positions: pd.DataFrame
    days: pd.DataFrame
    targets: pd.DataFrame
    fills: pd.DataFrame
    strategy: Strategy
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
    def ruined(self) -> pd.Timestamp | None:
        """When all was lost, after which nothing was traded; None if it was not.

        The net return is -1 there, and gross what it is before the costs of that interval: a loss beyond all that
        there is falls to the broker.
        """
        lost = self.days.index[self.days["net"] <= -1]
        return lost[0] if len(lost) else None

    @property
    def sizing(self) -> str:
        """How a probability became a position."""
        return self.strategy.sizing

    @property
    def threshold(self) -> float | None:
        """Of the sizing, where it has one."""
        return self.strategy.threshold

    @property
    def short(self) -> bool:
        """Whether positions below zero were taken."""
        return self.strategy.short

    @property
    def execution(self) -> str:
        """When orders were filled."""
        return self.strategy.execution

    @property
    def cost_bps(self) -> float:
        """Basis points of what was traded."""
        return self.strategy.cost_bps

    @property
    def delay_rows(self) -> int:
        """Rows by which every decision was carried out late."""
        return self.strategy.delay_rows

    @property
    def periods_per_year(self) -> float:
        """Rows a year, with which figures are annualised: `rows_a_year` of the days."""
        return rows_a_year(self.days.index)

    def returns(self, name: str = "strategy") -> pd.Series:
        """Return net simple returns as quantstats and pyfolio take them.

        Parameters
        ----------
        name : str
            Name of the series.

        Returns
        -------
        pandas.Series
            float64 by day, index a DatetimeIndex without a time zone; bars within a day are compounded.

        Examples
        --------
        >>> time = pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"])
        >>> up = pd.DataFrame({"time": time[:2], "symbol": "SPX", "up": [0.6, 0.6]})
        >>> prices = pd.DataFrame({"time": time, "symbol": "SPX", "close": [10.0, 11.0, 11.0]})
        >>> backtest(up, prices, cost_bps=0).returns().round(3).tolist()
        [0.1, 0.0]
        """
        times = pd.DatetimeIndex(self.days.index)
        days = times.tz_localize(None).normalize()
        growth = (1.0 + self.days["net"]).groupby(days).prod()
        return (growth - 1.0).rename(name).rename_axis("date")

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


def backtest(predictions: pd.DataFrame, prices: pd.DataFrame, **settings: Any) -> Backtest:
    """Trade on predictions, each decided with the close of its row t.

    Executions, for the interval from the close of t to the close of t+1:

    - `"close"`: filled at that same close of t, so the position decided at t earns all of the interval.
    - `"next_open"`: filled at the open of t+1. The position decided at t-1 earns the overnight part,
      `(open[t+1] - close[t]) / close[t]`, the one decided at t the intraday part,
      `(close[t+1] - open[t+1]) / close[t]`; an unchanged position therefore earns close to close.
    - `"next_close"`: filled at the close of t+1, one row late.

    Rebalancing:

    - `"free"`: positions are fractions of equity at the latest close up to the fill, set anew at each row; keeping
      them, and the symbols' shares, at their size as prices move is not charged. Costs are
      `cost_bps / 1e4 * |change of position|`, charged to the interval in which, or at whose start, the fill lies;
      `"next_close"` is `"close"` with `delay_rows=1`.
    - `"on_change"`: what a broker does. An order is for `target x equity / close` shares, by equity and close of t,
      and is sent when the target of its symbol changes; shares are then held as they are, so that a position drifts
      with its price (a short that loses grows). Costs are charged on what is traded at its price, to the interval
      from t to t+1; with `"next_close"` that is the one at whose end the fill lies. Event-driven engines trade so,
      and are compared with this: `tsdeep.evaluation.engines`.
    - `"every_row"`: the same, an order a row: holding a fraction of equity as prices move is traded and charged.

    The first entry is charged, the last position marked, not closed. Cash earns nothing, and shorts cost
    `borrow_bps`. Several symbols each have an equal and constant share of equity, which `"equal_risk"` redistributes.
    Rows without a prediction between the first and the last decide for being flat, and are counted. What loses all,
    as a short does when a price doubles, earns -1 there, no less, and trades no more: `Backtest.ruined`. The benchmark
    buys every symbol once and pays no cost.

    Parameters
    ----------
    predictions : pandas.DataFrame
        Columns time, symbol, up; one row a (symbol, time).
    prices : pandas.DataFrame
        Columns time, symbol, close, and open for `"next_open"`; every row from the first prediction to one
        after the last. The sizings by volatility need earlier rows too, at least a half-life of them.
    **settings
        Of `tsdeep.evaluation.Strategy`.

    Returns
    -------
    Backtest
        The same days for every execution and delay: from the row after the first prediction to the one
        after the last.

    Raises
    ------
    DataError
        If a column is missing; if predictions are no probabilities, given twice, have no price, or no price follows;
        if prices are unordered, NaN or not positive; if symbols whose positions depend on each other have different
        rows.
    SpecError
        On an unknown setting, or one out of range.
    """
    strategy = Strategy.of(settings)
    _check_tables(predictions, prices)
    twice = predictions.duplicated(["symbol", "time"])
    if twice.any():
        row = predictions[twice].iloc[0]
        raise DataError(f"backtest: {row['symbol']} at {row['time']} is predicted twice, expected once")
    bars, ups, volatility = {}, {}, {}
    for name, frame in predictions.groupby("symbol", sort=True, observed=True):
        symbol, frame = str(name), frame.sort_values("time")
        bars[symbol] = _bars(prices, symbol, frame, strategy.execution)
        decided = pd.DatetimeIndex(bars[symbol]["time"].iloc[:-1], name="time")
        ups[symbol] = frame.set_index("time")["up"].reindex(decided)
        if strategy.sizing in VOLATILITY_SIZINGS:
            known = prices[(prices["symbol"] == symbol) & (prices["time"] <= decided[-1])]
            closes = known.set_index("time")["close"]
            volatility[symbol] = past_volatility(closes, decided, strategy.halflife_rows, symbol)
    if strategy.needs_common_rows:
        _check_common_rows(bars, strategy)
    targets = _targets(ups, volatility, strategy)
    traded = trade_fractions if strategy.rebalance == "free" else _trade_account
    positions, days, fills = traded(targets, bars, strategy)
    undecided = sum(int(up.isna().sum()) for up in ups.values())
    days["benchmark"] = _buy_and_hold(bars, days.index)
    return Backtest(positions, days, targets, fills, strategy, undecided)


def _check_tables(predictions: pd.DataFrame, prices: pd.DataFrame) -> None:
    """Refuse tables that lack a column, no predictions, and predictions that are no probabilities."""
    for what, table, needed in (
        ("predictions", predictions, ("time", "symbol", "up")),
        ("prices", prices, ("time", "symbol", "close")),
    ):
        missing = [column for column in needed if column not in table.columns]
        if missing:
            raise DataError(f"backtest: {what} have no column {missing[0]!r}, expected {', '.join(needed)}")
    if predictions.empty:
        raise DataError("backtest: no predictions, expected at least one")
    up = pd.to_numeric(predictions["up"], errors="coerce")
    wrong = ~up.between(0, 1).to_numpy()
    if wrong.any():
        row = predictions[wrong].iloc[0]
        raise DataError(
            f"backtest: up of {row['symbol']} at {row['time']} is {row['up']!r}, expected a probability in [0, 1]"
        )


def _targets(
    ups: Mapping[str, pd.Series], volatility: Mapping[str, pd.Series], strategy: Strategy
) -> pd.DataFrame:
    """Return the position decided at each row, a column a symbol; 0 where a symbol has no row."""
    up = pd.DataFrame(ups).sort_index()
    sizes = position_sizes(up.to_numpy(), strategy.sizing, threshold=strategy.threshold, short=strategy.short)
    frame = pd.DataFrame(sizes, up.index, up.columns).where(up.notna(), 0.0)
    known = pd.DataFrame(volatility).reindex(up.index) if volatility else None
    return decide(frame, up.notna(), known, strategy)


def _check_common_rows(bars: Mapping[str, pd.DataFrame], strategy: Strategy) -> None:
    """Refuse symbols that lack a row of the others after their first, or, with an account, end before them."""
    union = pd.DatetimeIndex(sorted(set().union(*(set(frame["time"]) for frame in bars.values()))))
    for symbol, frame in bars.items():
        times = pd.DatetimeIndex(frame["time"])
        last = union[-1] if strategy.rebalance != "free" else times[-1]
        expected = union[(union >= times[0]) & (union <= last)]
        if len(times) != len(expected):
            at = expected.difference(times)[0]
            raise DataError(
                f"backtest: {symbol} has no row at {at}, which other symbols have; expected the same rows, as "
                f"sizing {strategy.sizing!r}, rebalance {strategy.rebalance!r} and limits weigh symbols together"
            )


def _buy_and_hold(bars: Mapping[str, pd.DataFrame], times: pd.Index) -> pd.Series:
    """Return the returns of buying every symbol with an equal share at the start."""
    earned = {
        symbol: frame.set_index("time")["close"].pct_change(fill_method=None).iloc[1:]
        for symbol, frame in bars.items()
    }
    wealth = (1.0 + pd.DataFrame(earned).reindex(times).fillna(0.0)).cumprod().mean(axis=1)
    return wealth / wealth.shift(1, fill_value=1.0) - 1.0


def _trade_account(
    targets: pd.DataFrame, bars: Mapping[str, pd.DataFrame], strategy: Strategy
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return positions, days and fills of an account that holds shares."""
    closes = pd.DataFrame({symbol: frame.set_index("time")["close"] for symbol, frame in bars.items()})
    opens = None
    if strategy.execution == "next_open":
        opens = pd.DataFrame({symbol: frame.set_index("time")["open"] for symbol, frame in bars.items()})
    account = trade_shares(delayed(targets.to_numpy(), strategy.delay_rows), closes, opens, strategy)
    return account.positions(closes), account.days(), account.fills


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
