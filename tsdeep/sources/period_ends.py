"""Dates of periods: the last day that a value describes, where a provider gives the first."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from tsdeep.errors import DataError

Period = Literal["day", "month", "quarter", "half-year", "year"]
MONTHS = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
"""How many months a period has."""


def period_ends(dates: pd.DatetimeIndex, period: str | None, where: str) -> tuple[pd.DatetimeIndex, str]:
    """Turn first days of periods into last days, so that no value is dated before what it describes is over.

    Parameters
    ----------
    dates : DatetimeIndex, [values]
        Days, or first days of periods, in order.
    period : str, optional
        One of `Period`. By default it is told from the dates: where all are firsts of a month, the smallest
        step between two is the period; otherwise they are days.
    where : str
        What the message calls the data.

    Returns
    -------
    DatetimeIndex, [values]
        The last days.
    str
        The period.

    Raises
    ------
    DataError
        If dates are not in order, the period cannot be told, or is not that of the dates.

    Examples
    --------
    >>> ends, period = period_ends(pd.DatetimeIndex(["2020-01-01", "2020-02-01"]), None, "here")
    >>> period, ends[1]
    ('month', Timestamp('2020-02-29 00:00:00'))
    """
    if not dates.is_monotonic_increasing or not dates.is_unique:
        row = int(np.argmax(dates[1:] <= dates[:-1])) + 1
        raise DataError(
            f"{where}: {dates[row].date()} follows {dates[row - 1].date()}, expected dates in order"
        )
    if period == "day" or (period is None and not (dates.day == 1).all()):
        return dates, "day"
    months = dates.year * 12 + dates.month
    steps = np.diff(months.to_numpy())
    if period is None:
        named = {length: name for name, length in MONTHS.items()}
        period = named.get(int(steps.min())) if len(steps) else None
        if period is None:
            raise DataError(
                f"{where}: cannot tell whether {', '.join(str(date.date()) for date in dates[:3])} are days or "
                f"periods; the source's setting `period` says it: day, {', '.join(MONTHS)}"
            )
    wrong = dates.day != 1
    if wrong.any():
        raise DataError(
            f"{where}: found {dates[int(np.argmax(wrong))].date()}, expected the first day of a {period}"
        )
    if (steps < MONTHS[period]).any():
        row = int(np.argmax(steps < MONTHS[period]))
        raise DataError(
            f"{where}: found {dates[row].date()} and {dates[row + 1].date()}, expected one value a {period} (period)"
        )
    return dates + pd.DateOffset(months=MONTHS[period]) - pd.DateOffset(days=1), period
