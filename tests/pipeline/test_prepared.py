import numpy as np
import pytest

import tsdeep
from tests.asset_bars import several
from tests.panels import batches
from tests.pipeline.prepared_sets import (
    BALANCED,
    as_set,
    assert_same,
    bars,
    books,
    both,
    streams,
    training_rows,
)
from tsdeep import DataError, RowRanges, SpecError

DAYS = {"A": [[90, 40], [3, 70]], "B": [[60], [], [80]]}
TICKS = {"kind": "movement", "horizon_rows": 3, "threshold": 0.5, "threshold_in": "ticks"}
VOLATILITY = {
    "fields": ["open", "high", "low", "close"],
    "features": [
        {"kind": "log_variance", "rows": [1, 5], "floor": 1e-7},
        {"kind": "log_variance", "rows": 5, "prefix": "market", "floor": 1e-7},
        {"kind": "asset"},
    ],
    "task": {"kind": "volatility", "horizon_rows": 5},
    "lookback": 3,
    "split": {"train": "60%", "test": "20%"},
}


def fitted(samples, prepared, **options):
    """Scalers of both, fitted on the same rows."""
    rows = training_rows(samples)
    return samples.fit_scaler(rows, **options), prepared.fit_scaler(rows, **options)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two instruments on three days, in chunks that divide no segment, thresholds fitted."""
    return both(books(DAYS), tmp_path_factory.mktemp("two"), chunk_rows=16)


@pytest.mark.parametrize(
    ("chunk_rows", "task"),
    [  # chunks of less than the lookback, that divide nothing, and of more than a day
        (2, BALANCED),
        (7, {**BALANCED, "horizon_rows": [2, 5]}),
        (40, TICKS),
        (1024, BALANCED),
    ],
)
def test_windows_are_equal_for_chunks_of_any_size_and_any_thresholds(tmp_path, chunk_rows, task):
    samples, prepared = both(books(DAYS, task=task), tmp_path, chunk_rows=chunk_rows)
    assert_same(*streams(samples, prepared, batch_size=32, buffer_rows=50))
    options = {"batch_size": 32, "shuffle": True, "seed": 0}
    memory, disk = streams(samples, prepared, buffer_rows=50, **options)
    assert as_set(disk) == as_set(memory)


def test_rows_of_folds_give_the_same_windows_and_weights(two):
    samples, prepared = two
    for fold in samples.spec.splitter().split(samples):
        for rows in (fold.train, fold.test):
            weight = np.linspace(0, 1, len(rows), dtype=np.float32)
            options = {"sample_weight": weight, "batch_size": 9, "stride": 3}
            assert_same(*streams(samples, prepared, np.sort(rows), **options))
            memory, disk = streams(samples, prepared, rows, shuffle=True, seed=0)
            assert as_set(disk) == as_set(memory)
            _, y = batches(tsdeep.windows(prepared, RowRanges.of(rows), batch_size=9))
            np.testing.assert_array_equal(y, samples.y[np.sort(rows)])


def test_rows_in_any_order_keep_their_weights_when_shuffled(two):
    samples, prepared = two
    rows = np.random.default_rng(0).permutation(samples.rows)[:50]
    options = {"sample_weight": np.arange(50.0), "shuffle": True, "seed": 1}
    memory, disk = streams(samples, prepared, rows, **options)
    assert as_set(disk) == as_set(memory)


def test_a_shorter_lookback_has_its_own_windows_and_a_longer_one_is_refused(two):
    samples, prepared = (each.replace(lookback=2) for each in two)
    assert len(prepared.rows) > len(two[1].rows)
    assert_same(*streams(samples, prepared))
    with pytest.raises(SpecError, match="lookback: found 6, expected at most 5, for which the data set"):
        two[1].replace(lookback=6)


@pytest.mark.parametrize(
    "scaler",
    [
        {"kind": "standard"},
        {"kind": "standard", "by_symbol": True},
        {"kind": "previous_sessions", "sessions": 1},
        {"kind": "previous_sessions", "sessions": 2, "by_symbol": True},
    ],
)
def test_scaled_windows_are_equal(tmp_path, scaler):
    days = {name: [[60], [50], [40, 30]] for name in "AB"}
    spec = books(days, scaler=scaler, task=TICKS)
    samples, prepared = both(spec, tmp_path, chunk_rows=16)
    scalers = fitted(samples, prepared)
    (x, y), (found, labels) = streams(samples, prepared, scalers=scalers, batch_size=64)
    # x * scale + offset may be one fused operation in one of both, so a rounding of a product apart.
    np.testing.assert_allclose(found, x, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(labels, y)


def test_windows_of_rank_gaussian_are_equal_up_to_its_float32_interpolation(tmp_path):
    scaler = {"kind": "rank_gaussian", "clip": 3.0, "by_symbol": True}
    samples, prepared = both(books(DAYS, scaler=scaler, task=TICKS), tmp_path, chunk_rows=16)
    (x, _), (found, _) = streams(samples, prepared, scalers=fitted(samples, prepared))
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-5)


def test_bars_of_one_and_several_instruments_are_split_by_years(tmp_path):
    for symbols in (("A",), ("A", "B")):
        samples, prepared = both(bars(tmp_path, *symbols), tmp_path / str(len(symbols)), chunk_rows=100)
        assert_same(*streams(samples, prepared, scalers=fitted(samples, prepared), batch_size=50))
        splits = {shard.split for piece in prepared.pieces for shard in piece.shards}
        assert splits == {"year_2004", "year_2005"}
        assert prepared.run_symbols == tuple(name for name in symbols for _ in range(2))


@pytest.mark.parametrize("learn", ["pooled", "side_by_side"])
def test_assets_are_equal_pooled_and_side_by_side(tmp_path, learn):
    table = several("A", "B", "C", days=200).rename(columns={"time": "date"})
    table.to_csv(tmp_path / "bars.csv", index=False)
    spec = tsdeep.make_spec(
        {
            "name": "assets",
            "source": {"kind": "csv", "path": str(tmp_path / "bars.csv"), "symbols": ["A", "B", "C"]},
            "assets": {"market": "A", "start": "common", "learn": learn},
            **VOLATILITY,
        }
    )
    samples, prepared = both(spec, tmp_path, chunk_rows=64)
    assert prepared.label_columns == (3 if learn == "side_by_side" else 1)
    assert_same(*streams(samples, prepared, batch_size=50))
    assert prepared.task == samples.task


def test_balanced_draws_each_class_as_often_and_only_windows_of_it(two):
    samples, prepared = two
    rows = samples.rows[samples.y[samples.rows] > 0][:60]
    rows = np.sort(np.r_[rows, samples.rows[samples.y[samples.rows] == 0][:6]])
    known = {samples.x[row - 4 : row + 1].tobytes(): samples.y[row] for row in rows}
    dataset = tsdeep.windows(prepared, rows, shuffle=True, balanced=True, seed=0)
    drawn = []
    for x, y in dataset.repeat(30).as_numpy_iterator():
        assert [known[window.tobytes()] for window in x] == y.tolist()
        drawn.append(y)
    drawn = np.concatenate(drawn)
    assert len(drawn) == 30 * len(rows)
    share = np.array([(drawn == k).mean() for k in range(3)])
    # 1,980 draws of a share of a third: a standard error of 0.0106.
    np.testing.assert_allclose(share, 1 / 3, atol=4 * np.sqrt(2 / 9 / len(drawn)))


def test_mirror_images_are_of_about_half_of_the_windows_anew_in_each_epoch(two):
    samples, prepared = two
    index, sign = samples.features.mirror()
    np.testing.assert_array_equal(prepared.mirror()[0], index)
    np.testing.assert_array_equal(prepared.mirror()[1], sign)
    dataset = tsdeep.windows(
        prepared,
        shuffle=True,
        mirror=True,
        seed=2,
        sample_weight=np.arange(len(samples.rows)),
        buffer_rows=60,
    )
    flipped = []
    for _ in range(2):
        seen = np.zeros(len(samples.rows), int)
        for x, y, place in dataset.as_numpy_iterator():
            for window, label, row in zip(x, y, samples.rows[place.astype(int)], strict=True):
                plain = samples.x[row - 4 : row + 1]
                turned = plain[:, index] * sign
                assert not np.array_equal(plain, turned)
                mirrored = np.array_equal(window, turned)
                assert mirrored or np.array_equal(window, plain)
                assert label == (2 - samples.y[row] if mirrored else samples.y[row])
                seen[np.searchsorted(samples.rows, row)] += 1 + 10 * mirrored
        assert set(seen) == {1, 11}
        flipped.append(seen == 11)
    assert abs(flipped[0].mean() - 0.5) < 4 * 0.5 / np.sqrt(len(samples.rows))
    assert not np.array_equal(*flipped)


def test_a_model_fits_and_predicts_on_it(two):
    samples, prepared = two
    scaler = prepared.fit_scaler(training_rows(samples))
    model = tsdeep.build("mlp", prepared)
    history = model.fit(
        tsdeep.windows(prepared, scaler=scaler, shuffle=True, seed=0, batch_size=32),
        validation_data=tsdeep.windows(prepared, scaler=scaler),
        epochs=2,
        shuffle=False,
        verbose=0,
    )
    assert np.isfinite(history.history["val_loss"]).all()
    expected = model.predict(tsdeep.windows(samples, scaler=scaler), verbose=0)
    found = model.predict(tsdeep.windows(prepared, scaler=scaler), verbose=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_instrument_without_training_rows_has_no_labels_and_is_refused(two):
    samples, prepared = two
    only_a = samples.rows[samples.symbol[samples.rows] == "A"]
    prepared = prepared.fit_task(only_a)
    assert len(list(tsdeep.windows(prepared, only_a)))
    for options in ({}, {"mode": "dense", "stretch": 16}):
        with pytest.raises(DataError, match="symbol 'B': no label, because it has no training row"):
            tsdeep.windows(prepared, **options)


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        ([3], {}, DataError, "panel row 3: no whole window ends here"),
        ([129], {}, DataError, "panel row 129: no label.*labels=False"),
        ([-1, 20], {}, DataError, "panel row -1: no whole window"),
        ([20, 9999], {}, DataError, "panel row 9999: no whole window"),
        ([20, 20], {}, DataError, "row 20 is given twice"),
        ([], {}, DataError, "rows: found"),
        ([30, 20], {}, DataError, r"out of order.*no shuffle is asked for: np.sort\(rows\)"),
        ([30, 20], {"shuffle": True, "stride": 2}, DataError, "out of order.*every stride-th"),
        (None, {"buffer_rows": 0}, SpecError, "buffer_rows: found 0"),
        (None, {"shard": (2, 2)}, SpecError, "shard: found"),
        (None, {"shuffle": True, "shard": (0, 2)}, SpecError, "seed: found None, expected one where several"),
        (None, {"service": "grpc://x:1", "seed": 1, "shuffle": True}, SpecError, "leave out seed="),
        (None, {"batch_size": 1000, "drop_remainder": True}, DataError, "do not fill one batch of 1000"),
        (None, {"scaler": tsdeep.StandardScaler()}, DataError, "the scaler was never fitted"),
        (None, {"mode": "dense", "stretch": 5}, SpecError, "stretch: found 5, expected a divisor of the 16"),
        (None, {"mode": "dense", "stretch": 8, "warmup_rows": 5}, SpecError, "warmup_rows: found 5"),
    ],
)
def test_what_cannot_be_is_refused(two, rows, options, error, message):
    with pytest.raises(error, match=message):
        tsdeep.windows(two[1], rows, **options)


def test_labels_need_fitted_thresholds_and_options_of_disk_need_a_prepared_set(tmp_path, two):
    prepared = tsdeep.prepare(books(DAYS), tmp_path)
    with pytest.raises(SpecError, match=r"thresholds come from training rows.*prepared.fit_task"):
        tsdeep.windows(prepared)
    with pytest.raises(SpecError, match=r"buffer_rows= needs a prepared data set \(tsdeep.prepare\)"):
        tsdeep.windows(two[0], buffer_rows=10)


def test_a_scaler_by_years_is_refused(tmp_path):
    scaler = {"kind": "previous_sessions", "sessions": 1}
    _, prepared = both(bars(tmp_path, "A", scaler=scaler), tmp_path, chunk_rows=100)
    with pytest.raises(SpecError, match="bars without sessions, whose years stand for them"):
        tsdeep.windows(prepared, scaler=prepared.fit_scaler(prepared.rows))


def test_facts_of_the_data_are_those_of_the_samples(tmp_path):
    samples, prepared = both(books(DAYS, task=TICKS), tmp_path, chunk_rows=16)
    assert prepared.rows_needed == samples.rows_needed
    assert prepared.notes == samples.panel.notes
    assert len(prepared) == len(samples)
    assert prepared.symbols_of(prepared.rows) == ["A", "B"]
    np.testing.assert_array_equal(prepared.run_sessions, [0, 0, 1, 1, 0, 2])
