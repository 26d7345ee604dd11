"""Could it be luck? Tests and intervals for direction, losses, sets of methods and Sharpe ratios."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from arch.bootstrap import MCS
from numpy.typing import ArrayLike
from scipy.stats import norm
from scipy.stats import t as student
from statsmodels.regression.linear_model import OLS

from tsdeep.errors import DataError
from tsdeep.evaluation.bootstrap import check_draws, mean_block_rows, percentile_interval, stationary_draws

_NAN = float("nan")


@dataclass(frozen=True)
class Significance:
    """The outcome of one test.

    Parameters
    ----------
    estimate : float
        What was measured, in its own unit.
    low, high : float
        Its 95% interval.
    statistic : float
        The test's statistic; NaN where it has none (bootstrap).
    p_value : float
        Two-sided; NaN where the test is not defined.
    rows : int
        Observations that it rests on.
    note : str
        Why it is not defined, or how it was computed.
    """

    estimate: float
    low: float
    high: float
    statistic: float
    p_value: float
    rows: int
    note: str = ""

    @property
    def defined(self) -> bool:
        """Whether there is a p-value."""
        return bool(np.isfinite(self.p_value))


def pesaran_timmermann(y: ArrayLike, predicted: ArrayLike) -> Significance:
    """Test whether predicted and realised directions are independent.

    Where P is the share of right calls and P* the share expected if calls were independent of outcomes,
    `z = (P - P*) / sqrt(V(P) - V(P*))`, standard normal under independence. The test assumes that
    outcomes are not serially dependent, which daily directions of one symbol nearly satisfy; directions
    over overlapping horizons, or of several symbols, do not, and it then rejects far too often.

    Parameters
    ----------
    y : array_like [rows]
        Realised direction, 0 or 1.
    predicted : array_like [rows]
        Predicted direction, 0 or 1.

    Returns
    -------
    Significance
        estimate: P - P* (a share); statistic: z; p_value: two-sided. Not defined where all
        predictions, or all outcomes, are of one class.

    Raises
    ------
    DataError
        On no rows, or a direction other than 0 and 1.

    References
    ----------
    Pesaran, Timmermann (1992), A simple nonparametric test of predictive performance, JBES 10(4), eq. 6.
    """
    realised, called = _pair(y, predicted)
    rows = len(realised)
    if rows == 0:
        raise DataError("pesaran_timmermann: no rows, expected at least one")
    for values, what in ((realised, "y"), (called, "predicted")):
        wrong = ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"pesaran_timmermann: {what} of row {row} is {values[row]}, expected 0 or 1")
    p_y, p_x = float(realised.mean()), float(called.mean())
    right = float((realised == called).mean())
    expected = p_y * p_x + (1 - p_y) * (1 - p_x)
    for share, what in ((p_x, "prediction"), (p_y, "outcome")):
        if share in (0.0, 1.0):
            only = "up" if share else "not up"
            note = f"not defined: every {what} is {only}"
            return Significance(right - expected, _NAN, _NAN, _NAN, _NAN, rows, note)
    variance_right = expected * (1 - expected) / rows
    variance_expected = (
        (2 * p_y - 1) ** 2 * p_x * (1 - p_x)
        + (2 * p_x - 1) ** 2 * p_y * (1 - p_y)
        + 4 * p_y * p_x * (1 - p_y) * (1 - p_x) / rows
    ) / rows
    if variance_right <= variance_expected:
        return Significance(right - expected, _NAN, _NAN, _NAN, _NAN, rows, "not defined: too few rows")
    error = float(np.sqrt(variance_right - variance_expected))
    return _tested(right - expected, error, rows, "Pesaran-Timmermann (1992)")


def newey_west_lags(rows: int, horizon_rows: int = 1) -> int:
    """Return the lags for HAC errors: `floor(4 (rows/100)^(2/9))`, and at least `horizon_rows - 1`.

    The first is Newey and West's (1994) rule; the second covers forecasts of overlapping horizons, whose
    errors are correlated up to that lag (Diebold, Mariano 1995).

    Examples
    --------
    >>> newey_west_lags(3774), newey_west_lags(3774, horizon_rows=21)
    (8, 20)
    """
    return min(max(int(4 * (rows / 100) ** (2 / 9)), horizon_rows - 1), max(rows - 1, 0))


def overlap_lags(rows: int, horizon_rows: int) -> int:
    """Return the lags for HAC errors of figures whose labels overlap by much.

    The larger of `ceil(1.3 sqrt(rows))` and three horizons. With `horizon_rows - 1` lags, Bartlett weights count
    a third too little of the variance that overlapping labels cause, and a test at 5% rejects a true null in 10% to
    17% of cases (simulated: 2,500 rows, 21 rows of overlap, white or persistent errors); with these lags and
    `fixed_b` in 6% to 8%.

    References
    ----------
    Lazarus, Lewis, Stock, Watson (2018), HAR inference: recommendations for practice, JBES 36(4): the first of the two.

    Examples
    --------
    >>> overlap_lags(2516, 21), overlap_lags(500, 21)
    (66, 63)
    """
    return min(max(int(np.ceil(1.3 * np.sqrt(rows))), 3 * horizon_rows), max(rows - 1, 0))


def fixed_b_degrees(rows: int, lags: int) -> float:
    """Return the degrees of freedom of Student's t for a figure over its Bartlett HAC error.

    `1.5 rows / (lags + 1)`, those of the variance's estimate, which few long blocks of rows make uncertain (Lazarus,
    Lewis, Stock and Watson 2018). For one lag or none the normal distribution is as good.
    """
    return 1.5 * rows / (lags + 1)


def diebold_mariano(
    loss: ArrayLike,
    reference_loss: ArrayLike,
    *,
    horizon_rows: int = 1,
    lags: int | None = None,
    fixed_b: bool = False,
) -> Significance:
    """Test whether two methods' mean losses differ, with HAC errors.

    The mean of `loss - reference_loss` over its Newey-West (Bartlett) standard error, normal in
    large samples. Where the reference is a special case of the model (a base rate within a network with an
    intercept) the test is conservative: a model fitted on noise is expected to lose a little.

    Parameters
    ----------
    loss, reference_loss : array_like [rows]
        Losses in time order, such as log-losses in nats. Several symbols at one time are averaged
        beforehand, since they are not independent.
    horizon_rows : int
        Rows ahead that the predictions look.
    lags : int, optional
        Lags of the HAC errors; by default `newey_west_lags(rows, horizon_rows)`.
    fixed_b : bool, default False
        Whether p-value and interval are those of Student's t with `fixed_b_degrees`, for many lags, rather
        than of the normal distribution.

    Returns
    -------
    Significance
        estimate: the mean difference, negative where the model is better. Not defined where a loss
        is infinite, or where the two never differ.

    References
    ----------
    Diebold, Mariano (1995), Comparing predictive accuracy, JBES 13(3).
    """
    first, second = _pair(loss, reference_loss)
    rows = len(first)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return Significance(_NAN, _NAN, _NAN, _NAN, _NAN, rows, "not defined: a loss is not finite")
    difference = first - second
    if rows < 2 or np.ptp(difference) == 0:
        estimate = float(difference.mean()) if rows else _NAN
        return Significance(
            estimate, estimate, estimate, _NAN, _NAN, rows, "not defined: the difference is constant"
        )
    lags = newey_west_lags(rows, horizon_rows) if lags is None else lags
    fit = OLS(difference, np.ones(rows)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    degrees = fixed_b_degrees(rows, lags) if fixed_b else float("inf")
    return _tested(float(fit.params[0]), float(fit.bse[0]), rows, f"Newey-West errors, {lags} lags", degrees)


def model_confidence_set(
    losses: pd.DataFrame, *, block_rows: int, draws: int = 1000, seed: int = 0
) -> pd.Series:
    """Return the p-value with which each method belongs to the set that holds the best.

    Methods are eliminated from the worst, by the range statistic, while those that remain are not equally
    good; a method is in the set of confidence 1 - a where its p-value is above a. Where the losses cannot tell
    the methods apart, the set holds them all: to be in it is no merit by itself.

    Parameters
    ----------
    losses : pandas.DataFrame [rows, methods]
        Losses in time order; several symbols at one time are averaged beforehand.
    block_rows : int
        Mean block of the stationary bootstrap: at least as many rows as losses depend on each other.
    draws : int
        Bootstrap samples.
    seed : int
        Of the draws: equal seeds give equal p-values.

    Returns
    -------
    pandas.Series
        Index: the methods; 1 for the best. Methods of equal losses share a p-value. NaN where a method has a loss
        that is not finite: it is left out.

    Raises
    ------
    SpecError
        On a block of less than one row, or no draws.

    References
    ----------
    Hansen, Lunde, Nason (2011), The model confidence set, Econometrica 79(2); `arch.bootstrap.MCS`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(500, 3))
    >>> float(model_confidence_set(pd.DataFrame(noise + [0, 0, 1], columns=list("abc")), block_rows=5)["c"])
    0.0
    """
    check_draws(block_rows, draws)
    finite = losses.loc[:, np.isfinite(losses.to_numpy()).all(axis=0)]
    values = finite.to_numpy(dtype=np.float64)
    result = pd.Series(_NAN, index=losses.columns)
    if values.shape[1] == 0:
        return result
    # Differences of equal columns are zero, and a zero variance has no range statistic.
    _, first, same = np.unique(values, axis=1, return_index=True, return_inverse=True)
    same = np.asarray(same).reshape(-1)
    p_values = np.ones(len(first))
    if len(first) > 1:
        chosen = MCS(values[:, first], size=0.1, reps=draws, block_size=block_rows, method="R", seed=seed)
        chosen.compute()
        p_values = chosen.pvalues["Pvalue"].reindex(range(len(first))).to_numpy(dtype=np.float64)
    result.loc[finite.columns] = p_values[same]
    return result


def sharpe_ratio(returns: np.ndarray, periods_per_year: float = 252) -> np.ndarray:
    """Return annualised Sharpe ratios (no risk-free rate) of `returns` `[rows, ...]`; NaN where constant."""
    error = np.std(returns, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.mean(returns, axis=0) / error * np.sqrt(periods_per_year)
    return np.where(np.ptp(returns, axis=0) > 0, ratio, np.nan)


def sharpe_difference(
    returns: ArrayLike,
    benchmark: ArrayLike,
    *,
    draws: int = 1000,
    seed: int = 0,
    block_rows: float | None = None,
    periods_per_year: float = 252,
) -> Significance:
    """Bootstrap the difference of two annualised Sharpe ratios earned on the same days.

    Days are drawn in pairs by the stationary bootstrap, in blocks of random length, so that their dependence
    in time and between the two series is kept.

    Parameters
    ----------
    returns, benchmark : array_like [rows]
        Simple returns on the same days, in time order.
    draws : int
        Bootstrap samples.
    seed : int
        Of the draws: equal seeds give equal intervals.
    block_rows : float, optional
        Mean block length; by default the longer of Patton, Politis and White's (2009) for the two series.
    periods_per_year : float
        Rows a year, for annualising: see `rows_a_year`.

    Returns
    -------
    Significance
        estimate: Sharpe of `returns` minus that of `benchmark`; 95% percentile interval; p_value: twice
        the smaller share of draws on one side of zero. Not defined where a series is constant.

    References
    ----------
    Politis, Romano (1994), The stationary bootstrap, JASA 89(428).
    """
    pair = np.column_stack(_pair(returns, benchmark))  # [rows, 2]
    rows = len(pair)
    if not np.isfinite(pair).all():
        raise DataError("sharpe_difference: returns hold NaN or infinity, expected numbers")
    if rows < 3 or (np.ptp(pair, axis=0) == 0).any():
        return Significance(_NAN, _NAN, _NAN, _NAN, _NAN, rows, "not defined: a return series is constant")
    ratios = sharpe_ratio(pair, periods_per_year)
    estimate = float(ratios[0] - ratios[1])
    if np.ptp(pair[:, 0] - pair[:, 1]) == 0:
        same = "not defined: the strategy is the benchmark"
        return Significance(estimate, estimate, estimate, _NAN, _NAN, rows, same)
    block_rows = mean_block_rows(pair) if block_rows is None else block_rows
    ratio_pairs = stationary_draws(
        pair,
        lambda sample: sharpe_ratio(sample, periods_per_year),
        block_rows=block_rows,
        draws=draws,
        seed=seed,
    )  # [draws, 2]
    drawn = ratio_pairs[:, 0] - ratio_pairs[:, 1]
    low, high = percentile_interval(drawn)
    if np.isnan(low):
        return Significance(estimate, _NAN, _NAN, _NAN, _NAN, rows, "not defined: too few trades")
    drawn = drawn[np.isfinite(drawn)]
    side = min(np.sum(drawn <= 0), np.sum(drawn >= 0))
    p_value = min(1.0, 2 * (1 + float(side)) / (1 + len(drawn)))
    note = f"stationary bootstrap, {draws} draws, mean block {block_rows:.1f} rows"
    return Significance(estimate, low, high, _NAN, p_value, rows, note)


def _pair(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    one = np.asarray(first, dtype=np.float64).reshape(-1)
    two = np.asarray(second, dtype=np.float64).reshape(-1)
    if len(one) != len(two):
        raise DataError(f"significance: {len(one)} rows beside {len(two)}, expected the same rows twice")
    return one, two


def _tested(
    estimate: float, error: float, rows: int, note: str, degrees: float = float("inf")
) -> Significance:
    """Return the two-sided test of zero, by the normal distribution or Student's t."""
    statistic = estimate / error
    quantile = norm.ppf(0.975) if np.isinf(degrees) else student.ppf(0.975, degrees)
    beyond = norm.sf(abs(statistic)) if np.isinf(degrees) else student.sf(abs(statistic), degrees)
    half = float(quantile) * error
    return Significance(estimate, estimate - half, estimate + half, statistic, float(2 * beyond), rows, note)
