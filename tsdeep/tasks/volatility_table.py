"""How forecasts of volatility are named and laid out, and when their labels end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tsdeep.panel import Panel
from tsdeep.units import quantile_name

POINTS = ("variance", "volatility", "median")
"""Names of the point forecasts."""
INSANE = "insane"
"""Name of the output that is 1 where the insanity filter acted."""
CONFORMAL = "conformal_"
"""What the names of conformal quantiles begin with."""


def volatility_output_names(levels: tuple[float, ...], insanity_filter: bool) -> tuple[str, ...]:
    """Name the outputs: points, quantiles, conformal quantiles, and whether the insanity filter acted.

    Examples
    --------
    >>> volatility_output_names((0.1, 0.9), True)[3:]
    ('q100', 'q900', 'conformal_q100', 'conformal_q900', 'insane')
    """
    names = [quantile_name(level) for level in levels]
    return (*POINTS, *names, *(CONFORMAL + name for name in names), *([INSANE] if insanity_filter else []))


def volatility_table(
    base: pd.DataFrame,
    volatility: np.ndarray,
    outputs: Mapping[str, np.ndarray],
    names: tuple[str, ...],
) -> pd.DataFrame:
    """Lay out predictions.

    Parameters
    ----------
    base : DataFrame of n rows
        What is known of each prediction.
    volatility : ndarray of float64, [n]
        Realised.
    outputs : mapping of str to ndarray, [n]
        By `names`, those that there are, and with `_seed<k>` behind where there are several seeds.
    names : tuple of str
        Outputs of the task.

    Returns
    -------
    DataFrame of n rows
        The columns of `base`, y, the outputs, and of each seed the point forecasts.
    """
    points = [name for name in outputs if name.partition("_seed")[0] in POINTS and name not in names]
    kept = {name: outputs[name] for name in (*names, *points) if name in outputs}
    return base.assign(y=volatility, **kept)


def label_ends(panel: Panel, rows: np.ndarray, horizon_rows: int) -> np.ndarray:
    """Return the time of the row that is a horizon after each of some rows.

    Parameters
    ----------
    panel : Panel
        Times and segments.
    rows : ndarray of int64, [n]
        Panel rows.
    horizon_rows : int
        Rows ahead.

    Returns
    -------
    ndarray of datetime64[ns], [n]
        NaT where the row would be beyond the segment.
    """
    rows = np.asarray(rows, np.int64)
    end = rows + horizon_rows
    there = end < panel.bounds[panel.segment[rows], 1]
    return np.where(there, panel.time[np.where(there, end, 0)], np.datetime64("NaT", "ns"))
