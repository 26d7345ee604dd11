"""The scaler by previous sessions against a loop over sessions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.features.raw_rows import values_of
from tsdeep.errors import DataError, SpecError
from tsdeep.features import PreviousSessionsScaler, StandardScaler

RANDOM = np.random.default_rng(0)
SESSION = np.repeat([3, 4, 7, 8, 9, 12], [50, 40, 60, 30, 50, 20])
X = (RANDOM.normal(size=(250, 2)) + np.c_[SESSION * 2.0, SESSION**2]).astype("float32")
TRAIN = SESSION < 9


def fitted(sessions=2, clip=None):
    return PreviousSessionsScaler(sessions=sessions, clip=clip).fit(X[TRAIN], session=SESSION[TRAIN])


def standardised(rows, by):
    return (X[rows] - X[by].astype("float64").mean(axis=0)) / X[by].astype("float64").std(axis=0)


@pytest.mark.parametrize(("sessions", "before_8"), [(1, [7]), (2, [4, 7]), (9, [3, 4, 7])])
def test_each_training_session_is_scaled_by_those_before_it(sessions, before_8):
    values = fitted(sessions).transform(X, SESSION)
    train = [3, 4, 7, 8]
    before = {3: [3], 4: [3], 7: [3, 4][-sessions:]}
    last = dict.fromkeys([8, 9, 12], train[-sessions:])
    for number, by in (before | last).items():
        rows = number == SESSION
        expected = standardised(rows, np.isin(SESSION, by))
        np.testing.assert_allclose(values[rows], expected, rtol=1e-4, atol=1e-4, err_msg=str(number))
    longer = PreviousSessionsScaler(sessions=sessions).fit(X, session=SESSION).transform(X, SESSION)
    expected = standardised(SESSION == 8, np.isin(SESSION, before_8))
    np.testing.assert_allclose(longer[SESSION == 8], expected, rtol=1e-4, atol=1e-4)


def test_rows_from_the_last_training_session_on_are_scaled_as_the_layer_scales_them():
    scaler = fitted()
    after = SESSION >= 8
    np.testing.assert_array_equal(scaler.transform(X, SESSION)[after], values_of(scaler, X[after]))
    again = PreviousSessionsScaler.from_config(scaler.get_config())
    np.testing.assert_array_equal(again.transform(X, SESSION)[after], values_of(scaler, X[after]))


def test_one_training_session_gives_the_standard_scaler():
    one = SESSION == 7
    scaler = PreviousSessionsScaler().fit(X[one], session=SESSION[one])
    np.testing.assert_array_equal(scaler.transform(X, SESSION), values_of(StandardScaler().fit(X[one]), X))


def test_clips_in_every_session():
    assert np.abs(fitted(clip=1.0).transform(X, SESSION)).max() == 1.0


def test_rows_without_sessions_and_constant_sessions_are_refused():
    with pytest.raises(DataError, match=r"expected session numbers \[250\], found none"):
        PreviousSessionsScaler().fit(X)
    with pytest.raises(DataError, match=r"expected session numbers \[250\], found shape \(3,\)"):
        PreviousSessionsScaler().fit(X, session=[1, 2, 3])
    with pytest.raises(DataError, match="expected session numbers, found none"):
        fitted().transform(X)
    still = X.copy()
    still[SESSION == 4, 1] = 7.0
    with pytest.raises(
        DataError, match=r"constant over all 40 rows of session 4 to 4: channel 1 \(always 7.0\)"
    ):
        PreviousSessionsScaler(sessions=1).fit(still, session=SESSION)
    with pytest.raises(SpecError, match="sessions is 0"):
        PreviousSessionsScaler(sessions=0)
