import keras
import numpy as np
import pandas as pd
import pytest

from tests.book_rows import lobster_panel, made_up_panel
from tsdeep import DataError, SpecError
from tsdeep.tasks import Movement, get_task


def mid_of(panel):
    return (panel.fields["ask_price"][:, 0] + panel.fields["bid_price"][:, 0]) / 2


def test_raw_labels_of_real_books_equal_a_loop_and_end_at_the_horizon():
    panel = lobster_panel("GOOG", (700, 300))
    labels = Movement(horizon_rows=100, threshold=5.5, threshold_in="ticks").label(panel)
    mid = mid_of(panel)
    for start, stop in panel.bounds:
        for row in range(start, stop):
            if row + 100 >= stop:
                assert np.isnan(labels.y[row])
                assert labels.end[row] == -1
                continue
            move = mid[row + 100] - mid[row]
            assert labels.y[row] == (2 if move > 550 else 0 if move < -550 else 1)
            assert labels.end[row] == row + 100
    assert set(np.unique(labels.y[labels.end >= 0])) == {0, 1, 2}
    assert (labels.y.dtype, labels.end.dtype) == (np.float32, np.int64)


def test_returns_are_relative_to_what_the_move_starts_from():
    panel = lobster_panel("AMZN", (900,))
    mid, k = mid_of(panel), 40
    labels = Movement(horizon_rows=k, labels="smoothed", threshold=2e-5, threshold_in="return").label(panel)
    for row in range(k - 1, 900 - k):
        past, future = mid[row - k + 1 : row + 1].mean(), mid[row + 1 : row + k + 1].mean()
        change = future / past - 1
        assert abs(abs(change) - 2e-5) > 1e-14  # no tie, which rounding could decide
        assert labels.y[row] == (2 if change > 2e-5 else 0 if change < -2e-5 else 1)
    assert np.isnan(labels.y[: k - 1]).all()
    assert (labels.end[: k - 1] == -1).all()
    assert labels.end[900 - k - 1] == 899


@pytest.mark.parametrize("labels", ["raw", "anchored", "smoothed", "decoupled"])
def test_labels_read_no_row_after_their_end_nor_outside_their_segment(labels):
    panel = made_up_panel((60, 50), ("A", "A"))
    smoothing = {"smoothing_rows": 4} if labels == "decoupled" else {}
    task = Movement(
        horizon_rows=(3, 8) if labels == "raw" else (5, 8),
        labels=labels,
        threshold=0.5,
        threshold_in="ticks",
        **smoothing,
    )
    before = task.label(panel)
    cut = 25
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for name in ("ask_price", "bid_price"):
        fields[name][cut + 1 :] += 7.0
    after = task.label(panel.replace(**fields))
    kept = (before.end >= 0) & (before.end <= cut)
    assert kept.sum() > 5
    np.testing.assert_array_equal(before.y[kept], after.y[kept])
    np.testing.assert_array_equal(before.end, after.end)
    crossing = panel.segment[np.maximum(before.end, 0)] != panel.segment
    assert not (crossing & (before.end >= 0)).any()


def test_several_horizons_are_those_of_one_each_where_all_have_a_label():
    panel = made_up_panel()
    several = Movement(horizon_rows=(2, 10, 25), threshold=(0.5, 1.0, 2.0), threshold_in="ticks").label(panel)
    whole = several.end >= 0
    np.testing.assert_array_equal(several.end[whole], np.flatnonzero(whole) + 25)
    assert several.y.shape == (panel.n_rows, 3)
    for number, (horizon, threshold) in enumerate([(2, 0.5), (10, 1.0), (25, 2.0)]):
        one = Movement(horizon_rows=horizon, threshold=threshold, threshold_in="ticks").label(panel)
        np.testing.assert_array_equal(several.y[whole, number], one.y[whole])
    assert np.isnan(several.y[~whole]).all()


