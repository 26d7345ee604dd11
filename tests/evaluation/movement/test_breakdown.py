from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.evaluation.movement.conftest import NAMES
from tsdeep.evaluation import breakdown
from tsdeep.evaluation.movement.breakdown import breakdowns, spread_classes, times_of_day


def test_scores_of_a_group_are_those_of_its_rows_by_themselves(frame):
    groups = spread_classes(frame["spread_ticks"])
    table = breakdown({"tlob": frame}, groups)
    assert table["test", "rows"].sum() == len(frame)
    for name in groups.categories:
        rows = frame[np.asarray(groups == name)]
        p = rows[NAMES].to_numpy()
        assert table.loc[name, ("log_loss", "tlob")] == pytest.approx(sk.log_loss(rows["y"], p))
        assert table.loc[name, ("mcc", "tlob")] == pytest.approx(
            sk.matthews_corrcoef(rows["y"], p.argmax(axis=1))
        )
        assert table.loc[name, ("test", "up_share")] == pytest.approx((rows["y"] == 2).mean())


@given(arrays(np.int64, st.integers(1, 200), elements=st.integers(1, 60)))
def test_classes_of_spread_are_disjoint_ranges_that_hold_their_rows(ticks):
    classes = spread_classes(ticks.astype(float))
    assert len(classes.categories) <= 5
    last = 0
    for name in classes.categories:
        ends = [int(part) for part in name.split("–")]
        inside = ticks[np.asarray(classes == name)]
        assert inside.min() == ends[0] > last
        assert inside.max() == ends[-1]
        last = ends[-1]


def test_few_spreads_are_classes_of_their_own():
    assert spread_classes([1, 1, 1, 2, 9]).tolist() == ["1", "1", "1", "2", "9"]


def test_times_of_day_are_half_hours_of_a_session_and_shorter_over_less():
    day = times_of_day(np.arange(0, 23400, 60.0))
    assert len(day.categories) == 13
    assert day[29] == "0:00–0:30"
    assert day[30] == "0:30–1:00"
    assert day[-1] == "6:00–6:30"
    late = times_of_day(np.arange(18000, 21000, 10.0))
    assert late.categories[0] == "5:00–5:05"
    assert len(late.categories) == 10


def test_what_the_rows_do_not_tell_is_not_broken_down(frame):
    bare = frame.drop(columns=["spread_ticks", "seconds"])
    assert list(breakdowns({"tlob": bare})) == ["session", "symbol"]
    tables = breakdowns({"tlob": frame})
    assert list(tables) == ["spread", "time_of_day", "session", "symbol"]
    assert list(breakdowns({"tlob": frame}, timed=False)) == ["spread", "session", "symbol"]
    assert tables["session"].index.tolist() == ["2012-06-18", "2012-06-19"]
    assert isinstance(tables["symbol"], pd.DataFrame)
