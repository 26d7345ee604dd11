"""Predictions traded by Backtrader, bar by bar (GPL-3.0, which is why it is an extra and not a dependency)."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation.account import FILL_COLUMNS, Account
from tsdeep.evaluation.backtest import Backtest
from tsdeep.evaluation.engines.common import account_settings, as_backtest, decided_alone
from tsdeep.evaluation.positions import delayed
from tsdeep.evaluation.strategy import Strategy


def make_cerebro(
    predictions: pd.DataFrame, prices: pd.DataFrame, *, slippage_bps: float = 0.0, **settings: Any
) -> Any:
    """Set Backtrader up with predictions: feeds, strategy, broker, commission and slippage; nothing runs yet.

    Each symbol is a `PredictionFeed`, whose line `up` holds P(up) and whose line `target` the position decided at
    that close by `tsdeep.evaluation.backtest`. The strategy is `TargetStrategy`. `"close"` fills at the close that
    decides (`set_coc(True)`), `"next_open"` at the next open, Backtrader's default, `"next_close"` at the next
    close (`Order.Close`). Add analysers, observers or another strategy before `cerebro.run()`.

    Parameters
    ----------
    predictions, prices : pandas.DataFrame
        As `tsdeep.evaluation.backtest` takes them; prices may have high, low and volume too. Where they do not, high
        and low are the greater and the lesser of open and close.
    slippage_bps : float
        Basis points by which a fill is worse than its price, beyond the bar's range if need be.
    **settings
        Of `tsdeep.evaluation.Strategy`; `rebalance` is `"on_change"` unless given, and may not be `"free"`.

    Returns
    -------
    backtrader.Cerebro
        With one strategy.

    Raises
    ------
    DataError
        If Backtrader is not installed, symbols have different rows, or as `backtest` does.
    SpecError
        If Backtrader cannot do what a setting asks for.
    """
    return _set_up(predictions, prices, slippage_bps, settings)[0]


def run_backtrader(
    predictions: pd.DataFrame, prices: pd.DataFrame, *, slippage_bps: float = 0.0, **settings: Any
) -> Backtest:
    """Trade predictions with Backtrader.

    Parameters
    ----------
    predictions, prices, slippage_bps, **settings
        See `make_cerebro`.

    Returns
    -------
    Backtest
        Positions, days and fills as Backtrader had them; equal to
        `tsdeep.evaluation.backtest(..., rebalance="on_change")` where `slippage_bps` is 0.

    Raises
    ------
    DataError
        If Backtrader is not installed, refuses an order, symbols have different rows, or as `backtest` does.
    SpecError
        If Backtrader cannot do what a setting asks for.
    """
    cerebro, vectorised, bars = _set_up(predictions, prices, slippage_bps, settings)
    (ran,) = cerebro.run(stdstats=False)
    times = next(iter(bars.values())).index
    if len(ran.values) != len(times):
        raise DataError(f"backtrader: {len(ran.values)} bars were run, expected {len(times)}")
    value = pd.Series(ran.values, times, name="value")
    fills = pd.DataFrame(ran.fills, columns=[name for name in FILL_COLUMNS if name != "fraction"])
    if len(fills):
        known = value.set_axis(_naive(times)).reindex(fills["ordered"]).to_numpy()
        fills["fraction"] = fills["shares"] * fills["price"] / known
        zone = pd.DatetimeIndex(times).tz
        for name in ("ordered", "time"):
            fills[name] = fills[name].dt.tz_localize(zone)
    each = {name: pd.Series(getattr(ran, name)[1:], times[1:]) for name in ("fees", "borrowed", "traded")}
    account = Account(
        value,
        pd.DataFrame(ran.sizes[1:], times[1:], list(bars)),
        each["fees"],
        each["borrowed"],
        each["traded"],
        fills.reindex(columns=list(FILL_COLUMNS)),
    )
    return as_backtest(account, vectorised, bars)


def _set_up(
    predictions: pd.DataFrame, prices: pd.DataFrame, slippage_bps: float, settings: dict[str, Any]
) -> tuple[Any, Backtest, dict[str, pd.DataFrame]]:
    """Return cerebro, the vectorised backtest that decides the targets, and the bars by symbol."""
    settings = account_settings(settings, "Backtrader")
    strategy = Strategy.of(settings)
    _check_can(strategy, slippage_bps)
    backtrader, classes = _import()
    vectorised, bars = decided_alone(predictions, prices, settings)
    times = next(iter(bars.values())).index
    if strategy.execution == "next_close" and not _naive(times).normalize().is_unique:
        raise DataError(
            "backtrader: several rows a day, but its orders for a close are for the day's last; expected daily rows "
            "with execution 'next_close'"
        )
    targets = delayed(vectorised.targets.to_numpy(), strategy.delay_rows)
    ups = predictions.assign(symbol=predictions["symbol"].astype(str)).pivot(
        index="time", columns="symbol", values="up"
    )
    cerebro = backtrader.Cerebro()
    for column, (symbol, own) in enumerate(bars.items()):
        ordered = np.append(targets[:, column], np.nan)
        cerebro.adddata(
            classes.PredictionFeed(dataname=_feed(own, ups[symbol], ordered), name=symbol), name=symbol
        )
    cerebro.broker = classes.BorrowBroker(
        cash=strategy.starting_capital,
        checksubmit=False,
        coc=strategy.execution == "close",
        slip_perc=slippage_bps / 1e4,
        slip_open=True,
        slip_out=True,
        borrow_bps=strategy.borrow_bps,
    )
    cerebro.broker.addcommissioninfo(classes.Fees(bps=strategy.cost_bps, per_share=strategy.fee_per_share))
    cerebro.addstrategy(
        classes.TargetStrategy,
        rebalance=strategy.rebalance,
        at_close=strategy.execution == "next_close",
    )
    return cerebro, vectorised, bars


def _feed(own: pd.DataFrame, up: pd.Series, target: np.ndarray) -> pd.DataFrame:
    """Return a symbol's bars with up and target, by times without a zone."""
    opened = own["open"] if "open" in own.columns else own["close"]
    frame = pd.DataFrame({"open": opened, "close": own["close"]})
    frame["high"] = own["high"] if "high" in own.columns else frame.max(axis=1)
    frame["low"] = own["low"] if "low" in own.columns else frame[["open", "close"]].min(axis=1)
    frame["volume"] = own["volume"] if "volume" in own.columns else 0.0
    frame["up"] = up.reindex(own.index)
    frame["target"] = target
    return frame.set_axis(_naive(own.index))


def _naive(times: pd.Index) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(times).tz_localize(None)


def _check_can(strategy: Strategy, slippage_bps: float) -> None:
    if not (np.isfinite(slippage_bps) and slippage_bps >= 0):
        raise SpecError(f"slippage_bps is {slippage_bps!r}, expected a finite number of at least 0")
    if slippage_bps and strategy.execution == "next_close":
        raise SpecError(
            f"slippage_bps is {slippage_bps!r}, but Backtrader fills orders for a close at that close: expected 0 with "
            "execution 'next_close', or more cost_bps"
        )
    if strategy.min_fee:
        raise SpecError(
            f"min_fee is {strategy.min_fee!r}, but Backtrader charges what closes and what opens a position apart, "
            "and a turn would pay it twice: expected 0"
        )


def _import() -> tuple[ModuleType, ModuleType]:
    """Import Backtrader and what is built on it."""
    try:
        backtrader = importlib.import_module("backtrader")
    except ModuleNotFoundError as error:
        if error.name != "backtrader":
            raise
        raise DataError(
            "the package 'backtrader' is not installed; install it with: pip install \"tsdeep[backtrader]\""
        ) from None
    return backtrader, importlib.import_module("tsdeep.evaluation.engines.backtrader_classes")
