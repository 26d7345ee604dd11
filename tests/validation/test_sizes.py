from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tsdeep.errors import SpecError
from tsdeep.validation.sizes import DAY_NANOSECONDS, Size, parse_gap, parse_size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (250, Size("rows", 250)),
        (np.int32(7), Size("rows", 7)),
        ("250 rows", Size("rows", 250)),
        ("20 sessions", Size("sessions", 20)),
        ("1 session", Size("sessions", 1)),
        ("90D", Size("span", 0, 90 * DAY_NANOSECONDS)),
        ("2 weeks", Size("span", 0, 14 * DAY_NANOSECONDS)),
        ("6 months", Size("span", 6)),
        ("2 years", Size("span", 24)),
        (pd.DateOffset(years=1, days=2), Size("span", 12, 2 * DAY_NANOSECONDS)),
        (pd.DateOffset(months=3) * 2, Size("span", 6)),
        (pd.offsets.Week(2), Size("span", 0, 14 * DAY_NANOSECONDS)),
        (timedelta(hours=3), Size("span", 0, DAY_NANOSECONDS // 8)),
        (np.timedelta64(36, "h"), Size("span", 0, 3 * DAY_NANOSECONDS // 2)),
        ("4YE", Size("anchors", 4, anchor=pd.offsets.YearEnd())),
        ("W-FRI", Size("anchors", 1, anchor=pd.offsets.Week(weekday=4))),
        (pd.offsets.BMonthEnd(2), Size("anchors", 2, anchor=pd.offsets.BMonthEnd())),
    ],
)
def test_sizes_are_read_in_rows_sessions_and_calendar_units(value, expected):
    assert parse_size(value, "train") == expected


@pytest.mark.parametrize(
    "value", [0, -3, "0 rows", "-2D", "4 bananas", "", 0.6, True, None, "2bh", pd.DateOffset(day=1), pd.NaT]
)
def test_nonsense_sizes_are_refused_with_the_argument_and_the_value(value):
    with pytest.raises(SpecError, match="train"):
        parse_size(value, "train")


@pytest.mark.parametrize(("value", "nearest"), [("4Y", "4YE"), ("M", "ME"), ("2Q", "2QE")])
def test_a_bare_period_letter_is_refused_with_the_offset_that_was_meant(value, nearest):
    with pytest.raises(SpecError, match=f"did you mean '{nearest}'"):
        parse_size(value, "train")


def test_gaps_can_be_nothing_but_not_of_varying_length_or_negative():
    assert parse_gap(0, "purge").is_zero
    assert parse_gap("5D", "purge") == Size("span", 0, 5 * DAY_NANOSECONDS)
    for value in ("1ME", "1 month", -1, timedelta(-1), 0.01):
        with pytest.raises(SpecError, match="purge"):
            parse_gap(value, "purge")
