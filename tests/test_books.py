import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsdeep import DataError, Panel
from tsdeep.books import BOOK_FIELDS, check_book, level_fault, levels, mid, spread, touch_faults


def book_panel(ask_price, ask_size, bid_price, bid_size, tick=None):
    """A panel of one segment from lists of rows of levels."""
    values = (ask_price, ask_size, bid_price, bid_size)
    n_rows = len(ask_price)
    return Panel(
        fields={
            name: np.array(rows, np.float64).reshape(n_rows, -1)
            for name, rows in zip(BOOK_FIELDS, values, strict=True)
        },
        time=np.datetime64("2020-01-01", "ns") + np.arange(n_rows) * np.timedelta64(1, "s"),
        bounds=np.array([[0, n_rows]], np.int64),
        symbols=("A",),
        tick=tick,
    )


def good_rows(n_rows=5):
    return {
        "ask_price": [[11.0, 12.0, 14.0]] * n_rows,
        "ask_size": [[3.0, 1.0, 2.0]] * n_rows,
        "bid_price": [[10.0, 8.0, 7.0]] * n_rows,
        "bid_size": [[1.0, 2.0, 5.0]] * n_rows,
    }


def changed(field, row, levels_of_row):
    rows = good_rows()
    rows[field] = [*rows[field][:row], levels_of_row, *rows[field][row + 1 :]]
    return book_panel(**rows)


def test_mid_spread_and_levels_are_those_of_each_row():
    panel = book_panel([[11, 12], [12, 13]], [[1, 1], [1, 1]], [[8, 7], [11, 9]], [[1, 1], [1, 1]])
    assert mid(panel).tolist() == [9.5, 11.5]
    assert spread(panel).tolist() == [3.0, 1.0]
    assert mid(panel).dtype == spread(panel).dtype == np.float64
    assert levels(panel) == 2


def test_a_book_that_is_well_passes_and_unoccupied_levels_may_have_any_finite_price():
    assert check_book(book_panel(**good_rows())).n_rows == 5
    rows = good_rows(1)
    rows["ask_size"], rows["ask_price"] = [[3, 1, 0]], [[11, 12, 9999999999]]
    rows["bid_size"], rows["bid_price"] = [[1, 0, 0]], [[10, -9999999999, 0]]
    check_book(book_panel(**rows))


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        (
            "ask_price",
            [10, 12, 14],
            r"locked book, best ask 10\.0 \(size 3\.0\), best bid 10\.0 \(size 1\.0\)",
        ),
        ("bid_price", [12, 8, 7], r"crossed book, best ask 11\.0 .*, best bid 12\.0 .*\(1 such rows\)"),
        ("ask_size", [0, 0, 0], r"one-sided book, best ask 11\.0 \(size 0\.0\)"),
        ("ask_price", [11, 14, 12], r"unordered levels: ask level 3 at 12\.0 is not above level 2 at 14\.0"),
        ("bid_price", [10, 10, 7], r"unordered levels: bid level 2 at 10\.0 is not below level 1 at 10\.0"),
        (
            "bid_size",
            [1, 0, 5],
            r"bid level 3 is occupied \(size 5\.0 at 7\.0\) behind level 2, which is not",
        ),
        ("bid_size", [1, -2, 5], r"bid level 2 has size -2\.0, expected 0 or more"),
        ("ask_size", [1, 2, np.inf], r"ask level 3 has size inf, expected 0 or more"),
        ("ask_size", [1, np.nan, 2], r"ask level 2 has size nan, expected 0 or more"),
        ("bid_price", [10, 8, np.nan], r"bid level 3 has price nan, expected a finite number"),
        ("bid_price", [10, 8, -7], r"bid level 3 has size 5\.0 at price -7\.0, expected a price above zero"),
    ],
)
def test_a_row_that_is_no_book_is_refused_with_its_place_and_reason(field, values, message):
    with pytest.raises(DataError, match=r"symbol 'A', row 3, 2020-01-01 00:00:03: .*" + message):
        check_book(changed(field, 3, values))


