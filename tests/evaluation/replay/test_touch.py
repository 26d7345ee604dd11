from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.replay.books import TICK, make_touch
from tsdeep.errors import DataError
from tsdeep.evaluation.replay import Touch


def with_value(frame: pd.DataFrame, at: int, column: str, value: object) -> pd.DataFrame:
    changed = frame.copy()
    changed.loc[at, column] = value
    return changed


def test_prices_are_whole_ticks_and_segments_are_found():
    frame = make_touch(10)
    touch = Touch.of(frame, TICK)
    assert touch.bounds.tolist() == [[0, 10], [10, 20], [20, 30], [30, 40]]
    np.testing.assert_array_equal(touch.ask_ticks * TICK, frame["ask"])
    np.testing.assert_array_equal(touch.mid_ticks, (frame["ask"] + frame["bid"]) / 2 / TICK)
    assert touch.last[12] == 19


def test_decimal_prices_are_on_the_grid_of_a_cent():
    frame = make_touch(3, symbols=("AAA",), sessions=1).assign(
        ask=[580.23, 580.29, 0.57], bid=[580.2, 580.28, 0.56]
    )
    assert Touch.of(frame, 0.01).ask_ticks.tolist() == [58023.0, 58029.0, 57.0]


@pytest.mark.parametrize(
    ("at", "column", "value", "words"),
    [
        (3, "row", 502, "row 502 of AAA at .* follows a row not below it"),
        (4, "ask", np.nan, "row 504 of AAA at .* has ask nan, expected a price"),
        (4, "bid", 250.1, "has bid 250.1, expected a whole number of ticks of 0.25"),
        (4, "bid", 1000.0, "has bid 1000.0 and ask .*, expected the bid below the ask"),
        (4, "symbol", "CCC", "is of another symbol than the row before it"),
        (4, "segment", 3, "segment 0 is in two places"),
        (4, "time", pd.Timestamp("2020-01-01"), "row 504 of AAA .* is earlier than the row before it"),
    ],
)
def test_a_touch_that_cannot_be_is_refused_with_its_place(at, column, value, words):
    with pytest.raises(DataError, match=words):
        Touch.of(with_value(make_touch(10), at, column, value), TICK)


def test_a_touch_without_rows_or_columns_is_refused():
    with pytest.raises(DataError, match="no rows"):
        Touch.of(make_touch(10).iloc[:0], TICK)
    with pytest.raises(DataError, match="no column 'segment'"):
        Touch.of(make_touch(10).drop(columns="segment"), TICK)
