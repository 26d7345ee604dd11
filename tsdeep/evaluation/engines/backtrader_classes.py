"""The pieces that Backtrader runs: a feed with predictions, a strategy on it, its broker and fees."""

from __future__ import annotations

import math

import backtrader
import pandas as pd

from tsdeep.errors import DataError
from tsdeep.evaluation.account import SAME_SHARES
from tsdeep.evaluation.costs import DAYS_A_YEAR

_AMPLE = (
    1e6  # Backtrader refuses what cash does not cover, fees included; leverage is the strategy's to limit.
)


class PredictionFeed(backtrader.feeds.PandasData):
    """Bars with two more lines: `up`, P(up) as known at the bar's close, and `target`, the position decided there.

    `target` is a fraction of the symbol's equal share of equity; NaN where nothing is decided, as at the last bar.
    """

    lines = ("up", "target")
    params = (("up", -1), ("target", -1))


class Fees(backtrader.CommInfoBase):
    """Fees of a fill: `bps` basis points of its value and `per_share` money a share."""

    params = (("bps", 0.0), ("per_share", 0.0), ("stocklike", True), ("leverage", _AMPLE),
              ("commtype", backtrader.CommInfoBase.COMM_PERC), ("percabs", True))  # fmt: skip

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:  # noqa: ARG002
        return abs(size) * (price * self.p.bps / 1e4 + self.p.per_share)


class BorrowBroker(backtrader.brokers.BackBroker):
    """Backtrader's broker, with `borrow_bps` a year for shorts by calendar day, at the value of the last close.

    Backtrader's own interest is on the price at entry, and on the position before a fill at the close that has just
    been; here it is on what is held after that fill. `borrowed` is the money charged so far.
    """

    params = (("borrow_bps", 0.0),)

    def init(self) -> None:
        """Start with nothing charged."""
        super().init()
        self.borrowed = 0.0

    def next(self) -> None:
        """Fill orders of the bar and charge what was held over the time before it."""
        if not self.p.coc:
            self._charge()
        super().next()
        if self.p.coc and self._charge():
            self._get_value()

    def _charge(self) -> float:
        charged = 0.0
        for data, position in self.positions.items():
            if position.size < 0 and len(data) > 1:
                days = (data.datetime.date(0) - data.datetime.date(-1)).days
                charged -= position.size * data.close[-1] * days * self.p.borrow_bps / 1e4 / DAYS_A_YEAR
        self.cash -= charged
        self.borrowed += charged
        return charged


class TargetStrategy(backtrader.Strategy):
    """Order the shares that make up each feed's `target` of the equity at its close.

    Parameters (`params`): `rebalance`, `"on_change"` (an order when the target changes) or `"every_row"`;
    `at_close`, whether orders are for the close of the next bar instead of the first price there is.

    It records, a bar each: `values` (money), `sizes` (shares by feed), `fees`, `traded` and `borrowed` (money since
    the bar before), and `fills`.
    """

    params = (("rebalance", "on_change"), ("at_close", False))

    def __init__(self) -> None:
        self.values: list[float] = []
        self.sizes: list[list[float]] = []
        self.fees: list[float] = []
        self.traded: list[float] = []
        self.borrowed: list[float] = []
        self.fills: list[dict] = []
        self._last_target: dict[str, float] = {}
        self._fees = self._traded = self._borrowed = 0.0

    def notify_order(self, order: backtrader.Order) -> None:
        """Record a fill; refuse an order that the broker refuses."""
        if order.status in (order.Margin, order.Rejected, order.Canceled, order.Expired):
            raise DataError(
                f"backtrader: an order for {order.created.size:g} {order.data._name} was "
                f"{order.getstatusname().lower()}, expected it to be filled"
            )
        if order.status != order.Completed:
            return
        done = order.executed
        self.fills.append(
            {
                "ordered": _timestamp(order.created.dt),
                "time": _timestamp(done.dt),
                "symbol": order.data._name,
                "side": 1 if done.size > 0 else -1,
                "price": done.price,
                "shares": done.size,
                "fee": done.comm,
            }
        )
        self._fees += done.comm
        self._traded += abs(done.size) * done.price

    def next(self) -> None:
        """Record the bar and send its orders."""
        equity = self.broker.getvalue()
        self.values.append(equity)
        self.sizes.append([self.getposition(data).size for data in self.datas])
        self.fees.append(self._fees)
        self.traded.append(self._traded)
        self.borrowed.append(self.broker.borrowed - self._borrowed)
        self._fees, self._traded, self._borrowed = 0.0, 0.0, self.broker.borrowed
        kind = backtrader.Order.Close if self.p.at_close else backtrader.Order.Market
        for data in self.datas:
            target = data.target[0]
            if math.isnan(target):
                continue
            if self.p.rebalance == "on_change" and target == self._last_target.get(data._name, 0.0):
                continue
            self._last_target[data._name] = target
            shares = target * equity / len(self.datas) / data.close[0]
            held = self.getposition(data).size
            if abs(shares - held) > SAME_SHARES * abs(held):
                self.order_target_size(data, shares, exectype=kind)


def _timestamp(number: float) -> pd.Timestamp:
    """Return Backtrader's days since year 0 as a time; they hold about 10 microseconds."""
    return pd.Timestamp(backtrader.num2date(number)).round("ms")
