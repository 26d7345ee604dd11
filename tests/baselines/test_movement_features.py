from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from tests.book_rows import lobster_panel, made_up_panel
from tsdeep.baselines import movement_features as module
from tsdeep.baselines.movement_features import SignedLog, Standard, movement_bank, movement_features
from tsdeep.errors import DataError


def test_features_where_rows_are_enough_are_those_of_the_layers():
    panel = lobster_panel("GOOG", (700, 500))
    bank = movement_bank(panel, (20, 60))
    assert bank.warmup == 120
    x = movement_features(panel, (20, 60))
    for start, stop in panel.bounds:
        raw = {name: panel.fields[name][None, start:stop] for name in bank.fields}
        np.testing.assert_array_equal(x[start + 120 : stop], np.asarray(bank(raw))[0])


def test_before_its_first_row_a_segment_stood_still():
    panel = lobster_panel("GOOG", (700, 500))
    names = movement_bank(panel, (20, 60)).names
    x = movement_features(panel, (20, 60))
    mid = (panel.fields["ask_price"] + panel.fields["bid_price"])[:, 0] / 2
    for start, _ in panel.bounds:
        for name in ("order_flow_imbalance_1_over_10", "mid_return_50", "mid_deviation_60"):
            assert x[start, names.index(name)] == 0
        for row in (start + 3, start + 49, start + 90):
            before = max(start, row - 50)
            expected = (mid[row] - mid[before]) / 100
            np.testing.assert_allclose(x[row, names.index("mid_return_50")], expected, rtol=1e-6)
            window = mid[np.maximum(np.arange(row - 59, row + 1), start)]
            np.testing.assert_allclose(
                x[row, names.index("mid_deviation_60")], (mid[row] - window.mean()) / 100, rtol=1e-5
            )


def test_features_are_the_same_in_pieces_and_are_kept_as_long_as_the_panel(monkeypatch):
    whole = movement_features(made_up_panel((900, 400)), (10,))
    monkeypatch.setattr(module, "_CHUNK_ROWS", 128)
    panel = made_up_panel((900, 400))
    np.testing.assert_array_equal(movement_features(panel, (10,)), whole)
    assert movement_features(panel, (10,)) is movement_features(panel, (10,))
    held = len(module._KNOWN)
    del panel
    gc.collect()
    assert len(module._KNOWN) == held - 1


def test_one_row_horizons_and_fewer_levels_have_features_too():
    assert movement_features(made_up_panel(levels=2), (1,)).shape == (210, 2 + 8 + 5 + 1)


def normalised_panel():
    """Books z-scored column by column over both symbols, as FI-2010's, and without a tick."""
    panel = made_up_panel()
    fields = {
        name: (values - values.mean(axis=0)) / values.std(axis=0)
        for name, values in panel.fields.items()
        if name.startswith(("ask_", "bid_"))
    }
    assert (fields["ask_size"] < 0).any()
    assert (fields["bid_price"] > fields["ask_price"]).any()
    return replace(panel.replace(**fields), tick=None)


def test_of_a_normalised_book_they_are_the_levels_as_they_are_and_changes_of_the_mid():
    panel = normalised_panel()
    x = movement_features(panel, (5, 20))
    parts = [panel.fields[name] for name in ("ask_price", "ask_size", "bid_price", "bid_size")]
    assert x.shape == (210, 12 + 2)
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(x[:, :12], np.stack(parts, axis=2).reshape(210, 12).astype(np.float32))
    mid = (parts[0] + parts[2])[:, 0] / 2
    for column, rows in ((12, 5), (13, 20)):
        before = np.maximum(np.arange(210) - rows, np.repeat([0, 120], [120, 90]))
        np.testing.assert_allclose(x[:, column], mid - mid[before], rtol=1e-5, atol=1e-6)


def test_standard_scales_each_symbol_by_its_own_mean_and_deviation():
    random = np.random.default_rng(0)
    x = random.normal(3, 2, (40, 3)).astype(np.float32)
    x[:, 2] = 0.1
    symbol = np.repeat(["A", "B"], 20)
    scaled = Standard().fit(x, symbol).transform(x, symbol)
    for own in (slice(0, 20), slice(20, 40)):
        expected = StandardScaler().fit_transform(x[own].astype(np.float64))
        np.testing.assert_allclose(scaled[own], expected, atol=1e-12)
    with pytest.raises(DataError, match="symbol among the training rows"):
        Standard().fit(x[:3], symbol[:3]).transform(x, symbol)


def test_signed_log_goes_by_the_median_size_of_each_symbol():
    x = np.array([[1.0, 0, 0], [-2, 0, 0], [4, 6, 0], [10, 1, 0], [20, -1, 0], [-40, 1, 0]])
    symbol = np.array(["A"] * 3 + ["B"] * 3)
    scaled = SignedLog().fit(x, symbol).transform(x, symbol)
    np.testing.assert_allclose(scaled[:3, 0], np.log([1.5, 1 / 2, 3.0]))
    np.testing.assert_allclose(scaled[:3, 0], np.array([1, -1, -1]) * scaled[3:, 0])
    np.testing.assert_allclose(
        scaled[:, 1], np.log([1, 1, 4, 2, 1 / 2, 2])
    )  # A: the mean size, as the median is 0
    assert (scaled[:, 2] == 0).all()
    with pytest.raises(DataError, match="symbol among the training rows"):
        SignedLog().fit(x[:3], symbol[:3]).transform(x, symbol)


def test_a_feature_that_is_not_finite_is_refused_with_its_place():
    panel = made_up_panel()
    prices = panel.fields["ask_price"].copy()
    prices[125, 0] = np.nan
    with pytest.raises(DataError, match=r"symbol 'B', row 5, .* of the references is nan"):
        movement_features(panel.replace(ask_price=prices), (5,))
