import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tsdeep
from tests.panels import batches, ragged_samples

SOME = settings(max_examples=20, deadline=None)


@st.composite
def markets(draw, *, least=8):
    """Samples of one to four segments, each long enough for a label and a window, or far too short."""
    lookback = draw(st.integers(1, 5))
    rows = draw(st.integers(1, 3))
    long = st.integers(lookback + rows + 2, 40)
    lengths = draw(st.lists(st.integers(1, 5) | long, max_size=3))
    lengths.insert(draw(st.integers(0, len(lengths))), draw(long) + least)
    horizon_rows = draw(st.integers(1, 2))
    return ragged_samples(
        lengths, lookback=lookback, rows=rows, horizon_rows=horizon_rows, seed=draw(st.integers(0, 99))
    )


def by_hand(samples, row):
    """The window that ends at a row, from raw closes and volumes of the row's own segment alone."""
    start, stop = next((a, b) for a, b in samples.panel.bounds if a <= row < b)
    close, volume = (samples.panel.fields[name][start:stop] for name in ("close", "volume"))
    rows = samples.features.warmup
    window = []
    for t in range(row - start - samples.lookback + 1, row - start + 1):
        assert t - rows >= 0
        window.append([np.log(close[t] / close[t - rows]), np.log(volume[t])])
    return np.array(window)


@SOME
@given(markets(), st.integers(1, 7))
def test_every_window_is_that_of_raw_rows_of_one_segment(samples, batch_size):
    x, y = batches(tsdeep.windows(samples, batch_size=batch_size))
    horizon, close = samples.task.horizon_rows, samples.panel.fields["close"]
    rows = [
        row
        for start, stop in samples.panel.bounds
        for row in range(start + samples.lookback + samples.features.warmup - 1, stop - horizon)
    ]
    assert len(x) == len(y) == len(rows)
    for row, window, label in zip(rows, x, y, strict=True):
        np.testing.assert_allclose(window, by_hand(samples, row), rtol=1e-5, atol=1e-7)
        assert label == (close[row + horizon] > close[row])


@SOME
@given(markets(), st.integers(0, 2**31))
def test_windows_are_slices_of_the_feature_matrix_bit_for_bit(samples, seed):
    rows = np.random.default_rng(seed).choice(samples.rows, 9)
    x, _ = batches(tsdeep.windows(samples, rows, batch_size=4))
    for row, window in zip(rows, x, strict=True):
        np.testing.assert_array_equal(window, samples.x[row - samples.lookback + 1 : row + 1])


@SOME
@given(markets(), st.integers(0, 2**31), st.integers(1, 9))
def test_an_epoch_takes_each_row_once_with_its_own_label_and_weight(samples, seed, batch_size):
    weight = np.arange(len(samples.rows)) + 0.5
    dataset = tsdeep.windows(samples, shuffle=True, seed=seed, batch_size=batch_size, sample_weight=weight)
    for _ in range(2):
        x, y, w = batches(dataset)
        assert sorted(w) == list(weight)
        for window, label, place in zip(x, y, w.astype(int), strict=True):
            row = samples.rows[place]
            np.testing.assert_array_equal(window, samples.x[row - samples.lookback + 1 : row + 1])
            assert label == samples.y[row]


@SOME
@given(markets(least=20), st.integers(0, 2**31))
def test_a_seed_repeats_all_epochs_and_every_epoch_has_an_order_of_its_own(samples, seed):
    place = np.arange(len(samples.rows), dtype=np.float32)

    def epochs():
        dataset = tsdeep.windows(samples, shuffle=True, seed=seed, batch_size=8, sample_weight=place)
        return [batches(dataset)[2] for _ in range(3)]

    first, again = epochs(), epochs()
    np.testing.assert_array_equal(first, again)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not np.array_equal(first[one], first[other])
    assert not np.array_equal(first[0], place)


@SOME
@given(markets(), st.integers(1, 5), st.integers(1, 9), st.booleans())
def test_stride_batches_and_cardinality_are_those_of_slices(samples, stride, batch_size, drop_remainder):
    rows = samples.rows[::stride]
    whole = len(rows) // batch_size
    if drop_remainder and not whole:
        return
    dataset = tsdeep.windows(samples, stride=stride, batch_size=batch_size, drop_remainder=drop_remainder)
    sizes = [len(y) for _, y in dataset.as_numpy_iterator()]
    left = [len(rows) % batch_size] if len(rows) % batch_size and not drop_remainder else []
    assert sizes == [batch_size] * whole + left
    assert dataset.cardinality() == len(sizes)
    np.testing.assert_array_equal(batches(dataset)[1], samples.y[rows[: sum(sizes)]])
