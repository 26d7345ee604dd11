import io
import zipfile

import numpy as np
import pandas as pd
import pytest
import responses

from tsdeep import DataError, SpecError
from tsdeep.sources import DataReader, fetching, make_source
from tsdeep.sources.period_ends import period_ends

FRED = "https://fred.stlouisfed.org/graph/fredgraph.csv"
FRENCH = "http://mba.tuck.dartmouth.edu/pages/faculty/ken.french/ftp/{}_CSV.zip"
VIX = """observation_date,VIXCLS
2019-12-23,12.61
2019-12-24,12.67
2019-12-25,
2019-12-26,12.65
2019-12-27,13.43
"""
UNRATE = "observation_date,UNRATE\n2019-11-01,3.6\n2019-12-01,3.6\n2020-01-01,.\n2020-02-01,3.5\n"
ABOUT = (
    "This file was created by CMPT_ME_BEME_RETS using the 202312 CRSP database.\r\n"
    "The 1-month TBill return is from Ibbotson and Associates, Inc.\r\n\r\n"
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TSDEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.001)


@pytest.fixture
def net():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def fred(net, series, body, **options):
    return net.get(FRED, body=body, match=[responses.matchers.query_param_matcher({"id": series})], **options)


def french(net, name, text):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.csv", text)
    return net.get(FRENCH.format(name), body=buffer.getvalue(), content_type="application/x-zip-compressed")


def factors(dates, columns="Mkt-RF,SMB,HML,RF", digits=2, title=""):
    """Write a table as the data library does; returns it and its numbers, [dates, columns]."""
    numbers = np.round(np.random.default_rng(0).normal(0, 2, (len(dates), columns.count(",") + 1)), digits)
    rows = [
        f"{date}," + ",".join(f"{value:8.{digits}f}" for value in row)
        for date, row in zip(dates, numbers.tolist(), strict=True)
    ]
    return f"{title},{columns}\r\n" + "\r\n".join(rows), numbers


def test_a_daily_series_of_fred_has_the_dates_with_a_value_and_says_how_many_have_none(net):
    fred(net, "VIXCLS", VIX)
    bars = DataReader(reader="fred", symbols=["VIXCLS"], calendar="XNYS").bars()
    assert list(bars.columns) == ["time", "symbol", "value"]
    assert bars["time"].dtype == "datetime64[ns]"
    assert list(bars["time"].dt.day) == [23, 24, 26, 27]
    assert list(bars["value"]) == [12.61, 12.67, 12.65, 13.43]
    said = " ".join(bars.attrs["notes"])
    assert "Left out 1 of 5 dates of VIXCLS: without a value." in said
    assert "as revised when fetched" in said
    assert DataReader.dated_by_period


def test_a_period_asked_for_is_taken_both_ends_included(net):
    fred(net, "VIXCLS", VIX)
    bars = DataReader(reader="fred", symbols=["VIXCLS"], start="2019-12-24", end="2019-12-26").bars()
    assert list(bars["value"]) == [12.67, 12.65]


def test_a_monthly_series_is_dated_by_the_last_day_it_describes(net):
    fred(net, "UNRATE", UNRATE)
    bars = DataReader(reader="fred", symbols=["UNRATE"]).bars()
    assert list(bars["time"].astype(str)) == ["2019-11-30", "2019-12-31", "2020-02-29"]
    assert list(bars["value"]) == [3.6, 3.6, 3.5]
    said = " ".join(bars.attrs["notes"])
    assert "UNRATE is dated by the last day of each month." in said
    assert "Left out 1 of 4 dates of UNRATE" in said


def test_several_series_stand_in_the_order_asked(net):
    fred(net, "UNRATE", UNRATE)
    fred(net, "VIXCLS", VIX)
    bars = DataReader(reader="fred", symbols=["VIXCLS", "UNRATE"]).bars()
    assert list(bars["symbol"].unique()) == ["VIXCLS", "UNRATE"]
    assert len(net.calls) == 2


@pytest.mark.parametrize(
    ("first_days", "period", "last_days"),
    [
        (["2020-01-01", "2020-04-01"], "quarter", ["2020-03-31", "2020-06-30"]),
        (["2020-01-01", "2020-07-01", "2022-01-01"], "half-year", ["2020-06-30", "2020-12-31", "2022-06-30"]),
        (["2019-01-01", "2020-01-01"], "year", ["2019-12-31", "2020-12-31"]),
        (["2020-01-03", "2020-01-10"], "day", ["2020-01-03", "2020-01-10"]),
    ],
)
def test_the_period_is_told_from_first_days_and_dated_by_its_last(first_days, period, last_days):
    ends, found = period_ends(pd.DatetimeIndex(first_days), None, "X")
    assert (found, list(ends.astype(str))) == (period, last_days)
    given, _ = period_ends(pd.DatetimeIndex(first_days), period, "X")
    assert list(given) == list(ends)


