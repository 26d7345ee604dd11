import datetime

import numpy as np
import pandas as pd
import pytest

from tests.data_folder import data_folder
from tsdeep import DataError, Panel, SpecError
from tsdeep.sources import Csv, Parquet, make_source


def two_days(**columns):
    bars = {
        "Date": pd.to_datetime(["2020-01-02", "2020-01-03"]),
        "Open": [10.0, 11.0],
        "High": [12.0, 13.0],
        "Low": [9.0, 10.0],
        "Close": [11.1, 12.3],
        "Volume": [100, 200],
    }
    return pd.DataFrame(bars | columns)


def test_a_file_s_symbol_is_its_name_and_fields_are_in_lower_case(write):
    bars = Parquet(path=str(write(two_days(), "SPY.parquet"))).bars()
    assert list(bars.columns) == ["time", "open", "high", "low", "close", "volume", "symbol"]
    assert list(bars["symbol"]) == ["SPY", "SPY"]
    assert list(bars["time"]) == [pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-03")]
    assert bars["time"].dtype == "datetime64[ns]"
    assert Panel.from_frame(bars).fields["volume"].tolist() == [100.0, 200.0]


def test_a_folder_has_a_symbol_a_file_in_the_order_asked(write, tmp_path):
    write(two_days(), "B.parquet")
    write(two_days(), "A.parquet")
    write(two_days(), "C.csv")
    assert list(Parquet(path=str(tmp_path)).bars()["symbol"].unique()) == ["A", "B"]
    assert list(Parquet(path=str(tmp_path), symbols=["B", "A"]).bars()["symbol"].unique()) == ["B", "A"]


def test_a_mapped_column_stands_for_the_field(write):
    file = write(two_days(**{"Adj Close": [5.5, 6.5]}), "A.parquet")
    bars = Parquet(path=str(file), columns={"close": "adj close"}).bars()
    assert list(bars["close"]) == [5.5, 6.5]
    assert "adj close" not in bars


@pytest.mark.parametrize("symbols", [[10001, 10002], pd.Categorical(["10001", "10002"]), ["10001", "10002"]])
def test_symbols_of_any_type_are_found_by_their_text(write, symbols):
    file = write(two_days(permno=symbols), "all.parquet")
    bars = Parquet(path=str(file), symbols=["10002", "10001"], columns={"symbol": "permno"}).bars()
    assert list(bars["symbol"]) == ["10002", "10001"]
    assert list(bars["close"]) == [12.3, 11.1]


@pytest.mark.parametrize("name", ["Date", None])
def test_an_index_of_pandas_is_a_column(write, name):
    file = write(two_days().set_index("Date").rename_axis(name), "A.parquet")
    bars = Parquet(path=str(file), time=name or "index").bars()
    assert list(bars["time"]) == [pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-03")]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_of_any_unit_without_a_zone_or_of_utc_are_taken_as_they_are(write, unit, zone):
    times = pd.Series(pd.to_datetime(["2020-01-02 14:30:00", "2020-01-02 14:31:00"]))
    bars = two_days(Date=times.astype(f"datetime64[{unit}]").dt.tz_localize(zone))
    read = Parquet(path=str(write(bars, "A.parquet"))).bars()
    assert read["time"].dtype == "datetime64[ns]"
    assert list(read["time"]) == list(times)


@pytest.mark.parametrize(
    "dates",
    [
        [datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)],
        ["2020-01-02", "2020-01-03"],
        [20200102, 20200103],
    ],
)
def test_dates_texts_and_whole_numbers_are_dates_where_they_are_written_so(write, dates):
    read = Parquet(path=str(write(two_days(Date=dates), "A.parquet"))).bars()
    assert list(read["time"]) == [pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-03")]


def test_attributes_that_pandas_stored_are_not_taken_for_notes(write):
    bars = two_days()
    bars.attrs["notes"] = ("Of another table.",)
    assert Parquet(path=str(write(bars, "A.parquet"))).bars().attrs == {}


@pytest.mark.parametrize(
    ("columns", "settings", "message"),
    [
        ({}, {"time": "day"}, "no time column 'day'; it has: Date, Open, High, .*key `time` names another"),
        (
            {},
            {"columns": {"close": "Adj Close"}},
            "no column 'Adj Close' for the field 'close'; it has: Date",
        ),
        ({}, {"symbols": ["SPX"]}, "unknown symbol 'SPX': Known: A"),
        ({"close": [1.0, 2.0]}, {}, "found more than one column 'close'"),
        (
            {"Date": pd.to_datetime(["2020-01-02", None])},
            {},
            "column 'date' is NaT at row 1, expected an ISO 8601 date or time",
        ),
        (
            {"Date": [1577923200, 1577923260]},
            {},
            "column 'date' is '1577923200' at row 0, expected an ISO 8601",
        ),
        ({"Date": [1.5, 2.5]}, {}, "column 'date' is '1.5' at row 0, expected an ISO 8601"),
        (
            {"Date": pd.to_datetime(["2020-01-02", "2020-01-03"]).tz_localize("America/New_York")},
            {},
            "column 'date' has the zone America/New_York .*expected session dates or UTC without a zone or with "
            "the zone UTC",
        ),
        (
            {"Date": pd.to_datetime(["2020-01-02", "9999-12-31"]).astype("datetime64[s]")},
            {},
            "column 'date': .*expected years 1678 to 2261",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_its_name(write, columns, settings, message):
    with pytest.raises(DataError, match=rf"A\.parquet: .*{message}"):
        Parquet(path=str(write(two_days(**columns), "A.parquet")), **settings).bars()


def test_a_file_without_rows_that_is_no_parquet_or_has_two_rows_of_names_is_refused(write, tmp_path):
    (tmp_path / "text.parquet").write_text("Date,Close\n2020-01-02,1\n")
    cut = write(two_days(), "cut.parquet")
    cut.write_bytes(cut.read_bytes()[:-20])
    for name in ("text", "cut"):
        with pytest.raises(DataError, match=rf"{name}\.parquet: cannot be read as Parquet: "):
            Parquet(path=str(tmp_path / f"{name}.parquet")).bars()
    with pytest.raises(DataError, match=r"none\.parquet: found a header and no rows"):
        Parquet(path=str(write(two_days()[:0], "none.parquet"))).bars()
    names = pd.MultiIndex.from_tuples([("Close", "SPY"), ("Open", "SPY")])
    two = write(pd.DataFrame([[1.0, 2.0]], columns=names), "two.parquet")
    with pytest.raises(DataError, match=r"two\.parquet: found two rows of column names, expected one name"):
        Parquet(path=str(two)).bars()


def test_a_missing_path_file_or_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no path given: name a folder with SPY\.parquet, QQQ\.parquet"):
        Parquet(symbols=["SPY", "QQQ"]).bars()
    assert not Parquet(symbols=["SPY"]).given
    with pytest.raises(
        DataError, match=r"A\.parquet: no such file, expected Parquet bars or a folder of them"
    ):
        Parquet(path=str(tmp_path / "A.parquet")).bars()
    with pytest.raises(DataError, match=r"the folder has no \.parquet file"):
        Parquet(path=str(tmp_path)).bars()


def write_bars(bars, source, tmp_path):
    """Write bars for a source; returns the path of the file."""
    file = tmp_path / f"A{source.suffix}"
    if source is Csv:
        bars.to_csv(file, index=False)
    else:
        bars.to_parquet(file)
    return str(file)


@pytest.mark.parametrize("source", [Csv, Parquet])
def test_a_calendar_tells_a_holiday_from_a_hole(source, tmp_path):
    """2020-01-01 was a holiday, and 2020-01-04 a Saturday."""
    days = pd.DataFrame({"date": pd.to_datetime(["2019-12-31", "2020-01-02", "2020-01-03", "2020-01-06"])})
    days["close"] = 1.0
    path = write_bars(days, source, tmp_path)
    assert len(source(path=path, calendar="XNYS").bars()) == 4
    write_bars(days.drop(index=1), source, tmp_path)
    with pytest.raises(DataError, match=r"'A': no bar on 1 of 4 sessions of XNYS \(2020-01-02\)"):
        source(path=path, calendar="XNYS").bars()
    assert len(source(path=path).bars()) == 3
    days.loc[3, "date"] = pd.Timestamp("2020-01-04")
    write_bars(days, source, tmp_path)
    with pytest.raises(DataError, match=r"'A': bars on 1 days on which XNYS has no session \(2020-01-04\)"):
        source(path=path, calendar="XNYS").bars()


@pytest.mark.parametrize("source", [Csv, Parquet])
def test_a_calendar_knows_the_session_of_times_within_a_day(source, tmp_path):
    times = pd.DataFrame(
        {"date": pd.to_datetime(["2020-01-02 14:30", "2020-01-02 20:59", "2020-01-06 14:30"])}
    )
    path = write_bars(times.assign(close=1.0), source, tmp_path)
    with pytest.raises(DataError, match=r"'A': no bar on 1 of 3 sessions of XNYS \(2020-01-03\)"):
        source(path=path, calendar="XNYS").bars()


def test_an_unknown_calendar_is_refused():
    with pytest.raises(
        SpecError, match=r"calendar: found 'XNYSE', expected a calendar .*did you mean 'XNYS'"
    ):
        make_source({"kind": "parquet", "calendar": "XNYSE"})


def test_real_etfs_are_the_same_from_csv_and_from_parquet(tmp_path):
    folder = data_folder() / "etf"
    for symbol in ("SPY", "GLD"):
        table = pd.read_csv(folder / f"{symbol}.csv", parse_dates=["Date"])
        table.to_parquet(tmp_path / f"{symbol}.parquet")
    names = ("open", "high", "low", "close", "volume")
    source = make_source(
        {"kind": "parquet", "path": str(tmp_path), "symbols": ["SPY", "GLD"], "calendar": "XNYS"}
    )
    panel, same = source.panel(names), Csv(path=str(folder), symbols=["SPY", "GLD"]).panel(names)
    assert panel.symbols == ("SPY", "GLD")
    assert panel.fingerprint() == same.fingerprint()
    assert np.isfinite(panel.fields["close"]).all()
