"""The parts of a spec that are plain settings."""

from __future__ import annotations

import typing
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from tsdeep.dates import Date
from tsdeep.evaluation import ReplayGrid, Strategy
from tsdeep.models import get_model, hyperparameters
from tsdeep.validation import WalkForward


class Part(BaseModel):
    """Settings that refuse unknown keys and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _length(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(
            f"found {value!r}, expected rows (an integer), 'N sessions', or an offset such as '1YE'"
        )
    return value


Length = Annotated[int | str, BeforeValidator(_length)]
Count = Annotated[int, Field(strict=True, ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Period(Part):
    """First and last date to use; by default all that the source has."""

    start: Date = Field(default=None, description="First date, such as 1999-01-04.")
    end: Date = Field(default=None, description="Last date, itself included.")

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"found the end {self.end} before the start {self.start}")
        return self

    def timestamps(self) -> tuple[pd.Timestamp | None, pd.Timestamp | None]:
        """Return the first and the last moment, the whole last day included; None where it is open."""
        start = None if self.start is None else pd.Timestamp(self.start)
        end = None if self.end is None else pd.Timestamp(self.end) + pd.Timedelta(days=1, nanoseconds=-1)
        return start, end


class Split(Part):
    """The folds: the arguments of `tsdeep.WalkForward`."""

    train: Length = Field(
        description="Size of the (first) training block: rows, '60%', '20 sessions' or an offset, '4YE'."
    )
    valid: Length = Field(default=0, description="Size of the validation block.")
    test: Length = Field(description="Size of the test block.")
    step: Length | None = Field(
        default=None, description="From one fold to the next; by default the test block."
    )
    mode: Literal["expanding", "rolling"] = Field(
        default="expanding", description="Whether training begins with the data or moves on with the folds."
    )
    min_train: Length | None = Field(default=None, description="Leave out first folds that train on less.")
    max_folds: Count | None = Field(default=None, description="The last N folds only.")
    purge: Length = Field(default="auto", description="'auto' by label ends; or rows, 'N sessions', '5D'.")
    embargo: Length = Field(default=0, description="A further gap: rows, 'N sessions' or '5D'.")

    @model_validator(mode="after")
    def _usable(self) -> Split:
        self.splitter()
        return self

    def splitter(self) -> WalkForward:
        """Return the folds' splitter."""
        return WalkForward(**self.model_dump())


class Training(Part):
    """How each fold is fitted: arguments of `tsdeep.walk_forward`."""

    epochs: Count = Field(default=20, description="At most this many in a fit.")
    batch_size: Count = Field(default=64, description="Windows of one optimiser step.")
    stride: Count = Field(default=1, description="Learn from every n-th training row only.")
    mirror: bool = Field(
        default=False, strict=True, description="Learn from the other side of the order book too."
    )
    learning_rate: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="Of Adam; 0.001 unless given."
    )
    weight_decay: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="With it the optimiser is AdamW."
    )
    patience: Count | None = Field(
        default=3, description="Epochs without a lower validation loss to stop after."
    )
    refit: bool = Field(default=True, description="Fit again including the validation rows.")
    warm_start: bool = Field(default=False, description="Start a fold from the weights of the one before.")
    retrain_every: Count = Field(default=1, description="Fit in every n-th fold only.")
    seed: int = Field(default=0, strict=True, ge=0, description="Of everything random.")
    seeds: Count = Field(default=1, description="Members fitted from different seeds and averaged.")
    hold_out: Literal["valid", "years"] = Field(
        default="valid",
        description="What stops a fit: the validation rows, or calendar years that each member holds out.",
    )


class Backtest(Part):
    """The strategy on the predictions: settings of `tsdeep.evaluation.Strategy`."""

    sizing: Literal["sign", "threshold", "probability", "volatility_target", "equal_risk"] = Field(
        default="sign", description="How a probability becomes a position."
    )
    threshold: float | None = Field(
        default=None, description="Of sizing 'threshold'; optional with those by volatility."
    )
    target_volatility: Positive | None = Field(
        default=None, description="Of sizing 'volatility_target': a year, 0.1 is 10%."
    )
    volatility_halflife_rows: Positive | None = Field(
        default=None, description="Half-life of the volatility of the sizings by it; 21 unless given."
    )
    short: bool = Field(default=True, description="Whether positions below zero are taken.")
    execution: Literal["close", "next_open", "next_close"] = Field(
        default="close", description="The price at which a prediction is traded."
    )
    cost_bps: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="Cost of each fill in basis points of what is traded.",
    )
    rebalance: Literal["free", "every_row", "on_change"] = Field(
        default="free",
        description="Fractions of equity kept at no cost, or shares in an account, ordered every row or on a change.",
    )
    max_leverage: Positive = Field(default=1.0, description="Highest gross exposure, a multiple of equity.")
    min_holding_rows: Count = Field(default=1, description="Rows for which a position is kept at least.")
    max_holding_rows: Count | None = Field(default=None, description="Rows after which a position is closed.")
    max_turnover: Positive | None = Field(
        default=None, description="What is traded at a row at most, a multiple of equity."
    )
    borrow_bps: NotNegative = Field(
        default=0.0, description="Basis points a year of the value of shorts, by calendar day."
    )
    fee_per_share: NotNegative = Field(
        default=0.0, description="Money for each share traded; not with 'free'."
    )
    min_fee: NotNegative = Field(
        default=0.0, description="Money that a fill costs at least; not with 'free'."
    )
    capital: Positive | None = Field(
        default=None,
        description="Money that the account starts with; 1,000,000 unless given; not with 'free'.",
    )

    @model_validator(mode="after")
    def _usable(self) -> Backtest:
        Strategy(**self.model_dump())
        return self


class Replay(Part):
    """How late and at what fee a report trades calls of movement over the book: see `tsdeep.evaluation.ReplayGrid`."""

    latencies_rows: tuple[Annotated[int, Field(strict=True, ge=0)], ...] = Field(
        default=ReplayGrid().latencies_rows,
        min_length=1,
        description="Rows by which orders are late, rising, such as [0, 1, 10].",
    )
    fees_ticks: tuple[Positive, ...] = Field(
        default=ReplayGrid().fees_ticks,
        description="Ticks a side, rising, such as [0.3, 1.0]; no fee is shown besides.",
    )

    @model_validator(mode="after")
    def _usable(self) -> Replay:
        self.grid()
        return self

    def grid(self) -> ReplayGrid:
        """Return it as the report takes it."""
        return ReplayGrid(**self.model_dump())


def hyperparameter_model(model: str) -> type[BaseModel]:
    """Make a pydantic model of a model's hyperparameters, from the signature of its body.

    Parameters
    ----------
    model : str
        A registered model.

    Returns
    -------
    type of pydantic.BaseModel
        A field for each hyperparameter, with its annotation (anything goes where there is none) and default.

    Raises
    ------
    SpecError
        If no model has the name.
    """
    try:
        types = typing.get_type_hints(get_model(model), include_extras=True)
    except NameError:  # an annotation that only a type checker knows
        types = {}
    fields: dict[str, Any] = {
        name: (types.get(name, Any), default) for name, default in hyperparameters(model).items()
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(f"{model}_hyperparameters", __config__=config, **fields)
