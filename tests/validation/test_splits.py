from __future__ import annotations

import copy
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from tests.validation.timelines import daily, days, intraday, make_samples
from tsdeep.errors import DataError, SpecError
from tsdeep.validation import WalkForward, splits


def rows_of(folds):
    return [(fold.train.tolist(), fold.valid.tolist(), fold.test.tolist()) for fold in folds]


def test_yearly_expanding_folds_train_four_years_validate_one_and_test_one():
    business_days = pd.bdate_range("1999-01-04", "2018-12-31").to_numpy()
    samples = make_samples([("index", 0, business_days)], [1], warmup=60)
    folds = list(WalkForward(train="4YE", valid="1YE", test="1YE", mode="expanding").split(samples))
    assert len(folds) == 15
    years = pd.DatetimeIndex(samples.time).year
    for fold, year in zip(folds, range(2004, 2019), strict=True):
        assert set(years[fold.train]) == set(range(1999, year - 1))
        assert set(years[fold.valid]) == {year - 1}
        assert set(years[fold.test]) == {year}
        assert fold.train[0] == 60
        assert fold.cutoff == business_days[years == year - 1][-1]
        assert len(fold.purged_train) == len(fold.purged_valid) == 1


def test_rolling_folds_train_on_the_last_years_only():
    business_days = pd.bdate_range("1999-01-04", "2008-12-31").to_numpy()
    samples = make_samples([("index", 0, business_days)], [1])
    years = pd.DatetimeIndex(samples.time).year
    folds = list(WalkForward(train="3YE", valid=None, test="1YE", mode="rolling").split(samples))
    assert [set(years[fold.train]) for fold in folds] == [{y - 3, y - 2, y - 1} for y in range(2002, 2009)]


def test_calendar_blocks_count_from_the_first_time_and_not_from_the_first_labelled_row():
    business_days = pd.bdate_range("1999-11-01", "2004-12-31").to_numpy()
    samples = make_samples([("index", 0, business_days)], [1], warmup=120)
    first = next(WalkForward(train="2YE", valid=None, test="1YE").split(samples))
    assert samples.time[first.test[0]] == np.datetime64("2001-01-01")


def test_month_boundaries_do_not_drift_when_a_month_is_short():
    table = pd.DataFrame(index=pd.date_range("2001-01-31", "2002-12-31"))
    folds = WalkForward(train="1 month", valid=None, test="1 month", purge=0).split(table)
    starts = [table.index[fold.test[0]].strftime("%m-%d") for fold in folds]
    assert starts[:5] == ["02-28", "03-31", "04-30", "05-31", "06-30"]


def test_fine_steps_move_coarse_blocks():
    table = pd.DataFrame(index=pd.date_range("2001-01-01", "2003-12-31"))
    folds = WalkForward(train="1YE", valid="7D", test="1ME", step="7D", purge=0, max_folds=3).split(table)
    firsts = [table.index[fold.test[0]] for fold in folds]
    assert np.diff(firsts).tolist() == [pd.Timedelta(days=7)] * 2


def test_sessions_stay_whole():
    samples = intraday(sessions=6, rows=10, horizon=2)
    folds = list(WalkForward(train="2 sessions", valid="1 session", test="1 session").split(samples))
    assert [sorted(set(samples.session[fold.test])) for fold in folds] == [[3], [4], [5]]
    assert [sorted(set(samples.session[fold.train])) for fold in folds] == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert all(len(fold.purged_train) == len(fold.purged_valid) == 0 for fold in folds)


def test_calendar_days_are_the_sessions_of_dated_tables_and_groups_those_of_arrays():
    samples = intraday(sessions=5, rows=10, horizon=0)
    cv = WalkForward(train="2 sessions", valid=0, test="1 session", purge=0)
    expected = [fold.test.tolist() for fold in cv.split(samples)]
    assert [fold.test.tolist() for fold in cv.split(pd.DatetimeIndex(samples.time))] == expected
    by_groups = cv.split(np.zeros(50), groups=samples.session)
    assert [fold.test.tolist() for fold in by_groups] == expected


