import keras
import numpy as np
import pytest
import tensorflow as tf

import tsdeep
from tests.panels import batches, ragged_samples
from tsdeep.errors import DataError, SpecError


@pytest.fixture(scope="module")
def samples():
    return ragged_samples((60, 7, 90), lookback=4, rows=2)


def test_order_without_shuffle_is_that_of_the_rows_given(samples):
    rows = samples.rows[[5, 3, 3, 40]]
    _, y = batches(tsdeep.windows(samples, rows, batch_size=3))
    np.testing.assert_array_equal(y, samples.y[rows])


def test_a_row_given_twice_keeps_both_of_its_weights(samples):
    rows = samples.rows[[3, 3]]
    _, _, weight = batches(tsdeep.windows(samples, rows, sample_weight=[1.0, 2.0], shuffle=True, seed=0))
    assert sorted(weight) == [1.0, 2.0]


def test_stride_takes_the_weights_of_the_rows_it_takes(samples):
    weight = np.arange(len(samples.rows))
    _, _, taken = batches(tsdeep.windows(samples, stride=7, sample_weight=weight))
    np.testing.assert_array_equal(taken, weight[::7])


def test_without_labels_every_whole_window_comes_the_newest_row_included(samples):
    x = batches(tsdeep.windows(samples, labels=False))
    ends = [row for start, stop in samples.panel.bounds for row in range(start + 5, stop)]
    assert len(x) == len(ends)
    np.testing.assert_array_equal(x[-1], samples.x[-4:])
    with pytest.raises(
        DataError, match=r"row 156, 2020-01-07 12:00:00: the row has no label; pass labels=False"
    ):
        tsdeep.windows(samples, [156])


def test_the_scaler_is_applied_to_the_features(samples):
    train = samples.rows[:40]
    x, _ = batches(tsdeep.windows(samples, scaler=samples.fit_scaler(train), batch_size=16))
    plain, _ = batches(tsdeep.windows(samples, batch_size=16))
    mean, scale = samples.x[train].mean(axis=0, dtype=float), samples.x[train].std(axis=0, dtype=float)
    np.testing.assert_allclose(x, (plain - mean) / scale, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "n_parts"),
    [({}, 2), ({"labels": False}, 1), ({"sample_weight": True}, 3), ({"shuffle": True, "balanced": True}, 2)],
)
def test_the_element_spec_is_static_but_for_the_batch(samples, options, n_parts):
    if options.pop("sample_weight", False):
        options["sample_weight"] = np.ones(len(samples.rows))
    spec = tsdeep.windows(samples, batch_size=16, **options).element_spec
    parts = spec if isinstance(spec, tuple) else (spec,)
    assert len(parts) == n_parts
    assert parts[0] == tf.TensorSpec((None, 4, 2), tf.float32)
    assert all(part == tf.TensorSpec((None,), tf.float32) for part in parts[1:])


def test_the_order_does_not_depend_on_the_global_seed(samples):
    orders = []
    for global_seed in (1, 2):
        keras.utils.set_random_seed(global_seed)
        orders.append(batches(tsdeep.windows(samples, shuffle=True, seed=5))[0])
    np.testing.assert_array_equal(*orders)


def test_other_seeds_and_no_seed_give_other_orders(samples):
    orders = [batches(tsdeep.windows(samples, shuffle=True, seed=seed))[0] for seed in (0, 1, None, None)]
    for one in range(4):
        for other in range(one):
            assert not np.array_equal(orders[one], orders[other])


def test_repeat_gives_each_repetition_its_own_order(samples):
    place = np.arange(len(samples.rows), dtype=np.float32)
    dataset = tsdeep.windows(samples, shuffle=True, seed=0, sample_weight=place, batch_size=200).repeat(2)
    first, second = (weight for _, _, weight in dataset.as_numpy_iterator())
    np.testing.assert_array_equal(np.sort(first), np.sort(second))
    assert not np.array_equal(first, second)


def test_the_dataset_outlives_what_it_was_made_of(samples):
    import gc

    copy = samples.replace(lookback=4)
    dataset = tsdeep.windows(copy, shuffle=True, seed=0)
    del copy
    gc.collect()
    assert len(batches(dataset)[1]) == len(samples.rows)


