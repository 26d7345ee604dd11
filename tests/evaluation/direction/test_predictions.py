from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsdeep.errors import DataError
from tsdeep.evaluation import check_predictions, check_references, gives_probabilities


def test_rows_come_back_sorted_by_time_whatever_their_order(predictions):
    shuffled = predictions.sample(frac=1.0, random_state=0)
    pd.testing.assert_frame_equal(check_predictions(shuffled), predictions)


def test_a_missing_column_is_named(predictions):
    with pytest.raises(DataError, match="no column 'up'"):
        check_predictions(predictions.drop(columns="up"))


def test_no_rows_are_refused(predictions):
    with pytest.raises(DataError, match="no rows"):
        check_predictions(predictions.iloc[:0])


@pytest.mark.parametrize(
    ("column", "value"), [("up", np.nan), ("up", 1.01), ("up", -0.1), ("y", 2), ("y", -1)]
)
def test_a_wrong_value_is_refused_with_its_place(predictions, column, value):
    predictions = predictions.astype({column: float})
    predictions.loc[7, column] = value
    with pytest.raises(DataError, match=rf"{column} of SPX at {predictions['time'][7]}"):
        check_predictions(predictions)


def test_a_row_in_two_folds_is_refused_with_both(predictions):
    again = predictions.iloc[[3]].assign(fold=2)
    with pytest.raises(DataError, match=r"given twice \(folds 0 and 2\)"):
        check_predictions(pd.concat([predictions, again]))


def test_references_are_split_by_method_in_order(predictions, references):
    tables = check_references(references.sample(frac=1, random_state=1), predictions)
    assert set(tables) == {"always_up", "base_rate"}
    assert (tables["base_rate"]["time"].to_numpy() == predictions["time"].to_numpy()).all()
    assert check_references(None, predictions) == {}


def test_references_on_other_rows_or_labels_are_refused(predictions, references):
    with pytest.raises(DataError, match=r"'always_up'.*same test rows"):
        check_references(references.iloc[1:], predictions)
    flipped = references.assign(y=1 - references["y"])
    with pytest.raises(DataError, match="whose y differs"):
        check_references(flipped, predictions)


@pytest.mark.parametrize(
    ("up", "expected"),
    [([1, 1, 1], False), ([0, 0.5, 1], False), ([0.5, 0.5], True), ([0.3, 1.0], True), ([0.53] * 3, True)],
)
def test_classes_are_told_from_probabilities(up, expected):
    assert gives_probabilities(np.array(up)) is expected