@pytest.mark.parametrize(
    ("dates", "period", "message"),
    [
        (["2020-01-01"], None, "X: cannot tell whether 2020-01-01 are days or periods; .*`period` says it"),
        (["2020-01-01", "2020-03-01"], None, "cannot tell whether"),
        (["2020-01-01", "2020-01-15"], "month", "found 2020-01-15, expected the first day of a month"),
        (
            ["2020-01-01", "2020-02-01"],
            "quarter",
            "found 2020-01-01 and 2020-02-01, expected one value a quarter",
        ),
        (["2020-02-01", "2020-01-01"], None, "2020-01-01 follows 2020-02-01, expected dates in order"),
    ],
)
def test_dates_that_are_no_clear_periods_are_refused(dates, period, message):
    with pytest.raises(DataError, match=message):
        period_ends(pd.DatetimeIndex(dates), period, "X")


def test_one_value_of_a_period_that_is_given_is_dated_by_its_last_day(net):
    fred(net, "GDPA", "observation_date,GDPA\n2019-01-01,21521.395\n")
    bars = DataReader(reader="fred", symbols=["GDPA"], period="year").bars()
    assert list(bars["time"]) == [pd.Timestamp("2019-12-31")]


def test_daily_factors_are_in_percent_as_published(net):
    days = pd.bdate_range("2019-01-01", periods=60)
    table, numbers = factors(days.strftime("%Y%m%d"), digits=3)
    text = ABOUT + table + "\r\n\r\nCopyright 2023 Kenneth R. French\r\n"
    french(net, "F-F_Research_Data_Factors_daily", text)
    source = make_source(
        {"kind": "datareader", "reader": "famafrench", "symbols": ["F-F_Research_Data_Factors_daily"]}
    )
    panel = source.panel(("mkt_rf", "smb", "hml", "rf"))
    np.testing.assert_array_equal(np.stack([panel.fields[name] for name in panel.fields], axis=1), numbers)
    np.testing.assert_array_equal(panel.time, days.to_numpy("datetime64[ns]"))
    assert "returns in percent as published" in source.bars().attrs["notes"][0]
    assert len(net.calls) == 1


def test_monthly_and_annual_tables_are_dated_by_the_last_day(net):
    months, years = pd.period_range("2015-01", periods=60, freq="M"), range(1927, 2000)
    monthly, of_months = factors(months.strftime("%Y%m"))
    annual, of_years = factors(
        [f"  {year}" for year in years], title=" Annual Factors: January-December \r\n"
    )
    french(net, "F-F_Research_Data_Factors", ABOUT + monthly + "\r\n\r\n" + annual + "\r\n\r\n")
    settings = {"reader": "famafrench", "symbols": ["F-F_Research_Data_Factors"]}
    bars = DataReader(**settings, start="2015-02-01", end="2015-03-31").bars()
    assert list(bars["time"].astype(str)) == ["2015-02-28", "2015-03-31"]
    np.testing.assert_array_equal(bars[["mkt_rf", "smb", "hml", "rf"]], of_months[1:3])
    bars = DataReader(**settings, table=1, fields=["rf"]).bars()
    assert list(bars["time"].iloc[[0, -1]].astype(str)) == ["1927-12-31", "1999-12-31"]
    np.testing.assert_array_equal(bars["rf"], of_years[:, 3])
    with pytest.raises(DataError, match=r"no table 2 \(table\); it has 2: .*Annual Factors"):
        DataReader(**settings, table=2).bars()
    with pytest.raises(DataError, match="unknown field 'hnl': did you mean 'hml'"):
        DataReader(**settings, fields=["hnl"]).bars()


def test_a_portfolio_without_a_return_is_no_return_of_minus_99(net):
    months = pd.period_range("1926-07", periods=60, freq="M").strftime("%Y%m")
    table, numbers = factors(months, columns="SMALL LoBM,ME1 BM2", digits=4)
    lines = table.split("\r\n")
    lines[2] = f"{months[1]},  -99.9900,   1.0000"
    lines[3] = f"{months[2]}, -999.0000,   1.0000"
    french(net, "6_Portfolios_2x3", ABOUT + "\r\n".join(lines) + "\r\n")
    settings = {"reader": "famafrench", "symbols": ["6_Portfolios_2x3"]}
    bars = DataReader(**settings).bars()
    np.testing.assert_array_equal(bars["small_lobm"], np.delete(numbers[:, 0], [1, 2]))
    assert "Left out 2 of 60 dates of 6_Portfolios_2x3: without a value." in bars.attrs["notes"]
    assert len(DataReader(**settings, fields=["me1_bm2"]).bars()) == 60


@pytest.mark.parametrize("reader", ["yahoo", "stooq", "iex", "tiingo", "av-daily", "quandl"])
def test_a_reader_of_prices_is_refused_with_the_source_to_use(reader):
    with pytest.raises(
        SpecError, match=f"reader: found '{reader}': .*use the source yfinance, alpaca or nasdaq"
    ):
        make_source({"kind": "datareader", "reader": reader, "symbols": ["SPY"]})


