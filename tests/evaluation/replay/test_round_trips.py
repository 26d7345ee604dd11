from __future__ import annotations

import numpy as np
import pytest

from tsdeep.errors import DataError
from tsdeep.evaluation.replay import round_trips

DOWN, STAY, UP = 0, 1, 2


def test_a_hand_made_sequence():
    #         0   1     2   3     4     5   6     7     8   9
    called = [UP, STAY, UP, DOWN, STAY, UP, DOWN, DOWN, UP, STAY]
    came = [UP, UP, DOWN, DOWN, STAY, UP, STAY, DOWN, UP, DOWN]
    made = round_trips(came, called, [0] * 10)
    # Turns: up 0, down 3, up 5, down 6, up 8. Right: 0, 3, 5, 8; 6 is wrong, and with it both trips it is in.
    assert made.opened.tolist() == [0, 3, 5, 6]
    assert made.closed.tolist() == [3, 5, 6, 8]
    assert made.side.tolist() == [1, -1, 1, -1]
    assert made.correct.tolist() == [True, True, False, False]
    assert made.probability == 0.5
    # Of the labels: up 0, down 2, up 5, down 7, up 8, down 9.
    assert made.potential == 5


def test_a_segment_ends_the_last_trip_and_begins_anew():
    called = [UP, DOWN, UP, UP, DOWN, DOWN, UP]
    made = round_trips(called, called, [0, 0, 0, 1, 1, 2, 2])
    assert made.opened.tolist() == [0, 1, 3, 5]
    assert made.closed.tolist() == [1, 2, 4, 6]
    assert made.correct.all()


def test_the_first_of_equal_calls_counts_not_a_later_right_one():
    made = round_trips([STAY, UP, DOWN], [UP, UP, DOWN], [0, 0, 0])
    assert made.correct.tolist() == [False]


@pytest.mark.parametrize("called", [[STAY] * 4, [UP] * 4, [UP, STAY, STAY, UP]])
def test_calls_of_one_side_make_no_trip(called):
    made = round_trips([UP, DOWN, UP, DOWN], called, [0] * 4)
    assert len(made.correct) == 0
    assert np.isnan(made.probability)
    assert made.potential == 3
    assert np.isnan(made.summary()["error"])


def test_calls_by_chance_are_right_at_both_ends_one_time_in_nine():
    rng = np.random.default_rng(0)
    y, called = rng.integers(0, 3, (2, 60_000))
    summary = round_trips(y, called, np.zeros(60_000)).summary()
    assert summary["p_t"] == pytest.approx(1 / 9, abs=0.01)
    # Trips in a row share a call: cov = 1/27 - 1/81 at lag 1, and none beyond.
    variance = 8 / 81 + 2 * (1 / 27 - 1 / 81)
    assert summary["error"] == pytest.approx(np.sqrt(variance / summary["trips"]), rel=0.1)
    assert summary["low"] < 1 / 9 < summary["high"]


def test_other_classes_and_lengths_are_refused():
    with pytest.raises(DataError, match="call of row 1 is 3"):
        round_trips([0, 1], [0, 3], [0, 0])
    with pytest.raises(DataError, match="2 labels, 1 calls"):
        round_trips([0, 1], [0], [0, 0])
