"""What a task gives of several methods so that they can be compared: losses, and curves of what was earned."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, eq=False)
class MethodLosses:
    """Losses of several methods on the same observations, lower is better.

    Parameters
    ----------
    name : str
        Of the loss, as a sentence has it: "log-loss".
    unit : str
        Of the loss; "" where it has none.
    observations : str
        What a row of `values` is, in the plural: "days".
    values : pandas.DataFrame [observations, methods]
        In time order; a method that has no such loss is left out.
    lags : int
        Of the Newey-West errors of mean differences.
    block_rows : int
        Mean block of the bootstrap of the model confidence set, in observations.
    least : int
        Fewer observations than this are not tested.
    fixed_b : bool
        See `diebold_mariano`.
    """

    name: str
    unit: str
    observations: str
    values: pd.DataFrame
    lags: int
    block_rows: int
    least: int = 30
    fixed_b: bool = False


@dataclass(frozen=True, eq=False)
class Curves:
    """What trading on each method's predictions earned.

    Parameters
    ----------
    title : str
        What was traded, and how.
    unit : str
        Of the values: "growth of 1", "ticks".
    values : pandas.DataFrame [times, methods]
        Index: time, rising. A column a method, and "buy and hold" where there is such a benchmark.
    figures : pandas.DataFrame
        Index: the columns of `values`; a column a figure, named with its unit.
    log : bool
        Whether a logarithmic scale suits them.
    """

    title: str
    unit: str
    values: pd.DataFrame
    figures: pd.DataFrame
    log: bool = False
