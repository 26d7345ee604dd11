from __future__ import annotations

import numpy as np
import pytest

from tsdeep.baselines import AlwaysUp, BaseRate
from tsdeep.errors import DataError, RunError


def test_always_up_says_up_whatever_it_saw():
    assert AlwaysUp().fit(np.zeros((2, 3)), np.zeros(2)).predict(np.ones((4, 3))).tolist() == [1.0] * 4


def test_base_rate_is_the_share_of_ups_it_was_fitted_on():
    fitted = BaseRate().fit(np.zeros((8, 1)), np.array([1, 0, 1, 1, 0, 0, 1, 1]))
    assert fitted.predict(np.ones((3, 1))).tolist() == [5 / 8] * 3


def test_predicting_before_fitting_is_refused():
    with pytest.raises(RunError, match="base_rate: predict before fit"):
        BaseRate().predict(np.zeros((1, 1)))


@pytest.mark.parametrize("reference", [AlwaysUp, BaseRate])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros(3), np.zeros(3), r"expected \[rows, channels\], found shape \(3,\)"),
        (np.zeros((3, 1)), np.zeros(2), "found 2 for 3 rows"),
        (np.zeros((0, 1)), np.zeros(0), "found 0 for 0 rows"),
        (np.zeros((2, 1)), np.array([0, 2]), "row 1 is 2, expected 0 or 1"),
        (np.zeros((2, 1)), np.array([np.nan, 1]), "row 0 is nan"),
        (np.array([[0.0, 1.0], [0.0, np.inf]]), np.zeros(2), "row 1, channel 1 is inf"),
    ],
)
def test_wrong_rows_are_refused_with_their_place(reference, x, y, message):
    with pytest.raises(DataError, match=message):
        reference().fit(x, y)
