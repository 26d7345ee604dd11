import keras
import numpy as np
import pytest

import tsdeep
from tsdeep.errors import SpecError
from tsdeep.models import build, load_model, receptive_field

X = np.random.default_rng(0).normal(size=(3, 40, 5)).astype("float32")


def pair(name, lookback=15, **arguments):
    """The model for stretches and the one for windows, with the same weights."""
    made = [
        build(name, input_shape=(lookback, 5), task="direction", outputs=outputs, **arguments | extra)
        for outputs, extra in (("sequence", {}), ("last", {}))
    ]
    made[1].set_weights(made[0].get_weights())
    return made


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tcn", {"filters": 4, "kernel_size": 2, "dilations": (1, 2, 4)}),
        ("tcn", {"filters": 4, "kernel_size": 3, "dilations": (1, 2), "weight_norm": True}),
        ("mlp", {"units": (4,)}),
        ("oflow", {"encoder": "tcn", "filters": 4, "kernel_size": 2, "dilations": (1, 3)}),
    ],
)
def test_every_row_after_the_warm_up_is_predicted_as_its_window_is(name, arguments):
    every, last = pair(name, **arguments)
    logits = np.asarray(every(X))
    assert logits.shape == (3, 40 - 14, 1)
    for at in range(26):
        np.testing.assert_allclose(logits[:, at], last(X[:, at : at + 15]), atol=1e-6)


def test_weights_have_the_same_names_and_order():
    for name in ("tcn", "oflow", "lstm", "gru", "transformer", "mlp"):
        models = [
            build(name, input_shape=(70, 5), task="direction", outputs=outputs, **extra)
            for outputs, extra in (("sequence", {"exact": False}), ("last", {}))
        ]
        paths = [[(w.path, w.shape) for w in model.weights if "seed" not in w.path] for model in models]
        assert paths[0] == paths[1]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "tcn",
            {},
            "tcn with outputs='sequence': its receptive field is 61 rows, the lookback 15, .*; take a lookback of "
            "at least 61, or pass exact=False",
        ),
        (
            "tcn",
            {"dilations": (1,), "warmup_rows": 3},
            "its receptive field is 5 rows, warmup_rows 3: .*; take at least 4",
        ),
        (
            "lstm",
            {},
            "lstm with .*: it reads every row from the start of a stretch on, past the lookback of 15 rows",
        ),
        ("gru", {}, "gru with outputs='sequence': it reads every row"),
        ("transformer", {}, "transformer with outputs='sequence': it reads every row"),
        ("transformer", {"causal": False}, "causal: found False, expected True"),
        ("tcn", {"outputs": "all"}, "unknown outputs 'all'"),
        ("tcn", {"outputs": "last", "warmup_rows": 3}, "warmup_rows= needs outputs='sequence'"),
        ("tcn", {"warmup_rows": -1}, "warmup_rows: found -1"),
        ("tcn", {"input_shape": (None, 5)}, "found no lookback"),
    ],
)
def test_what_would_differ_from_windows_is_refused(name, arguments, message):
    with pytest.raises(SpecError, match=message):
        build(name, **{"input_shape": (15, 5), "task": "direction", "outputs": "sequence"} | arguments)


def test_a_body_for_the_last_row_alone_is_refused():
    def body(inputs):
        return inputs[:, -1]

    with pytest.raises(
        SpecError, match="body: found outputs='sequence', but the model predicts the last row"
    ):
        build(body, input_shape=(15, 5), task="direction", outputs="sequence")


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer", "tcn"])
def test_asked_for_by_name_they_are_other_estimators_that_ignore_later_rows(name):
    model = build(name, input_shape=(15, 5), task="direction", outputs="sequence", exact=False)
    changed = X.copy()
    changed[:, 30:] += 1e3
    before, after = np.asarray(model(X)), np.asarray(model(changed))
    assert before.shape == (3, 26, 1)
    np.testing.assert_array_equal(after[:, : 30 - 14], before[:, : 30 - 14])
    changed = X.copy()
    changed[:, 0] += 10  # more than a lookback before the last row
    assert name == "tcn" or np.any(np.asarray(model(changed))[:, -1] != before[:, -1])


def test_the_loss_is_the_mean_over_rows_by_weight(tmp_path):
    every, last = pair("tcn", filters=4, kernel_size=2, dilations=(1, 2, 4))
    random = np.random.default_rng(0)
    y = random.integers(0, 2, (3, 26)).astype("float32")
    weight = random.integers(0, 3, (3, 26)).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(X, 15, axis=1).transpose(0, 1, 3, 2).reshape(-1, 15, 5)
    logits = np.asarray(last(windows))[:, 0].reshape(3, 26)
    by_row = np.logaddexp(0, logits) - y * logits
    loss, accuracy = every.evaluate(X, y[..., None], sample_weight=weight, verbose=0)
    assert loss == pytest.approx((by_row * weight).sum() / weight.sum(), rel=1e-5)
    assert accuracy == pytest.approx((((logits > 0) == y) * weight).sum() / weight.sum(), rel=1e-5)
    every.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert again.evaluate(X, y[..., None], sample_weight=weight, verbose=0) == [loss, accuracy]


def test_receptive_fields_of_branches_are_added_up():
    model = build("oflow", input_shape=(15, 5), task="direction", encoder="tcn", dilations=(1, 2))
    assert receptive_field(model) == 13
    inputs = keras.Input((15, 5))
    sides = [tsdeep.layers.CausalConv1D(2, rows)(inputs) for rows in (3, 5)]
    assert receptive_field(keras.Model(inputs, keras.layers.Concatenate()(sides))) == 7
