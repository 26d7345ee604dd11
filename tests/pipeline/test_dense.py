import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import tsdeep
from tests.book_rows import lobster_panel
from tests.panels import batches, ragged_samples
from tsdeep.errors import DataError, SpecError
from tsdeep.pipeline import dense_rows

SOME = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module")
def samples():
    return ragged_samples((60, 7, 90), lookback=4, rows=2)


def dense(samples, rows=None, **options):
    return tsdeep.windows(samples, rows, mode="dense", **options)


@st.composite
def asked(draw):
    """Samples of ragged segments, some of their labelled rows in any order, and the sizes of a dense dataset."""
    lookback, warmup = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    long = st.integers(lookback + warmup + 2, 40)
    lengths = [*draw(st.lists(st.integers(1, 5) | long, max_size=3)), draw(long)]
    samples = ragged_samples(lengths, lookback=lookback, rows=warmup, seed=draw(st.integers(0, 99)))
    seed = draw(st.integers(0, 2**31))
    share = draw(st.sampled_from((0.2, 0.7, 1.0)))
    random = np.random.default_rng(seed)
    rows = random.permutation(samples.rows[random.random(len(samples.rows)) < share])
    sizes = {
        "stretch": draw(st.integers(1, 30)),
        "warmup_rows": draw(st.none() | st.integers(0, 9)),
        "batch_size": draw(st.integers(1, 4)),
    }
    return samples, rows if len(rows) else samples.rows, sizes, seed


@SOME
@given(asked(), st.booleans())
def test_every_row_asked_for_comes_once_an_epoch_after_the_rows_before_it(case, shuffle):
    samples, rows, sizes, seed = case
    place = np.arange(len(rows)) + 1.0
    dataset = dense(samples, rows, shuffle=shuffle, seed=seed, sample_weight=place, **sizes)
    warm = samples.lookback - 1 if sizes["warmup_rows"] is None else sizes["warmup_rows"]
    for _ in range(2):
        x, y, weight = batches(dataset)
        assert sorted(weight[weight != 0]) == list(place)
        for stretch, at in np.argwhere(weight != 0):
            row = rows[int(weight[stretch, at]) - 1]
            assert y[stretch, at, 0] == samples.y[row]
            start = next(a for a, b in samples.panel.bounds if a <= row < b)
            before = min(warm, int(row) - start - samples.features.warmup)
            seen = x[stretch, at + warm - before : at + warm + 1]
            np.testing.assert_array_equal(seen, samples.x[row - before : row + 1])


@SOME
@given(asked())
def test_a_stretch_lies_in_one_segment_and_ends_at_the_last_row_asked_for(case):
    samples, rows, sizes, _ = case
    x, y, weight = batches(dense(samples, rows, **sizes))
    found = dense_rows(samples, rows, stretch=sizes["stretch"])
    np.testing.assert_array_equal(weight, found >= 0)
    np.testing.assert_array_equal(found[found >= 0], np.sort(rows))
    assert not y[weight == 0].any()
    warm = x.shape[1] - sizes["stretch"]
    for part, at in zip(x, found, strict=True):
        last, first = at.max(), at[0]
        assert first >= 0
        start, stop = next((a, b) for a, b in samples.panel.bounds if a <= first < b)
        assert last < stop
        for offset, row in enumerate(range(first - warm, first + sizes["stretch"])):
            inside = start + samples.features.warmup <= row <= last
            expected = samples.x[row] if inside else np.zeros(2, "float32")
            np.testing.assert_array_equal(part[offset], expected)


@SOME
@given(asked())
def test_a_stretch_begins_only_where_the_one_before_has_ended(case):
    samples, rows, sizes, _ = case
    first = dense_rows(samples, rows, stretch=sizes["stretch"])[:, 0]
    taken, expected = -1, []
    for row in np.sort(rows):  # segments are apart: a stretch never ends in the next one
        segment = samples.panel.segment[row]
        if row > taken or segment != samples.panel.segment[expected[-1]]:
            expected.append(row)
            taken = row + sizes["stretch"] - 1
    np.testing.assert_array_equal(first, expected)