def test_thresholds_by_symbol_are_used_for_their_symbol():
    panel = made_up_panel()
    task = Movement(horizon_rows=5, threshold={"A": 0.0, "B": 1000.0}, threshold_in="ticks")
    y = task.label(panel).y
    a = panel.symbol == "A"
    assert (y[a & ~np.isnan(y)] != 1).mean() > 0.5
    assert set(y[~a & ~np.isnan(y)]) == {1.0}
    with pytest.raises(DataError, match=r"symbol 'B' has no threshold; there are some for: A"):
        Movement(horizon_rows=5, threshold={"A": 0.0}, threshold_in="ticks").label(panel)


def test_balanced_thresholds_make_a_third_of_the_training_rows_of_each_symbol_stationary():
    panel = made_up_panel((4000, 3000), seed=3)
    task = Movement(horizon_rows=(10, 50), labels="anchored")
    assert not task.fitted
    assert task.label(panel).y is None
    rows = np.r_[0:2000, 4000:5500]
    fitted = task.fit(panel, rows)
    assert fitted.fitted
    y = fitted.label(panel).y
    for own in (rows[:2000], rows[2000:]):
        np.testing.assert_allclose((y[own] == 1).mean(axis=0), 1 / 3, atol=0.01)
    np.testing.assert_array_equal(task.label(panel).end, fitted.label(panel).end)


def test_spread_thresholds_are_multiples_of_the_average_spread_of_the_training_rows():
    panel = made_up_panel()
    fitted = Movement(horizon_rows=5, threshold=0.25, threshold_in="spread").fit(panel, np.r_[3:40, 130:150])
    spread = panel.fields["ask_price"][:, 0] - panel.fields["bid_price"][:, 0]
    expected = {"A": spread[3:40].mean() / 4, "B": spread[130:150].mean() / 4}
    assert fitted.thresholds == {symbol: (pytest.approx(value),) for symbol, value in expected.items()}
    y, mid = fitted.label(panel).y, mid_of(panel)
    row = 50
    move = mid[row + 5] - mid[row]
    assert y[row] == 1 + (move > expected["A"]) - (move < -expected["A"])


@pytest.mark.parametrize("threshold_in", ["spread", "balanced"])
@pytest.mark.parametrize("labels", ["raw", "smoothed"])
def test_rows_after_the_last_label_end_of_training_change_no_threshold(labels, threshold_in):
    panel = lobster_panel("GOOG", (1500,))
    task = Movement(
        horizon_rows=20,
        labels=labels,
        threshold=None if threshold_in == "balanced" else 1.0,
        threshold_in=threshold_in,
    )
    rows = np.arange(100, 800)
    last = task.label(panel).end[rows].max()
    random = np.random.default_rng(0)
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for values in fields.values():
        values[last + 1 :] = random.normal(size=values[last + 1 :].shape) * 1e6 + 0.123
    poisoned = panel.replace(**fields)
    assert task.fit(panel, rows).thresholds == task.fit(poisoned, rows).thresholds
    before, after = (task.fit(one, rows).label(one).y for one in (panel, poisoned))
    np.testing.assert_array_equal(before[rows], after[rows])
    fields["ask_price"][rows, 0] += 1000.0 * np.arange(len(rows))
    assert task.fit(panel.replace(**fields), rows).thresholds != task.fit(panel, rows).thresholds


def test_a_symbol_without_training_rows_gets_no_threshold_and_no_labels():
    panel = made_up_panel()
    task = Movement(horizon_rows=5)
    rows = np.arange(20, 60)
    fitted = task.fit(panel, rows)
    assert set(fitted.thresholds) == {"A"}
    known = fitted.label(panel).end >= 0
    assert not np.isnan(fitted.label(panel).y[known & (panel.symbol == "A")]).any()
    assert np.isnan(fitted.label(panel).y[panel.symbol == "B"]).all()


def test_fixed_thresholds_and_given_labels_take_nothing_from_training_rows():
    for task in (Movement(threshold=1.0, threshold_in="ticks"), Movement(labels="given")):
        assert task.fitted
        assert task.fit(made_up_panel(), np.arange(20)) is task


def given_panel(values):
    panel = made_up_panel((40, 30))
    return panel.replace(label_2=np.asarray(values, np.float64), label_5=np.full(70, 2.0))


