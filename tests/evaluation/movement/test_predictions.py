from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.evaluation.movement.conftest import NAMES, make_movement, make_references
from tsdeep.errors import DataError
from tsdeep.evaluation import check_movement, check_movement_references


def test_rows_come_back_by_horizon_symbol_and_row():
    frame = make_movement(50, symbols=("GOOG", "AMZN"), horizons=(10, 5))
    found = check_movement(frame.sample(frac=1, random_state=0))
    expected = frame.sort_values(["horizon", "symbol", "row"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("y", 3, r"y of GOOG at .* is 3"),
        ("y", 0.5, "stationary"),
        ("down", -0.1, "a probability in"),
        ("up", np.nan, "a probability in"),
        ("horizon", 0, "a whole number of rows"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(frame, column, value, message):
    wrong = frame.astype({column: float})
    wrong.loc[7, column] = value
    with pytest.raises(DataError, match=message):
        check_movement(wrong)


def test_probabilities_that_do_not_sum_to_one_are_refused(frame):
    with pytest.raises(DataError, match=r"down \+ stationary \+ up of GOOG .* expected 1"):
        check_movement(frame.assign(up=frame["up"] * 0.9))
    check_movement(frame.astype(dict.fromkeys(NAMES, "float32")))


def test_a_missing_column_is_named(frame):
    with pytest.raises(DataError, match="no column 'session'"):
        check_movement(frame.drop(columns="session"))
    with pytest.raises(DataError, match="no column 'down_seed0'"):
        check_movement(frame.assign(up_seed0=0.5))
    with pytest.raises(DataError, match="no column 'prior_down'"):
        check_movement(frame.assign(prior_up=0.5))


def test_events_may_share_a_time_but_not_a_row_and_horizon(frame):
    check_movement(frame.assign(time=frame["time"].min()))
    again = pd.concat([frame, frame.iloc[[3]].assign(fold=1)])
    with pytest.raises(DataError, match=r"row 3 of GOOG at .*, horizon 10, is given twice \(folds 0 and 1\)"):
        check_movement(again)


def test_calls_are_classes_on_every_row_or_on_none(frame):
    assert check_movement(frame.assign(call=2.0))["call"].dtype == np.int8
    assert "call" not in check_movement(frame.assign(call=np.nan))
    for wrong in (np.nan, 3.0, -1.0, 0.5):
        calls = np.ones(len(frame))
        calls[7] = wrong
        with pytest.raises(
            DataError, match=r"call of GOOG at .* is .*, expected 0 \(down\), 1 .* on every row"
        ):
            check_movement(frame.assign(call=calls))
    together = make_references(frame)
    together.loc[together["method"] == "logistic", "call"] = 1.0
    tables = check_movement_references(together, check_movement(frame))
    assert ["call" in tables[method] for method in ("majority", "logistic")] == [False, True]


def test_references_on_other_rows_horizons_or_labels_are_refused(frame):
    references = make_references(frame)
    tables = check_movement_references(references.sample(frac=1, random_state=0), check_movement(frame))
    assert set(tables) == {"majority", "logistic"}
    with pytest.raises(DataError, match="same test rows"):
        check_movement_references(references.iloc[5:], check_movement(frame))
    with pytest.raises(DataError, match="whose y differs"):
        check_movement_references(references.assign(y=(references["y"] + 1) % 3), check_movement(frame))
