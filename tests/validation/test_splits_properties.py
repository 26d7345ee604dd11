"""What must hold for any timeline, unit, mode and gap; and a loop over rows written from the definition."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.validation.timelines import random_samples
from tsdeep.errors import SpecError
from tsdeep.validation import WalkForward

UNITS = {
    "rows": (1, lambda n: 4 * n),
    "sessions": (1, lambda n: f"{n} sessions"),
    "days": (8, lambda n: f"{8 * n}D"),
    "weeks": (2, lambda n: f"{2 * n}W-FRI"),
    "months": (1, lambda n: f"{n}ME"),
    "months from the first day": (1, lambda n: f"{n} months"),
    "years": (1, lambda n: f"{n}YE"),
}
EMBARGOES = [0, 0, 1, 5, "4D", "30min", "0 sessions", "1 session"]


def label_end(samples, row):
    return samples.time[samples.label_end[row]]


def units_that_fit(samples):
    span = samples.time.max() - samples.time.min()
    if len(set(samples.session)) > 1:
        return ["rows", "sessions"] if span < np.timedelta64(60, "D") else ["rows", "sessions", "days"]
    fit = ["rows", "days", "weeks", "months", "months from the first day"]
    return fit if span < np.timedelta64(900, "D") else [*fit, "years"]


@st.composite
def sizes(draw, samples):
    unit = draw(st.sampled_from(units_that_fit(samples)))
    write = UNITS[unit][1]
    lengths = {name: draw(st.integers(1, 3)) for name in ("valid", "test", "step")}
    lengths["train"] = draw(st.integers(2, 5))
    if draw(st.booleans()):
        lengths["valid"] = 0
    if draw(st.booleans()):
        lengths["step"] = lengths["test"]
    settings_of = {name: write(length) if length else None for name, length in lengths.items()}
    return unit, lengths, settings_of


def boundary(samples, unit, count):
    """First time that is no longer among the first `count` units of the data; None past the end."""
    labelled, session = samples.time[samples.rows], samples.session[samples.rows]
    first = pd.Timestamp(samples.time.min())
    if unit == "rows":
        times = sorted(set(labelled))
        return times[4 * count] if 4 * count < len(times) else None
    if unit == "sessions":
        openings = [labelled[session == name].min() for name in sorted(set(session))]
        return openings[count] if count < len(openings) else None
    if unit == "days":
        moved = first.normalize() + pd.Timedelta(days=8 * count)
    elif unit == "weeks":
        saturday = first.normalize()
        while saturday.day_of_week != 5:
            saturday += pd.Timedelta(days=1)
        if saturday == first.normalize():
            saturday += pd.Timedelta(days=7)
        moved = saturday + pd.Timedelta(weeks=2 * count - 1)
    elif unit == "months":
        months = first.year * 12 + first.month - 1 + count
        moved = pd.Timestamp(months // 12, months % 12 + 1, 1)
    elif unit == "months from the first day":
        moved = first.normalize() + pd.DateOffset(months=count)
    else:
        moved = pd.Timestamp(first.year + count, 1, 1)
    return np.datetime64(moved.to_datetime64(), "ns")


def brute_force(samples, unit, lengths, mode):
    """Folds by a loop over rows; None where a fold has no rows for a block."""
    rows = sorted(samples.rows, key=lambda row: (samples.time[row], row))
    last = samples.time[rows[-1]]
    folds = []
    while True:
        moved = len(folds) * lengths["step"]
        begin_test = boundary(samples, unit, lengths["train"] + lengths["valid"] + moved)
        if begin_test is None or begin_test > last:
            return folds or None
        begin_valid = boundary(samples, unit, lengths["train"] + moved)
        end = boundary(samples, unit, lengths["train"] + lengths["valid"] + moved + lengths["test"])
        begin = boundary(samples, unit, moved) if mode == "rolling" and moved else samples.time.min()
        blocks = {"train": [], "valid": [], "test": []}
        for row in rows:
            time = samples.time[row]
            if begin <= time < begin_valid:
                blocks["train"].append(row)
            elif begin_valid <= time < begin_test:
                blocks["valid"].append(row)
            elif begin_test <= time and (end is None or time < end):
                blocks["test"].append(row)
        if not blocks["test"] or (lengths["valid"] and not blocks["valid"]):
            return None
        first_test = min(samples.time[row] for row in blocks["test"])
        first_valid = min((samples.time[row] for row in blocks["valid"]), default=first_test)
        train = [row for row in blocks["train"] if label_end(samples, row) < first_valid]
        valid = [row for row in blocks["valid"] if label_end(samples, row) < first_test]
        refit = [row for row in blocks["train"] + blocks["valid"] if label_end(samples, row) < first_test]
        if not train or (lengths["valid"] and not valid):
            return None
        folds.append((train, valid, blocks["test"], refit))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_folds_equal_a_loop_over_rows_written_from_the_definition(data):
    samples = data.draw(random_samples())
    unit, lengths, settings_of = data.draw(sizes(samples))
    mode = data.draw(st.sampled_from(["expanding", "rolling"]))
    expected = brute_force(samples, unit, lengths, mode)
    try:
        folds = list(WalkForward(**settings_of, mode=mode).split(samples))
    except SpecError:
        folds = None
    assert (folds is None) == (expected is None)
    for fold, (train, valid, test, refit) in zip(folds or [], expected or [], strict=True):
        assert fold.train.tolist() == train
        assert fold.valid.tolist() == valid
        assert fold.test.tolist() == test
        assert fold.refit.tolist() == refit


@st.composite
def random_folds(draw, purges=("auto", "auto", 2, 6, "3D", "2h"), embargoes=tuple(EMBARGOES)):
    """Samples and folds, with each size, the purge and the embargo in a unit of its own."""
    samples = draw(random_samples())
    units = units_that_fit(samples)

    def size(least, most):
        return UNITS[draw(st.sampled_from(units))][1](draw(st.integers(least, most)))

    chosen = {
        "train": size(2, 5),
        "valid": size(1, 2) if draw(st.booleans()) else 0,
        "test": size(1, 3),
        "step": draw(st.sampled_from([None, size(1, 3)])),
        "mode": draw(st.sampled_from(["expanding", "rolling"])),
        "purge": draw(st.sampled_from(purges)),
        "embargo": draw(
            st.sampled_from([e for e in embargoes if "sessions" in units or "session" not in str(e)])
        ),
        "min_train": draw(st.sampled_from([None, 1, 10])),
    }
    try:
        folds = list(WalkForward(**chosen).split(samples))
    except SpecError:
        assume(False)
    return samples, chosen, folds


@settings(max_examples=300, deadline=None)
@given(random_folds())
def test_no_label_of_an_earlier_block_ends_inside_a_later_one(drawn):
    samples, chosen, folds = drawn
    for fold in folds:
        first_test = samples.time[fold.test].min()
        assert label_end(samples, fold.train).max() < first_test
        assert label_end(samples, fold.refit).max() < first_test
        assert fold.train_cutoff < pd.Timestamp(first_test)
        assert fold.cutoff < pd.Timestamp(first_test)
        if chosen["valid"]:
            block = np.concatenate([fold.valid, fold.purged_valid])
            assert label_end(samples, fold.train).max() < samples.time[block].min()
            assert label_end(samples, fold.valid).max() < first_test


@settings(max_examples=200, deadline=None)
@given(random_folds())
def test_blocks_are_disjoint_in_time_order_and_keep_each_time_whole(drawn):
    samples, _, folds = drawn
    labelled_times = samples.time[samples.rows]
    for number, fold in enumerate(folds):
        assert fold.number == number
        blocks = [
            np.concatenate([fold.train, fold.purged_train]),
            np.concatenate([fold.valid, fold.purged_valid]),
            fold.test,
        ]
        blocks = [block for block in blocks if len(block)]
        for earlier, later in pairwise(blocks):
            assert samples.time[earlier].max() < samples.time[later].min()
        every = np.concatenate(blocks)
        assert len(set(every.tolist())) == len(every)
        assert set(every.tolist()) <= set(samples.rows.tolist())
        first, last = samples.time[every].min(), samples.time[every].max()
        assert len(every) == ((labelled_times >= first) & (labelled_times <= last)).sum()
        for rows in (fold.train, fold.valid, fold.test, fold.refit, fold.purged_train, fold.purged_valid):
            assert rows.dtype == np.int64
            assert (np.diff(samples.time[rows].astype(np.int64)) >= 0).all()
        assert set(fold.train.tolist()) | set(fold.valid.tolist()) <= set(fold.refit.tolist())


@settings(max_examples=150, deadline=None)
@given(random_folds(purges=("auto",), embargoes=(0,)))
def test_nothing_is_purged_without_a_reason(drawn):
    samples, chosen, folds = drawn
    for fold in folds:
        later = fold.test if not chosen["valid"] else np.concatenate([fold.valid, fold.purged_valid])
        assert (label_end(samples, fold.purged_train) >= samples.time[later].min()).all()
        assert (label_end(samples, fold.purged_valid) >= samples.time[fold.test].min()).all()


@settings(max_examples=150, deadline=None)
@given(random_folds(purges=("auto",)))
def test_cutoff_is_the_last_label_end_that_is_used(drawn):
    samples, _, folds = drawn
    for fold in folds:
        used = np.concatenate([fold.train, fold.valid, fold.refit])
        assert fold.cutoff == label_end(samples, used).max()
        assert fold.train_cutoff == label_end(samples, fold.train).max()


@settings(max_examples=150, deadline=None)
@given(random_folds())
def test_embargo_keeps_its_distance(drawn):
    samples, chosen, folds = drawn
    embargo = chosen["embargo"]
    assume(embargo not in (0, "0 sessions"))
    times = np.unique(samples.time[samples.rows])
    for fold in folds:
        for earlier, later in (
            (fold.refit, fold.test),
            (fold.train, np.concatenate([fold.valid, fold.purged_valid])),
        ):
            if not len(later):
                continue
            ends, first = samples.time[earlier], samples.time[later].min()
            if chosen["purge"] == "auto":
                ends = label_end(samples, earlier)
            if isinstance(embargo, int):
                assert ((times > ends.max()) & (times < first)).sum() >= embargo
            elif embargo == "1 session":
                opened = samples.session[later[0]]
                assert (samples.session[earlier] < opened - 1).all()
            else:
                assert first - ends.max() > np.timedelta64(pd.Timedelta(embargo))


@settings(max_examples=150, deadline=None)
@given(random_folds())
def test_test_blocks_cover_time_without_gap_or_overlap_when_the_step_is_theirs(drawn):
    samples, chosen, folds = drawn
    assume(chosen["step"] is None)
    tested = np.concatenate([fold.test for fold in folds])
    from_first = samples.rows[samples.time[samples.rows] >= samples.time[tested].min()]
    assert sorted(tested.tolist()) == sorted(from_first.tolist())


@settings(max_examples=150, deadline=None)
@given(random_folds())
def test_expanding_train_rows_contain_those_of_the_fold_before(drawn):
    _, chosen, folds = drawn
    assume(chosen["mode"] == "expanding" and len(folds) > 1)
    for before, fold in pairwise(folds):
        assert set(before.train.tolist()) <= set(fold.train.tolist())


@settings(max_examples=100, deadline=None)
@given(random_folds(), st.integers(1, 4))
def test_max_folds_gives_the_last_folds(drawn, count):
    samples, chosen, folds = drawn
    last = list(WalkForward(**chosen, max_folds=count).split(samples))
    assert len(last) == min(count, len(folds))
    for one, other in zip(last, folds[-count:], strict=True):
        for name in ("train", "valid", "test", "refit"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert [fold.number for fold in last] == list(range(len(last)))


@settings(max_examples=100, deadline=None)
@given(random_folds(), st.integers(0, 2**32 - 1))
def test_folds_do_not_depend_on_the_order_of_the_instruments_in_the_panel(drawn, seed):
    samples, chosen, folds = drawn
    names = np.random.default_rng(seed).permutation(sorted(set(samples.symbol)))
    order = np.concatenate([np.flatnonzero(samples.symbol == name) for name in names])
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    ends = samples.label_end[order]
    moved = type(samples)(
        rows=np.sort(place[samples.rows]),
        time=samples.time[order],
        label_end=np.where(ends < 0, -1, place[np.maximum(ends, 0)]),
        session=samples.session[order],
        symbol=samples.symbol[order],
    )
    for fold, other in zip(folds, WalkForward(**chosen).split(moved), strict=True):
        for name in ("train", "valid", "test"):
            assert sorted(place[getattr(fold, name)]) == sorted(getattr(other, name))
