from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score

from tests.validation.timelines import daily, random_samples
from tsdeep.errors import SpecError
from tsdeep.validation import CombinatorialPurged


def train_rows(rows=12, **settings_of):
    return [fold.train.tolist() for fold in CombinatorialPurged(**settings_of).split(np.zeros(rows))]


def test_train_rows_equal_the_published_examples_of_skfolio():
    groups = {"n_groups": 3, "n_test_groups": 2}
    assert train_rows(**groups, purge=0) == [[8, 9, 10, 11], [4, 5, 6, 7], [0, 1, 2, 3]]
    assert train_rows(**groups, purge=1) == [[9, 10, 11], [5, 6], [0, 1, 2]]
    assert train_rows(**groups, purge=0, embargo=1) == [[9, 10, 11], [5, 6, 7], [0, 1, 2, 3]]


@pytest.mark.parametrize(("n_groups", "n_test_groups"), [(2, 1), (6, 2), (6, 3), (7, 1), (8, 5), (10, 8)])
def test_numbers_of_folds_and_paths_are_those_of_the_closed_form(n_groups, n_test_groups):
    cv = CombinatorialPurged(n_groups, n_test_groups, purge=0)
    folds = math.comb(n_groups, n_test_groups)
    assert cv.get_n_splits() == folds == len(list(cv.split(np.zeros(200))))
    assert cv.paths().shape == (folds * n_test_groups // n_groups, n_groups)


def test_paths_of_six_groups_by_two_are_those_of_lopez_de_prado_figure_12_1():
    # The book numbers splits from 1 and lists, for each group, the split that provides it on paths 1 to 5.
    book = [
        [1, 1, 2, 3, 4, 5],
        [2, 6, 6, 7, 8, 9],
        [3, 7, 10, 10, 11, 12],
        [4, 8, 11, 13, 13, 14],
        [5, 9, 12, 14, 15, 15],
    ]
    assert (CombinatorialPurged(6, 2).paths() + 1).tolist() == book


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 8), st.data())
def test_every_path_passes_once_through_all_rows_and_uses_each_prediction_once(n_groups, data):
    cv = CombinatorialPurged(n_groups, data.draw(st.integers(1, n_groups - 1)), purge=0)
    x = np.zeros(data.draw(st.integers(n_groups, 40)))
    folds, groups, paths = list(cv.split(x)), cv.groups(x), cv.paths()
    assert np.concatenate(groups).tolist() == list(range(len(x)))
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    used = [(number, group) for path in paths for group, number in enumerate(path)]
    tested = [group for chosen in combinations(range(n_groups), cv.n_test_groups) for group in chosen]
    assert len(set(used)) == len(used) == len(tested)
    for number, group in used:
        assert set(groups[group]) <= set(folds[number].test)


@st.composite
def random_folds(draw):
    samples = draw(random_samples())
    n_groups = draw(st.integers(2, 6))
    chosen = {
        "n_groups": n_groups,
        "n_test_groups": draw(st.integers(1, n_groups - 1)),
        "purge": draw(st.sampled_from(["auto", "auto", 3, "4D"])),
        "embargo": draw(st.sampled_from([0, 0, 1, 4, "3D"])),
    }
    try:
        return samples, chosen, list(CombinatorialPurged(**chosen).split(samples))
    except SpecError:
        assume(False)


def stretches(samples, fold):
    """Runs of times of the labelled rows that the fold tests."""
    times = np.unique(samples.time[samples.rows])
    tested = np.isin(times, samples.time[fold.test])
    runs, run = [], []
    for time, inside in zip(times, tested, strict=True):
        if inside:
            run.append(time)
        elif run:
            runs.append(run)
            run = []
    return [*runs, run] if run else runs


@settings(max_examples=150, deadline=None)
@given(random_folds())
def test_no_training_label_overlaps_a_test_block_to_its_last_label_end(drawn):
    samples, _, folds = drawn
    for fold in folds:
        for run in stretches(samples, fold):
            block = fold.test[np.isin(samples.time[fold.test], run)]
            last = samples.end_time(block).max()
            overlaps = (samples.end_time(fold.train) >= run[0]) & (samples.time[fold.train] <= last)
            assert not overlaps.any()


@settings(max_examples=100, deadline=None)
@given(random_folds())
def test_train_purged_and_test_rows_are_all_rows_once(drawn):
    samples, _, folds = drawn
    for fold in folds:
        every = np.concatenate([fold.train, fold.purged_train, fold.test])
        assert sorted(every) == sorted(samples.rows)
        assert not len(fold.valid)
        assert not len(fold.purged_valid)
        assert fold.refit.tolist() == fold.train.tolist()
        assert not set(samples.time[fold.train]) & set(samples.time[fold.test])


@settings(max_examples=100, deadline=None)
@given(random_folds())
def test_train_rows_equal_a_loop_over_rows(drawn):
    samples, chosen, folds = drawn
    assume(chosen["purge"] == "auto" and isinstance(chosen["embargo"], int))
    times = sorted(set(samples.time[samples.rows]))
    for fold in folds[:4]:
        forbidden = []
        for run in stretches(samples, fold):
            inside = [row for row in fold.test if run[0] <= samples.time[row] <= run[-1]]
            last = max(samples.time[samples.label_end[row]] for row in inside)
            embargoed = [time for time in times if time > last][: chosen["embargo"]]
            forbidden.append((run[0], max([last, *embargoed])))
        tested, expected = set(fold.test.tolist()), []
        for row in samples.rows.tolist():
            begin, end = samples.time[row], samples.time[samples.label_end[row]]
            if row not in tested and all(end < first or begin > over for first, over in forbidden):
                expected.append(row)
        assert sorted(fold.train) == expected


def test_a_purge_that_leaks_is_refused():
    with pytest.raises(SpecError, match=r"fold 0: 2 labels of train overlap test; .* or 3 or more"):
        list(CombinatorialPurged(3, 1, purge=1).split(daily(33, horizon=3)))


def test_wrong_numbers_of_groups_are_refused():
    for wrong, message in (
        ({"n_groups": 1}, "n_groups=1"),
        ({"n_test_groups": 0}, "n_test_groups=0"),
        ({"n_test_groups": 6}, "fewer than n_groups=6"),
        ({"n_groups": 2.5}, "n_groups=2.5"),
    ):
        with pytest.raises(SpecError, match=message):
            CombinatorialPurged(**wrong)
    with pytest.raises(SpecError, match="n_groups=6 is more than the data have: 5 labelled rows"):
        list(CombinatorialPurged(purge=0).split(np.zeros(5)))
    with pytest.raises(SpecError, match=r"fold 0: the train block is empty: .* took all of its 6 rows"):
        list(CombinatorialPurged(2, 1, purge=6).split(np.zeros(12)))
    with pytest.raises(SpecError, match="label_end_time"):
        list(CombinatorialPurged().split(np.zeros(50)))


def test_scikit_learn_scores_with_it():
    x = np.random.default_rng(0).normal(size=(60, 2))
    cv = CombinatorialPurged(4, 2, purge=1, embargo=1)
    assert len(cross_val_score(LinearRegression(), x, x @ [1.0, 2.0], cv=cv)) == 6


def test_table_and_plot_show_it():
    samples = daily(61, horizon=1)
    cv = CombinatorialPurged(5, 2, embargo=2)
    table = cv.table(samples)
    assert len(table) == 10
    assert table["valid_start"].isna().all()
    assert (table["train_rows"] + table["test_rows"] + table["purged_train"] == 60).all()
    assert table.loc[0, "train_start"] == pd.Timestamp("2001-01-28")
    assert len(cv.plot(samples).axes) == 1