def test_what_comes_after_the_last_row_asked_for_is_not_read(samples):
    poisoned = samples.replace()
    rows = samples.rows[:20]
    x = samples.x.copy()
    x[rows[-1] + 1 :] = 1e9
    poisoned.__dict__["x"] = x
    for clean, changed in zip(batches(dense(samples, rows)), batches(dense(poisoned, rows)), strict=True):
        np.testing.assert_array_equal(clean, changed)


def test_predictions_are_those_of_windows(samples):
    sizes = {"filters": 8, "dilations": (1, 2), "kernel_size": 2}
    samples = samples.replace(lookback=7)  # the receptive field
    scaler = samples.fit_scaler(samples.rows)
    every = tsdeep.build("tcn", samples, outputs="sequence", **sizes)
    last = tsdeep.build("tcn", samples, **sizes)
    last.set_weights(every.get_weights())
    windowed = last.predict(tsdeep.windows(samples, scaler=scaler), verbose=0)
    for stretch, warmup_rows in ((1, None), (16, None), (1000, None), (16, 11)):
        if warmup_rows:
            every = tsdeep.build("tcn", samples, outputs="sequence", warmup_rows=warmup_rows, **sizes)
            every.set_weights(last.get_weights())
        dataset = dense(samples, scaler=scaler, stretch=stretch, warmup_rows=warmup_rows)
        logits = every.predict(dataset, verbose=0)
        found = dense_rows(samples, stretch=stretch)
        np.testing.assert_allclose(logits[found >= 0], windowed, atol=1e-6, rtol=0)


def book_samples(horizons=20, lookback=61, **period):
    """Order flow of GOOG, scaled as it is learnt from."""
    features = [
        {"kind": "order_flow_imbalance", "levels": 10, "rows": [10, 50]},
        {"kind": "queue_imbalance", "levels": 10},
        {"kind": "mid_return", "rows": [10, 50], "tick": 100.0},
    ]
    samples = tsdeep.Samples(
        lobster_panel(**period),
        tsdeep.FeatureBank(features),
        tsdeep.get_task("movement", horizon_rows=horizons),
        lookback,
        scaler={"kind": "signed_log", "clip": 3.0},
    )
    return samples.fit_task(samples.rows)


def test_predictions_on_real_rows_are_those_of_windows():
    samples = book_samples(lengths=(1500, 900))
    every = tsdeep.build("tcn", samples, outputs="sequence")
    last = tsdeep.build("tcn", samples)
    last.set_weights(every.get_weights())
    scaler = samples.fit_scaler(samples.rows)
    windowed = last.predict(tsdeep.windows(samples, scaler=scaler), verbose=0)
    found = dense_rows(samples, stretch=512)
    logits = every.predict(dense(samples, scaler=scaler, stretch=512), verbose=0)
    assert logits.shape == (*found.shape, 3)
    np.testing.assert_allclose(logits[found >= 0], windowed, atol=1e-6, rtol=0)


def test_several_horizons_are_weighed_and_averaged_as_in_windows():
    samples = book_samples(horizons=(10, 50), lengths=(700, 400))
    every = tsdeep.build("tcn", samples, outputs="sequence")
    last = tsdeep.build("tcn", samples)
    last.set_weights(every.get_weights())
    scaler = samples.fit_scaler(samples.rows)
    dataset = dense(samples, scaler=scaler, stretch=512, batch_size=9)
    _, y, weight = dataset.element_spec
    assert y.shape[1:] == weight.shape[1:] == (512, 2)
    windowed = last.evaluate(
        tsdeep.windows(samples, scaler=scaler, batch_size=5000), verbose=0, return_dict=True
    )
    figures = every.evaluate(dataset, verbose=0, return_dict=True)
    assert figures.keys() == windowed.keys()
    for name, value in windowed.items():
        assert figures[name] == pytest.approx(value, rel=1e-5)


