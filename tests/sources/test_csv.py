import numpy as np
import pandas as pd
import pytest

from tests.data_folder import data_folder
from tsdeep import DataError, Panel
from tsdeep.sources import Csv

PLAIN = """Date,Open,High,Low,Close,Volume
2020-01-02,10,12,9,11.1,100
2020-01-03,11,13,10,12.3,200
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


def test_a_file_s_symbol_is_its_name_and_fields_are_in_lower_case(write):
    bars = Csv(path=write("SPY.csv", PLAIN)).bars()
    assert list(bars.columns) == ["time", "open", "high", "low", "close", "volume", "symbol"]
    assert list(bars["symbol"]) == ["SPY", "SPY"]
    assert list(bars["time"]) == [pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-03")]
    assert bars["time"].dtype == "datetime64[ns]"
    assert Panel.from_frame(bars).fields["volume"].tolist() == [100.0, 200.0]


def test_a_folder_has_a_symbol_a_file(write, tmp_path):
    write("B.csv", PLAIN)
    write("A.csv", PLAIN)
    assert list(Csv(path=str(tmp_path)).bars()["symbol"].unique()) == ["A", "B"]
    assert list(Csv(path=str(tmp_path), symbols=["B", "A"]).bars()["symbol"].unique()) == ["B", "A"]
    assert list(Csv(path=str(tmp_path), symbols=["B"]).bars()["symbol"].unique()) == ["B"]


def test_a_long_file_has_its_symbols_in_the_order_asked_and_keeps_leading_zeros(write):
    path = write(
        "all.csv", "date,symbol,close\n2020-01-02,000001,1\n2020-01-02,600000,2\n2020-01-03,000001,3\n"
    )
    assert list(Csv(path=path).bars()["symbol"]) == ["000001", "600000", "000001"]
    bars = Csv(path=path, symbols=["600000", "000001"]).bars()
    assert list(bars["close"]) == [2, 1, 3]
    assert list(Csv(path=path, columns={"last": "close"}).bars().columns) == ["time", "symbol", "last"]


def test_a_mapped_column_stands_for_the_field_and_the_field_s_own_is_left_out(write):
    path = write("A.csv", "Date,Close,Adj Close\n2020-01-02,11.1,5.5\n")
    bars = Csv(path=path, columns={"close": "adj close"}).bars()
    assert list(bars.columns) == ["time", "close", "symbol"]
    assert bars["close"].item() == 5.5


def test_a_mapped_symbol_keeps_its_leading_zeros(write):
    path = write("A.csv", "Date,Ticker,Close\n2020-01-02,007,11.1\n")
    assert Csv(path=path, columns={"symbol": "Ticker"}).bars()["symbol"].item() == "007"


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("20200102", {}, "2020-01-02"),
        ("2020-01-02T09:30:00.25", {}, "2020-01-02 09:30:00.25"),
        ("02/01/2020", {"time_format": "%d/%m/%Y"}, "2020-01-02"),
        ("1577923200", {}, None),
        ("02/01/2020", {}, None),
        ("", {}, None),
    ],
)
def test_times_are_iso_8601_or_of_the_format_given_and_never_guessed(write, text, settings, expected):
    source = Csv(path=write("A.csv", f"Date,Close\n{text},11.1\n"), **settings)
    if expected is None:
        with pytest.raises(DataError, match=r"A\.csv: column 'date' is .* at row 0, expected "):
            source.bars()
    else:
        assert source.bars()["time"].item() == pd.Timestamp(expected)


def test_prices_are_read_to_the_last_digit(write):
    """Python's own conversion is exact; pandas' default one is not for each of these."""
    prices = np.random.default_rng(0).uniform(0, 1e5, 2000)
    days = pd.date_range("2000-01-01", periods=2000).strftime("%Y-%m-%d")
    lines = [f"{day},{price!r}" for day, price in zip(days, prices.tolist(), strict=True)]
    bars = Csv(path=write("A.csv", "date,close\n" + "\n".join(lines))).bars()
    np.testing.assert_array_equal(bars["close"], prices)


def test_a_relative_path_means_the_folder_of_now(write, tmp_path, monkeypatch):
    write("A.csv", PLAIN)
    monkeypatch.chdir(tmp_path)
    source = Csv(path="A.csv")
    monkeypatch.chdir("/")
    assert len(source.bars()) == 2


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        (
            PLAIN,
            {"time": "day"},
            "no time column 'day'; it has: Date, Open, High, .*key `time` names another",
        ),
        (
            PLAIN,
            {"columns": {"close": "Adj Close"}},
            "no column 'Adj Close' for the field 'close'; it has: Date, Open",
        ),
        (PLAIN, {"symbols": ["SPX"]}, "unknown symbol 'SPX': Known: A"),
        ("", {}, "cannot be read as CSV: No columns"),
        ("Date,Close\n", {}, "found a header and no rows"),
        (
            "Date,Close\n2020-01-02,1,2\n2020-01-03,1,2\n",
            {},
            "found rows with more values than the 2 columns",
        ),
        ("Date,Close\n2020-01-02,1\n2020-01-03,1,2\n", {}, "cannot be read as CSV: .*line 3"),
        ("Date,Close\n2020-01-02,1,2,3\n2020-01-03,1,2,3,4\n", {}, "cannot be read as CSV"),
        ("Date,Close,close\n2020-01-02,1,2\n", {}, "found more than one column 'close'"),
        (
            "Date,Close\n2020-01-02,1\nsoon,2\n",
            {},
            "column 'date' is 'soon' at row 1, expected an ISO 8601 date or time",
        ),
        (
            "Date,Close\n2020-01-02,1\n",
            {"time_format": "%d.%m"},
            r"is '2020-01-02' at row 0, expected the form %d\.%m",
        ),
        (
            "Date,Close\n2020-01-02T00:00Z,1\n",
            {},
            "column 'date' has the zone UTC .'2020-01-02T00:00Z'., expected",
        ),
        (
            "Date,Close\n2020-01-02 00:00-05:00,1\n2020-07-02 00:00-04:00,1\n",
            {},
            "column 'date': Mixed timezones",
        ),
        ("Date,Close\n9999-12-31,1\n", {}, "column 'date': .*expected years 1678 to 2261"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_its_name(write, text, settings, message):
    with pytest.raises(DataError, match=rf"A\.csv: .*{message}"):
        Csv(path=write("A.csv", text), **settings).bars()


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "A.csv").write_bytes(b"Date,Close\n2020-01-02,\xff\xfe\n")
    with pytest.raises(DataError, match=r"A\.csv: cannot be read as CSV: .*utf-8"):
        Csv(path=str(tmp_path / "A.csv")).bars()


def test_a_missing_file_symbol_or_an_empty_folder_is_refused(write, tmp_path):
    with pytest.raises(DataError, match=r"none\.csv: no such file, expected CSV bars or a folder of them"):
        Csv(path=str(tmp_path / "none.csv")).bars()
    with pytest.raises(DataError, match=r"the folder has no \.csv file"):
        Csv(path=str(tmp_path)).bars()
    write("SPY.csv", PLAIN)
    with pytest.raises(DataError, match=r"unknown symbol 'SPI': did you mean 'SPY'\? Known: SPY"):
        Csv(path=str(tmp_path), symbols=["SPI"]).bars()


@pytest.fixture(scope="module")
def etf_folder():
    return data_folder() / "etf"


def test_ten_real_etfs_are_read_and_pass_every_check(etf_folder):
    symbols = ["SPY", "QQQ", "IWM", "EFA", "EEM", "TLT", "IEF", "LQD", "GLD", "VNQ"]
    panel = Panel.from_frame(Csv(path=str(etf_folder), symbols=symbols).bars())
    assert panel.symbols == tuple(symbols)
    assert list(panel.fields) == ["open", "high", "low", "close", "volume"]
    for (start, stop), symbol in zip(panel.bounds, symbols, strict=True):
        lines = (etf_folder / f"{symbol}.csv").read_text().splitlines()[1:]
        assert stop - start == len(lines)
        for row, line in ((start, lines[0]), (stop - 1, lines[-1])):
            date, *values = line.split(",")
            assert panel.time[row] == np.datetime64(date)
            assert [panel.fields[name][row] for name in panel.fields] == [float(value) for value in values]
