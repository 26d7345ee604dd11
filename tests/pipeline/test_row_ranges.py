import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep import DataError, RowRanges

SOME = settings(max_examples=200, deadline=None)
ROWS = st.lists(st.integers(0, 60), unique=True)


@st.composite
def edges(draw):
    """Ranges, ascending and apart, some of them empty, as starts and stops."""
    cuts = np.sort(draw(st.lists(st.integers(0, 65), min_size=2, max_size=12)))
    cuts = cuts[: len(cuts) // 2 * 2]
    return cuts[0::2].astype(np.int64), cuts[1::2].astype(np.int64)


@SOME
@given(ROWS)
def test_rows_in_any_order_are_kept_as_the_fewest_ranges(rows):
    ranges = RowRanges.of(np.array(rows, np.int64))
    np.testing.assert_array_equal(np.asarray(ranges), np.sort(np.array(rows, np.int64)))
    assert len(ranges) == len(rows)
    assert (ranges.stops > ranges.starts).all()
    assert (ranges.starts[1:] > ranges.stops[:-1]).all()  # none meets the next
    assert RowRanges.of(ranges) is ranges


@SOME
@given(ROWS, ROWS)
def test_and_is_that_of_sets(some, others):
    found = RowRanges.of(np.array(some, np.int64)) & RowRanges.of(np.array(others, np.int64))
    np.testing.assert_array_equal(np.asarray(found), np.intersect1d(some, others).astype(np.int64))
    assert (found.starts[1:] > found.stops[:-1]).all()


@SOME
@given(ROWS, st.lists(st.integers(-5, 70), min_size=1))
def test_position_is_the_place_in_the_sorted_rows(rows, asked):
    places = {row: place for place, row in enumerate(sorted(rows))}
    found = RowRanges.of(np.array(rows, np.int64)).position(np.array(asked))
    assert found.tolist() == [places.get(row, -1) for row in asked]
    two = RowRanges.of(np.array(rows, np.int64)).position(np.array([asked]))
    assert two.shape == (1, len(asked))


@SOME
@given(ROWS, edges())
def test_counts_are_those_of_rows_within_each_range(rows, ranges):
    starts, stops = ranges
    found = RowRanges.of(np.array(rows, np.int64)).counts(starts, stops)
    assert found.tolist() == [sum(a <= row < b for row in rows) for a, b in zip(starts, stops, strict=True)]


@SOME
@given(edges())
def test_between_leaves_out_what_is_empty_and_joins_what_meets(ranges):
    found = RowRanges.between(zip(*(each.tolist() for each in ranges), strict=True))
    expected = [row for a, b in zip(*ranges, strict=True) for row in range(a, b)]
    assert np.asarray(found).tolist() == expected
    again = RowRanges.of(np.array(expected, np.int64))
    np.testing.assert_array_equal(found.starts, again.starts)
    np.testing.assert_array_equal(found.stops, again.stops)


def test_numpy_sees_the_rows_and_indexes_by_them():
    rows = RowRanges.between([(2, 4), (6, 7)])
    np.testing.assert_array_equal(np.arange(10)[np.asarray(rows)], [2, 3, 6])
    assert np.asarray(rows, np.int32).dtype == np.int32
    assert repr(rows) == "RowRanges(3 rows in 2 ranges)"
    with pytest.raises(ValueError, match="no array to share"):
        np.asarray(rows, copy=False)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([3, 5, 3]), "row 3 is given twice, expected each once"),
        (np.array([0.5]), r"found dtype float64 and shape \[1\]"),
        (np.array([[1]]), r"found dtype int64 and shape \[1, 1\]"),
        (np.ones(3, bool), r"found dtype bool"),
    ],
)
def test_what_are_no_panel_rows_is_refused(rows, message):
    with pytest.raises(DataError, match=message):
        RowRanges.of(rows)


def test_ranges_that_overlap_are_refused():
    with pytest.raises(DataError, match="the range from 3 begins before the one ahead ends, at 5"):
        RowRanges.between([(1, 5), (3, 8)])
