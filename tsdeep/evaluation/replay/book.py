"""The replay: calls traded over the book's own rows, filled at the touch, late and for a fee."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from tsdeep.errors import SpecError, unknown_name
from tsdeep.evaluation.replay.decisions import CLOSED_BY, Decisions, decide
from tsdeep.evaluation.replay.intervals import mean_interval
from tsdeep.evaluation.replay.signals import SignalledBook
from tsdeep.evaluation.replay.touch import Touch

FILLS = ("touch", "mid")


@dataclass(frozen=True, eq=False)
class Replay:
    """What calls would have earned, one contract at a time.

    Parameters
    ----------
    trades : pandas.DataFrame
        A round trip a row, in the order of the rows: symbol, segment, side (1 long, -1 short); entry_decided,
        entry_row, exit_decided, exit_row (rows of the panel; an order is filled at `_row`, `latency_rows` behind
        `_decided`, or with the segment's last row); entry_time, exit_time (of the fills); entry_price, exit_price
        (in the price unit of the data); closed_by ("opposite", "hold", "end"); gross_ticks, fee_ticks (of both
        sides), net_ticks.
    unfilled : int
        Orders to open that would have been filled with the segment's last row or behind it: not sent.
    fills, latency_rows, fee_ticks, hold_rows, opposite
        See `replay_book`.
    book : SignalledBook
        What was traded over.
    """

    trades: pd.DataFrame
    unfilled: int
    fills: str
    latency_rows: int
    fee_ticks: float
    hold_rows: int | None
    opposite: bool
    book: SignalledBook = field(repr=False)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Position and equity, a row from the first one with a signal to the end of its segment.

        Columns row, time, symbol, segment; position (-1, 0 or 1, after the row's fills); and equity_ticks, what the
        symbol has earned up to there, fees included, an open position taken at the price that would close it.
        """
        touch = self.book.touch
        to_buy, to_sell = _prices(touch, self.fills)
        known = touch.frame["row"].to_numpy()
        entry, leave = (np.searchsorted(known, self.trades[key]) for key in ("entry_row", "exit_row"))
        side = self.trades["side"].to_numpy()
        # Cash and position change at fills; several may share a row.
        cash, position = np.zeros(len(known)), np.zeros(len(known), np.int64)
        np.add.at(cash, entry, -side * np.where(side > 0, to_buy[entry], to_sell[entry]) - self.fee_ticks)
        np.add.at(cash, leave, side * np.where(side > 0, to_sell[leave], to_buy[leave]) - self.fee_ticks)
        np.add.at(position, entry, side)
        np.add.at(position, leave, -side)
        position = position.cumsum()
        worth = cash.cumsum() + position * np.where(position > 0, to_sell, to_buy)
        gains = pd.Series(np.diff(worth, prepend=0.0))
        rows = touch.frame[["row", "time", "symbol", "segment"]].assign(
            position=position.astype(np.int8),
            equity_ticks=gains.groupby(touch.frame["symbol"].to_numpy()).cumsum().to_numpy(),
        )
        return rows[self.book.seen].reset_index(drop=True)

    @property
    def net_ticks(self) -> float:
        """What all trades earned after fees, in ticks."""
        return float(self.trades["net_ticks"].sum())

    def summary(self) -> dict[str, float]:
        """Return the figures of the replay.

        Returns
        -------
        dict of str to float
            trades, unfilled; gross_ticks and net_ticks, of all trades; net_per_trade with its error, low and high
            (95%) and p_value, see `mean_interval`; won, the share of trades with a net above zero; rows_held, of the
            mean trade; worst_ticks, the deepest fall of the sum of the trades from its highest point before.
        """
        net = in_time(self.trades)["net_ticks"].to_numpy()
        found = mean_interval(net)
        total = np.concatenate([[0.0], np.cumsum(net)])
        held = (self.trades["exit_row"] - self.trades["entry_row"]).to_numpy()
        some = len(net) > 0
        return {
            "trades": len(net),
            "unfilled": self.unfilled,
            "gross_ticks": float(self.trades["gross_ticks"].sum()),
            "net_ticks": self.net_ticks,
            "net_per_trade": found.pop("estimate"),
            **found,
            "won": float((net > 0).mean()) if some else float("nan"),
            "rows_held": float(held.mean()) if some else float("nan"),
            "worst_ticks": float((total - np.maximum.accumulate(total)).min()),
        }


def replay_book(
    signals: pd.DataFrame,
    touch: pd.DataFrame,
    *,
    tick: float | None,
    hold_rows: int | None = None,
    opposite: bool = True,
    latency_rows: int = 1,
    fee_ticks: float = 0.0,
    fills: str = "touch",
) -> Replay:
    """Trade calls over the rows of books, one contract and one position at a time.

    Orders are decided at the rows of the calls, see `decide`, and filled `latency_rows` rows later at what the book
    of that row shows: bought at its best ask, sold at its best bid. An order to close that would come behind the
    segment's last row is filled there; an order to open that would come with it or behind it is not sent. Sizes are
    not looked at: one contract is taken to find its counterpart, and to move nothing.

    Parameters
    ----------
    signals : pandas.DataFrame
        Columns row, time, symbol and signal (1 buys, -1 sells, 0 neither), one row a row of the book at most. Rows of
        the book without one call nothing.
    touch : pandas.DataFrame
        The book's rows, from the first call to the end of its segment: see `Touch`.
    tick : float
        In the price unit of the data.
    hold_rows, opposite
        What closes a position, see `decide`.
    latency_rows : int
        Rows between the row that decides and the one at whose prices the order is filled.
    fee_ticks : float
        Ticks paid at each fill, two a trade.
    fills : {"touch", "mid"}
        `"mid"`: both sides at the mid, where nobody trades; with no latency and no fee the fiction of papers.

    Returns
    -------
    Replay

    Raises
    ------
    DataError
        If signals are other than 1, -1, 0, given twice, or not of rows of the touch, or the touch is refused.
    SpecError
        On an unknown `fills`, a negative latency or fee, no tick, or nothing that closes a position.
    """
    book = SignalledBook.of(signals, Touch.of(touch, tick))
    decisions = decide(book.signal, book.touch.bounds, hold_rows=hold_rows, opposite=opposite)
    return fill(book, decisions, latency_rows=latency_rows, fee_ticks=fee_ticks, fills=fills)


def fill(
    book: SignalledBook,
    decisions: Decisions,
    *,
    latency_rows: int = 1,
    fee_ticks: float = 0.0,
    fills: str = "touch",
) -> Replay:
    """Fill decided round trips; arguments, result and errors as of `replay_book`."""
    if fills not in FILLS:
        raise SpecError(unknown_name("fills", fills, FILLS))
    if latency_rows != int(latency_rows) or latency_rows < 0:
        raise SpecError(f"replay: latency_rows is {latency_rows!r}, expected a whole number of at least 0")
    if not (np.isfinite(fee_ticks) and fee_ticks >= 0):
        raise SpecError(f"replay: fee_ticks is {fee_ticks!r}, expected a finite number of at least 0")
    touch, latency, fee = book.touch, int(latency_rows), float(fee_ticks)
    to_buy, to_sell = _prices(touch, fills)
    last = touch.last[decisions.opened]
    sent = decisions.opened + latency < last
    opened, closed, last = decisions.opened[sent], decisions.closed[sent], last[sent]
    side = decisions.side[sent].astype(np.int64)
    entry, leave = opened + latency, np.minimum(closed + latency, last)
    paid = np.where(side > 0, to_buy[entry], to_sell[entry])
    received = np.where(side > 0, to_sell[leave], to_buy[leave])
    row, time = touch.frame["row"].to_numpy(), touch.frame["time"].to_numpy()
    gross = side * (received - paid)
    trades = pd.DataFrame(
        {
            "symbol": touch.frame["symbol"].to_numpy()[entry],
            "segment": touch.frame["segment"].to_numpy()[entry],
            "side": side,
            "entry_decided": row[opened],
            "entry_row": row[entry],
            "entry_time": time[entry],
            "entry_price": paid * touch.tick,
            "exit_decided": row[closed],
            "exit_row": row[leave],
            "exit_time": time[leave],
            "exit_price": received * touch.tick,
            "closed_by": np.asarray(CLOSED_BY, dtype=object)[decisions.closed_by[sent]],
            "gross_ticks": gross,
            "fee_ticks": 2.0 * fee,
            "net_ticks": gross - 2.0 * fee,
        }
    )
    return Replay(
        trades=trades,
        unfilled=int((~sent).sum()),
        fills=fills,
        latency_rows=latency,
        fee_ticks=fee,
        hold_rows=decisions.hold_rows,
        opposite=decisions.opposite,
        book=book,
    )


def in_time(trades: pd.DataFrame) -> pd.DataFrame:
    """Return trades in the order of their closing, those of all symbols together."""
    return trades.sort_values(["exit_time", "exit_row"], kind="stable", ignore_index=True)


def _prices(touch: Touch, fills: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ticks `[rows]` at which one buys, and those at which one sells."""
    return (touch.mid_ticks, touch.mid_ticks) if fills == "mid" else (touch.ask_ticks, touch.bid_ticks)
