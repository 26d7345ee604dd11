"""How sure a strategy's Sharpe ratio is, alone and as the best of what was tried: figures and words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsdeep.evaluation.bootstrap import mean_block_rows, percentile_interval, stationary_draws
from tsdeep.evaluation.deflation import (
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
    sharpe_moments,
)
from tsdeep.evaluation.significance import sharpe_ratio

LEVEL = 0.95
"""A deflated Sharpe ratio from here on counts as more than the luck of the best of the trials."""
FEWEST_TRIALS = 10
"""Sharpe ratios that it takes to say how much those of trials vary."""
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class SharpeOdds:
    """How sure a Sharpe ratio is. Ratios are annualised; figures that are not defined are NaN.

    Parameters
    ----------
    sharpe : float
        Measured, no risk-free rate.
    low, high : float
        95% percentile interval of the stationary bootstrap.
    block_rows : float
        Its mean block.
    rows : int
        Returns that it was measured on.
    skewness, kurtosis : float
        Of the returns; 0 and 3 for a normal distribution.
    probabilistic : float
        Probability that the true ratio is above zero, see `probabilistic_sharpe`.
    track_record_rows : float
        Rows after which that would be 95%, see `minimum_track_record`.
    trials : int or None
        Settings that are known to have been tried, the one shown among them; None: not known.
    trials_error : float
        Standard deviation of the trials' Sharpe ratios that was used.
    expected_maximum : float
        What the best of so many trials without skill is expected to show.
    deflated : float
        Probability that the true ratio is above that, see `deflated_sharpe`; NaN where trials are not known.
    words : str
        Where the number of trials comes from, and what follows.
    """

    sharpe: float
    low: float = _NAN
    high: float = _NAN
    block_rows: float = _NAN
    rows: int
    skewness: float = _NAN
    kurtosis: float = _NAN
    probabilistic: float = _NAN
    track_record_rows: float = _NAN
    trials: int | None
    trials_error: float = _NAN
    expected_maximum: float = _NAN
    deflated: float = _NAN
    words: str


def sharpe_odds(
    returns: pd.Series,
    *,
    variants: int | None = None,
    trials: pd.DataFrame | None = None,
    periods_per_year: float = 252,
    draws: int = 1000,
    seed: int = 0,
) -> SharpeOdds:
    """Say how sure a Sharpe ratio is, with the number of trials that it is the best of.

    The number is the larger of what was stated and what is registered. The variance of the trials' ratios is that of
    the registered ones on the same rows, the one shown among them, where these are at least ten; otherwise that of
    independent strategies without skill, 1 / (rows - 1). Trials count as independent: where they resemble
    each other, the deflated ratio is too low.

    Parameters
    ----------
    returns : pandas.Series [rows]
        Simple returns after costs, indexed by time.
    variants : int, optional
        Settings tried, as stated, the one shown among them.
    trials : pandas.DataFrame, optional
        Other settings that are registered, a row each: sharpe (a row's; NaN: not known), rows, first, last (time of the
        first and the last return). No rows: nothing else is registered. None: there is no registry.
    periods_per_year : float
        Rows a year.
    draws, seed
        Of the bootstrap.

    Returns
    -------
    SharpeOdds
    """
    rows = len(returns)
    number = trial_number(variants, trials)
    values = returns.to_numpy(dtype=np.float64)
    if rows < 3 or np.ptp(values) == 0:
        words = "The strategy's Sharpe ratio is not defined: its returns are constant, or too few."
        return SharpeOdds(sharpe=_NAN, rows=rows, trials=number, words=words)
    root = float(np.sqrt(periods_per_year))
    moments = sharpe_moments(values)
    shape = {name: moments[name] for name in ("skewness", "kurtosis")}
    block = mean_block_rows(values)
    drawn = stationary_draws(
        values,
        lambda sample: sharpe_ratio(sample, periods_per_year),
        block_rows=block,
        draws=draws,
        seed=seed,
    )
    low, high = percentile_interval(drawn)
    deflated, expected, error = _NAN, _NAN, _NAN
    known = 0
    if number is not None:
        same = _on_same_rows(trials, returns)
        known = len(same) + 1
        enough = known >= FEWEST_TRIALS
        variance = float(np.var([*same, moments["sharpe"]], ddof=1)) if enough else 1.0 / (rows - 1)
        error, expected = float(np.sqrt(variance)), expected_maximum_sharpe(number, variance)
        deflated = deflated_sharpe(moments["sharpe"], rows, trials=number, variance=variance, **shape)
    return SharpeOdds(
        sharpe=moments["sharpe"] * root,
        low=low,
        high=high,
        block_rows=block,
        rows=rows,
        **shape,
        probabilistic=probabilistic_sharpe(moments["sharpe"], rows, **shape),
        track_record_rows=minimum_track_record(moments["sharpe"], **shape),
        trials=number,
        trials_error=error * root,
        expected_maximum=expected * root,
        deflated=deflated,
        words=_words(
            variants, trials, known, moments["sharpe"] * root, expected * root, error * root, deflated
        ),
    )


def trial_number(variants: int | None, trials: pd.DataFrame | None) -> int | None:
    """Return how many settings are known to have been tried: the larger of stated and registered; None: not known."""
    known = [variants, None if trials is None else len(trials) + 1]
    return max((number for number in known if number is not None), default=None)


def _on_same_rows(trials: pd.DataFrame | None, returns: pd.Series) -> np.ndarray:
    """Return the Sharpe ratios of trials that were measured on the very rows of `returns`."""
    if trials is None or not len(trials):
        return np.array([])
    same = (
        (trials["rows"] == len(returns))
        & (trials["first"] == returns.index[0])
        & (trials["last"] == returns.index[-1])
    )
    return trials["sharpe"][same].dropna().to_numpy(dtype=np.float64)


def _words(
    variants: int | None,
    trials: pd.DataFrame | None,
    known: int,
    sharpe: float,
    expected: float,
    error: float,
    deflated: float,
) -> str:
    number = trial_number(variants, trials)
    if number is None:
        return (
            "How many settings were tried is not known: none were stated (variants), and no registry of trials was "
            "kept. The probabilistic Sharpe ratio holds for a single trial; that of the best of several cannot be "
            "deflated without their number."
        )
    sources = []
    if variants is not None:
        sources.append(f"{variants} {'is' if variants == 1 else 'are'} stated")
    if trials is not None:
        sources.append(f"the registry of trials has {len(trials) + 1} of this study, this one included")
    more = "; the larger number counts" if len(sources) > 1 else ""
    count = f"Number of settings tried: {' and '.join(sources)}{more}."
    if number == 1:
        return (
            f"{count} So nothing is deflated: settings that were tried and not recorded would make the deflated Sharpe "
            "ratio lower."
        )
    if known >= FEWEST_TRIALS:
        spread = (
            f"The Sharpe ratios of the {known} that are registered on these very rows have a standard deviation of "
            f"{error:.2f} a year."
        )
    else:
        spread = (
            f"Fewer than {FEWEST_TRIALS} are registered with a Sharpe ratio on these very rows; their ratios are taken "
            f"to vary as those of independent strategies without skill, by a standard deviation of {error:.2f} a year."
        )
    if deflated >= LEVEL:
        meaning = "more than the luck of the best of these."
    elif sharpe > expected:
        meaning = f"below {LEVEL}: it may well be the luck of the best of these."
    else:
        meaning = "no more than luck alone would show."
    return (
        f"{count} {spread} The best of {number} without skill would show about {expected:.2f}; this strategy's ratio "
        f"after costs is {sharpe:.2f}. Deflated Sharpe ratio {deflated:.2f}, {meaning}"
    )
