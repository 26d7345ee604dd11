import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tsdeep
from tests.panels import ragged_panel, ragged_samples
from tsdeep import DataError, Panel, Samples, SpecError
from tsdeep.features import FeatureBank
from tsdeep.tasks import get_task

SOME = settings(max_examples=30, deadline=None)


@SOME
@given(
    st.lists(st.integers(1, 25), max_size=4),
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_origins_rows_and_label_ends_equal_a_loop_over_rows(lengths, lookback, warmup, horizon):
    lengths = [*lengths, 20]
    samples = ragged_samples(lengths, lookback=lookback, rows=warmup, horizon_rows=horizon)
    origins, rows, ends = [], [], []
    for start, stop in samples.panel.bounds:
        for row in range(start, stop):
            labelled = row + horizon < stop
            ends.append(row + horizon if labelled else -1)
            if row - start + 1 >= lookback + warmup:
                origins.append(row)
                if labelled:
                    rows.append(row)
    np.testing.assert_array_equal(samples.origins, origins)
    np.testing.assert_array_equal(samples.rows, rows)
    np.testing.assert_array_equal(samples.label_end, ends)
    assert len(samples) == len(rows)
    assert np.isnan(samples.y[np.array(ends) < 0]).all()


@SOME
@given(st.lists(st.integers(1, 25), max_size=4), st.integers(1, 4))
def test_features_equal_numpy_within_each_segment_and_are_nan_while_warming_up(lengths, warmup):
    samples = ragged_samples([*lengths, 20], rows=warmup)
    close, volume = samples.panel.fields["close"], samples.panel.fields["volume"]
    expected = np.full((samples.panel.n_rows, 2), np.nan)
    for start, stop in samples.panel.bounds:
        for row in range(start + warmup, stop):
            expected[row] = np.log(close[row] / close[row - warmup]), np.log(volume[row])
    np.testing.assert_allclose(samples.x, expected, rtol=2e-6, atol=1e-8)
    assert samples.x.dtype == np.float32


@SOME
@given(st.integers(1, 9), st.integers(1, 4), st.integers(20, 60))
def test_features_computed_in_chunks_are_those_of_whole_segments_bit_for_bit(chunk_rows, warmup, length):
    whole = ragged_samples([length, 3, 21], rows=warmup).x
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tsdeep.samples._CHUNK_ROWS", chunk_rows)
        np.testing.assert_array_equal(ragged_samples([length, 3, 21], rows=warmup).x, whole)


def test_shapes_and_names_are_those_of_the_features():
    samples = ragged_samples(lookback=4, rows=2)
    assert samples.input_shape == (4, 2)
    assert samples.rows_needed == 6
    assert samples.feature_names == ("log_return_2", "log_volume")


def test_scaler_reads_the_given_rows_alone():
    samples = ragged_samples((80,))
    rows = samples.rows[:30]
    scaler = samples.fit_scaler(rows)
    np.testing.assert_allclose(scaler.mean, samples.x[rows].mean(axis=0, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(scaler.scale, samples.x[rows].std(axis=0, dtype=float), rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.empty(0, int), "rows: found none, expected at least one panel row"),
        (np.ones(80, bool), "rows: found dtype bool and shape .80., expected panel row numbers"),
        ([1, 20], "row 1, 2020-01-01 01:00:00: no whole window ends here"),
        ([20, 80], "rows 20 to 80 are not all among the panel's 80 rows"),
    ],
)
def test_scaler_refuses_rows_at_which_no_window_ends(rows, message):
    with pytest.raises(DataError, match=message):
        ragged_samples((80,)).fit_scaler(rows)


def test_fields_with_levels_become_features_and_the_label_reads_its_own():
    @tsdeep.register_feature("test_samples_depth")
    class Depth(tsdeep.Feature):
        """Sizes of all levels together."""

        warmup = 0
        fields = ("ask_size",)
        names = ("depth",)

        def compute(self, fields):
            return keras.ops.sum(fields["ask_size"], axis=-1)

    sizes = np.arange(60, dtype=np.int64).reshape(20, 3)
    panel = Panel(
        fields={"close": np.linspace(1, 2, 20), "ask_size": sizes},
        time=np.datetime64("2020-01-01", "ns") + np.arange(20),
        bounds=np.array([[0, 8], [8, 20]]),
        symbols=("A", "A"),
    )
    samples = Samples(panel, FeatureBank([{"kind": "test_samples_depth"}]), get_task("direction"), 2)
    np.testing.assert_array_equal(samples.x[:, 0], sizes.sum(axis=1))


def test_prices_are_the_bars_that_fills_are_made_at():
    samples = ragged_samples((40,))
    assert list(samples.prices().columns) == ["time", "symbol", "close"]
    with_open = samples.replace(panel=samples.panel.replace(open=samples.panel.fields["close"]))
    assert list(with_open.prices().columns) == ["time", "symbol", "open", "close"]


def test_a_new_lookback_is_in_the_spec_too_and_foreign_features_leave_it_out():
    samples = tsdeep.load("sp500_direction")
    assert samples.replace(lookback=7).spec.lookback == 7
    assert samples.replace(panel=samples.panel).spec is samples.spec
    assert samples.replace(features=FeatureBank([{"kind": "log_return", "rows": 1}])).spec is None
    assert samples.replace(task=get_task("direction", horizon_rows=5)).spec is None


@pytest.mark.parametrize("lookback", [0, -1, 2.5, True, "20"])
def test_a_lookback_that_is_no_count_is_refused(lookback):
    with pytest.raises(SpecError, match=rf"lookback: found {lookback!r}, expected a whole number of rows"):
        ragged_samples(lookback=lookback)


def test_a_lookback_beyond_the_data_is_refused_with_what_is_needed():
    with pytest.raises(
        DataError,
        match=r"symbol 'A': one window needs 33 rows \(lookback 31 \+ warm-up 2\), its longest segment has 30",
    ):
        ragged_samples((9, 30, 14), lookback=31, rows=2)


def test_a_symbol_too_short_for_one_window_is_refused_among_longer_ones():
    with pytest.raises(DataError, match=r"symbol 'B': one window needs 6 rows .*, its longest segment has 5"):
        ragged_samples((40, 5, 3), symbols=["A", "B", "B"])


def test_windows_without_any_label_are_refused_where_labels_are_asked_for():
    samples = ragged_samples((8,), lookback=4, rows=2, horizon_rows=5)
    assert len(samples.origins) == 3
    with pytest.raises(
        DataError, match=r"no row has both a window of 6 rows before it and a label .*horizon_rows=5"
    ):
        _ = samples.rows


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (
            {"kind": "log_return", "rows": 1, "field": "vwap"},
            "no field 'vwap' in the data, which the features read",
        ),
        (
            {"kind": "parkinson", "rows": 2},
            "no field 'high' in the data, which the features read; it has: close",
        ),
    ],
)
def test_a_field_that_the_data_lack_is_refused(feature, message):
    with pytest.raises(DataError, match=message):
        Samples(ragged_panel(), FeatureBank([feature]), get_task("direction"), 2)


