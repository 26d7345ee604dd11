"""Intervals of figures of returns by the stationary bootstrap, which keeps how rows depend on those before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from arch.bootstrap import StationaryBootstrap, optimal_block_length
from numpy.typing import ArrayLike

from tsdeep.errors import SpecError
from tsdeep.evaluation.risk import check_same_rows, risk_figures, rows_a_year

_FEWEST_ROWS = 8  # arch estimates no block from fewer


def mean_block_rows(series: ArrayLike) -> float:
    """Return the mean block of the stationary bootstrap: the longest that a series asks for, at least one row.

    Parameters
    ----------
    series : array_like [rows] or [rows, series]
        In time order; a constant one asks for none, and fewer than eight rows are too few to ask.

    Returns
    -------
    float
        Rows.

    References
    ----------
    Patton, Politis, White (2009), Correction to "Automatic block-length selection for the dependent bootstrap",
    Econometric Reviews 28(4); `arch.bootstrap.optimal_block_length`.
    """
    values = np.asarray(series, dtype=np.float64)
    values = values.reshape(len(values), -1)
    values = values[:, np.ptp(values, axis=0) > 0]
    if values.shape[1] == 0 or len(values) < _FEWEST_ROWS:
        return 1.0
    with np.errstate(divide="ignore", invalid="ignore"):  # stretches of equal rows have no correlation
        lengths = np.asarray(optimal_block_length(values)["stationary"], dtype=np.float64)
    lengths = lengths[np.isfinite(lengths)]
    return max(1.0, float(lengths.max())) if len(lengths) else 1.0


def stationary_draws(
    series: np.ndarray,
    statistic: Callable[[np.ndarray], ArrayLike],
    *,
    block_rows: float,
    draws: int = 1000,
    seed: int = 0,
) -> np.ndarray:
    """Compute a statistic on samples of the stationary bootstrap.

    Parameters
    ----------
    series : numpy.ndarray [rows] or [rows, series]
        In time order; the series of a row are drawn together.
    statistic : callable
        Takes a sample, as `series`; returns a figure or a row of figures.
    block_rows : float
        Mean length of a block; lengths are geometric, and the first row follows the last.
    draws : int
        Samples.
    seed : int
        Equal seeds give equal draws.

    Returns
    -------
    numpy.ndarray [draws] or [draws, figures]

    Raises
    ------
    SpecError
        On a block of less than one row, or no draws.

    References
    ----------
    Politis, Romano (1994), The stationary bootstrap, JASA 89(428); `arch.bootstrap.StationaryBootstrap`.
    """
    check_draws(block_rows, draws)
    bootstrap = StationaryBootstrap(block_rows, series, seed=np.random.default_rng(seed))
    return np.array([statistic(sample[0]) for sample, _ in bootstrap.bootstrap(draws)], dtype=np.float64)


def check_draws(block_rows: float, draws: int) -> None:
    """Refuse a mean block of less than one row, and fewer draws than one."""
    if not (np.isfinite(block_rows) and block_rows >= 1):
        raise SpecError(f"bootstrap: block_rows is {block_rows!r}, expected a finite number of at least 1")
    if draws != int(draws) or draws < 1:
        raise SpecError(f"bootstrap: draws is {draws!r}, expected a whole number of at least 1")


def percentile_interval(drawn: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Return the central interval of the draws that are defined; NaN where fewer than half of them are.

    Examples
    --------
    >>> low, high = percentile_interval(np.arange(101.0), level=0.5)
    >>> float(low), float(high)
    (25.0, 75.0)
    """
    if not 0 < level < 1:
        raise SpecError(f"percentile_interval: level is {level!r}, expected a number in (0, 1)")
    finite = drawn[np.isfinite(drawn)]
    if len(finite) == 0 or len(finite) < len(drawn) / 2:
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def risk_intervals(
    returns: pd.Series,
    benchmark: pd.Series,
    *,
    figures: Sequence[str] | None = None,
    draws: int = 1000,
    seed: int = 0,
    block_rows: float | None = None,
    level: float = 0.95,
    periods_per_year: float | None = None,
) -> pd.DataFrame:
    """Return risk figures with percentile intervals of the stationary bootstrap.

    Rows of strategy and benchmark are drawn together. Intervals of figures of a path, maximum drawdown and Calmar,
    are of the paths that these rows could have made in another order of blocks.

    Parameters
    ----------
    returns, benchmark : pandas.Series [rows]
        Simple returns of the same rows, in time order.
    figures : sequence of str, optional
        Of `risk_figures`; by default all.
    draws : int
        Samples.
    seed : int
        Equal seeds give equal intervals.
    block_rows : float, optional
        Mean block; by default `mean_block_rows` of the two series.
    level : float
        Share of the draws within the interval.
    periods_per_year : float, optional
        Rows a year; by default `rows_a_year` of the index of `returns`.

    Returns
    -------
    pandas.DataFrame
        Index: the figures; columns estimate, low, high. An interval is NaN where a figure is not defined on half of
        the draws or more.

    Raises
    ------
    DataError
        On rows that differ, fewer than three, or returns that are NaN or infinite.
    SpecError
        On an unknown figure, a block of less than one row, or no draws.
    """
    check_same_rows("risk_intervals", returns, benchmark, least=3)
    pair = np.column_stack([returns, benchmark]).astype(np.float64)  # [rows, 2]
    year = rows_a_year(pd.Series(returns).index) if periods_per_year is None else periods_per_year
    block = mean_block_rows(pair) if block_rows is None else block_rows

    def all_figures(sample: np.ndarray) -> dict[str, float]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return risk_figures(sample[:, 0], sample[:, 1], periods_per_year=year)

    measured = all_figures(pair)
    names = list(measured) if figures is None else list(figures)
    unknown = [name for name in names if name not in measured]
    if unknown:
        raise SpecError(
            f"risk_intervals: found the figure {unknown[0]!r}, expected some of {', '.join(measured)}"
        )

    def chosen(sample: np.ndarray) -> list[float]:
        found = all_figures(sample)
        return [found[name] for name in names]

    drawn = stationary_draws(pair, chosen, block_rows=block, draws=draws, seed=seed)
    rows = {}
    for column, name in enumerate(names):
        low, high = percentile_interval(drawn[:, column], level)
        rows[name] = {"estimate": measured[name], "low": low, "high": high}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high"])
    table.index.name = "figure"
    return table