def test_given_labels_are_taken_as_they_are_and_end_within_their_segment():
    values = np.tile([2.0, 1.0, 0.0, 0.0, np.nan], 14)
    panel = given_panel(values)
    labels = Movement(horizon_rows=2, labels="given", beyond_segment=True).label(panel)
    strict = Movement(horizon_rows=2, labels="given").label(panel)
    assert Movement(horizon_rows=(2, 5), labels="given").fields[-2:] == ("label_2", "label_5")
    np.testing.assert_array_equal(labels.y, values.astype(np.float32))
    for start, stop in panel.bounds:
        for row in range(start, stop):
            end = -1 if np.isnan(values[row]) else min(row + 2, stop - 1)
            assert labels.end[row] == end
            assert strict.end[row] == (end if row + 2 < stop else -1)


def test_a_given_label_that_is_no_class_is_refused_with_its_place():
    values = np.full(70, 2.0)
    values[44] = 3.0
    with pytest.raises(DataError, match=r"symbol 'B', row 4, .*label_2 is 3.0, expected 0 \(down\)"):
        Movement(horizon_rows=2, labels="given").label(given_panel(values))


def test_the_past_class_is_that_of_the_last_change_over_the_horizon():
    panel = made_up_panel()
    task = Movement(horizon_rows=(3, 10), labels="smoothed", threshold=(0.5, 1.5), threshold_in="ticks")
    mid = mid_of(panel)
    for number, (horizon, threshold) in enumerate([(3, 0.005), (10, 0.015)]):
        past = task.past_classes(panel, number)
        for start, stop in panel.bounds:
            for row in range(start, stop):
                change = round(mid[row] - mid[max(start, row - horizon)], 9)
                assert past[row] == 1 + (change > threshold) - (change < -threshold)


def test_with_given_labels_the_past_class_is_the_last_one_known():
    values = np.tile([2.0, 1.0, 0.0, 0.0, 1.0], 14)
    past = Movement(horizon_rows=2, labels="given").past_classes(given_panel(values), 0)
    np.testing.assert_array_equal(past[2:40], values[:38])
    assert past[[0, 1, 40, 41]].tolist() == [1, 1, 1, 1]


