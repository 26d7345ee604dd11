"""Settings of every source, written down in full and read again: a run's `spec.yaml` is what it was made from."""

import pytest
import yaml

from tests.specs import spec
from tsdeep import SpecError, make_spec
from tsdeep.sources import make_source, source_class, source_names

PERIOD = {"start": "2020-01-02", "end": "2020-12-31"}
BOOK = {"trim_start": "10min", "trim_end": "5min", "same_time": "last", "crossed": "remove"}
COLUMNS = {
    f"{side}_{what}": f"{side}{{level}}_{what}" for side in ("ask", "bid") for what in ("price", "size")
}
BARS = {
    "path": "/data/bars",
    "symbols": ["NO", "600519"],
    "time": "day",
    "bar": "30s",
    "time_format": "%d.%m.%Y %H:%M",
    "columns": {"close": "Adj Close", "symbol": "code"},
    "calendar": "XNYS",
}
# For each kind the fewest settings it can do with, then others; together every setting is there once.
SETTINGS = {
    "alpaca": [
        {"symbols": ["SPY"]},
        {
            "symbols": ["SPY", "QQQ"],
            **PERIOD,
            "calendar": None,
            "timeframe": "5Min",
            "adjustment": "raw",
            "feed": "sip",
        },
    ],
    "alpaca_quotes": [
        {"symbols": ["SPY"], **PERIOD},
        {
            "symbols": ["SPY"],
            **PERIOD,
            **BOOK,
            "feed": "sip",
            "tick": 0.0001,
            "calendar": None,
            "max_gap": "5min",
        },
    ],
    "book_table": [
        {"path": "/data/rb", "columns": {"time": "t", **COLUMNS}, "tick": 1.0, "symbol": "rb"},
        {
            "path": "/data/rb",
            "columns": {"time": "t", "symbol": "code", "session": "day", "volume": "v", **COLUMNS},
            "tick": 0.5,
            "symbols": ["rb"],
            "pattern": "rb_*.parquet",
            "levels": 5,
            "time_format": "ms",
            "timezone": "Asia/Shanghai",
            "session": "column",
            "max_gap": "10s",
            "row": "one tick",
            **BOOK,
        },
    ],
    "bundled": [{"symbols": ["sp500"]}],
    "csv": [{}, BARS],
    "parquet": [{}, BARS],
    "datareader": [
        {"symbols": ["VIXCLS"], "reader": "fred"},
        {"symbols": ["GDP"], "reader": "fred", **PERIOD, "calendar": "XNYS", "period": "quarter"},
        {"symbols": ["F-F_Research_Data_Factors"], "reader": "famafrench", "table": 1, "fields": ["mkt_rf"]},
    ],
    "fi2010": [
        {"path": "/data/fi"},
        {
            "path": "/data/fi",
            "normalisation": "ZScore",
            "auction": True,
            "setup": 1,
            "fold": 3,
            "fidelity": "paper",
        },
    ],
    "lobster": [
        {"path": "/data/lobster"},
        {
            "path": "/data/lobster",
            "symbols": ["GOOG"],
            "levels": 5,
            "tick": 1.0,
            "order_id": True,
            "timezone": "Europe/London",
            **BOOK,
        },
    ],
    "nasdaq": [
        {"symbols": ["LBMA/GOLD"]},
        {
            "symbols": ["AAPL"],
            "table": "SHARADAR/SEP",
            **PERIOD,
            "calendar": "XNYS",
            "columns": {"close": "closeadj"},
            "missing": "remove",
            "time": "day",
            "symbol": "code",
            "filters": {
                "dimension": "ARQ",
                "n": 1,
                "x": 1.5,
                "yes": True,
                "some": ["a", "b"],
                "v": {"gte": 1},
            },
        },
    ],
    "simulated_book": [
        {},
        {
            "symbols": ["A", "B"],
            "sessions": 2,
            "rows": 300,
            "levels": 3,
            "seed": 5,
            "tick": 1.0,
            "start": "2024-02-01",
        },
    ],
    "yfinance": [
        {"symbols": ["^GSPC"]},
        {"symbols": ["SPY"], **PERIOD, "calendar": "XNYS", "interval": "5m", "adjustment": "splits"},
    ],
}
EACH = [(kind, settings) for kind, several in SETTINGS.items() for settings in several]
FIELDS = ["open", "close"]


def in_a_spec(source):
    return spec(
        source=source,
        fields=["open", "close"],
        period={},
        features=[{"kind": "log_return"}],
        description="Settings alone.",
    )


def test_every_kind_and_every_setting_of_it_is_here():
    ours = {kind for kind in source_names() if source_class(kind).__module__.startswith("tsdeep.")}
    assert set(SETTINGS) == ours
    for kind, several in SETTINGS.items():
        missing = set(source_class(kind).model_fields) - {name for settings in several for name in settings}
        # A table of books has its instrument in a column or by a setting; the fewest settings give it.
        assert not missing, kind
        differing = {name for s in several for name in make_source({"kind": kind, **s}).settings_that_differ}
        assert differing == set(source_class(kind).model_fields), kind


@pytest.mark.parametrize(("kind", "settings"), EACH)
def test_a_resolved_spec_is_the_same_spec(kind, settings, tmp_path):
    first = in_a_spec({"kind": kind, **settings})
    content = first.resolved()
    assert set(content["source"]) == {"kind", *source_class(kind).model_fields}
    again = make_spec(content)
    assert again == first
    assert again.resolved() == content
    assert make_spec(yaml.safe_load(first.to_yaml())) == first
    assert first.replace(lookback=first.lookback) == first
    assert again.source.describe() == first.source.describe()


@pytest.mark.parametrize(("kind", "settings"), EACH)
def test_so_is_one_that_joins_it_or_trains_on_it(kind, settings):
    source = {"kind": kind, **settings}
    lag = {"lag": "400D", "missing": "previous", "max_age": "800D"}
    first = spec(join={"other": {"source": source, "field": "close", **lag}})
    assert make_spec(first.resolved()) == first
    assert first.join["other"].source == make_source(source)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "datareader", "reader": "fred", "symbols": ["A"], "table": 1}, "`table` says nothing to"),
        (
            {"kind": "datareader", "reader": "fred", "symbols": ["A"], "fields": ["a"]},
            "`fields` says nothing to",
        ),
        (
            {"kind": "datareader", "reader": "famafrench", "symbols": ["A"], "period": "day"},
            "`period` says nothing",
        ),
        ({"kind": "nasdaq", "symbols": ["A/B"], "time": "day"}, "`time` is of a table"),
        ({"kind": "nasdaq", "symbols": ["A/B"], "filters": {"a": 1}}, "`filters` is of a table"),
    ],
)
def test_settings_that_would_do_nothing_are_still_refused(content, message):
    with pytest.raises(SpecError, match=message):
        make_source(content)
