"""Scores by kind of row: spread, time of day, session, symbol."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsdeep.evaluation.movement.predictions import CLASSES, class_probabilities, states_probabilities
from tsdeep.evaluation.movement.scores import (
    calls_of,
    class_log_losses,
    confusion_counts,
    confusion_scores,
)

BREAKDOWN_METRICS = ("log_loss", "mcc", "macro_f1")
_BIN_SECONDS = (60, 300, 900, 1800, 3600, 7200, 14400, 86400)
_MOST_BINS = 14
_MOST_SPREADS = 5


def breakdowns(methods: Mapping[str, pd.DataFrame], timed: bool = True) -> dict[str, pd.DataFrame]:
    """Score every method of one horizon by spread, time of day, session and symbol.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions of one horizon, on the same rows.
    timed : bool, default True
        Whether the times of the rows are those of the data, not made up.

    Returns
    -------
    dict of str to pandas.DataFrame
        spread (where the rows have spread_ticks), time_of_day (where they have seconds, and timed), session, symbol;
        each as `breakdown` returns it.
    """
    frame = next(iter(methods.values()))
    groups = {}
    if "spread_ticks" in frame and frame["spread_ticks"].notna().all():
        groups["spread"] = spread_classes(frame["spread_ticks"])
    if timed and "seconds" in frame and frame["seconds"].notna().all():
        groups["time_of_day"] = times_of_day(frame["seconds"])
    days = pd.to_datetime(frame["session"]).dt.strftime("%Y-%m-%d")
    groups["session"] = pd.Categorical(days, categories=sorted(days.unique()), ordered=True)
    groups["symbol"] = pd.Categorical(frame["symbol"].astype(str))
    return {name: breakdown(methods, group) for name, group in groups.items()}


def breakdown(methods: Mapping[str, pd.DataFrame], groups: pd.Categorical) -> pd.DataFrame:
    """Score every method on each group of rows.

    Parameters
    ----------
    methods : mapping of str to pandas.DataFrame
        Predictions of one horizon, on the same rows.
    groups : pandas.Categorical [rows]
        Of each row.

    Returns
    -------
    pandas.DataFrame
        A group a row, in the order of the categories, those without rows left out. Columns as of
        `movement_table`: test (rows and shares of the classes), then log_loss, mcc and macro_f1.
    """
    groups = groups.remove_unused_categories()
    number = groups.codes.astype(np.int64)
    y = next(iter(methods.values()))["y"].to_numpy(dtype=np.int64)
    rows = np.bincount(number)
    columns: dict[tuple[str, str], np.ndarray] = {("test", "rows"): rows}
    for k, name in enumerate(CLASSES):
        columns["test", f"{name}_share"] = np.bincount(number, y == k) / rows
    scores = {}
    for method, frame in methods.items():
        p = class_probabilities(frame)
        scores[method] = confusion_scores(confusion_counts(y, calls_of(frame), number))
        losses = np.bincount(number, class_log_losses(y, p)) / rows
        scores[method]["log_loss"] = losses if states_probabilities(p) else np.full(len(rows), np.nan)
    columns |= {(metric, m): scores[m][metric] for metric in BREAKDOWN_METRICS for m in methods}
    table = pd.DataFrame(columns, index=pd.Index(list(groups.categories), name="group"))
    table.columns.names = ["metric", "method"]
    return table


def spread_classes(spread_ticks: ArrayLike) -> pd.Categorical:
    """Sort spreads in ticks `[rows]` into at most five classes of whole ticks, of about equally many rows.

    Examples
    --------
    >>> list(spread_classes([1, 1, 2, 7]).categories)
    ['1', '2', '7']
    """
    ticks = np.rint(np.asarray(spread_ticks, dtype=np.float64)).astype(np.int64)
    values = np.unique(ticks)
    if len(values) <= _MOST_SPREADS:
        lower = values
    else:
        shares = np.linspace(0, 1, _MOST_SPREADS + 1)[:-1]
        lower = np.unique(np.quantile(ticks, shares, method="higher"))
    upper = np.append(lower[1:] - 1, values[-1])
    number = np.searchsorted(lower, ticks, side="right") - 1
    # Name only what occurs: a class from 4 to 6 in which 4 and 5 do occur and 6 does not is "4–5".
    names = []
    for low, high in zip(lower, upper, strict=True):
        inside = values[(values >= low) & (values <= high)]
        names.append(f"{inside[0]}" if len(inside) == 1 else f"{inside[0]}–{inside[-1]}")
    return pd.Categorical.from_codes(number, categories=names, ordered=True)


def times_of_day(seconds: ArrayLike) -> pd.Categorical:
    """Sort seconds since the session's first row `[rows]` into equal bins, named by hours and minutes.

    Bins are half-hours over a usual session, and shorter where rows span less (at most 14 bins).

    Examples
    --------
    >>> list(times_of_day([0, 1800.0, 23000.0]).categories)[:2]
    ['0:00–0:30', '0:30–1:00']
    """
    seconds = np.asarray(seconds, dtype=np.float64)
    for width in _BIN_SECONDS:
        number = np.floor(seconds / width).astype(np.int64)
        first, last = int(number.min()), int(number.max())
        if last - first < _MOST_BINS:
            break
    names = [f"{_clock(k * width)}–{_clock((k + 1) * width)}" for k in range(first, last + 1)]
    return pd.Categorical.from_codes(number - first, categories=names, ordered=True)


def _clock(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}"