def test_a_threshold_in_ticks_needs_a_tick():
    panel = made_up_panel(tick=0.01)
    from dataclasses import replace

    with pytest.raises(DataError, match="the data has no tick"):
        Movement(threshold=1.0, threshold_in="ticks", horizon_rows=5).label(replace(panel, tick=None))
    Movement(horizon_rows=5).fit(replace(panel, tick=None), np.r_[:100, 130:190])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"horizon_rows": 0}, "horizon_rows"),
        ({"horizon_rows": []}, "horizon_rows"),
        ({"horizon_rows": [5, 5]}, "given more than once"),
        ({"labels": "smooth"}, "labels"),
        ({"labels": "raw", "smoothing_rows": 5}, "expected it with 'decoupled', and with no other"),
        ({"labels": "decoupled"}, "expected it with 'decoupled'"),
        ({"labels": "decoupled", "smoothing_rows": 11, "horizon_rows": 10}, "at most the shortest horizon"),
        ({"threshold": 1.0}, "threshold: found 1.0 .* expected none"),
        ({"threshold_in": "ticks"}, "threshold: found None .* expected one"),
        ({"labels": "given", "threshold": 1.0, "threshold_in": "ticks"}, "expected none"),
        ({"threshold": -1.0, "threshold_in": "ticks"}, "threshold"),
        (
            {"threshold": [1.0, 2.0], "threshold_in": "ticks"},
            "found 2 values, expected one, or one for each of 1",
        ),
        ({"threshold": {"A": [1.0, 2.0]}, "threshold_in": "ticks"}, "threshold of 'A': found 2 values"),
        ({"thresholds": {"A": [1.0]}}, "unknown argument 'thresholds'"),
        ({"horizon": 5}, "did you mean 'horizon_rows'"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(settings, message):
    with pytest.raises(SpecError, match=message):
        get_task("movement", **settings)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", [(4,), (4, 6)])
@pytest.mark.parametrize("horizons", [100, (10, 20)])
def test_loss_and_accuracy_read_logits_of_windows_and_of_sequences(shape, horizons):
    task = Movement(horizon_rows=horizons)
    random = np.random.default_rng(0)
    logits = random.normal(size=(*shape, *task.logit_shape)).astype("float32")
    y = random.integers(0, 3, logits.shape[:-1]).astype("float32")
    p = np.take_along_axis(softmax(logits), y[..., None].astype(int), -1)
    np.testing.assert_allclose(task.loss()(y, logits), -np.log(p).mean(), rtol=1e-5)
    (accuracy,) = task.metrics()
    accuracy.update_state(y, logits)
    np.testing.assert_allclose(accuracy.result(), (logits.argmax(-1) == y).mean(), rtol=1e-6)


@pytest.mark.parametrize("horizons", [100, (10, 20)])
def test_the_head_gives_logits_by_horizon_and_outputs_are_their_softmax_by_name(horizons):
    task = Movement(horizon_rows=horizons)
    assert tuple(task.head(keras.Input((5,))).shape) == (None, *task.logit_shape)
    assert tuple(task.head(keras.Input((7, 5))).shape) == (None, 7, *task.logit_shape)
    logits = np.random.default_rng(1).normal(size=(4, *task.logit_shape)).astype("float32")
    outputs = task.outputs(keras.ops.convert_to_tensor(logits))
    assert tuple(outputs) == task.output_names
    expected = softmax(logits).reshape(4, -1)
    np.testing.assert_allclose(np.stack([*outputs.values()], axis=1), expected, rtol=1e-5)


def test_the_table_has_a_row_a_prediction_and_horizon_with_the_seeds():
    task = Movement(horizon_rows=(10, 20))
    base = pd.DataFrame({"fold": [0, 0], "symbol": ["A", "B"]})
    outputs = {
        f"{name}{seed}": np.array([i, i + 0.5])
        for seed in ("", "_seed0", "_seed1")
        for i, name in enumerate(task.output_names)
    }
    table = task.table(base, np.array([[0.0, 1.0], [2.0, 2.0]], np.float32), outputs)
    assert table["horizon"].tolist() == [10, 10, 20, 20]
    assert table["y"].tolist() == [0, 2, 1, 2]
    assert table["y"].dtype == np.int8
    assert table["symbol"].tolist() == ["A", "B", "A", "B"]
    for seed in ("", "_seed0", "_seed1"):
        assert table[f"down{seed}"].tolist() == [0, 0.5, 3, 3.5]
        assert table[f"up{seed}"].tolist() == [2, 2.5, 5, 5.5]
    assert len(table.columns) == 4 + 9


def test_the_table_of_one_horizon_keeps_the_names():
    base = pd.DataFrame({"fold": [0, 0]})
    outputs = {name: np.array([0.2, 0.3]) for name in ("down", "stationary", "up", "up_seed0")}
    table = Movement(horizon_rows=50).table(base, np.array([0.0, 1.0]), outputs)
    assert list(table) == ["fold", "horizon", "y", "down", "stationary", "up", "up_seed0"]
    assert table["horizon"].tolist() == [50, 50]


def test_the_context_counts_seconds_from_the_first_row_of_the_symbol_in_the_session():
    panel = made_up_panel((30, 20, 25), ("A", "A", "B"))
    rows = np.array([0, 31, 52, 60])
    context = Movement().context(panel, rows)
    first = np.array([0, 0, 50, 50])
    np.testing.assert_allclose(
        context["seconds"], (panel.time[rows] - panel.time[first]).astype(np.int64) / 1e9
    )
    np.testing.assert_allclose(context["mid"], mid_of(panel)[rows])
    np.testing.assert_array_equal(context["row"], rows)
    np.testing.assert_array_equal(context["session"], panel.time[rows].astype("datetime64[D]"))
    np.testing.assert_allclose(context["spread_ticks"], np.round(context["spread_ticks"]), atol=1e-9)
    assert (context["spread_ticks"] >= 0.99).all()