def test_all_instruments_of_one_time_are_in_one_block():
    times = days("2001-01-01", 40)
    samples = make_samples([("a", 0, times), ("b", 0, times[15:]), ("c", 0, times[::2])], [1, 2, 3])
    for fold in WalkForward(train=12, valid=5, test=4).split(samples):
        blocks = [set(samples.time[rows]) for rows in (fold.train, fold.valid, fold.test)]
        assert len(blocks[2]) <= 4
        assert sum(len(block) for block in blocks) == len(set.union(*blocks))


def test_purge_removes_labels_that_end_inside_validation_or_test():
    folds = list(WalkForward(train=10, valid=5, test=5).split(daily(40, horizon=3)))
    assert folds[0].train.tolist() == list(range(7))
    assert folds[0].purged_train.tolist() == [7, 8, 9]
    assert folds[0].valid.tolist() == [10, 11]
    assert folds[0].purged_valid.tolist() == [12, 13, 14]
    assert folds[0].test.tolist() == list(range(15, 20))


def test_refit_takes_back_what_was_purged_between_train_and_valid_only():
    fold = next(WalkForward(train=10, valid=5, test=5).split(daily(40, horizon=3)))
    assert fold.refit.tolist() == list(range(12))
    assert [rows.tolist() for rows in fold] == [fold.refit.tolist(), fold.test.tolist()]


def test_embargo_moves_the_last_label_end_further_back():
    samples = daily(60, horizon=3)
    for embargo in (2, "2D", timedelta(days=2)):
        fold = next(WalkForward(train=10, valid=8, test=5, embargo=embargo).split(samples))
        assert fold.train.tolist() == list(range(5))
        assert fold.valid.tolist() == [10, 11, 12]
    sessions = intraday(sessions=6)
    cv = WalkForward(train="3 sessions", valid=None, test="1 session", embargo="1 session")
    assert set(sessions.session[next(cv.split(sessions)).train]) == {0, 1}


def test_a_purge_by_number_or_time_takes_that_much_off_each_block():
    expected = rows_of(WalkForward(train=10, valid=5, test=5).split(daily(40, horizon=3)))
    for purge in (3, "3 rows", "3D", np.timedelta64(3, "D")):
        assert (
            rows_of(WalkForward(train=10, valid=5, test=5, purge=purge).split(daily(40, horizon=3)))
            == expected
        )
    wider = next(WalkForward(train=10, valid=6, test=5, purge=4).split(daily(40, horizon=3)))
    assert (len(wider.train), len(wider.valid)) == (6, 2)


@pytest.mark.parametrize(
    ("purge", "enough"),
    [(2, "3"), ("2D", r"pd\.Timedelta\('3 days 00:00:00'\)"), (0, "3"), ("0 sessions", "'1 session")],
)
def test_a_purge_that_leaks_is_refused_with_how_many_labels_and_what_is_enough(purge, enough):
    times = days("2001-01-01", 40)
    samples = make_samples([("a", 0, times)], [3])
    samples.session = np.arange(40) // 10
    samples.label_end[9] = 12
    with pytest.raises(SpecError, match=rf"fold 0: \d labels? of train end.* use purge='auto', or {enough}"):
        list(WalkForward(train=10, valid=5, test=5, purge=purge).split(samples))


def test_a_purge_that_is_refused_is_accepted_once_it_is_what_the_error_says():
    samples = make_samples([("a", 0, days("2001-01-01", 60)), ("b", 0, days("2001-01-01", 60)[::3])], [2])
    with pytest.raises(SpecError, match="or 6 or more"):
        list(WalkForward(train=20, valid=8, test=8, purge=2).split(samples))
    assert list(WalkForward(train=20, valid=8, test=8, purge=6).split(samples))


def test_purge_auto_without_label_ends_is_refused_and_says_what_to_give():
    with pytest.raises(SpecError, match=r"label_end_time=.*purge=<rows>"):
        next(WalkForward(train=5, valid=None, test=5).split(np.zeros((20, 2))))


def test_label_ends_of_a_table_are_given_as_times():
    samples = daily(40, horizon=3)
    table = pd.DataFrame({"x": range(37)}, index=samples.time[samples.rows])
    cv = WalkForward(train=10, valid=5, test=5)
    expected = rows_of(cv.split(samples))
    assert rows_of(cv.split(table, label_end_time=samples.end_time(samples.rows))) == expected
    assert rows_of(cv.split(table.to_numpy(), label_end_time=samples.label_end[samples.rows])) == expected


