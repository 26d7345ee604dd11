import numpy as np
import pandas as pd
import pytest

from tsdeep import DataError
from tsdeep.tables import numbers, plain_table, session_dates, stamp


def table(**columns):
    return pd.DataFrame(
        {"time": pd.date_range("2020-01-01", periods=3), "symbol": "A", "close": [1.0, 2, 3]} | columns
    )


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_every_unit_become_nanoseconds(unit):
    plain = plain_table(table(time=pd.date_range("2020-01-01", periods=3).as_unit(unit)))
    assert plain["time"].dtype == "datetime64[ns]"
    assert list(plain["time"]) == list(pd.date_range("2020-01-01", periods=3))


def test_a_datetime_index_of_any_name_is_the_time():
    frame = table().drop(columns=["time", "symbol"])
    frame.index = pd.date_range("2020-01-01", periods=3, name="Date")
    plain = plain_table(frame, "A")
    assert list(plain["time"]) == list(frame.index)
    assert list(plain["symbol"]) == ["A"] * 3


def test_the_column_time_comes_before_an_index_and_the_frame_given_stays_as_it_was():
    frame = table().set_index(pd.date_range("1990-01-01", periods=3))
    before = frame.copy()
    assert plain_table(frame)["time"].iloc[0] == pd.Timestamp("2020-01-01")
    pd.testing.assert_frame_equal(frame, before)


def test_symbols_become_text():
    assert list(plain_table(table(symbol=[1, 1, 2]))["symbol"]) == ["1", "1", "2"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame(), "the table has no rows"),
        (table().iloc[:0], "the table has no rows"),
        (table().drop(columns="time"), "no column 'time' and its index is not a DatetimeIndex"),
        (table().drop(columns="symbol"), "no column 'symbol'; name the instrument with symbol="),
        (table(symbol=["A", None, "A"]), "row 1, 2020-01-02: symbol is missing"),
        (table(segment=[0, 0, np.nan]), "row 2, 2020-01-03: segment is missing"),
        (table(time=["2020-01-01"] * 3), "time: found dtype .*, expected datetimes"),
        (table(time=[1, 2, 3]), "time: found dtype int64, expected datetimes"),
        (table(time=pd.to_datetime(["2020-01-01", None, "2020-01-03"])), "row 1: time is missing"),
        (
            table(time=pd.date_range("2020-01-01", periods=3, tz="America/New_York")),
            "time: found the zone America/New_York, expected session dates or UTC without a zone",
        ),
        (
            table(time=np.array(["2020-01-01", "2020-01-02", "9999-12-31"], "M8[s]")),
            "expected years 1678 to 2261",
        ),
        (pd.concat([table(), table()[["close"]]], axis=1), "more than one column 'close'"),
        (table().rename(columns={"close": 0}), "column 0: found a int as its name, expected text"),
        (pd.concat({"x": table()}, axis=1), "two rows of column names"),
    ],
)
def test_a_table_that_is_unclear_is_refused(frame, message):
    with pytest.raises(DataError, match=message):
        plain_table(frame)


def test_a_symbol_beside_a_column_symbol_is_refused():
    with pytest.raises(DataError, match=r"has a column 'symbol'; symbol='B' would go unused"):
        plain_table(table(), "B")


@pytest.mark.parametrize(
    "column",
    [
        [1, 2, 3],
        np.array([1, 2, 3], np.uint8),
        pd.array([1, 2, 3], "Int64"),
        np.array([1.0, 2.0, 3.0], object),
        np.array([1.0, 2.0, 3.0], np.float32),
        [True, 2, 3],
    ],
)
def test_numbers_of_any_dtype_become_float64(column):
    values = numbers(table(close=column), "close")
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_numbers_become_nan(missing):
    column = pd.array([1, missing, 3], "Int64") if missing is pd.NA else [1.0, missing, 3.0]
    assert np.isnan(numbers(table(close=column), "close")[1])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1.0, "1,234", 3.0], "symbol 'A', 2020-01-02: field 'close' is '1,234', expected a number"),
        ([None, "n/a", 3.0], "2020-01-02: field 'close' is 'n/a'"),
        ([1.0, 2.0, [3.0]], r"2020-01-03: field 'close' is \[3.0\]"),
        (pd.Categorical(["x", "y", "z"]), "2020-01-01: field 'close' is 'x'"),
        (
            pd.date_range("2020-01-01", periods=3),
            r"field 'close': found dtype datetime64.*, expected numbers",
        ),
        (pd.to_timedelta([1, 2, 3], unit="D"), "field 'close': found dtype timedelta64.*, expected numbers"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(column, message):
    with pytest.raises(DataError, match=message):
        numbers(table(close=column), "close")


def test_sessions_are_read_as_dates():
    dates = ["2020-01-01", "2020-01-01", "2020-01-02"]
    expected = np.array(dates, "datetime64[D]")
    for given in (dates, pd.to_datetime(dates), pd.to_datetime(dates).date):
        found = session_dates(table(session=given))
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert session_dates(table()) is None


def test_a_session_that_is_no_date_is_refused():
    with pytest.raises(DataError, match=r"row 1, 2020-01-02: session is 'night', expected a date"):
        session_dates(table(session=["2020-01-01", "night", "2020-01-02"]))


def test_a_stamp_shows_the_time_of_day_only_where_there_is_one():
    assert stamp(pd.Timestamp("2020-01-02")) == "2020-01-02"
    assert stamp(np.datetime64("2020-01-02T09:30:00.5")) == "2020-01-02 09:30:00.500000"