def test_balanced_sampling_draws_each_class_as_often_and_only_rows_that_were_given(samples):
    up = samples.rows[samples.y[samples.rows] == 1]
    down = samples.rows[samples.y[samples.rows] == 0]
    rows = np.concatenate([up[:5], np.repeat(down[:20], 20)])  # 1 to 80
    place = np.arange(len(rows), dtype=np.float32)
    dataset = tsdeep.windows(samples, rows, shuffle=True, balanced=True, seed=0, sample_weight=place)
    drawn = np.concatenate([batches(dataset)[2] for _ in range(20)]).astype(int)
    x, y, weight = batches(dataset)
    for window, label, place in zip(x, y, weight.astype(int), strict=True):
        row = rows[place]
        assert label == samples.y[row]
        np.testing.assert_array_equal(window, samples.x[row - 3 : row + 1])
    n = len(drawn)  # 8,100 draws: a share of one half has a standard error of 0.0056
    assert n == 20 * len(rows)
    assert abs((drawn < 5).mean() - 0.5) < 4 * 0.5 / np.sqrt(n)
    assert set(drawn[drawn < 5]) == set(range(5))
    each = np.bincount(drawn[drawn < 5], minlength=5) / (drawn < 5).sum()
    np.testing.assert_allclose(each, 0.2, atol=4 * 0.4 / np.sqrt(n / 2))


def test_balanced_sampling_repeats_with_its_seed(samples):
    def epochs():
        dataset = tsdeep.windows(samples, shuffle=True, balanced=True, seed=3)
        return [batches(dataset)[0] for _ in range(2)]

    first, again = epochs(), epochs()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


def test_a_model_fits_on_it(samples):
    model = tsdeep.build("lstm", samples, units=2)
    history = model.fit(
        tsdeep.windows(samples, shuffle=True, seed=0, sample_weight=np.ones(len(samples.rows))),
        validation_data=tsdeep.windows(samples),
        epochs=2,
        verbose=0,
    )
    assert np.isfinite(history.history["val_loss"]).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [4],
            r"symbol 'A', row 4, 2020-01-01 04:00:00: no whole window ends here: it needs 6 rows of one segment",
        ),
        ([64], r"symbol 'A', row 64, .*lookback 4 \+ warm-up 2"),
        ([-1], "rows -1 to -1 are not all among the panel's 157 rows"),
        ([10, 157], "rows 10 to 157 are not all among the panel's 157 rows"),
        ([], "rows: found dtype float64|rows: found none"),
        (np.empty(0, int), "rows: found none, expected at least one"),
        (np.ones(157, bool), "found dtype bool and shape .157., expected panel row numbers"),
        ([[10]], r"found dtype int64 and shape \[1, 1\]"),
        ([10.5], "found dtype float64"),
    ],
)
def test_rows_at_which_no_window_can_end_are_refused(samples, rows, message):
    with pytest.raises(DataError, match=message):
        tsdeep.windows(samples, rows)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, SpecError, "batch_size: found 0, expected a whole number of at least 1"),
        ({"batch_size": 2.5}, SpecError, "batch_size: found 2.5"),
        ({"stride": 0}, SpecError, "stride: found 0"),
        ({"stride": True}, SpecError, "stride: found True"),
        ({"balanced": True}, SpecError, "needs shuffle=True, labels=True"),
        ({"balanced": True, "shuffle": True, "labels": False}, SpecError, "needs shuffle=True, labels=True"),
        ({"sample_weight": np.ones(3)}, DataError, r"sample_weight: found shape \[3\], expected \[100\]"),
        ({"sample_weight": np.full(100, np.nan)}, DataError, r"sample_weight\[0\] is nan"),
        ({"sample_weight": np.ones(100), "labels": False}, SpecError, "sample_weight needs labels=True"),
        ({"batch_size": 101, "drop_remainder": True}, DataError, "100 rows do not fill one batch of 101"),
        ({"scaler": tsdeep.StandardScaler()}, DataError, "the scaler was never fitted"),
        ({"scaler": lambda x: x[:, :1]}, DataError, r"shape \[157, 2\] into \[157, 1\]"),
    ],
)
def test_options_that_cannot_be_are_refused(samples, options, error, message):
    rows = samples.rows[:100]
    with pytest.raises(error, match=message):
        tsdeep.windows(samples, rows, **options)
