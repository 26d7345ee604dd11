import pandas as pd
import pytest

from tsdeep import Source, SpecError, register_source
from tsdeep.sources import Bundled, Csv, OneOrMore, make_source, source_class, source_names


def test_a_source_is_made_from_its_mapping():
    source = make_source({"kind": "bundled", "symbols": ["nasdaq", "sp500"]})
    assert source == Bundled(symbols=["nasdaq", "sp500"])
    assert make_source(source) is source
    assert source_class("csv") is Csv
    assert {"bundled", "csv"} <= set(source_names())


def test_it_describes_itself_by_what_is_not_the_default(tmp_path):
    assert Bundled(symbols=["sp500", "nasdaq"]).describe() == "bundled (symbols: sp500, nasdaq)"
    assert Csv(path=str(tmp_path)).describe() == f"csv (path: {tmp_path})"
    assert Csv(path=str(tmp_path), time="day").describe() == f"csv (path: {tmp_path}; time: day)"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "cvs"}, r"unknown source 'cvs': did you mean 'csv'\? Known: .*bundled, csv"),
        ({"kind": ["csv"]}, "unknown source"),
        ({"symbols": ["sp500"]}, "expected a mapping with 'kind', such as"),
        ("csv", "found 'csv', expected a mapping with 'kind', such as"),
        (
            {"kind": "csv", "paht": "x"},
            r"source 'csv': unknown key 'paht': did you mean 'path'\? Known: bar, calendar, columns, path, ",
        ),
        ({"kind": "csv", "path": 3}, "source 'csv': path: found 3, expected a string"),
        ({"kind": "bundled", "symbols": ["dax"]}, r"symbols\[0\]: found 'dax', expected 'sp500' or 'nasdaq'"),
        ({"kind": "bundled", "symbols": []}, r"symbols: found \[\], expected at least one"),
        (
            {"kind": "bundled", "symbols": ["sp500", "sp500"]},
            "symbols: found 'sp500' twice, expected each once",
        ),
        ({"kind": "bundled", "symbols": "sp500"}, "symbols: found 'sp500', expected a list"),
        (
            {"kind": "csv", "path": "x", "columns": {"close": "Adj Close", "last": "adj close"}},
            "columns: found the column 'Adj Close' for two fields",
        ),
    ],
)
def test_a_mapping_that_is_wrong_is_refused(spec, message):
    with pytest.raises(SpecError, match=message):
        make_source(spec)


def test_a_source_of_one_s_own_joins_by_its_name():
    @register_source("test_base_flat")
    class Flat(Source):
        """A close that never moves."""

        symbols: OneOrMore[str]

        def bars(self):
            days = pd.date_range("2020-01-01", periods=3)
            return pd.concat(
                [pd.DataFrame({"time": days, "symbol": s, "close": 1.0}) for s in self.symbols],
                ignore_index=True,
            )

    assert len(make_source({"kind": "test_base_flat", "symbols": ["A", "B"]}).bars()) == 6