def test_data_without_the_field_of_the_label_are_refused():
    panel = ragged_panel()
    panel = Panel({"volume": panel.fields["volume"]}, panel.time, panel.bounds, panel.symbols)
    with pytest.raises(
        DataError, match=r"no field 'close' in the data, which the task reads; it has: volume"
    ):
        Samples(panel, FeatureBank([{"kind": "log_volume_change", "rows": 1}]), get_task("direction"), 2)


def test_zero_volume_is_refused_by_the_feature_that_takes_its_logarithm_and_by_no_other():
    days = pd.date_range("2020-01-01", periods=20)
    frame = pd.DataFrame({"close": np.linspace(1, 2, 20), "volume": 5.0}, index=days)
    frame.iloc[[7, 9], 1] = 0.0
    panel = Panel.from_frame(frame, symbol="A")
    samples = Samples(
        panel, FeatureBank([{"kind": "log_volume_change", "rows": 1}]), get_task("direction"), 2
    )
    with pytest.raises(
        DataError,
        match=r"symbol 'A', row 7, 2020-01-08: field 'volume' is 0.0, expected above zero, as log_volume_change "
        r"needs it \(2 such rows\)",
    ):
        _ = samples.x
    others = Samples(panel, FeatureBank([{"kind": "log_return", "rows": 1}]), get_task("direction"), 2)
    assert np.isfinite(others.x[1:]).all()


def test_a_feature_that_is_not_finite_is_refused_with_its_place():
    flat = Panel.from_frame(
        pd.DataFrame({"close": [1.0, 2, 3, 3, 3, 4, 5, 6]}, index=pd.date_range("2020-01-01", periods=8)),
        symbol="A",
    )
    features = FeatureBank([{"kind": "test_samples_inverse"}])
    with pytest.raises(
        DataError, match=r"symbol 'A', row 3, 2020-01-04: feature 'inverse' is inf, expected a finite"
    ):
        _ = Samples(flat, features, get_task("direction"), 2).x


@tsdeep.register_feature("test_samples_inverse")
class Inverse(tsdeep.Feature):
    """One over the last change."""

    warmup = 1
    fields = ("close",)
    names = ("inverse",)

    def compute(self, fields):
        return 1.0 / (fields["close"][:, 1:] - fields["close"][:, :-1])
