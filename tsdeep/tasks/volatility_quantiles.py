"""Quantiles that cannot cross: a centre, and distances from it that are never negative."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from tsdeep.units import normal_quantile

TYPICAL_DEVIATION = 0.5
"""Standard deviation of a month's log variance around its forecast, about; raw numbers of zero give its quantiles."""


def centre_of(levels: Sequence[float]) -> int:
    """Return the place of the level nearest to a half, the lower one of two.

    Examples
    --------
    >>> centre_of((0.1, 0.5, 0.9)), centre_of((0.1, 0.9))
    (1, 0)
    """
    return min(range(len(levels)), key=lambda i: (round(abs(levels[i] - 0.5), 9), i))


def log_variance_quantiles(m: Any, raw: Any, levels: Sequence[float]) -> list[Any]:
    """Make quantiles of log variance of raw numbers, so that none is below one of a lower level.

    The quantile nearest to the median is `m` plus its raw number. Each further one is away from its neighbour by
    softplus(raw + c), with c such that raw numbers of zero give the distances of a normal distribution with the
    standard deviation `TYPICAL_DEVIATION`. Distances are added one after the other, away from the centre: sums of
    floating-point numbers that are not negative never go back, so the order holds exactly.

    Parameters
    ----------
    m : tensor, [...]
        Log variance.
    raw : tensor, [..., levels]
        Any finite numbers.
    levels : sequence of float
        Ascending, between 0 and 1.

    Returns
    -------
    list of tensor, [...]
        One a level.
    """
    centre = centre_of(levels)
    found = {centre: m + raw[..., centre]}
    for i in range(centre + 1, len(levels)):
        found[i] = found[i - 1] + _distance(raw[..., i], levels[i - 1], levels[i])
    for i in range(centre - 1, -1, -1):
        found[i] = found[i + 1] - _distance(raw[..., i], levels[i], levels[i + 1])
    return [found[i] for i in range(len(levels))]


def _distance(raw: Any, lower: float, upper: float) -> Any:
    typical = TYPICAL_DEVIATION * (normal_quantile(upper) - normal_quantile(lower))
    return ops.softplus(raw + math.log(math.expm1(typical)))


def raw_of_quantiles(quantiles: Sequence[float], levels: Sequence[float]) -> list[float]:
    """Return the raw numbers of which `log_variance_quantiles` makes given quantiles around a log variance of zero.

    Parameters
    ----------
    quantiles : sequence of float
        Ascending, apart by more than zero.
    levels : sequence of float
        Ascending, as many.

    Returns
    -------
    list of float
        One a level.

    Examples
    --------
    >>> import numpy as np
    >>> levels, quantiles = (0.1, 0.5, 0.9), (-0.6, 0.1, 0.9)
    >>> found = log_variance_quantiles(0.0, np.array([raw_of_quantiles(quantiles, levels)]), levels)
    >>> [round(float(each[0]), 6) for each in found]
    [-0.6, 0.1, 0.9]
    """
    centre = centre_of(levels)
    raw = []
    for i, level in enumerate(levels):
        if i == centre:
            raw.append(float(quantiles[i]))
            continue
        near = i - 1 if i > centre else i + 1
        typical = TYPICAL_DEVIATION * abs(normal_quantile(level) - normal_quantile(levels[near]))
        # The inverse of softplus(raw + c), with exp(c) = expm1(typical).
        raw.append(math.log(math.expm1(abs(quantiles[i] - quantiles[near]))) - math.log(math.expm1(typical)))
    return raw


def outward(quantiles: Sequence[Any], levels: Sequence[float]) -> list[Any]:
    """Put quantiles that were moved each by itself in order, moving them away from the centre only.

    Above the centre each is at least its lower neighbour, below it at most its upper one: a bound that covers its
    share still does.

    Parameters
    ----------
    quantiles : sequence of tensor, [...]
        One a level.
    levels : sequence of float
        Ascending.

    Returns
    -------
    list of tensor, [...]
    """
    centre = centre_of(levels)
    found = list(quantiles)
    for i in range(centre + 1, len(levels)):
        found[i] = ops.maximum(found[i], found[i - 1])
    for i in range(centre - 1, -1, -1):
        found[i] = ops.minimum(found[i], found[i + 1])
    return found
