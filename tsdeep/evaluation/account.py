"""An account that holds shares: orders, fills, fees, and what is left at each close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tsdeep.evaluation.costs import borrow_cost, calendar_days, fill_fees

if TYPE_CHECKING:
    from tsdeep.evaluation.strategy import Strategy

FILL_COLUMNS = ("ordered", "time", "symbol", "side", "price", "fraction", "shares", "fee")
SAME_SHARES = 1e-9  # a change of fewer shares than this, relative to those held, is rounding and not ordered


@dataclass(frozen=True)
class Account:
    """What an account was worth at each close, and why.

    Parameters
    ----------
    value : pandas.Series [rows + 1]
        Money at each close, the capital at the first one.
    shares : pandas.DataFrame [rows, symbols]
        Held at the close that ends each interval, the fills that are charged to it included.
    fees, borrow, traded : pandas.Series [rows]
        Money of each interval: fees of fills, borrowing of shorts, and sum of |shares traded| x price.
    fills : pandas.DataFrame
        A fill a row: ordered (time of the close at which the order is sent), time (of the bar that it fills in),
        symbol, side (1 bought, -1 sold), price, fraction (signed value traded, of the equity when it was ordered),
        shares (signed), fee (money).
    """

    value: pd.Series
    shares: pd.DataFrame
    fees: pd.Series
    borrow: pd.Series
    traded: pd.Series
    fills: pd.DataFrame

    def days(self) -> pd.DataFrame:
        """Return gross, cost, borrow, net and turnover of each interval, as fractions of the equity at its start."""
        value = self.value.to_numpy()
        start = np.where(value[:-1] > 0, value[:-1], 1.0)  # where nothing is left, nothing is earned
        net = np.where(value[:-1] > 0, value[1:] / start - 1.0, 0.0)
        cost, borrow = self.fees.to_numpy() / start, self.borrow.to_numpy() / start
        return pd.DataFrame(
            {
                "gross": net + cost + borrow,
                "cost": cost,
                "borrow": borrow,
                "net": net,
                "turnover": self.traded.to_numpy() / start,
            },
            index=self.value.index[1:],
        )

    def positions(self, closes: pd.DataFrame) -> pd.DataFrame:
        """Return the values held at each close but the first, as fractions of a symbol's equal share of equity.

        Parameters
        ----------
        closes : pandas.DataFrame [rows + 1, symbols]
            Money a share.
        """
        held = self.shares * closes.iloc[1:].fillna(0.0)
        value = self.value.iloc[1:]
        return held.div(value.where(value > 0, 1.0), axis=0) * self.shares.shape[1]


def trade_shares(
    targets: np.ndarray, closes: pd.DataFrame, opens: pd.DataFrame | None, strategy: Strategy
) -> Account:
    """Trade positions with orders in shares.

    An order that is decided at the close of t is for `target x equity / close / symbols` shares less those held, by
    equity and close of t, and is not sent where those are the same to rounding. It fills at that close, the next open
    or the next close, and what it costs is charged to the interval from t to t+1 whichever it is. Borrowing is
    charged on the shorts held when the interval starts, at the close of t: after the fills there with `"close"`,
    before the fill with the other two.

    Parameters
    ----------
    targets : numpy.ndarray [rows, symbols]
        Fractions of a symbol's equal share of equity, decided at the rows of `closes` but the last.
    closes, opens : pandas.DataFrame [rows + 1, symbols]
        Money a share; NaN before a symbol starts. Opens are read with `"next_open"` alone.
    strategy : Strategy
        Execution, rebalancing, costs and capital.

    Returns
    -------
    Account
        Its history; all zeros from the close at which nothing is left.
    """
    times, symbols = closes.index, list(closes.columns)
    close = closes.to_numpy(dtype=np.float64)
    filled = close[1:]
    if strategy.execution == "next_open" and opens is not None:
        filled = opens.to_numpy(dtype=np.float64)[1:]
    if strategy.execution == "close":
        filled = close[:-1]
    prices, filled, close = (np.nan_to_num(each, nan=0.0) for each in (close[:-1], filled, close))
    days = calendar_days(times)
    rows = len(targets)
    cash, held = strategy.starting_capital, np.zeros(len(symbols))
    before, last_target = cash, np.zeros(len(symbols))
    values, shares = np.zeros(rows + 1), np.zeros((rows, len(symbols)))
    values[0], sums = before, np.zeros((rows, 3))
    fills: list[tuple] = []
    for row in range(rows):
        ordered = (targets[row] != last_target) | (strategy.rebalance == "every_row")
        wanted = held.copy()
        known = ordered & (prices[row] > 0)
        wanted[known] = targets[row][known] * before / len(symbols) / prices[row][known]
        wanted = np.where(np.abs(wanted - held) <= SAME_SHARES * np.abs(held), held, wanted)
        traded = wanted - held
        fees = fill_fees(traded, filled[row], strategy)
        short = wanted if strategy.execution == "close" else held
        borrow = float(borrow_cost(short * prices[row], days[row], strategy.borrow_bps).sum())
        cash -= float(traded @ filled[row]) + float(fees.sum()) + borrow
        held, last_target = wanted, targets[row]
        at = times[row] if strategy.execution == "close" else times[row + 1]
        for column in np.flatnonzero(traded):
            price, size = filled[row, column], traded[column]
            fills.append((times[row], at, symbols[column], int(np.sign(size)), price,
                          size * price / before, size, fees[column]))  # fmt: skip
        sums[row] = fees.sum(), borrow, np.abs(traded) @ filled[row]
        before = cash + float(held @ close[row + 1])
        if not before > 0:
            break
        shares[row], values[row + 1] = held, before
    index = times[1:]
    fees_paid, borrow_paid, sums_traded = (pd.Series(sums[:, column], index) for column in range(3))
    return Account(
        pd.Series(values, times, name="value"),
        pd.DataFrame(shares, index, closes.columns),
        fees_paid,
        borrow_paid,
        sums_traded,
        pd.DataFrame(fills, columns=list(FILL_COLUMNS)),
    )
