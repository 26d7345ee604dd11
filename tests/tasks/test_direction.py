import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.panels import ragged_panel
from tsdeep import DataError, Panel, SpecError
from tsdeep.tasks import Direction


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 5), st.integers(0, 99))
def test_labels_equal_a_loop_over_rows_and_cross_no_segment(lengths, horizon_rows, seed):
    panel = ragged_panel(lengths, seed=seed)
    close = panel.fields["close"].round(1)  # so that some closes are equal
    labels = Direction(horizon_rows).label(panel.replace(close=close))
    for start, stop in panel.bounds:
        for row in range(start, stop):
            if row + horizon_rows < stop:
                assert labels.y[row] == (1.0 if close[row + horizon_rows] > close[row] else 0.0)
                assert labels.end[row] == row + horizon_rows
            else:
                assert np.isnan(labels.y[row])
                assert labels.end[row] == -1
    assert labels.y.dtype == np.float32
    assert labels.end.dtype == np.int64


def test_an_unchanged_close_is_not_up():
    panel = ragged_panel([3]).replace(close=np.array([5.0, 5.0, 5.0]))
    assert Direction().label(panel).y[:2].tolist() == [0.0, 0.0]


def test_a_panel_without_close_is_refused():
    panel = ragged_panel([3])
    with pytest.raises(DataError, match=r"no field 'close' in the data; it has: volume, time"):
        Direction().label(Panel({"volume": panel.fields["volume"]}, panel.time, panel.bounds, panel.symbols))


def test_probabilities_are_the_sigmoid_of_the_logit_and_its_complement():
    outputs = Direction().outputs(np.array([[0.0], [2.0], [-30.0]], np.float32))
    up = 1 / (1 + np.exp([0.0, -2.0, 30.0]))
    np.testing.assert_allclose(outputs["up"], up, rtol=1e-6)
    np.testing.assert_allclose(outputs["down"], 1 - up, rtol=1e-6)
    assert tuple(outputs) == Direction.classes


def test_loss_is_the_cross_entropy_of_the_logits_and_accuracy_counts_their_signs():
    logits, y = np.array([[0.3], [-1.2], [2.0]]), np.array([[1.0], [1.0], [0.0]])
    up = 1 / (1 + np.exp(-logits))
    expected = -np.mean(y * np.log(up) + (1 - y) * np.log(1 - up))
    np.testing.assert_allclose(Direction().loss()(y, logits), expected, rtol=1e-6)
    (accuracy,) = Direction().metrics()
    accuracy.update_state(y, logits)
    np.testing.assert_allclose(accuracy.result(), 1 / 3, rtol=1e-6)


def test_the_head_gives_one_float32_logit_under_mixed_precision_too():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        logits = Direction().head(keras.Input((5,), dtype="bfloat16"))
    finally:
        keras.config.set_dtype_policy(policy)
    assert (logits.shape, logits.dtype) == ((None, 1), "float32")


@pytest.mark.parametrize("horizon_rows", [0, -1, 1.5, True, "1"])
def test_a_horizon_that_is_no_count_is_refused(horizon_rows):
    with pytest.raises(SpecError, match=rf"horizon_rows: found {horizon_rows!r}, expected a whole number"):
        Direction(horizon_rows)
