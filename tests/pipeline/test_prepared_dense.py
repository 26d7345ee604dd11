import numpy as np
import pytest

import tsdeep
from tests.pipeline.prepared_sets import BALANCED, bars, books, both, training_rows

DAYS = {"A": [[90, 40], [3, 70]], "B": [[60], [80]]}


def outputs(dataset, row_of, warm):
    """By row: its target and weight and the last rows of features that end there, each row in one stretch alone."""
    found = {}
    for x, y, weight in dataset.as_numpy_iterator():
        for stretch, target, counts in zip(x, y, weight, strict=True):
            for place in np.flatnonzero(counts.reshape(len(counts), -1).any(axis=1)):
                window = stretch[place : place + warm + 1]  # rows of features, the last one at this output
                row = row_of[window.tobytes()]
                assert row not in found
                found[row] = (np.squeeze(target[place]), np.squeeze(counts[place]))
    return found


@pytest.mark.parametrize(
    ("chunk_rows", "stretch", "task", "shuffle"),
    [
        (16, 16, BALANCED, False),
        (32, 8, BALANCED, True),
        (16, 16, {**BALANCED, "horizon_rows": [2, 5]}, True),
        (1024, 256, {**BALANCED, "horizon_rows": [2, 5]}, False),
    ],
)
def test_each_row_is_the_output_of_one_stretch_with_its_own_past(
    tmp_path, chunk_rows, stretch, task, shuffle
):
    samples, prepared = both(books(DAYS, task=task), tmp_path, chunk_rows=chunk_rows)
    warm = samples.lookback - 1
    row_of = {samples.x[row - warm : row + 1].tobytes(): row for row in samples.rows}
    assert len(row_of) == len(samples.rows)
    rows = samples.rows[: -len(samples.rows) // 3]
    weight = np.linspace(1, 2, len(rows), dtype=np.float32)
    dataset = tsdeep.windows(
        prepared, rows, mode="dense", stretch=stretch, batch_size=3, sample_weight=weight, buffer_rows=40,
        **({"shuffle": True, "seed": 4} if shuffle else {}),
    )  # fmt: skip
    found = outputs(dataset, row_of, warm)
    assert sorted(found) == rows.tolist()
    for place, row in enumerate(rows):
        np.testing.assert_array_equal(found[row][0], samples.y[row])
        np.testing.assert_array_equal(found[row][1], weight[place])
    assert int(dataset.cardinality()) == len(list(dataset))


def test_a_worker_gets_every_other_stretch(tmp_path):
    samples, prepared = both(bars(tmp_path, "A", "B"), tmp_path, chunk_rows=64)
    warm = samples.lookback - 1
    row_of = {samples.x[row - warm : row + 1].tobytes(): row for row in samples.rows}
    seen = []
    for worker in range(2):
        dataset = tsdeep.windows(
            prepared, mode="dense", stretch=32, shuffle=True, seed=0, shard=(worker, 2), buffer_rows=100
        )
        seen += list(outputs(dataset, row_of, warm))
    assert sorted(seen) == samples.rows.tolist()


def test_dense_predictions_are_those_of_windows(tmp_path):
    samples, prepared = both(books(DAYS, lookback=8), tmp_path, chunk_rows=32)
    scaler = prepared.fit_scaler(training_rows(samples))
    model = tsdeep.build("tcn", prepared, filters=4, kernel_size=2, dilations=(1, 2), outputs="sequence")
    windowed = tsdeep.build("tcn", prepared, filters=4, kernel_size=2, dilations=(1, 2))
    windowed.set_weights(model.get_weights())
    expected = windowed.predict(tsdeep.windows(samples, scaler=scaler), verbose=0)
    stretches = tsdeep.windows(prepared, mode="dense", stretch=16, scaler=scaler, batch_size=2)
    found = []
    for x, _, weight in stretches.as_numpy_iterator():
        found.append(model(x).numpy()[weight > 0])
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-5)
