"""Books for replays, and a replay row by row that shares nothing with the one under test."""

from __future__ import annotations

import numpy as np
import pandas as pd

TICK = 0.25


def make_touch(
    rows: int = 60, *, symbols: tuple[str, ...] = ("AAA", "BBB"), sessions: int = 2, seed: int = 0
) -> pd.DataFrame:
    """Best prices that walk on whole ticks, spreads of 1 to 4; a segment a symbol and session, rows with gaps."""
    rng = np.random.default_rng(seed)
    frames = []
    for symbol in symbols:
        for session in range(sessions):
            bid = 1000 + np.cumsum(rng.integers(-2, 3, rows))
            frames.append(
                pd.DataFrame(
                    {
                        "time": pd.Timestamp("2024-01-02 09:30")
                        + pd.Timedelta(days=session)
                        + pd.to_timedelta(np.sort(rng.integers(0, 20_000, rows)), unit="s"),
                        "symbol": symbol,
                        "segment": len(frames),
                        "ask": (bid + rng.integers(1, 5, rows)) * TICK,
                        "bid": bid * TICK,
                    }
                )
            )
    frame = pd.concat(frames, ignore_index=True)
    frame.insert(0, "row", 500 + np.arange(len(frame)))
    return frame


def signals_of(touch: pd.DataFrame, signal: np.ndarray) -> pd.DataFrame:
    return touch[["row", "time", "symbol"]].assign(signal=signal)


def foresight(touch: pd.DataFrame, ahead: int) -> np.ndarray:
    """Where the mid will be `ahead` rows on, in the same segment: 1 above, -1 below, 0 for as now or not known."""
    mid = (touch["ask"] + touch["bid"]) / 2
    return np.sign(mid.groupby(touch["segment"]).shift(-ahead) - mid).fillna(0).to_numpy().astype(int)


def row_by_row(
    touch: pd.DataFrame,
    signal: np.ndarray,
    *,
    hold_rows: int | None,
    opposite: bool,
    latency_rows: int,
    fee_ticks: float,
    fills: str,
    tick: float = TICK,
) -> tuple[list[tuple], int]:
    """Trade as someone at the screen would: at each row decide, then see which orders fall due.

    Returns (entry_row, exit_row, side, entry price, exit price, net ticks) a trade, and the orders not sent.
    """
    trades, not_sent = [], 0
    signal = pd.Series(signal, index=touch.index)
    for _, book in touch.groupby("segment", sort=False):
        quotes = book.to_dict("records")
        calls = signal[book.index].tolist()
        last = len(quotes) - 1
        side, expires, held, orders = 0, None, None, []

        def price(i: int, buys: bool, quotes: list = quotes) -> float:
            if fills == "mid":
                return (quotes[i]["ask"] + quotes[i]["bid"]) / 2
            return quotes[i]["ask"] if buys else quotes[i]["bid"]

        for i in range(last + 1):
            if i < last:
                closes = False
                if side and opposite and calls[i] == -side:
                    closes = True
                elif side and expires == i:
                    if calls[i] == side:
                        expires += hold_rows
                    else:
                        closes = True
                if closes:
                    orders.append((i + latency_rows, "close", side))
                    side = 0
                if not side and calls[i]:
                    side = calls[i]
                    expires = None if hold_rows is None else i + hold_rows
                    if i + latency_rows < last:
                        orders.append((i + latency_rows, "open", side))
                    else:
                        not_sent += 1
            for due, what, way in orders:
                if due != i:
                    continue
                if what == "open":
                    assert held is None
                    held = (i, way, price(i, way > 0))
                elif held is not None:
                    trades.append(_trade(quotes, held, i, price(i, way < 0), fee_ticks, tick))
                    held = None
            if i == last and held is not None:
                trades.append(_trade(quotes, held, i, price(i, held[1] < 0), fee_ticks, tick))
    return trades, not_sent


def _trade(quotes: list, held: tuple, i: int, received: float, fee_ticks: float, tick: float) -> tuple:
    entry, way, paid = held
    net = way * (received - paid) / tick - 2 * fee_ticks
    return quotes[entry]["row"], quotes[i]["row"], way, paid, received, net