def test_a_partial_last_test_block_is_kept():
    tests = [
        fold.test.tolist() for fold in WalkForward(train=6, valid=None, test=4, purge=0).split(np.zeros(13))
    ]
    assert tests == [[6, 7, 8, 9], [10, 11, 12]]


def test_test_blocks_overlap_or_leave_gaps_when_the_step_says_so():
    def tests(step):
        cv = WalkForward(train=4, valid=None, test=2, step=step, purge=0)
        return [fold.test.tolist() for fold in cv.split(np.zeros(9))]

    assert tests(1) == [[4, 5], [5, 6], [6, 7], [7, 8], [8]]
    assert tests(3) == [[4, 5], [7, 8]]


def test_min_train_leaves_out_first_folds_counted_after_purging():
    samples = daily(40, horizon=3)
    cv = {"train": 5, "valid": None, "test": 5}
    every = rows_of(WalkForward(**cv).split(samples))
    assert rows_of(WalkForward(**cv, min_train=2).split(samples)) == every
    assert rows_of(WalkForward(**cv, min_train=3).split(samples)) == every[1:]
    assert rows_of(WalkForward(**cv, min_train="10D").split(samples)) == every[1:]
    assert [fold.number for fold in WalkForward(**cv, min_train=3).split(samples)] == list(
        range(len(every) - 1)
    )
    with pytest.raises(SpecError, match="no fold has min_train=99"):
        list(WalkForward(**cv, min_train=99).split(samples))


def test_a_later_fold_below_min_train_is_refused():
    index = pd.date_range("2001-01-01", periods=60).delete(slice(20, 28))
    cv = WalkForward(train="10D", valid=None, test="10D", mode="rolling", min_train=5, purge=0)
    with pytest.raises(SpecError, match=r"fold 2: .* less than min_train=5 after purging, though fold 1"):
        list(cv.split(pd.DataFrame(index=index)))


def test_data_that_are_too_short_are_refused_with_their_length_and_what_is_needed():
    with pytest.raises(
        SpecError, match=r"train=30 and valid=10 leave no row .* the data have 39 labelled rows"
    ):
        list(WalkForward(train=30, valid=10, test=5).split(daily(40, horizon=1)))
    message = "would begin at 2051-01-01.* from 2001-01-01 to 2001-04-09"
    with pytest.raises(SpecError, match=message):
        list(WalkForward(train="50YE", valid=None, test="1YE").split(daily(100, horizon=1)))
    with pytest.raises(SpecError, match="the data are too short"):
        list(WalkForward(train="900YE", valid=None, test="1YE").split(daily(100, horizon=1)))


def test_an_empty_block_is_refused_with_fold_and_block():
    index = pd.date_range("2001-01-01", periods=60).delete(slice(20, 32))
    for block, sizes in {
        "test": {"train": "20D", "valid": None, "test": "10D"},
        "valid": {"train": "20D", "valid": "10D", "test": "10D"},
        "train": {"train": "10D", "valid": "10D", "test": "10D", "mode": "rolling", "max_folds": 2},
    }.items():
        with pytest.raises(
            SpecError, match=rf"fold \d: the {block} block is empty: no labelled row from 2001-01-21 to"
        ):
            list(WalkForward(**sizes, purge=0).split(pd.DataFrame(index=index)))


def test_a_block_that_purge_and_embargo_use_up_is_refused():
    with pytest.raises(SpecError, match=r"fold 0: the train block is empty: .* took all of its 5 rows"):
        list(WalkForward(train=5, valid=None, test=5).split(daily(40, horizon=5)))
    with pytest.raises(
        SpecError, match=r"fold 0: the valid block is empty: .*embargo=4 took all of its 5 rows"
    ):
        list(WalkForward(train=20, valid=5, test=5, embargo=4).split(daily(40, horizon=1)))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mode": "rollin"}, "did you mean 'rolling'"),
        ({"max_folds": 0}, "max_folds=0"),
        ({"max_folds": 1.5}, "max_folds=1.5"),
        ({"test": 0}, "test=0"),
        ({"train": None}, "train=None"),
        ({"valid": -1}, "valid=-1"),
        ({"valid": False}, "valid=False"),
        ({"step": "soon"}, "step='soon'"),
        ({"purge": "automatic"}, "purge='automatic'"),
        ({"embargo": 0.01}, "embargo=0.01"),
    ],
)
def test_wrong_settings_are_refused_at_once_with_their_name(wrong, message):
    with pytest.raises(SpecError, match=message):
        WalkForward(**{"train": 5, "valid": 2, "test": 2, **wrong})