def test_best_prices_off_the_grid_of_ticks_are_refused_and_decimal_ticks_are_not():
    decimal = {name: np.array(values) / 10 for name, values in good_rows().items()}
    check_book(book_panel(**decimal, tick=0.1))
    panel = changed("ask_price", 2, [10.5, 12, 14])
    assert panel.tick is None
    check_book(panel)
    rows = good_rows()
    rows["ask_price"] = [[10.5, 12, 14]] * 5
    with pytest.raises(
        DataError, match=r"row 0, .*best ask is 10\.5, expected .* ticks of 1\.0 \(5 such rows\)"
    ):
        check_book(book_panel(**rows, tick=1.0))
    rows["ask_price"] = [[11, 12, 13.5]] * 5  # a deeper level may be off it
    check_book(book_panel(**rows, tick=1.0))


def test_fields_of_another_shape_or_dtype_are_refused():
    panel = book_panel(**good_rows())
    with pytest.raises(DataError, match="no field 'bid_size'"):
        check_book(Panel({k: v for k, v in panel.fields.items() if k != "bid_size"}, *(_rest(panel))))
    with pytest.raises(DataError, match=r"'bid_size': found float64 \[5, 2\], expected float64 \[5, 3\]"):
        check_book(panel.replace(bid_size=panel.fields["bid_size"][:, :2].copy()))
    with pytest.raises(DataError, match=r"'bid_size': found int64"):
        check_book(panel.replace(bid_size=panel.fields["bid_size"].astype(np.int64)))
    with pytest.raises(DataError, match=r"'ask_price': found shape \[5\], expected \[rows, levels\]"):
        check_book(panel.replace(ask_price=panel.fields["ask_price"][:, 0].copy()))


def _rest(panel):
    return panel.time, panel.bounds, panel.symbols


def row_is_well(ask_price, ask_size, bid_price, bid_size):
    """The definition, level by level."""
    for price, size, sign in ((ask_price, ask_size, 1), (bid_price, bid_size, -1)):
        last = None
        empty = False
        for p, s in zip(price, size, strict=True):
            if not np.isfinite(p) or not np.isfinite(s) or s < 0:
                return False
            if s == 0:
                empty = True
                continue
            if empty or p <= 0 or (last is not None and sign * p <= sign * last):
                return False
            last = p
    return True


def row_has_a_market(ask_price, ask_size, bid_price, bid_size):
    return ask_size[0] > 0 and bid_size[0] > 0 and bid_price[0] < ask_price[0]


PRICE = st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, np.nan, np.inf])
SIZE = st.sampled_from([1.0, 1.0, 2.0, 0.0, -1.0, np.nan])
LIKELY_PRICE = st.integers(1, 6).map(float)
LIKELY_SIZE = st.sampled_from([1.0, 2.0, 0.0])


@st.composite
def books(draw):
    """Three rows of two levels, mostly well."""
    rows = []
    for _ in range(3):
        wild = draw(st.integers(0, 3)) == 0
        price, size = (PRICE, SIZE) if wild else (LIKELY_PRICE, LIKELY_SIZE)
        ask = [draw(price), draw(price)]
        bid = [draw(price), draw(price)]
        if not wild:
            ask, bid = sorted(ask), sorted(bid, reverse=True)
        rows.append((ask, [draw(size), draw(size)], bid, [draw(size), draw(size)]))
    return rows


@settings(max_examples=300, deadline=None)
@given(books())
def test_the_checks_find_the_first_row_that_a_loop_over_levels_finds(rows):
    fields = {
        name: np.array([row[number] for row in rows], np.float64) for number, name in enumerate(BOOK_FIELDS)
    }
    bad = [number for number, row in enumerate(rows) if not row_is_well(*row)]
    fault = level_fault(fields)
    assert (None if fault is None else fault[0]) == (bad[0] if bad else None)
    if bad:
        return
    faults = touch_faults(fields)
    assert np.sum(list(faults.values()), axis=0).max() <= 1
    np.testing.assert_array_equal(
        np.any(list(faults.values()), axis=0), [not row_has_a_market(*row) for row in rows]
    )
    panel = book_panel(*fields.values())
    if all(row_has_a_market(*row) for row in rows):
        assert check_book(panel) is panel
    else:
        with pytest.raises(DataError, match="book, best ask"):
            check_book(panel)
