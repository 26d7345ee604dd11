"""What a later answer says otherwise is counted, and the first of each kind is named."""

import numpy as np
import pandas as pd

from tests.asset_bars import several
from tsdeep.sources.changes import changes

OLD = several("SPY", "AGG", days=20)


def test_equal_tables_have_no_changes():
    found = changes(OLD, OLD.copy())
    assert found.sentences == ()
    assert not found.history


def test_the_order_of_symbols_is_no_change():
    assert changes(OLD, pd.concat([OLD[20:], OLD[:20]])).sentences == ()


def test_a_changed_value_is_named_by_symbol_time_and_field():
    new = OLD.copy()
    new.loc[25, "close"] = 50.0
    new.loc[30, "low"] = 49.0
    found = changes(OLD, new)
    assert found.history
    assert found.changed == 2
    time, was = OLD["time"][25].date(), OLD["close"][25]
    assert found.sentences == (
        f"2 of 40 rows changed; the first, symbol 'AGG', {time}: close {was:.10g} -> 50.",
    )


def test_a_change_in_the_last_bit_is_a_change():
    new = OLD.copy()
    new.loc[3, "open"] = np.nextafter(new.loc[3, "open"], 0)
    assert changes(OLD, new).changed == 1


def test_new_rows_behind_the_last_of_their_symbol_change_no_history():
    found = changes(OLD.drop(index=[18, 19, 39]), OLD)
    assert (found.appended, found.inserted) == (3, 0)
    assert found.sentences == ("3 rows are new after the last that was there.",)
    assert not found.history


def test_rows_that_are_gone_and_rows_new_within_history_change_it():
    found = changes(OLD.drop(index=5), OLD.drop(index=[22, 23]))
    assert (found.gone, found.inserted, found.appended) == (2, 1, 0)
    assert found.history
    assert found.sentences == (
        f"2 rows are gone; the first, symbol 'AGG', {OLD['time'][22].date()}.",
        f"1 rows are new within what was there; the first, symbol 'SPY', {OLD['time'][5].date()}.",
    )


def test_a_new_symbol_is_appended_and_a_field_that_is_gone_is_said():
    assert changes(OLD[:20], OLD).appended == 20
    found = changes(OLD, OLD.drop(columns="volume"))
    assert found.history
    assert found.sentences == ("fields gone: volume.",)


def test_several_rows_of_one_time_are_compared_in_their_order():
    ticks = pd.DataFrame(
        {"time": pd.to_datetime(["2024-01-02"] * 3), "symbol": "A", "price": [1.0, 2.0, 3.0]}
    )
    found = changes(ticks, ticks.assign(price=[1.0, 2.5, 3.0]))
    assert found.changed == 1
    assert "price 2 -> 2.5" in found.sentences[0]