def test_a_training_step_is_that_of_windows(samples):
    samples = samples.replace(lookback=7)
    steps = []
    for outputs in ("sequence", "last"):
        keras.utils.set_random_seed(0)
        model = tsdeep.build(
            "tcn",
            samples,
            outputs=outputs,
            optimizer=keras.optimizers.SGD(0.1),
            filters=8,
            dilations=(1, 2),
            kernel_size=2,
        )
        scaler = samples.fit_scaler(samples.rows)
        dataset = (
            dense(samples, scaler=scaler, batch_size=100, stretch=16)
            if outputs == "sequence"
            else tsdeep.windows(samples, scaler=scaler, batch_size=1000)
        )
        history = model.fit(dataset, epochs=3, verbose=0).history
        steps.append((history, model.get_weights()))
    (dense_history, dense_weights), (history, weights) = steps
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(dense_history[name], history[name], rtol=1e-5)
    for one, other in zip(dense_weights, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_shuffled_stretches_repeat_with_their_seed_and_not_with_the_global_one(samples):
    orders = []
    for global_seed, seed in ((1, 5), (2, 5), (2, 6)):
        keras.utils.set_random_seed(global_seed)
        dataset = dense(samples, shuffle=True, seed=seed, stretch=5)
        orders.append([batches(dataset)[0] for _ in range(2)])
    np.testing.assert_array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    assert not np.array_equal(*orders[0])


def test_the_element_spec_is_static_but_for_the_batch(samples):
    x, y, weight = dense(samples, stretch=10, batch_size=2).element_spec
    assert x == tf.TensorSpec((None, 13, 2), tf.float32)
    assert y == tf.TensorSpec((None, 10, 1), tf.float32)
    assert weight == tf.TensorSpec((None, 10), tf.float32)
    assert dense(samples, stretch=10, labels=False).element_spec == x
    assert len(dense(samples)) == 1
    assert [len(part) for part, *_ in dense(samples, stretch=10, batch_size=5)] == [5, 5, 5, 1]
    whole = dense(samples, stretch=10, batch_size=5, drop_remainder=True)
    assert [len(part) for part, *_ in whole] == [5, 5, 5]


def test_without_labels_the_newest_row_is_predicted_too(samples):
    found = dense_rows(samples, labels=False)
    np.testing.assert_array_equal(found[found >= 0], samples.origins)
    assert len(batches(dense(samples, labels=False))) == len(found)


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        (
            [20, 21, 20],
            {},
            DataError,
            r"row 20, .*: the row is given twice, expected each row once in dense mode",
        ),
        ([4], {}, DataError, "row 4, .*: no whole window ends here"),
        ([156], {}, DataError, "row 156, .*: the row has no label; pass labels=False"),
        (None, {"stretch": 0}, SpecError, "stretch: found 0, expected a whole number of at least 1"),
        (None, {"stretch": 2.0}, SpecError, "stretch: found 2.0"),
        (
            None,
            {"warmup_rows": -1},
            SpecError,
            "warmup_rows: found -1, expected a whole number of at least 0",
        ),
        (None, {"batch_size": True}, SpecError, "batch_size: found True"),
        (None, {"stride": 2}, SpecError, "mode='dense' takes contiguous rows"),
        (None, {"balanced": True, "shuffle": True}, SpecError, "mode='dense' takes contiguous rows"),
        (None, {"sample_weight": [1.0]}, DataError, r"sample_weight: found shape \[1\]"),
        (
            None,
            {"batch_size": 9, "drop_remainder": True},
            DataError,
            "3 stretches do not fill one batch of 9",
        ),
    ],
)
def test_what_cannot_be_is_refused(samples, rows, options, error, message):
    with pytest.raises(error, match=message):
        dense(samples, rows, **options)


def test_options_of_one_mode_are_refused_in_the_other(samples):
    with pytest.raises(SpecError, match="unknown mode 'dens': did you mean 'dense'"):
        tsdeep.windows(samples, mode="dens")
    for options in ({"stretch": 16}, {"warmup_rows": 3}):
        with pytest.raises(SpecError, match="stretch= and warmup_rows= need mode='dense'"):
            tsdeep.windows(samples, **options)
