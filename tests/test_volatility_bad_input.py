"""What a folder of CSV bars can have wrong, and what a study of volatility of several assets answers.

Each bad input is written to files as a user has them, and read by a spec as a user writes it.
"""

import numpy as np
import pytest
import yaml

import tsdeep
from tests.asset_bars import bars, several
from tsdeep.errors import DataError, SpecError

SYMBOLS = ("A", "B", "C")
PRICES = ["open", "high", "low", "close"]
FLOOR = 1e-7
SPEC = {
    "name": "three_assets",
    "source": {"kind": "csv", "path": "bars/", "symbols": list(SYMBOLS)},
    "fields": [*PRICES, "volume"],
    "assets": {"market": "A"},
    "join": {"vix": {"source": {"kind": "csv", "path": "VIX.csv"}}},
    "features": [
        {"kind": "log_variance", "rows": [1, 5], "floor": FLOOR},
        {"kind": "log_level", "field": "vix", "lag": 0},
        {"kind": "asset"},
    ],
    "task": {"kind": "volatility", "horizon_rows": 5},
    "lookback": 1,
    "split": {"train": 100, "valid": 20, "test": 20},
    "model": "har_network",
}
DAYS = 120


@pytest.fixture
def read(tmp_path):
    """Write bars, VIX and a spec, and load it; keywords change the spec's sections."""

    def write_and_load(table, vix=None, **changes):
        (tmp_path / "bars").mkdir()
        for symbol, rows in table.groupby("symbol"):
            named = rows.drop(columns="symbol").rename(columns={"time": "date"})
            named.to_csv(tmp_path / "bars" / f"{symbol}.csv", index=False)
        vix = bars("VIX", start="2003-12-01", days=DAYS + 60) if vix is None else vix
        vix[["time", "close"]].rename(columns={"time": "date"}).to_csv(tmp_path / "VIX.csv", index=False)
        content = {**SPEC, **{key: {**SPEC.get(key, {}), **value} for key, value in changes.items()}}
        (tmp_path / "spec.yaml").write_text(yaml.safe_dump(content))
        return tsdeep.load(tsdeep.load_spec(tmp_path / "spec.yaml"))

    return write_and_load


@pytest.fixture
def table():
    return several(*SYMBOLS, days=DAYS)


def of(table, symbol, row):
    """Label of a row of the table: the row-th day of a symbol."""
    return table.index[table["symbol"] == symbol][row]


def vix_without(*rows, start="2003-12-01"):
    return bars("VIX", start=start, days=DAYS + 60).drop(index=list(rows))


def test_whole_files_are_read_without_a_note(read, table):
    samples = read(table)
    assert samples.panel.symbols == SYMBOLS
    assert samples.panel.notes == ()
    assert np.isfinite(samples.x[samples.origins]).all()


def test_days_that_an_asset_lacks_are_refused_with_the_first_and_their_number(read, table):
    gone = table.drop(index=[of(table, "B", row) for row in range(50, 60)])
    with pytest.raises(
        DataError,
        match=r"bars.*symbol 'B': no row on 2004-03-11 \(10 such days .*A, C have one.*missing: drop",
    ):
        read(gone)


def test_days_that_an_asset_lacks_are_left_out_for_all_where_asked_and_counted(read, table):
    gone = table.drop(index=[of(table, "B", row) for row in range(50, 55)])
    samples = read(gone, assets={"missing": "drop"})
    assert np.diff(samples.panel.bounds).tolist() == [[DAYS - 5]] * 3
    (note,) = samples.panel.notes
    assert note.startswith("5 days were left out for all assets")


def test_an_asset_that_begins_late_has_samples_from_its_own_first_day(read, table):
    samples = read(table.drop(index=[of(table, "C", row) for row in range(40)]))
    first = samples.time[samples.rows][samples.symbol[samples.rows] == "C"].min()
    own = table.loc[table["symbol"] == "C", "time"].iloc[40 + 4]  # five rows of features
    assert first == own


def test_a_high_below_the_low_is_refused(read, table):
    table.loc[of(table, "B", 10), "high"] = 0.999 * table.loc[of(table, "B", 10), "low"]
    with pytest.raises(
        DataError, match=r"bars.*symbol 'B', row 10, 2004-01-15: field 'high' is .* at least the low"
    ):
        read(table)


@pytest.mark.parametrize(("price", "bound", "factor"), [("close", "high", 1.01), ("open", "low", 0.99)])
def test_a_price_outside_the_range_of_its_day_is_refused(read, table, price, bound, factor):
    row = of(table, "C", 7)
    table.loc[row, price] = factor * table.loc[row, bound]
    with pytest.raises(
        DataError, match=rf"symbol 'C', row 7, 2004-01-12: field '{price}' is .* outside low .* and high "
    ):
        read(table)