def test_unsorted_times_are_refused():
    table = pd.DataFrame(index=pd.date_range("2001-01-01", periods=20)[::-1])
    with pytest.raises(DataError, match="time goes back"):
        next(WalkForward(train=5, valid=2, test=2, purge=0).split(table))


@settings(max_examples=60, deadline=None)
@given(st.integers(12, 90), st.integers(2, 5), st.integers(1, 5), st.integers(0, 3), st.booleans())
def test_folds_in_rows_equal_those_of_time_series_split(rows, n_splits, test, gap, rolling):
    train = rows - n_splits * test
    if train <= gap or n_splits >= rows:
        return
    kept = train - gap if rolling else None
    theirs = TimeSeriesSplit(n_splits, test_size=test, gap=gap, max_train_size=kept).split(np.zeros(rows))
    mode = "rolling" if rolling else "expanding"
    ours = WalkForward(train=train, valid=0, test=test, purge=gap, mode=mode).split(np.zeros(rows))
    for (their_train, their_test), (our_train, our_test) in zip(theirs, ours, strict=True):
        np.testing.assert_array_equal(our_train, their_train)
        np.testing.assert_array_equal(our_test, their_test)


def test_folds_in_rows_equal_the_published_examples_of_skfolio_whose_train_size_excludes_the_purge():
    def folds(**settings):
        cv = WalkForward(valid=None, **{"mode": "rolling", "purge": 0, **settings})
        return [(fold.train.tolist(), fold.test.tolist()) for fold in cv.split(np.zeros(6))]

    assert folds(test=1, train=2) == [([0, 1], [2]), ([1, 2], [3]), ([2, 3], [4]), ([3, 4], [5])]
    assert folds(test=1, train=3, purge=1) == [([0, 1], [3]), ([1, 2], [4]), ([2, 3], [5])]
    assert folds(test=2, train=3) == [([0, 1, 2], [3, 4]), ([2, 3, 4], [5])]
    assert folds(test=2, train=3, mode="expanding") == [([0, 1, 2], [3, 4]), ([0, 1, 2, 3, 4], [5])]


def test_scikit_learn_scores_and_searches_with_it():
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = x @ [1.0, 2.0, 3.0]
    cv = WalkForward(train=100, valid=0, test=20, purge=1)
    assert cv.get_n_splits(x) == 5
    scores = cross_val_score(LinearRegression(), x, y, cv=cv)
    expected = [
        LinearRegression()
        .fit(x[: first - 1], y[: first - 1])
        .score(x[first : first + 20], y[first : first + 20])
        for first in range(100, 200, 20)
    ]
    np.testing.assert_allclose(scores, expected)
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1e6]}, cv=copy.deepcopy(cv)).fit(x, y)
    assert search.best_params_ == {"alpha": 0.1}
    assert search.n_splits_ == 5


def test_the_number_of_folds_needs_the_data():
    with pytest.raises(SpecError, match="expected X"):
        WalkForward(train=5, valid=2, test=2).get_n_splits()


def test_its_text_rebuilds_it():
    cv = WalkForward(train="4YE", valid="1YE", test="1YE", mode="rolling", max_folds=3, embargo=5)
    assert repr(eval(repr(cv))) == repr(cv)
    assert "embargo=5" in repr(cv)


def test_folds_do_not_share_memory():
    folds = list(WalkForward(train=5, valid=2, test=2, purge=0).split(np.zeros(20)))
    folds[0].test[:] = -1
    folds[0].refit[:] = -1
    assert folds[0].train.min() >= 0
    assert folds[1].train.min() >= 0


def test_the_splitters_themselves_need_neither_tensorflow_nor_matplotlib():
    code = """
import sys, types
room = types.ModuleType("tsdeep.validation")
room.__path__ = [sys.argv[1]]
sys.modules["tsdeep.validation"] = room
import tsdeep.validation.splits, tsdeep.validation.combinatorial
assert not {"tensorflow", "keras", "matplotlib", "sklearn"} & set(sys.modules)
"""
    room = str(Path(splits.__file__).parent)
    subprocess.run([sys.executable, "-c", code, room], check=True)
