"""What all engines start from, and how what they did becomes a `Backtest`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation.account import Account
from tsdeep.evaluation.backtest import Backtest, backtest


def account_settings(settings: dict[str, Any], engine: str) -> dict[str, Any]:
    """Return settings of a strategy that an engine can carry out: it holds shares.

    Parameters
    ----------
    settings : dict
        Of `tsdeep.evaluation.Strategy`; `rebalance` is `"on_change"` where it is not given.
    engine : str
        For errors.

    Raises
    ------
    SpecError
        If `rebalance` is `"free"`.
    """
    settings = {"rebalance": "on_change", **settings}
    if settings["rebalance"] == "free":
        raise SpecError(
            f"rebalance is 'free', but {engine} holds shares: expected 'on_change' or 'every_row' for both it and the "
            "vectorised backtest"
        )
    return settings


def decided_alone(
    predictions: pd.DataFrame, prices: pd.DataFrame, settings: dict[str, Any]
) -> tuple[Backtest, dict[str, pd.DataFrame]]:
    """Trade vectorised, and return that with each symbol's bars, which have the same rows.

    Parameters
    ----------
    predictions, prices : pandas.DataFrame
        As `tsdeep.evaluation.backtest` takes them.
    settings : dict
        Of `tsdeep.evaluation.Strategy`.

    Returns
    -------
    tuple
        The vectorised backtest, and by symbol the bars from the first decision to one after the last, by time.

    Raises
    ------
    DataError
        If a symbol starts later than the others, all is lost, or as `backtest` does.
    """
    traded = backtest(predictions, prices, **settings)
    if traded.ruined is not None:
        raise DataError(
            f"backtest: all is lost at {traded.ruined}, expected something left for an engine to trade with"
        )
    first, last = traded.targets.index[0], traded.days.index[-1]
    bars = {}
    for symbol in traded.targets.columns:
        own = prices[prices["symbol"] == symbol].set_index("time").loc[first:last]
        if own.index[0] != first:
            raise DataError(
                f"backtest: {symbol} starts at {own.index[0]}, others at {first}; expected all symbols of an engine to "
                "have the same rows"
            )
        bars[symbol] = own
    return traded, bars


def as_backtest(account: Account, vectorised: Backtest, bars: dict[str, pd.DataFrame]) -> Backtest:
    """Return what an engine did in the shape of the vectorised backtest, with its targets and benchmark.

    Parameters
    ----------
    account : Account
        The engine's.
    vectorised : Backtest
        Of the same predictions and settings.
    bars : dict of str to pandas.DataFrame
        By symbol.
    """
    closes = pd.DataFrame({symbol: frame["close"] for symbol, frame in bars.items()})
    days = account.days()
    days["benchmark"] = vectorised.benchmark
    return Backtest(
        account.positions(closes),
        days,
        vectorised.targets,
        account.fills,
        vectorised.strategy,
        vectorised.undecided,
    )