def test_days_without_a_range_are_counted_and_features_take_the_stated_floor(read, table):
    flat = [of(table, "B", row) for row in (20, 30)]
    for row in flat:
        table.loc[row, ["open", "high", "low"]] = table.loc[row, "close"]
    samples = read(table)
    (note,) = samples.panel.notes
    assert note.startswith("High equals low on 2 rows (the first: symbol 'B', row 20, 2004-01-29)")
    assert "floor" in note
    channel = samples.feature_names.index("log_variance_parkinson_1")
    for row in flat:
        here = (samples.symbol == "B") & (samples.time == table.loc[row, "time"].to_datetime64())
        assert samples.x[here, channel] == pytest.approx(np.log(252 * FLOOR), rel=1e-6)


def test_prices_that_never_move_have_no_log_variance_to_learn(read, table):
    still = [of(table, "B", row) for row in range(60, 70)]
    table.loc[still, PRICES] = table.loc[still[0], "close"]
    with pytest.raises(
        DataError,
        match=r"symbol 'B', row 60, 2004-03-25: the close does not move over the next 5 rows.*\(5 such",
    ):
        _ = read(table).y


def test_days_without_volume_are_counted(read, table):
    table.loc[[of(table, "B", 20), of(table, "C", 5)], "volume"] = 0.0
    (note,) = read(table).panel.notes
    assert note == "Volume is zero on 2 rows (the first: symbol 'B', row 20, 2004-01-29)."


def test_a_negative_volume_is_refused(read, table):
    table.loc[of(table, "B", 20), "volume"] = -1.0
    with pytest.raises(DataError, match=r"symbol 'B', row 20, 2004-01-29: .*volume"):
        read(table)


def test_a_date_that_is_there_twice_is_refused(read, table):
    table.loc[of(table, "B", 10), "time"] = table.loc[of(table, "B", 9), "time"]
    with pytest.raises(DataError, match=r"bars.*symbol 'B', row 10, 2004-01-14: duplicate time"):
        read(table)


def test_unadjusted_prices_before_adjusted_ones_are_an_unexplained_jump(read, table):
    late = (table["symbol"] == "B") & (table["time"] >= "2004-02-10")
    table.loc[late, PRICES] /= 2
    with pytest.raises(
        DataError,
        match=r"symbol 'B', row 28, 2004-02-10: field 'open' .*0\.4993 times the close before.*jump",
    ):
        read(table)


def test_an_adjusted_close_beside_unadjusted_highs_and_lows_is_refused(read, table):
    table.loc[table["symbol"] == "B", "close"] *= 0.8
    with pytest.raises(
        DataError,
        match=r"symbol 'B', row 0, 2004-01-01: field 'close' .*only some of the prices are adjusted",
    ):
        read(table)


def test_a_true_jump_is_read_where_the_spec_says_that_it_is_one(read, table):
    late = (table["symbol"] == "B") & (table["time"] >= "2004-02-10")
    table.loc[late, PRICES] /= 2
    assert read(table, assets={"max_jump": 1.0}).panel.symbols == SYMBOLS


@pytest.mark.parametrize("value", [0.0, -3.0, np.nan, np.inf])
def test_a_price_that_is_no_positive_number_is_refused(read, table, value):
    table.loc[of(table, "B", 10), "low"] = value
    with pytest.raises(DataError, match=r"symbol 'B', row 10, 2004-01-15: field 'low' is"):
        read(table)


def test_an_unknown_symbol_is_named_with_the_nearest(read, table):
    with pytest.raises(DataError, match=r"bars: unknown symbol 'CC': did you mean 'C'"):
        read(table, source={"symbols": ["A", "B", "CC"]})


def test_a_market_that_is_none_of_the_assets_is_refused(read, table):
    with pytest.raises(SpecError, match="found the market 'SPY', expected one of the basket: A, B, C"):
        read(table, assets={"market": "SPY"})


def test_a_day_on_which_vix_is_missing_is_refused_or_filled_as_stated(read, table):
    vix = vix_without(40)
    with pytest.raises(
        DataError, match=r"VIX\.csv.*vix: no value on 1 of 120 days \(2004-01-26\).*missing: previous"
    ):
        read(table, vix)


def test_the_last_value_of_vix_is_taken_where_the_spec_asks_for_it_and_counted(read, table):
    join = {"vix": {"source": {"kind": "csv", "path": "VIX.csv"}, "missing": "previous"}}
    samples = read(table, vix_without(40), join=join)
    (note,) = samples.panel.notes
    assert note == "vix has no value on 1 days (2004-01-26): its last one before was taken."
    known = bars("VIX", start="2003-12-01", days=DAYS + 60).set_index("time")["close"]
    here = samples.panel.time == np.datetime64("2004-01-26")
    np.testing.assert_array_equal(samples.panel.fields["vix"][here], [known["2004-01-23"]] * 3)


def test_vix_that_begins_after_the_assets_is_refused_with_both_days(read, table):
    with pytest.raises(
        DataError, match="vix: begins on 2004-01-05, after the first row on 2004-01-01; choose a later period"
    ):
        read(table, vix_without(start="2004-01-05"))


def test_a_later_period_suits_vix_that_begins_late(read, table):
    samples = read(table, vix_without(start="2004-01-05"), period={"start": "2004-01-05"})
    assert samples.panel.time.min() == np.datetime64("2004-01-05")
