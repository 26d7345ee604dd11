"""The strategy of direction, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tsdeep.evaluation.strategy import Strategy

_FILLS = {
    "close": "at the close that decides",
    "next_open": "at the next row's open",
    "next_close": "at the next row's close",
}
_CHANGES = {
    "every_row": ", in shares that are ordered anew at every row",
    "on_change": ", in shares that are ordered where the decided position changes",
}


def strategy_words(settings: Mapping[str, Any], *, symbols: int = 1) -> str:
    """Say what is held, where it is filled and what it costs.

    Parameters
    ----------
    settings : mapping of str to any
        Of `tsdeep.evaluation.Strategy`.
    symbols : int
        That are traded.

    Returns
    -------
    str
        Sentences.

    Examples
    --------
    >>> strategy_words({"cost_bps": 5.0})
    'Long where the model calls up, short where it calls down. Filled at the close that decides. Each fill costs 5
    basis points of what is traded.'
    """
    strategy = Strategy(**settings)
    said = [
        _held(strategy),
        f"Filled {_FILLS[strategy.execution]}{_late(strategy)}{_CHANGES.get(strategy.rebalance, '')}.",
        f"Each fill costs {strategy.cost_bps:g} basis points of what is traded.",
    ]
    if strategy.fee_per_share or strategy.min_fee:
        said.append(
            f"Fees: {strategy.fee_per_share:g} a share, costs and fees of a fill at least {strategy.min_fee:g}."
        )
    if strategy.borrow_bps:
        said.append(f"Shorts pay {strategy.borrow_bps:g} basis points a year.")
    return " ".join([*said, *_shares(strategy, symbols), *_limits(strategy)])


def _held(strategy: Strategy) -> str:
    bound = strategy.threshold
    up = "the model calls up" if bound is None else f"P(up) is above {bound:g}"
    down = "it calls down" if bound is None else f"it is below {1 - bound:g}"
    if strategy.sizing == "probability":
        short = "shorts included" if strategy.short else "never below zero"
        return f"A position of 2 P(up) - 1, {short}."
    side = f"short where {down}" if strategy.short else "flat otherwise"
    between = ", flat between" if bound is not None and strategy.short else ""
    said = f"Long where {up}, {side}{between}"
    if strategy.sizing == "volatility_target":
        said += f", at {strategy.target_volatility:.3g} of volatility a year by past returns"
    if strategy.sizing == "equal_risk":
        said += ", each symbol in proportion to one over its volatility"
    return f"{said}."


def _late(strategy: Strategy) -> str:
    rows = strategy.delay_rows
    return f", {rows} row{'' if rows == 1 else 's'} later" if rows else ""


def _shares(strategy: Strategy, symbols: int) -> list[str]:
    if symbols == 1:
        return []
    free = strategy.rebalance == "free"
    if strategy.sizing == "equal_risk":
        return ["Keeping these proportions is not charged."] if free else []
    more = ", set anew at every row; keeping the shares equal is not charged" if free else ""
    return [f"Each of the {symbols} symbols has an equal share of equity{more}."]


def _limits(strategy: Strategy) -> list[str]:
    said = []
    if strategy.max_leverage != 1:
        said.append(f"Gross exposure is at most {strategy.max_leverage:g} equities.")
    if strategy.min_holding_rows > 1:
        said.append(f"A position is kept for at least {strategy.min_holding_rows} rows.")
    if strategy.max_holding_rows is not None:
        said.append(f"It is closed after {strategy.max_holding_rows} rows.")
    if strategy.max_turnover is not None:
        said.append(f"At most {strategy.max_turnover:g} equities are traded at a row.")
    return said
