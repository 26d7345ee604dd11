"""The settings of a strategy on predictions of direction, checked together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from tsdeep.errors import SpecError, unknown_name
from tsdeep.evaluation.positions import VOLATILITY_SIZINGS, position_sizes

EXECUTIONS = ("close", "next_open", "next_close")
REBALANCES = ("free", "every_row", "on_change")
CAPITAL = 1e6
HALFLIFE_ROWS = 21.0


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """How predictions are traded; `tsdeep.evaluation.backtest` says what each execution and rebalancing means.

    Parameters
    ----------
    sizing : str
        How a probability becomes a position: see `tsdeep.evaluation.position_sizes`. `"volatility_target"` holds
        `target_volatility` over the symbol's annual volatility, long or short; `"equal_risk"` divides the equity
        among the symbols predicted at t in proportion to one over their volatility, long or short.
    threshold : float, optional
        Required by `"threshold"`; with a sizing by volatility, calls between are flat; others do not use it.
    short : bool
        Whether positions below zero are taken.
    execution : {"close", "next_open", "next_close"}
        When an order is filled.
    rebalance : {"free", "every_row", "on_change"}
        Whether positions are fractions of equity, kept so at no cost, or shares in an account.
    delay_rows : int
        Rows by which every decision is carried out later than `execution` says.
    target_volatility : float, optional
        A year, as a fraction (0.1 is 10%); of `"volatility_target"` alone, which needs it.
    volatility_halflife_rows : float, optional
        Of the sizings by volatility: half-life of the weights of past squared returns; 21 by default.
    max_leverage : float
        Gross exposure, as a multiple of equity, to which all decided positions are scaled down together.
    min_holding_rows : int
        Rows for which a position is neither closed nor turned.
    max_holding_rows : int, optional
        Rows after which a position is closed, until the decided direction has changed.
    max_turnover : float, optional
        Sum of |change of decided position| at a row, as a multiple of equity; all changes are scaled down together.
    cost_bps : float
        Basis points of what is traded, at each fill.
    borrow_bps : float
        Basis points a year (of 365 days) of the value of shorts, for each calendar day between rows.
    fee_per_share : float
        Money for each share traded; with an account only, as `min_fee` and `capital` are.
    min_fee : float
        Money that a fill costs at least, `cost_bps` and `fee_per_share` together.
    capital : float, optional
        Money that the account starts with; 1,000,000 by default.

    Raises
    ------
    SpecError
        On an unknown name, a number out of range, or a setting that would do nothing.

    Examples
    --------
    >>> Strategy(sizing="volatility_target", target_volatility=0.1).max_leverage
    1.0
    """

    sizing: str = "sign"
    threshold: float | None = None
    short: bool = True
    execution: str = "close"
    rebalance: str = "free"
    delay_rows: int = 0
    target_volatility: float | None = None
    volatility_halflife_rows: float | None = None
    max_leverage: float = 1.0
    min_holding_rows: int = 1
    max_holding_rows: int | None = None
    max_turnover: float | None = None
    cost_bps: float = 5.0
    borrow_bps: float = 0.0
    fee_per_share: float = 0.0
    min_fee: float = 0.0
    capital: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Strategy:
        """Return the strategy of settings by name; SpecError on a name that is none."""
        known = [field.name for field in fields(cls)]
        for name in settings:
            if name not in known:
                raise SpecError(unknown_name("setting of a strategy", name, known))
        return cls(**settings)

    def __post_init__(self) -> None:
        if not isinstance(self.short, bool | np.bool_):
            raise SpecError(f"short is {self.short!r}, expected True or False")
        position_sizes([0.5], self.sizing, threshold=self.threshold, short=self.short)
        if self.execution not in EXECUTIONS:
            raise SpecError(unknown_name("execution", self.execution, EXECUTIONS))
        if self.rebalance not in REBALANCES:
            raise SpecError(unknown_name("rebalance", self.rebalance, REBALANCES))
        for key in ("cost_bps", "borrow_bps", "fee_per_share", "min_fee"):
            value = getattr(self, key)
            if not (_is_number(value) and value >= 0):
                raise SpecError(f"{key} is {value!r}, expected a finite number of at least 0")
        positive = (
            "target_volatility",
            "volatility_halflife_rows",
            "max_leverage",
            "max_turnover",
            "capital",
        )
        for key in positive:
            value = getattr(self, key)
            if value is not None and not (_is_number(value) and value > 0):
                raise SpecError(f"{key} is {value!r}, expected a finite number above 0")
        for key, least in (("delay_rows", 0), ("min_holding_rows", 1), ("max_holding_rows", 1)):
            value = getattr(self, key)
            whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
            if value is not None and not (whole and value >= least):
                raise SpecError(f"{key} is {value!r}, expected an integer of at least {least}")
        if self.max_holding_rows is not None and self.max_holding_rows < self.min_holding_rows:
            raise SpecError(
                f"max_holding_rows is {self.max_holding_rows}, expected at least min_holding_rows, "
                f"{self.min_holding_rows}"
            )
        self._refuse_what_does_nothing()

    def _refuse_what_does_nothing(self) -> None:
        if (self.sizing == "volatility_target") != (self.target_volatility is not None):
            raise SpecError(
                f"sizing {self.sizing!r}: target_volatility is {self.target_volatility!r}, but 'volatility_target' "
                "needs it and no other sizing uses it"
            )
        if self.volatility_halflife_rows is not None and self.sizing not in VOLATILITY_SIZINGS:
            raise SpecError(
                f"sizing {self.sizing!r}: volatility_halflife_rows is {self.volatility_halflife_rows!r}, but only "
                f"{' and '.join(VOLATILITY_SIZINGS)} use it"
            )
        if self.rebalance == "free":
            for key, nothing in (("fee_per_share", 0), ("min_fee", 0), ("capital", None)):
                if getattr(self, key) != nothing:
                    raise SpecError(
                        f"{key} is {getattr(self, key)!r}, but rebalance 'free' counts no shares and no money: give "
                        "rebalance 'on_change' or 'every_row'"
                    )

    @property
    def halflife_rows(self) -> float:
        """Half-life of the volatility estimate, in rows."""
        return HALFLIFE_ROWS if self.volatility_halflife_rows is None else self.volatility_halflife_rows

    @property
    def starting_capital(self) -> float:
        """Money that the account starts with."""
        return CAPITAL if self.capital is None else float(self.capital)

    @property
    def needs_common_rows(self) -> bool:
        """Whether several symbols' positions depend on each other, row by row."""
        return (
            self.rebalance != "free"
            or self.sizing in VOLATILITY_SIZINGS
            or self.max_leverage < 1
            or self.min_holding_rows > 1
            or self.max_holding_rows is not None
            or self.max_turnover is not None
        )

    def settings(self) -> dict[str, Any]:
        """Return all settings by name."""
        return asdict(self)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
    )