def test_another_reader_and_settings_that_would_do_nothing_are_refused():
    with pytest.raises(SpecError, match="reader: found 'ecb', expected 'fred' or 'famafrench'"):
        make_source({"kind": "datareader", "reader": "ecb", "symbols": ["X"]})
    with pytest.raises(SpecError, match="`table` says nothing to `reader: fred`"):
        make_source({"kind": "datareader", "reader": "fred", "symbols": ["X"], "table": 1})
    with pytest.raises(SpecError, match="`period` says nothing to `reader: famafrench`"):
        make_source({"kind": "datareader", "reader": "famafrench", "symbols": ["X"], "period": "month"})


def test_an_unknown_series_or_data_set_is_said_with_the_source_of_prices(net):
    fred(net, "SPY", "<!DOCTYPE html><html>Error</html>", status=404)
    net.get(FRENCH.format("Nothing"), status=404)
    with pytest.raises(
        DataError, match=r"there is no series SPY of FRED; for prices .* use the source yfinance"
    ):
        DataReader(reader="fred", symbols=["SPY"]).bars()
    with pytest.raises(DataError, match="there is no data set Nothing of Kenneth French"):
        DataReader(reader="famafrench", symbols=["Nothing"]).bars()
    assert len(net.calls) == 2


def test_no_network_and_too_many_requests_are_tried_again_and_then_said(net):
    with pytest.raises(DataError, match="series VIXCLS of FRED: no answer from the provider, asked 4 times"):
        DataReader(reader="fred", symbols=["VIXCLS"]).bars()
    assert len(net.calls) == fetching.TRIES
    fred(net, "VIXCLS", "Too Many Requests", status=429)
    with pytest.raises(DataError, match=r"too many requests, asked 4 times .*Too Many Requests"):
        DataReader(reader="fred", symbols=["VIXCLS"]).bars()
    net.reset()
    fred(net, "VIXCLS", "Too Many Requests", status=429)
    fred(net, "VIXCLS", VIX)
    assert len(DataReader(reader="fred", symbols=["VIXCLS"]).bars()) == 4


def test_a_start_that_is_not_reached_is_refused(net):
    fred(net, "VIXCLS", VIX)
    with pytest.raises(DataError, match="'VIXCLS': asked from 2019-01-01 on, it begins 356 days later"):
        DataReader(reader="fred", symbols=["VIXCLS"], start="2019-01-01").bars()
    with pytest.raises(DataError, match="no value from 2020-01-01 to None; it has 2019-12-23 to 2019-12-27"):
        DataReader(reader="fred", symbols=["VIXCLS"], start="2020-01-01").bars()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<!DOCTYPE html>\n<html></html>", "no column OBSERVATION_DATE, VIXCLS .*found <!DOCTYPE HTML>"),
        (
            "observation_date,realtime_start,VIXCLS\n2019-12-23,2019-12-24,1\n",
            "found the columns .*REALTIME_START, VIXCLS, expected OBSERVATION_DATE and VIXCLS alone",
        ),
        ("observation_date,VIXCLS\nsoon,1\nlater,2\n", "cannot be read as a table of dates and values"),
        (
            "observation_date,VIXCLS\n2019-12-23,1\n2019-12-24,high\n",
            "2019-12-24.*'value' is 'high', expected a number",
        ),
        ("observation_date,VIXCLS\n2019-12-23,.\n2019-12-24,.\n", "none of 2 dates has a value"),
    ],
)
def test_a_changed_answer_of_fred_is_refused(net, body, message):
    fred(net, "VIXCLS", body)
    with pytest.raises(DataError, match=message):
        DataReader(reader="fred", symbols=["VIXCLS"]).bars()


def test_a_changed_answer_of_the_data_library_is_refused(net):
    net.get(FRENCH.format("A"), body="<html>We have moved</html>")
    with pytest.raises(
        DataError, match=r"A: found an answer that begins '<html>We have moved.*expected a zip of CSV"
    ):
        DataReader(reader="famafrench", symbols=["A"]).bars()
    table, _ = factors(["soon"] * 60)
    french(net, "B", ABOUT + table)
    with pytest.raises(DataError, match=r"data set B .*cannot be read as a table of dates and values"):
        DataReader(reader="famafrench", symbols=["B"]).bars()
    months = pd.period_range("2015-01", periods=60, freq="M").strftime("%Y%m")
    french(net, "C", ABOUT + factors(months)[0].replace("201501,", "201501,x"))
    with pytest.raises(DataError, match=r"C, 2015-01: 'mkt_rf' is 'x.*expected a number"):
        DataReader(reader="famafrench", symbols=["C"]).bars()


def test_data_sets_of_different_columns_do_not_stand_in_one_source(net):
    months = pd.period_range("2015-01", periods=60, freq="M").strftime("%Y%m")
    french(net, "A", ABOUT + factors(months)[0])
    french(net, "B", ABOUT + factors(months, columns="Mkt-RF,SMB,HML,RMW,CMA,RF")[0])
    with pytest.raises(DataError, match="A: no column rmw, cma"):
        DataReader(reader="famafrench", symbols=["A", "B"]).bars()
    assert len(DataReader(reader="famafrench", symbols=["A", "B"], fields=["smb"]).bars()) == 120
