"""Many methods beside a benchmark: whether the best is better than it, which the best of many looks by luck."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from arch.bootstrap import SPA

from tsdeep.errors import DataError
from tsdeep.evaluation.bootstrap import check_draws
from tsdeep.evaluation.significance import model_confidence_set

_NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Superiority:
    """What tests of many methods against a benchmark found.

    Parameters
    ----------
    benchmark, best : str
        The benchmark, and the method with the lowest mean loss among the others.
    difference : float
        Mean loss of `best` minus that of the benchmark.
    reality_check : float
        p-value of White's reality check: that no method has a lower expected loss than the benchmark.
    spa : float
        p-value of Hansen's test of superior predictive ability (consistent): the same hypothesis, with differences
        in units of their errors and methods that are clearly worse left out, so that adding bad ones hides nothing.
    spa_lower, spa_upper : float
        Its bounds: with all worse methods left out, and with none.
    members : pandas.Series
        `model_confidence_set` of all methods, the benchmark among them.
    rows : int
        Of the losses.
    note : str
        How it was computed, or why a p-value is not defined.
    """

    benchmark: str
    best: str
    difference: float
    reality_check: float
    spa: float
    spa_lower: float
    spa_upper: float
    members: pd.Series
    rows: int
    note: str


def superiority(
    losses: pd.DataFrame, benchmark: str, *, block_rows: int, draws: int = 1000, seed: int = 0
) -> Superiority:
    """Test whether any of several methods is better than a benchmark.

    Parameters
    ----------
    losses : pandas.DataFrame [rows, methods]
        Losses in time order, lower is better; returns with their sign turned are losses too. Several symbols at one
        time are averaged beforehand.
    benchmark : str
        The column to compare with.
    block_rows : int
        Mean block of the stationary bootstrap: at least as many rows as losses depend on each other.
    draws : int
        Bootstrap samples.
    seed : int
        Of the draws: equal seeds give equal p-values.

    Returns
    -------
    Superiority
        p-values are one-sided: small where some method is better than the benchmark. A method whose losses differ
        from the benchmark's by a constant, or not at all, has no error to be measured by and is in none of these
        tests; NaN where all are so.

    Raises
    ------
    DataError
        If there is no such column, no other method, a loss is not finite, or there are fewer than three rows.
    SpecError
        On a block of less than one row, or no draws.

    References
    ----------
    White (2000), A reality check for data snooping, Econometrica 68(5). Hansen (2005), A test for superior predictive
    ability, JBES 23(4). `arch.bootstrap.SPA`, which does not divide by errors: that is done here, with Hansen's own.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(500, 3))
    >>> table = pd.DataFrame(noise + [0, 0, -0.5], columns=["naive", "same", "better"])
    >>> found = superiority(table, "naive", block_rows=2, draws=200)
    >>> found.best, found.spa < 0.05, bool(found.members["naive"] < 0.05)
    ('better', True, True)
    """
    found = best_of_many(losses, benchmark, block_rows=block_rows, draws=draws, seed=seed)
    members = model_confidence_set(losses, block_rows=block_rows, draws=draws, seed=seed)
    return Superiority(members=members, **found)


def best_of_many(
    losses: pd.DataFrame, benchmark: str, *, block_rows: int, draws: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Return what `superiority` does, without the model confidence set: a mapping of the other fields.

    Parameters
    ----------
    losses, benchmark, block_rows, draws, seed
        See `superiority`.

    Raises
    ------
    DataError, SpecError
        See `superiority`.
    """
    _check(losses, benchmark)
    check_draws(block_rows, draws)
    others = losses.drop(columns=benchmark)
    gains = others.rsub(losses[benchmark], axis=0).to_numpy(dtype=np.float64)  # [rows, methods], > 0: better
    best = int(gains.mean(axis=0).argmax())
    p_values = dict.fromkeys(("reality_check", "spa", "spa_lower", "spa_upper"), _NAN)
    note = f"stationary bootstrap, {draws} draws, mean block {block_rows} rows"
    differing = np.ptp(gains, axis=0) > 0
    if differing.any():
        some = gains[:, differing]
        p_values["reality_check"] = _spa(some, block_rows, draws, seed)["upper"]
        studentised = _spa(some / _long_run_error(some, block_rows), block_rows, draws, seed)
        # Hansen's statistic is at least zero, where nothing speaks against the benchmark.
        ahead = bool((some.mean(axis=0) > 0).any())
        for name, key in (("spa", "consistent"), ("spa_lower", "lower"), ("spa_upper", "upper")):
            p_values[name] = studentised[key] if ahead else 1.0
    else:
        note = "not defined: no method's losses differ from the benchmark's by more than a constant"
    return {
        "benchmark": benchmark,
        "best": str(others.columns[best]),
        "difference": -float(gains[:, best].mean()),
        "rows": len(losses),
        "note": note,
        **p_values,
    }


def _check(losses: pd.DataFrame, benchmark: str) -> None:
    if benchmark not in losses.columns or losses.shape[1] < 2:
        raise DataError(
            f"superiority: losses of {', '.join(map(str, losses.columns)) or 'nothing'}, expected those of the "
            f"benchmark {benchmark!r} and of at least one other method"
        )
    if len(losses) < 3:
        raise DataError(f"superiority: {len(losses)} rows, expected at least three")
    wrong = ~np.isfinite(losses.to_numpy(dtype=np.float64))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"superiority: {losses.columns[column]}, row {row}: found {losses.iat[row, column]}, expected a finite loss"
        )


def _spa(gains: np.ndarray, block_rows: int, draws: int, seed: int) -> dict[str, float]:
    """Return arch's p-values: lower, consistent, upper."""
    test = SPA(
        np.zeros(len(gains)), -gains, block_size=block_rows, reps=draws, bootstrap="stationary", seed=seed
    )
    test.compute()
    return {str(name): float(value) for name, value in test.pvalues.items()}


def _long_run_error(gains: np.ndarray, block_rows: int) -> np.ndarray:
    """Return the standard deviation `[methods]` of the root of rows times the mean under the stationary bootstrap.

    Politis and Romano (1994), as Hansen (2005) uses it: autocovariances by lag i, weighted by
    `(1 - i / n) (1 - q)^i + (i / n) (1 - q)^(n - i)`, q one over the mean block.
    """
    n, q = len(gains), 1.0 / block_rows
    centred = gains - gains.mean(axis=0)
    spectrum = np.fft.rfft(centred, n=2 * n, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * n, axis=0)[:n] / n  # [lags, methods]
    lag = np.arange(1, n)
    weight = (1 - lag / n) * (1 - q) ** lag + lag / n * (1 - q) ** (n - lag)
    return np.sqrt(covariance[0] + 2 * weight @ covariance[1:])
