"""Folds of a prepared data set are those of the samples in memory, by sessions or by rows."""

import numpy as np
import pytest

import tsdeep
from tsdeep.validation.prepared_folds import by_session

NAMES = ("train", "valid", "test", "refit", "purged_train", "purged_valid")


def same_folds(cv, prepared, samples):
    mine, theirs = list(cv.split(prepared)), list(cv.split(samples))
    assert len(mine) == len(theirs) > 0
    for one, other in zip(mine, theirs, strict=True):
        for name in NAMES:
            np.testing.assert_array_equal(np.asarray(getattr(one, name)), np.sort(getattr(other, name)), name)
        assert (one.number, one.train_cutoff, one.cutoff) == (other.number, other.train_cutoff, other.cutoff)
    return mine


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    spec = tsdeep.load_spec("lob_midprice").replace(
        source={"kind": "simulated_book", "sessions": 6, "rows": 400},
        features=[{"kind": "queue_imbalance"}],
        task={"kind": "movement", "horizon_rows": 20, "threshold": 0.5, "threshold_in": "ticks"},
        lookback=10,
    )
    return tsdeep.prepare(spec, tmp_path_factory.mktemp("books"), chunk_rows=64), tsdeep.load(spec)


@pytest.mark.parametrize(
    "sizes",
    [
        {"train": "2 sessions", "valid": "1 session", "test": "1 session"},
        {"train": "2 sessions", "test": "1 session", "mode": "rolling"},
        {"train": "1W-FRI", "test": "1W-FRI", "min_train": "1 session"},
    ],
)
def test_folds_of_sessions_are_ranges_and_those_of_the_samples(books, sizes):
    cv = tsdeep.WalkForward(**sizes)
    for fold in same_folds(cv, *books):
        assert isinstance(fold.train, tsdeep.RowRanges)
        assert len(list(tsdeep.windows(books[0], fold.train, batch_size=4096))) == 1


@pytest.mark.parametrize(
    "sizes",
    [
        {"train": "50%", "valid": "20%", "test": "30%"},
        {"train": 700, "valid": 300, "test": 300, "embargo": 30},
        {"train": "2 sessions", "test": "1 session", "embargo": "1 session"},
        {"train": "2 sessions", "test": "1 session", "purge": 25},
        {"train": "30h", "test": "7D"},
    ],
)
def test_other_folds_are_of_rows_and_those_of_the_samples(books, sizes):
    for fold in same_folds(tsdeep.WalkForward(**sizes), *books):
        assert isinstance(fold.train, np.ndarray)


def test_labels_that_reach_over_years_are_purged_as_in_memory(tmp_path):
    spec = tsdeep.load_spec("sp500_direction").replace(
        period={"start": "1999-01-01", "end": "2003-06-30"}, task={"kind": "direction", "horizon_rows": 21}
    )
    prepared, samples = tsdeep.prepare(spec, tmp_path), tsdeep.load(spec)
    cv = tsdeep.WalkForward(train="2YE", valid="1YE", test="1YE")
    assert not by_session(prepared, cv._sizes)
    fold = same_folds(cv, prepared, samples)[0]
    assert len(fold.purged_train) == 21


def test_combinatorial_folds_are_those_of_the_samples(books):
    same_folds(tsdeep.CombinatorialPurged(n_groups=4, n_test_groups=1), *books)


def test_the_table_of_folds_is_that_of_the_samples(books):
    cv = tsdeep.WalkForward(train="2 sessions", valid="1 session", test="1 session")
    assert cv.table(books[0]).equals(cv.table(books[1]))


@pytest.mark.parametrize(
    "call", [lambda p, cv: tsdeep.walk_forward("mlp", p, cv), lambda p, cv: tsdeep.audit(p, cv)]
)
def test_what_needs_samples_in_memory_says_so(books, call):
    with pytest.raises(tsdeep.SpecError, match="needs samples in memory, found the prepared data set"):
        call(books[0], tsdeep.WalkForward(train="2 sessions", test="1 session"))
