"""Panels of several assets: the same days, the market beside each, other series joined by date."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tsdeep
from tests.asset_bars import bars, several
from tsdeep.assets import Assets, aligned, side_by_side, stacked
from tsdeep.errors import DataError, SpecError
from tsdeep.joins import joined
from tsdeep.panel import Panel

ASSETS = Assets(("A", "B", "C"), market="A")


def panel(table=None):
    return Panel.from_frame(several("A", "B", "C", days=60) if table is None else table)


def vix(days=80, start="2003-12-15", drop=()):
    table = bars("VIX", start=start, days=days).drop(index=list(drop))
    return Panel.from_frame(table[["time", "symbol", "close"]])


def test_every_row_has_the_market_the_basket_and_the_number_of_its_asset():
    table = several("A", "B", "C", days=60)
    found = aligned(panel(table), ASSETS)
    by_day = table.set_index(["time", "symbol"])
    for row in (0, 59, 60, 100, 179):
        day = pd.Timestamp(found.time[row])
        for name in ("open", "high", "low", "close", "volume"):
            assert found.fields[f"market_{name}"][row] == by_day.loc[(day, "A"), name]
        assert found.fields["basket_close"][row].tolist() == [by_day.loc[(day, s), "close"] for s in "ABC"]
        assert found.symbol[row] == "ABC"[found.fields["asset"][row]]


def test_assets_stand_in_the_order_asked_for_whatever_that_of_the_data():
    found = aligned(panel(several("C", "A", "B", days=60)), ASSETS)
    assert found.symbols == ("A", "B", "C")


def test_an_asset_that_begins_later_has_no_close_before():
    table = pd.concat([several("A", "B", days=60), bars("C", days=60).iloc[25:]])
    found = aligned(panel(table), ASSETS)
    assert np.isnan(found.fields["basket_close"][:25, 2]).all()
    assert np.isfinite(found.fields["basket_close"][25:60]).all()
    assert found.bounds.tolist() == [[0, 60], [60, 120], [120, 155]]


def test_all_assets_can_start_on_the_first_day_of_the_youngest():
    table = pd.concat([several("A", "B", days=60), bars("C", days=60).iloc[25:]])
    found = aligned(panel(table), ASSETS, start="common")
    assert np.isfinite(found.fields["basket_close"]).all()
    assert np.diff(found.bounds).tolist() == [[35]] * 3


def test_a_day_that_one_asset_lacks_is_refused_with_the_asset_and_the_day():
    table = several("A", "B", "C", days=60).drop(index=[70])
    with pytest.raises(DataError, match=r"symbol 'B': no row on 2004-01-15 \(1 such days"):
        aligned(panel(table), ASSETS)


def test_a_day_that_one_asset_lacks_can_be_left_out_for_all_and_is_counted():
    table = several("A", "B", "C", days=60).drop(index=[70])
    found = aligned(panel(table), ASSETS, missing="drop")
    assert np.diff(found.bounds).tolist() == [[59]] * 3
    assert not (found.time == np.datetime64("2004-01-15")).any()
    assert any(note.startswith("1 days were left out for all assets") for note in found.notes)


def test_a_hole_of_more_than_a_week_is_not_left_out():
    table = several("A", "B", "C", days=60).drop(index=range(70, 76))
    with pytest.raises(
        DataError, match="6 days in a row on which one asset or another has no row, expected at most 5"
    ):
        aligned(panel(table), ASSETS, missing="drop")


def test_a_series_does_not_take_the_place_of_a_field():
    with pytest.raises(DataError, match="close: the data has a field of this name already"):
        joined(panel(), "close", vix())


def test_an_asset_that_ends_early_is_refused():
    table = several("A", "B", "C", days=60).iloc[:-5]
    with pytest.raises(DataError, match="symbol 'C': no row on 2004-03-18"):
        aligned(panel(table), ASSETS)


def test_a_market_that_begins_later_than_others_is_refused():
    table = pd.concat([bars("A", days=60).iloc[10:], several("B", "C", days=60)])
    with pytest.raises(DataError, match=r"the market A begins later, on 2004-01-15.*start: common"):
        aligned(panel(table), ASSETS)
    assert np.isfinite(aligned(panel(table), ASSETS, start="common").fields["market_close"]).all()


def test_an_asset_that_is_not_there_is_named():
    with pytest.raises(DataError, match="no rows of D; the data has A, B, C"):
        aligned(panel(), Assets(("A", "B", "C", "D")))


def test_rows_of_other_assets_are_refused():
    with pytest.raises(DataError, match="rows of C, which are not among the assets: A, B"):
        aligned(panel(), Assets(("A", "B")))


def test_a_series_that_is_adjusted_from_some_day_on_is_refused():
    table = several("A", "B", "C", days=60)
    late = (table["symbol"] == "B") & (table["time"] >= "2004-02-10")
    columns = ["open", "high", "low", "close"]
    table.loc[late, columns] /= 2
    with pytest.raises(DataError, match=r"symbol 'B', row 28, 2004-02-10.*unexplained jump"):
        aligned(panel(table), ASSETS)


def test_prices_of_which_only_the_close_is_adjusted_are_refused():
    table = several("A", "B", "C", days=60)
    table.loc[table["symbol"] == "B", "close"] *= 0.8
    with pytest.raises(
        DataError, match=r"symbol 'B', row 0, 2004-01-01: field 'close' is .* outside low .* adjusted"
    ):
        aligned(panel(table), ASSETS)


def test_rows_without_range_or_volume_are_counted_in_a_note():
    table = several("A", "B", "C", days=60)
    table.loc[70, ["open", "high", "low"]] = table.loc[70, "close"]
    table.loc[[80, 81], "volume"] = 0.0
    notes = aligned(panel(table), ASSETS).notes
    assert any(
        n.startswith("High equals low on 1 rows (the first: symbol 'B', row 10, 2004-01-15)") for n in notes
    )
    assert any(note.startswith("Volume is zero on 2 rows (the first: symbol 'B', row 20") for note in notes)


def test_duplicate_dates_are_refused_with_the_place():
    table = several("A", "B", "C", days=60)
    table.loc[70, "time"] = table.loc[69, "time"]
    with pytest.raises(DataError, match="symbol 'B', row 10, 2004-01-14: duplicate time"):
        panel(table)


def test_a_high_below_the_low_is_refused_with_the_place():
    table = several("A", "B", "C", days=60)
    table.loc[70, "high"] = table.loc[70, "low"] * 0.999
    with pytest.raises(DataError, match="symbol 'B', row 10, 2004-01-15: field 'high'"):
        panel(table)


def test_a_joined_series_is_of_the_same_day():
    series = vix()
    found = joined(aligned(panel(), ASSETS), "vix", series)
    by_day = dict(zip(series.time.tolist(), series.fields["close"].tolist(), strict=True))
    assert found.fields["vix"].tolist() == [by_day[t] for t in found.time.tolist()]


def test_a_day_without_a_value_is_refused_or_takes_the_last_one_before_and_is_counted():
    full, holey = vix(), vix(drop=(20, 21, 40))
    base = aligned(panel(), ASSETS)
    with pytest.raises(
        DataError, match=r"vix: no value on 3 of 60 days \(2004-01-12, 2004-01-13, 2004-02-09\)"
    ):
        joined(base, "vix", holey)
    found = joined(base, "vix", holey, missing="previous")
    day = np.flatnonzero(found.time[:60] == np.datetime64("2004-01-13"))[0]
    before = full.fields["close"][np.searchsorted(full.time, np.datetime64("2004-01-09"))]
    assert found.fields["vix"][day] == before
    assert any(note.startswith("vix has no value on 3 days") for note in found.notes)


def test_a_series_that_begins_after_the_first_row_is_refused():
    with pytest.raises(DataError, match="vix: begins on 2004-01-05, after the first row on 2004-01-01"):
        joined(panel(), "vix", vix(start="2004-01-05"))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 58), st.integers(0, 2**31), st.booleans())
def test_nothing_that_stands_on_a_row_is_of_a_later_day(day, seed, ragged):
    tables = [bars("A", days=60), bars("B", days=60), bars("C", days=60).iloc[25 if ragged else 0 :]]
    table, series = pd.concat(tables), vix(drop=(30, 31))
    late = table["time"] > pd.bdate_range("2004-01-01", periods=60)[day]
    poisoned = table.copy()
    factor = np.random.default_rng(seed).uniform(0.8, 1.2)
    poisoned.loc[late, ["open", "high", "low", "close", "volume"]] *= factor
    later = series.time > table["time"][~late].max().to_datetime64()
    changed = series.replace(close=np.where(later, series.fields["close"] * 3.0, series.fields["close"]))

    def made(bars_table, values):
        base = aligned(panel(bars_table), ASSETS, max_jump=9.0)
        return joined(base, "vix", values, missing="previous")

    before, after = made(table, series), made(poisoned, changed)
    keep = before.time <= pd.bdate_range("2004-01-01", periods=60)[day].to_datetime64()
    for name in before.fields:
        np.testing.assert_array_equal(before.fields[name][keep], after.fields[name][keep])


def test_assets_side_by_side_have_a_row_a_day():
    base = joined(aligned(panel(), ASSETS), "vix", vix())
    found = side_by_side(base, Assets(("C", "A"), joined=("vix",)), ("close", "vix"))
    assert found.fields["close"].shape == (60, 2)
    assert found.fields["vix"].shape == (60,)
    np.testing.assert_array_equal(found.fields["close"][:, 0], base.fields["close"][120:180])
    np.testing.assert_array_equal(found.fields["close"][:, 1], base.fields["close"][:60])


def test_assets_side_by_side_start_behind_the_last_day_that_one_lacks():
    table = pd.concat([several("A", "B", days=60), bars("C", days=60).iloc[25:]])
    found = side_by_side(aligned(panel(table), ASSETS), ASSETS, ("close",))
    assert found.n_rows == 35
    assert found.notes[-1] == "The first 25 days, up to 2004-02-04, are left out: C had no row then."


def test_assets_side_by_side_need_all_on_the_newest_day():
    table = several("A", "B", "C", days=60).iloc[:-1]
    with pytest.raises(DataError, match="no row of C on the newest day, 2004-03-24"):
        side_by_side(panel(table), ASSETS, ("close",))


def test_a_joined_field_that_differs_between_assets_is_refused():
    base = joined(aligned(panel(), ASSETS), "vix", vix())
    wrong = base.fields["vix"].copy()
    wrong[70] += 1.0
    with pytest.raises(DataError, match="field 'vix': found several values on 2004-01-15"):
        side_by_side(base.replace(vix=wrong), Assets(("A", "B", "C"), joined=("vix",)), ("close", "vix"))


def test_stacked_panels_keep_their_segments():
    both = stacked(panel(several("A", "B", days=60)), panel(several("C", days=40)))
    assert both.symbols == ("A", "B", "C")
    assert both.bounds.tolist() == [[0, 60], [60, 120], [120, 160]]


def test_a_market_outside_the_basket_and_an_asset_twice_are_refused():
    with pytest.raises(SpecError, match="found the market 'Z', expected one of the basket: A, B"):
        Assets(("A", "B"), market="Z")
    with pytest.raises(SpecError, match="found 'A' twice"):
        Assets(("A", "B"), train_only=("A",))


FEATURES = [
    {"kind": "log_return", "rows": 1},
    {"kind": "parkinson", "rows": 5},
    {"kind": "field", "field": "vix", "log": True},
    {"kind": "realised_volatility", "rows": 3},
]


def test_features_of_assets_side_by_side_equal_those_of_each_by_itself():
    assets = Assets(("A", "B", "C"), market="A", joined=("vix",))
    base = joined(aligned(panel(), assets), "vix", vix())
    bank = tsdeep.FeatureBank(FEATURES)
    layer = tsdeep.features.AssetFeatures(bank, assets.names, market="A", joined=("vix",))
    raw = side_by_side(base, assets, layer.fields)
    x = np.asarray(layer({name: raw.raw(name)[None] for name in layer.fields}))[0]
    assert x.shape == (60 - bank.warmup, 3 * 4)
    assert layer.names[4] == "B:log_return_1"
    for number, (start, stop) in enumerate(base.bounds):
        own = np.asarray(bank({name: base.raw(name)[None, start:stop] for name in bank.fields}))[0]
        np.testing.assert_array_equal(x[:, 4 * number : 4 * number + 4], own)
    pooled = tsdeep.features.AssetFeatures(bank, assets.names, market="A", joined=("vix",), pooled=True)
    each = np.asarray(pooled({name: np.stack([raw.raw(name)] * 2) for name in layer.fields}))
    assert each.shape == (6, 60 - bank.warmup, 4)
    np.testing.assert_array_equal(each[4], x[:, 4:8])


def test_a_series_that_ends_or_has_a_long_hole_is_not_carried_on():
    base = aligned(panel(), ASSETS)
    ended = Panel.from_frame(vix().to_frame().iloc[:40])
    with pytest.raises(DataError, match="vix: no value on 33 days in a row, expected at most 5 to carry"):
        joined(base, "vix", ended, missing="previous")
    with pytest.raises(DataError, match="vix: no value on 6 days in a row"):
        joined(base, "vix", vix(drop=range(30, 36)), missing="previous")


def test_a_series_whose_unit_changes_is_refused():
    series = vix()
    wrong = series.replace(
        close=np.where(np.arange(80) < 50, series.fields["close"], series.fields["close"] / 100)
    )
    with pytest.raises(DataError, match=r"vix: symbol 'VIX', row 50, .* an unexplained jump"):
        joined(aligned(panel(), ASSETS), "vix", wrong)


def test_assets_side_by_side_are_audited_and_run_with_what_reads_all_of_them():
    table = pd.concat([several("A", "B", days=300), bars("C", days=300).iloc[60:]])
    features = tsdeep.FeatureBank(
        [{"kind": "log_variance", "rows": 5}, {"kind": "correlation", "rows": 20, "assets": ("A", "B", "C")}]
    )
    samples = tsdeep.Samples(
        aligned(panel(table), ASSETS), features, tsdeep.get_task("volatility"), 4, assets=ASSETS
    ).side_by_side()
    assert tsdeep.audit(samples, trials=2).ok
    cv = tsdeep.WalkForward(train=90, valid=40, test=30, max_folds=1)
    run = tsdeep.walk_forward(
        "itransformer", samples, cv, epochs=1, units=4, progress=False, jit_compile=False
    )
    assert run.predictions["symbol"].value_counts().nunique() == 1
    assert {"ridge", "garch"} <= set(run.references["method"])
    assert any("garch is an EWMA of decay 0.94 for A, B, C" in note for note in run.evidence().notes)
