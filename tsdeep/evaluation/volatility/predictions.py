"""Volatility predictions as evaluation reads them, and what is refused in them."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd

from tsdeep.errors import DataError, SpecError
from tsdeep.evaluation.prediction_tables import (
    refuse_repeats,
    refuse_rows,
    require_columns,
    seed_numbers,
    split_references,
)

FORECASTS = ("variance", "volatility", "median")
NOMINAL, CONFORMAL = "nominal", "conformal"
_PREFIX = {NOMINAL: "q", CONFORMAL: "conformal_q"}
_REQUIRED = ("fold", "cutoff", "time", "symbol", "end", "y", *FORECASTS)
_POSITIVE = "a positive number, an annualised fraction"


def check_volatility(frame: pd.DataFrame, what: str = "predictions") -> pd.DataFrame:
    """Return volatility predictions sorted by symbol and time, or refuse them with their place.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a symbol and origin: fold (int), cutoff, time and end (datetime64; end: when the label ends), symbol
        (str), y (realised volatility), and the forecasts variance (its mean), volatility (its mean) and median (of
        volatility), all annualised fractions, float. Where they are there: quantiles of volatility
        `q<per mille>` (q025, q100, ...) and `conformal_q<per mille>`; insane (0 to 1: the share of members whose
        forecast the insanity filter replaced); `variance_seed<k>`, `volatility_seed<k>`, `median_seed<k>`, a
        seed's own. Further columns are kept.
    what : str
        How the message calls the table.

    Returns
    -------
    pandas.DataFrame
        The same rows, sorted, with a fresh index. A column of quantiles that is NaN throughout, as
        where tables with and without it were joined, is left out.

    Raises
    ------
    DataError
        On a missing column, no rows, a figure that is NaN, infinite or not positive, a label that ends at its
        origin or before, nominal quantiles that cross, or one (symbol, time) given twice.
    """
    require_columns(frame, _REQUIRED, what)
    frame = frame.sort_values(["symbol", "time"], kind="stable", ignore_index=True)
    refuse_repeats(frame, ["symbol", "time"], what, "{symbol} at {time}")
    optional = [*quantile_columns(frame, NOMINAL), *quantile_columns(frame, CONFORMAL), "insane"]
    frame = frame.drop(columns=[name for name in optional if name in frame and frame[name].isna().all()])
    for column in ("time", "end"):
        refuse_rows(frame, frame[column].isna().to_numpy(), what, column, "a time")
    refuse_rows(frame, ~(frame["end"] > frame["time"]).to_numpy(), what, "end", "a time after the origin")
    positive = ["y", *FORECASTS]
    for seed in volatility_seeds(frame):
        positive += [f"{name}_seed{seed}" for name in FORECASTS]
    missing = [column for column in positive if column not in frame]
    if missing:
        raise DataError(f"{what}: no column {missing[0]!r}, expected a seed's {', '.join(FORECASTS)}")
    positive += [*quantile_columns(frame, NOMINAL), *quantile_columns(frame, CONFORMAL)]
    for column in positive:
        value = frame[column].to_numpy(dtype=np.float64)
        refuse_rows(frame, ~(np.isfinite(value) & (value > 0)), what, column, _POSITIVE)
    names = list(quantile_columns(frame, NOMINAL))
    for lower, upper in pairwise(names):
        crossed = (frame[upper] < frame[lower]).to_numpy()
        refuse_rows(frame, crossed, what, upper, f"at least {lower}: quantiles do not cross")
    if "insane" in frame:
        share = frame["insane"].to_numpy(dtype=np.float64)
        refuse_rows(frame, ~((share >= 0) & (share <= 1)), what, "insane", "a share from 0 to 1")
    return frame


def check_volatility_references(
    references: pd.DataFrame | None, predictions: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return each reference's rows by method, as `check_volatility` returns the model's, see `split_references`."""
    keys = ("symbol", "time", "fold", "end", "y")
    return split_references(references, predictions, check_volatility, keys)


def check_horizon(predictions: pd.DataFrame, horizon_rows: int) -> None:
    """Refuse a horizon that is shorter than the labels are, since errors would be too small.

    Parameters
    ----------
    predictions : pandas.DataFrame
        As `check_volatility` returns them.
    horizon_rows : int
        Rows ahead that the labels are said to look.

    Raises
    ------
    SpecError
        Where more rows of a symbol lie after an origin, up to its label's end.
    """
    for symbol, rows in predictions.groupby("symbol", sort=False):
        time, end = rows["time"].to_numpy(), rows["end"].to_numpy()
        ahead = np.searchsorted(time, end, side="right") - np.arange(1, len(time) + 1)
        longest = int(ahead.argmax())
        if ahead[longest] > horizon_rows:
            raise SpecError(
                f"evidence: horizon_rows is {horizon_rows}, but the label of {symbol} at {time[longest]} ends "
                f"{ahead[longest]} rows later, expected the rows that labels look ahead"
            )


def volatility_seeds(predictions: pd.DataFrame) -> tuple[int, ...]:
    """Return the seeds `k` of the columns `variance_seed<k>`."""
    return seed_numbers(predictions, "variance")


def quantile_columns(frame: pd.DataFrame, kind: str = NOMINAL) -> dict[str, float]:
    """Return the columns of quantiles of a table, rising, and their levels.

    Parameters
    ----------
    frame : pandas.DataFrame
        Any table.
    kind : {"nominal", "conformal"}
        As the model states them, or shifted to cover as often as they say on rows it was not fitted on.

    Examples
    --------
    >>> quantile_columns(pd.DataFrame(columns=["q900", "y", "q025", "q025_seed0", "conformal_q025"]))
    {'q025': 0.025, 'q900': 0.9}
    """
    pattern = re.compile(rf"{_PREFIX[kind]}(\d{{3}})")
    found = [(name, pattern.fullmatch(str(name))) for name in frame.columns]
    levels = {str(name): int(match[1]) / 1000 for name, match in found if match}
    return dict(sorted(levels.items(), key=lambda pair: pair[1]))


def interval_columns(frame: pd.DataFrame, share: float, kind: str = NOMINAL) -> tuple[str, str] | None:
    """Return the columns that bound a central interval of `share`, such as 0.8; None where one is missing."""
    names = {round(1000 * level): name for name, level in quantile_columns(frame, kind).items()}
    low, high = round(500 * (1 - share)), round(500 * (1 + share))
    return (names[low], names[high]) if low in names and high in names else None
